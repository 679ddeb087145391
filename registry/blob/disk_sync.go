package blob

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/store"
)

// A suspect is content that may have been hurt by a power cut. Its first user
// finds out, the others wait for it.
type suspect struct {
	check sync.Once
	err   error // of check
}

// trust returns nil unless the content is known to be hurt.
func (d *Disk) trust(digest artifact.Digest) error {
	v, ok := d.suspects.Load(digest)
	if !ok {
		return nil
	}
	s := v.(*suspect)
	s.check.Do(func() { s.err = d.verify(digest, s) })
	return s.err
}

// verify hashes a suspect. It is cleared or deleted, unless it can not be read.
func (d *Disk) verify(digest artifact.Digest, s *suspect) error {
	err := d.rehash(digest)
	if err != nil && !errors.Is(err, ErrDigest) {
		return notFound(digest, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.suspects.CompareAndDelete(digest, s) {
		return nil // replaced by an upload meanwhile
	}
	if err == nil {
		return nil
	}
	d.log.Warn("blob lost in a power cut", "digest", digest)
	if err := d.remove(digest); err != nil {
		return err
	}
	return fmt.Errorf("blob %s, lost in a power cut: %w", digest, store.ErrNotFound)
}

func (d *Disk) rehash(digest artifact.Digest) error {
	f, err := os.Open(d.path(digest))
	if err != nil {
		return err
	}
	defer f.Close()
	return digester{}.check(digest, f)
}

// syncDelay gathers what is published together.
const syncDelay = 500 * time.Millisecond

func (d *Disk) syncLoop() {
	for {
		select {
		case <-d.wake:
		case <-d.stop:
			return
		}
		select {
		case <-time.After(syncDelay):
		case <-d.stop:
			return
		}
		if err := d.sync(); err != nil {
			d.log.Error("blobs may not survive a power cut", "err", err)
			return
		}
	}
}

// sync makes what has been published durable, and says so in "synced". After a
// fault that file stays as it is, since a later sync would prove nothing.
func (d *Disk) sync() error {
	d.mu.Lock()
	round, now, err := d.unsynced, time.Now(), d.syncErr
	d.unsynced = nil
	d.mu.Unlock()
	if err != nil {
		return err
	}
	if err = d.syncFiles(round); err == nil {
		err = d.mark(now)
	}
	d.mu.Lock()
	d.syncErr = err
	d.mu.Unlock()
	return err
}

func (d *Disk) syncFiles(round []artifact.Digest) error {
	dirs := map[string]bool{}
	for _, digest := range round {
		path := d.path(digest)
		if err := fsync(path); err != nil {
			return err
		}
		dirs[filepath.Dir(path)] = true
	}
	if runtime.GOOS == "windows" {
		return nil // it syncs no directories
	}
	for dir := range dirs {
		if err := fsync(dir); err != nil {
			return err
		}
	}
	return nil
}

// mark sets the time of "synced".
func (d *Disk) mark(now time.Time) error {
	f, err := os.OpenFile(d.marker(), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Chtimes(d.marker(), now, now))
}

// fsync syncs a file or a directory. One that is gone needs none.
func fsync(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Close syncs and ends. Only the first call does.
func (d *Disk) Close() error { return d.close() }

func (d *Disk) shut() error {
	close(d.stop)
	d.stopped.Wait()
	return d.sync()
}
