package pack

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/store"
)

// A content is the bytes of one file that becomes part of the app. Its digest is
// known once it has been hashed; whoever reads it later gets these bytes or an
// error.
type content struct {
	name  string // for people
	owner string // the first component that has it
	media string
	size  int64
	path  string // of a binary
	file  func() (io.ReadCloser, error)

	digest artifact.Digest
	inline *artifact.Inline // if small
}

// hash reads the content once.
func (c *content) hash(ctx context.Context) error {
	f, err := c.file()
	if err != nil {
		return fmt.Errorf("%s: %w", c.name, err)
	}
	defer f.Close()
	h := sha256.New()
	var head [artifact.InlineSize]byte
	n, err := io.ReadFull(f, head[:min(c.size, artifact.InlineSize)])
	if err != nil {
		return c.changed()
	}
	h.Write(head[:n])
	rest, err := io.Copy(h, &contextReader{ctx, io.LimitReader(f, c.size-int64(n)+1)})
	if err != nil {
		return fmt.Errorf("%s: %w", c.name, err)
	}
	if int64(n)+rest != c.size {
		return c.changed()
	}
	c.digest = artifact.Digest("sha256:" + hex.EncodeToString(h.Sum(nil)))
	if c.size <= artifact.InlineSize {
		inline := artifact.Inline(head[:n:n])
		c.inline = &inline
	}
	return nil
}

// open returns a reader of the bytes that were hashed. It fails at the end if
// there were others.
func (c *content) open() (io.ReadCloser, error) {
	f, err := c.file()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.name, err)
	}
	return &verified{content: c, file: f, hash: sha256.New()}, nil
}

func (c *content) changed() error {
	err := fmt.Errorf("%s changed while it was packaged: %w", c.name, store.ErrConflict)
	return store.Hint(err, "wait for the build to end, and deploy again")
}

func (c *content) descriptor() artifact.Descriptor {
	return artifact.Descriptor{MediaType: c.media, Digest: c.digest, Size: c.size}
}

// verified reads a file and checks at its end that it still has the digest and
// the size that it had.
type verified struct {
	content *content
	file    io.ReadCloser
	hash    hash.Hash
	n       int64
}

func (v *verified) Read(p []byte) (int, error) {
	n, err := v.file.Read(p)
	v.hash.Write(p[:n])
	v.n += int64(n)
	if v.n > v.content.size {
		return 0, v.content.changed()
	}
	if err == io.EOF && hex.EncodeToString(v.hash.Sum(nil)) != v.content.digest.Hex() {
		return n, v.content.changed()
	}
	return n, err
}

func (v *verified) Close() error { return v.file.Close() }

type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *contextReader) Read(p []byte) (int, error) {
	if err := context.Cause(c.ctx); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
