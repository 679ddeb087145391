package blob

import (
	"errors"
	"io"
	"os"
	"sync/atomic"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
)

type diskUpload struct {
	store *Disk
	path  string
	file  *os.File // nil until the first byte
	hash  digester
	size  atomic.Int64
	err   error // set once the upload has ended or can not go on
}

func (u *diskUpload) Size() int64 { return u.size.Load() }

func (u *diskUpload) Expect(algorithm string) {
	if u.size.Load() == 0 {
		u.hash = newDigester(algorithm)
	}
}

func (u *diskUpload) Append(r io.Reader) (int64, error) {
	if u.err != nil {
		return 0, u.err
	}
	n, err := u.hash.copy((*diskWriter)(u), r)
	if w, ok := errors.AsType[writeError](err); ok {
		u.err = w // the file may have bytes that the hash has not
	}
	return n, err
}

type diskWriter diskUpload

func (w *diskWriter) Write(p []byte) (int, error) {
	if w.file == nil {
		f, err := os.OpenFile(w.path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return 0, err
		}
		w.file = f
	}
	n, err := w.file.Write(p)
	w.size.Add(int64(n))
	return n, err
}

func (u *diskUpload) ReadAt(p []byte, off int64) (int, error) {
	if u.file == nil {
		return 0, io.EOF
	}
	return u.file.ReadAt(p, off)
}

func (u *diskUpload) Commit(want artifact.Digest) error {
	if u.err != nil {
		err := u.err
		return errors.Join(err, u.Cancel())
	}
	if u.file == nil { // no content is content too
		if _, err := (*diskWriter)(u).Write(nil); err != nil {
			return errors.Join(err, u.Cancel())
		}
	}
	if err := u.hash.check(want, io.NewSectionReader(u.file, 0, u.Size())); err != nil {
		return errors.Join(err, u.Cancel())
	}
	err := u.file.Close()
	u.file = nil
	if err == nil {
		err = u.store.publish(u.path, u.Size(), want)
	}
	u.err = errEnded
	if err != nil {
		return errors.Join(err, removeIfThere(u.path))
	}
	return nil
}

func (u *diskUpload) Cancel() error {
	u.err = errEnded
	if u.file == nil {
		return nil
	}
	err := errors.Join(u.file.Close(), removeIfThere(u.path))
	u.file = nil
	return err
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
