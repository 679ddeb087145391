package pack

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"path"
	"time"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
)

// writeArchive writes the files of a component as a gzipped tar. The same files
// make the same bytes: there are no times, owners or modes of the machine in it,
// which is why it can be made anew whenever it is read, instead of being kept.
func writeArchive(w io.Writer, assets []asset) error {
	z := gzip.NewWriter(w)
	t := tar.NewWriter(z)
	dirs := make(map[string]bool)
	if err := writeDir(t, ".", dirs); err != nil {
		return err
	}
	for _, a := range assets {
		if err := writeDir(t, path.Dir(a.path), dirs); err != nil {
			return err
		}
		if err := writeAsset(t, a); err != nil {
			return err
		}
	}
	return errors.Join(t.Close(), z.Close())
}

// writeDir writes the entries of dir and what it is in, each once.
func writeDir(t *tar.Writer, dir string, done map[string]bool) error {
	if done[dir] {
		return nil
	}
	done[dir] = true
	name := "./"
	if dir != "." {
		if err := writeDir(t, path.Dir(dir), done); err != nil {
			return err
		}
		name += dir + "/"
	}
	return t.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeDir, Mode: 0o755, ModTime: time.Unix(0, 0)})
}

func writeAsset(t *tar.Writer, a asset) error {
	err := t.WriteHeader(&tar.Header{Name: "./" + a.path, Typeflag: tar.TypeReg, Mode: 0o644, Size: a.content.size, ModTime: time.Unix(0, 0)})
	if err != nil {
		return err
	}
	r, err := a.content.open()
	if err != nil {
		return err
	}
	_, err = io.Copy(t, r)
	return errors.Join(err, r.Close())
}

// archive returns the layer that has all files of a component. It stops with an
// error of its own when it is larger than limit, if that is not 0.
func archive(ctx context.Context, assets []asset, limit int64) (Layer, error) {
	h := sha256.New()
	counter := &counter{ctx: ctx, w: h, limit: limit}
	if err := writeArchive(counter, assets); err != nil && !errors.Is(err, errCounted) {
		return Layer{}, err
	}
	return Layer{
		Descriptor: artifact.Descriptor{
			MediaType: artifact.ArchiveType,
			Digest:    artifact.Digest("sha256:" + hex.EncodeToString(h.Sum(nil))),
			Size:      counter.n,
		},
		open: func() (io.ReadCloser, error) {
			r, w := io.Pipe()
			go func() { w.CloseWithError(writeArchive(w, assets)) }() // ends when r is read to its end or closed
			return r, nil
		},
	}, nil
}

var errCounted = errors.New("counted enough")

// counter counts bytes on their way to w, up to a little more than a limit.
type counter struct {
	ctx   context.Context
	w     io.Writer
	n     int64
	limit int64
}

func (c *counter) Write(p []byte) (int, error) {
	if err := context.Cause(c.ctx); err != nil {
		return 0, err
	}
	c.n += int64(len(p))
	if c.limit > 0 && c.n > c.limit {
		return 0, errCounted // the size says it: it is over the limit
	}
	return c.w.Write(p)
}
