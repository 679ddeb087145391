package blob

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/store"
)

// Disk is a Store in one directory, which it owns alone:
//
//	sha256/HASH     content
//	uploads/N       what has arrived of an upload; emptied by OpenDisk
//	synced          its time: what was published before it is on the medium
//
// Publishing is a rename and waits for no disk. A goroutine syncs what was
// published, at most a second later, and then moves the time of "synced" on. So
// a killed process loses nothing, since the kernel has it all, and a power cut
// can only hurt what is younger than "synced": OpenDisk holds that suspect, and
// it is hashed again before its first use. What is not whole is deleted then, and
// reads as not found, so that a client pushes it again. A clock that is set back
// by more than clockMargin between publishing and a power cut defeats this.
type Disk struct {
	dir    string
	log    *slog.Logger
	serial atomic.Int64 // names uploads
	used   atomic.Int64

	suspects sync.Map // of artifact.Digest to *suspect; changed under mu

	mu       sync.Mutex
	unsynced []artifact.Digest // guarded by mu; published and perhaps only in memory
	syncErr  error             // guarded by mu; set once, and then nothing is synced any more

	wake    chan struct{} // has a token if unsynced may have something
	stop    chan struct{} // closed by Close
	stopped sync.WaitGroup
	close   func() error // once
}

const (
	uploadsDir  = "uploads"
	clockMargin = 2 * time.Second
)

var algorithms = []string{"sha256", "sha512"}

// OpenDisk opens the store in dir, and makes it if there is none. What uploads
// of an earlier process have left is removed.
func OpenDisk(dir string, log *slog.Logger) (*Disk, error) {
	d := &Disk{
		dir: dir, log: log,
		wake: make(chan struct{}, 1),
		stop: make(chan struct{}),
	}
	if err := os.RemoveAll(filepath.Join(dir, uploadsDir)); err != nil {
		return nil, fmt.Errorf("blobs: %w", err)
	}
	for _, sub := range append([]string{uploadsDir}, algorithms...) {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return nil, fmt.Errorf("blobs: %w", err)
		}
	}
	if err := d.survey(); err != nil {
		return nil, fmt.Errorf("blobs: %w", err)
	}
	d.close = sync.OnceValue(d.shut)
	d.stopped.Go(d.syncLoop)
	return d, nil
}

// survey adds up what is there and finds what a power cut may have hurt.
func (d *Disk) survey() error {
	var synced time.Time
	if info, err := os.Stat(d.marker()); err == nil {
		synced = info.ModTime().Add(-clockMargin)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for digest, err := range d.All() {
		if err != nil {
			return err
		}
		info, err := os.Lstat(d.path(digest))
		if err != nil {
			return err
		}
		d.used.Add(info.Size())
		if !info.ModTime().Before(synced) {
			d.suspects.Store(digest, new(suspect))
		}
	}
	return nil
}

func (d *Disk) path(digest artifact.Digest) string {
	return filepath.Join(d.dir, digest.Algorithm(), digest.Hex())
}

func (d *Disk) marker() string { return filepath.Join(d.dir, "synced") }

// Create begins an upload. Its file is made when the first byte arrives.
func (d *Disk) Create() (Upload, error) {
	name := strconv.FormatInt(d.serial.Add(1), 10)
	return &diskUpload{
		store: d, path: filepath.Join(d.dir, uploadsDir, name), hash: newDigester(""),
	}, nil
}

type diskFile struct {
	*os.File
	size int64
}

func (f diskFile) Size() int64 { return f.size }

// Open returns content.
func (d *Disk) Open(digest artifact.Digest) (File, error) {
	if err := d.trust(digest); err != nil {
		return nil, err
	}
	f, err := os.Open(d.path(digest))
	if err != nil {
		return nil, notFound(digest, err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(notFound(digest, err), f.Close())
	}
	return diskFile{f, info.Size()}, nil
}

// Stat returns the size of content.
func (d *Disk) Stat(digest artifact.Digest) (int64, error) {
	if err := d.trust(digest); err != nil {
		return 0, err
	}
	info, err := os.Lstat(d.path(digest))
	if err != nil {
		return 0, notFound(digest, err)
	}
	return info.Size(), nil
}

func notFound(digest artifact.Digest, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		err = store.ErrNotFound
	}
	return fmt.Errorf("blob %s: %w", digest, err)
}

// Delete removes content.
func (d *Disk) Delete(digest artifact.Digest) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.remove(digest)
}

// remove is Delete for who holds mu.
func (d *Disk) remove(digest artifact.Digest) error {
	info, err := os.Lstat(d.path(digest))
	if err == nil {
		err = os.Remove(d.path(digest))
	}
	if err != nil {
		return notFound(digest, err)
	}
	d.suspects.Delete(digest)
	d.used.Add(-info.Size())
	return nil
}

// publish gives the file at from, which has the digest, its name.
func (d *Disk) publish(from string, size int64, digest artifact.Digest) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	path := d.path(digest)
	old, err := os.Lstat(path)
	if _, suspected := d.suspects.Load(digest); err == nil && old.Size() == size && !suspected {
		return os.Remove(from)
	}
	if err == nil {
		d.used.Add(-old.Size()) // it was hurt, and is replaced
	}
	// Stamped under mu: a round of syncing either has this file in its list or
	// begins, and marks, before the stamp.
	now := time.Now()
	if err := os.Chtimes(from, now, now); err != nil {
		return err
	}
	if err := os.Rename(from, path); err != nil {
		return err
	}
	d.used.Add(size)
	d.suspects.Delete(digest)
	if d.syncErr == nil {
		d.unsynced = append(d.unsynced, digest)
	}
	select {
	case d.wake <- struct{}{}:
	default:
	}
	return nil
}

// All lists what is kept.
func (d *Disk) All() iter.Seq2[artifact.Digest, error] {
	return func(yield func(artifact.Digest, error) bool) {
		for _, algorithm := range algorithms {
			files, err := os.ReadDir(filepath.Join(d.dir, algorithm))
			if err != nil {
				yield("", err)
				return
			}
			for _, file := range files {
				digest, err := artifact.ParseDigest(algorithm + ":" + file.Name())
				if err != nil {
					continue // not ours
				}
				if !yield(digest, nil) {
					return
				}
			}
		}
	}
}

// Used returns the bytes of all content.
func (d *Disk) Used() int64 { return d.used.Load() }
