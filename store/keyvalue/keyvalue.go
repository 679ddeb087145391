// Package keyvalue keeps the key-value stores of apps: for each app, under
// labels, pairs of a key, which is text, and a value, which is bytes.
//
// An app has one SQLite file of its own, so that no query can reach another
// app's pairs, an app that writes a lot does not hold up others, and an app's
// pairs go when its file does. A file is opened when it is first asked for and
// closed when nobody has for a while. What a method has acknowledged survives
// the death of the process. Changes that come at the same time are committed
// together: one goroutine writes for all, and each of them waits for its batch.
//
// Caveats: a power cut may lose the last second, and never corrupts.
package keyvalue

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/neutrino-local/neutrino-local/store"
)

// Limits of what apps may keep and how fast; zero means none.
type Limits struct {
	Key    int   // bytes
	Value  int   // bytes
	Total  int64 // bytes of keys and values of all apps
	Reads  int   // of one app in a second
	Writes int   // of one app in a second
}

// What bounds a pair whatever the limits are. The value is what Spin hands to a
// guest at most.
const (
	MaxKey   = 1 << 20
	MaxValue = 128 << 20
)

// Config says where the stores are and what bounds them.
type Config struct {
	Dir    string // made if it is not there
	Limits Limits
	Now    func() time.Time // of meters; nil is time.Now
	Idle   time.Duration    // after which a file is closed; 0 is half a minute
}

const (
	defaultIdle = 30 * time.Second
	maxOpen     = 64 // files at once, unless more are in use
	suffix      = ".db"
)

// Stores are the stores of all apps. Their methods may be called from any
// goroutine.
type Stores struct {
	cfg   Config
	total atomic.Int64 // bytes of all apps whose size is known
	load  sync.Mutex   // held while sizes are read for the first time

	mu     sync.Mutex
	apps   map[store.AppID]*App // guarded by mu; those that were asked for, or have a file
	sized  bool                 // guarded by mu; total has all apps
	closed bool                 // guarded by mu
}

// Open returns the stores in a directory.
func Open(cfg Config) (*Stores, error) {
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("key-value stores: %w", err)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	cfg.Idle = cmp.Or(cfg.Idle, defaultIdle)
	return &Stores{cfg: cfg, apps: map[store.AppID]*App{}}, nil
}

// Limits returns what bounds the stores.
func (s *Stores) Limits() Limits { return s.cfg.Limits }

// App returns the stores of an app. It opens nothing, and an app that has no
// pairs has no file.
func (s *Stores) App(id store.AppID) *App {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.apps[id]
	if a == nil {
		a = newApp(s, id)
		a.gone = s.closed
		s.apps[id] = a
	}
	return a
}

// Delete waits for what is under way in an app's stores and removes them. They
// cannot be used any more.
func (s *Stores) Delete(id store.AppID) error { return s.App(id).delete() }

// Retain deletes the stores of all apps but these: of those that a crash has
// left half deleted.
func (s *Stores) Retain(ids []store.AppID) error {
	found, err := s.files()
	if err != nil {
		return err
	}
	for _, id := range found {
		if !slices.Contains(ids, id) {
			err = errors.Join(err, s.Delete(id))
		}
	}
	return err
}

// Close waits for what is under way and closes all files.
func (s *Stores) Close() error {
	s.mu.Lock()
	s.closed = true
	var all []*App
	for _, a := range s.apps {
		all = append(all, a)
	}
	s.mu.Unlock()
	var errs []error
	for _, a := range all {
		errs = append(errs, a.end())
	}
	return errors.Join(errs...)
}

// Total returns how many bytes all apps have, keys and values.
func (s *Stores) Total(ctx context.Context) (int64, error) {
	if err := s.measure(ctx); err != nil {
		return 0, err
	}
	return s.total.Load(), nil
}

// measure makes the sizes of all apps known.
func (s *Stores) measure(ctx context.Context) error {
	s.mu.Lock()
	sized := s.sized
	s.mu.Unlock()
	if sized {
		return nil
	}
	s.load.Lock()
	defer s.load.Unlock()
	found, err := s.files()
	if err != nil {
		return err
	}
	for _, id := range found {
		if err := ctx.Err(); err != nil {
			return err
		}
		// A file that cannot be opened is its own app's trouble. It counts when
		// it can be.
		_ = s.App(id).measure()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sized = true
	return nil
}

// files returns the apps that have a file.
func (s *Stores) files() ([]store.AppID, error) {
	entries, err := os.ReadDir(s.cfg.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("key-value stores: %w", err)
	}
	var ids []store.AppID
	for _, e := range entries {
		if id, ok := strings.CutSuffix(e.Name(), suffix); ok && store.IsAppID(id) {
			ids = append(ids, store.AppID(id))
		}
	}
	return ids, nil
}

// makeRoom closes the file that was not used for the longest time if there are
// too many open ones.
func (s *Stores) makeRoom() error {
	s.mu.Lock()
	var open []*App
	for _, a := range s.apps {
		open = append(open, a)
	}
	s.mu.Unlock()
	var oldest *App
	var since time.Time
	n := 0
	for _, a := range open {
		isOpen, idle, last := a.state()
		if isOpen {
			n++
		}
		if idle && (oldest == nil || last.Before(since)) {
			oldest, since = a, last
		}
	}
	if n < maxOpen || oldest == nil {
		return nil
	}
	return oldest.closeIdle()
}

func (s *Stores) path(id store.AppID) string { return filepath.Join(s.cfg.Dir, string(id)+suffix) }
