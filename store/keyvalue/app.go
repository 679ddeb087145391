package keyvalue

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/neutrino-local/neutrino-local/store"
)

// An App is the stores of one app.
type App struct {
	stores *Stores
	id     store.AppID
	path   string
	meter  meter

	mu     sync.Mutex
	file   *file       // guarded by mu; nil while it is closed
	absent bool        // guarded by mu; there is no file
	known  bool        // guarded by mu; its size is in stores.total
	bytes  int64       // guarded by mu; of the closed file
	users  int         // guarded by mu; calls that use file
	last   time.Time   // guarded by mu; when the last of them ended
	timer  *time.Timer // guarded by mu; closes file when it is idle
	gone   bool        // guarded by mu; deleted or closed, for ever
	free   sync.Cond   // users is 0
}

func newApp(s *Stores, id store.AppID) *App {
	a := &App{stores: s, id: id, path: s.path(id)}
	a.free.L = &a.mu
	a.meter.limits = s.cfg.Limits
	a.meter.now = s.cfg.Now
	return a
}

// use calls f with the file of the app. If there is none, it is made if create
// says so; otherwise f is not called.
func (a *App) use(create bool, f func(*file) error) error {
	opened, err := a.acquire(create)
	if err != nil {
		return fmt.Errorf("key-value stores of app %s: %w", a.id, err)
	}
	if opened == nil {
		return nil
	}
	defer a.release()
	return f(opened)
}

var errGone = fmt.Errorf("they are closed: %w", store.ErrNotFound)

func (a *App) acquire(create bool) (*file, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.file == nil && !a.gone && !(a.absent && !create) {
		a.mu.Unlock()
		err := a.stores.makeRoom()
		a.mu.Lock()
		if err != nil {
			return nil, err
		}
	}
	if a.gone {
		return nil, errGone
	}
	if err := a.open(create); err != nil || a.file == nil {
		return nil, err
	}
	a.users++
	return a.file, nil
}

// open opens the file unless it is open. Without create it does not make one.
// The caller holds mu.
func (a *App) open(create bool) error {
	if a.file != nil || a.absent && !create {
		return nil
	}
	if !create {
		if _, err := os.Stat(a.path); errors.Is(err, fs.ErrNotExist) {
			a.absent, a.known = true, true
			return nil
		}
	}
	f, err := openFile(a.path, &a.stores.total)
	if err != nil {
		return err
	}
	if !a.known {
		a.stores.total.Add(f.total().Bytes)
	}
	a.file, a.absent, a.known = f, false, true
	return nil
}

func (a *App) release() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.users--
	if a.users > 0 {
		return
	}
	a.last = time.Now()
	a.free.Broadcast()
	if a.timer == nil {
		a.timer = time.AfterFunc(a.stores.cfg.Idle, func() { _ = a.closeIdle() }) // a file that cannot be closed has lost nothing
		return
	}
	a.timer.Reset(a.stores.cfg.Idle)
}

// state reports whether the file is open, whether nobody uses it, and since when.
func (a *App) state() (open, idle bool, last time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.file != nil, a.file != nil && a.users == 0, a.last
}

// closeIdle closes the file if nobody uses it.
func (a *App) closeIdle() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.users > 0 {
		return nil
	}
	return a.close()
}

// close closes the file, which nobody uses. The caller holds mu.
func (a *App) close() error {
	if a.timer != nil {
		a.timer.Stop()
	}
	if a.file == nil {
		return nil
	}
	f := a.file
	a.file = nil
	err := f.close()
	a.bytes = f.total().Bytes
	return err
}

// end closes the stores for ever.
func (a *App) end() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.gone = true
	for a.users > 0 {
		a.free.Wait()
	}
	return a.close()
}

// delete ends the stores and removes them.
func (a *App) delete() error {
	_ = a.measure() // a damaged file goes too, and its size was never counted
	err := a.end()
	a.mu.Lock()
	a.stores.total.Add(-a.bytes)
	a.bytes = 0
	a.mu.Unlock()
	return errors.Join(err, a.remove())
}

func (a *App) remove() error {
	var errs []error
	for _, name := range []string{a.path, a.path + "-wal", a.path + "-shm"} {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, fmt.Errorf("key-value stores of app %s: %w", a.id, err))
		}
	}
	return errors.Join(errs...)
}

// measure makes the size of the app known.
func (a *App) measure() error {
	a.mu.Lock()
	known := a.known
	a.mu.Unlock()
	if known {
		return nil
	}
	return a.use(false, func(*file) error { return nil })
}

// A Size is how much a store has.
type Size struct {
	Keys  int64
	Bytes int64 // of keys and values
}

// Sizes returns the labels of the app's stores that have pairs, and how much.
func (a *App) Sizes() (sizes map[string]Size, err error) {
	sizes = map[string]Size{}
	err = a.use(false, func(f *file) error {
		sizes = f.sizes()
		return nil
	})
	return sizes, err
}
