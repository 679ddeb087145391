package blob

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"sync"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
)

// bufferSize is the memory that one upload under way takes.
const bufferSize = 64 << 10

var buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}

// A digester hashes content while it arrives.
type digester struct {
	algorithm string
	hash      hash.Hash
}

func newDigester(algorithm string) digester {
	if algorithm == "sha512" {
		return digester{algorithm, sha512.New()}
	}
	return digester{"sha256", sha256.New()}
}

func (d digester) digest() artifact.Digest {
	return artifact.Digest(d.algorithm + ":" + hex.EncodeToString(d.hash.Sum(nil)))
}

// check returns an error of kind ErrDigest unless the content has the digest
// want. Content that was hashed by another algorithm is read again.
func (d digester) check(want artifact.Digest, content io.Reader) error {
	if want.Algorithm() != d.algorithm {
		d = newDigester(want.Algorithm())
		if _, err := d.copy(io.Discard, content); err != nil {
			return err
		}
	}
	if got := d.digest(); got != want {
		return fmt.Errorf("%w: it has %s, not %s", ErrDigest, got, want)
	}
	return nil
}

// copy appends r to w and to the hash, buffer by buffer: after an error of r
// both have the same bytes. An error of w is a writeError.
func (d digester) copy(w io.Writer, r io.Reader) (n int64, err error) {
	buf := buffers.Get().(*[bufferSize]byte)
	defer buffers.Put(buf)
	for {
		got, err := r.Read(buf[:])
		if got > 0 {
			if _, err := w.Write(buf[:got]); err != nil {
				return n, writeError{err}
			}
			d.hash.Write(buf[:got])
			n += int64(got)
		}
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}

// A writeError says that the store failed, not the client.
type writeError struct{ error }

func (e writeError) Unwrap() error { return e.error }
