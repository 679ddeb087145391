// Package applog keeps the lines that guests write, on disk, by app.
//
// A guest is never made to wait for the disk: Append puts a line into a bounded
// queue and returns, and what does not fit is counted and said in the log. The
// files of an app are bounded too, so the oldest lines go. Files hold whole
// lines of JSON in the order of their sequence numbers; what a crash has torn
// is skipped. Every line that a reader has seen is in a file.
//
// Caveats: lines in the queue are lost if the process dies. One process may
// have a directory open.
package applog

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/neutrino-local/neutrino-local/store"
)

// A Line is one line of an app.
type Line struct {
	Sequence  uint64 // set by Append: counts the lines of an app, also over restarts
	Time      time.Time
	App       store.AppID
	Revision  store.RevisionNumber
	Component string
	Request   string
	Stream    string // stdout, stderr or host
	Message   string // without the newline
}

// The stream of what we say in a guest's log.
const Host = "host"

// Limits bound what one app can take. Zero values mean the defaults.
type Limits struct {
	Files    int   // per app; 4
	FileSize int64 // bytes a file; 8 MiB
	Queue    int   // bytes that wait for the disk, per app; 1 MiB
	Line     int   // bytes of a message, at most 128 KiB; 64 KiB
}

const mostLine = 128 << 10

// Logs are the logs of all apps. Its methods may be called from any goroutine.
type Logs struct {
	dir     string
	limits  Limits
	closed  atomic.Bool
	dropped atomic.Uint64
	done    chan struct{} // closed when nothing more will be written
	writer  sync.WaitGroup

	mu    sync.Mutex
	wake  sync.Cond // on mu: dirty or closed has changed
	apps  map[store.AppID]*appLog
	dirty []*appLog // guarded by mu; apps with lines in their queue, each once
	err   error     // guarded by mu; of the last write, nil if it went well
}

// Open opens the logs in dir, which it makes if need be.
func Open(dir string, limits Limits) (*Logs, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("logs: %w", err)
	}
	limits.Files = max(1, cmp.Or(limits.Files, 4))
	limits.FileSize = cmp.Or(limits.FileSize, 8<<20)
	limits.Queue = cmp.Or(limits.Queue, 1<<20)
	limits.Line = min(cmp.Or(limits.Line, 64<<10), mostLine)
	l := &Logs{dir: dir, limits: limits, done: make(chan struct{}), apps: make(map[store.AppID]*appLog)}
	l.wake.L = &l.mu
	l.writer.Go(l.run)
	return l, nil
}

// Close writes what waits and ends all readers. Lines that come later are
// dropped.
func (l *Logs) Close() error {
	if l.closed.Swap(true) {
		return nil
	}
	l.mu.Lock()
	l.wake.Broadcast()
	l.mu.Unlock()
	l.writer.Wait()
	var errs []error
	for _, a := range l.all() { // a line may have come after the writer has left
		errs = append(errs, a.drain())
	}
	close(l.done)
	return errors.Join(errs...)
}

func (l *Logs) all() []*appLog {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make([]*appLog, 0, len(l.apps))
	for _, a := range l.apps {
		all = append(all, a)
	}
	return all
}

// Append adds a line to the log of its app. It does not wait for the disk: if
// the app's queue is full, the line is dropped and counted. A line without a
// time is of now. A line of something that is not an app's id is dropped.
func (l *Logs) Append(line Line) {
	a, err := l.app(line.App)
	if err != nil || l.closed.Load() {
		l.dropped.Add(1)
		return
	}
	if a.add(line) {
		l.push(a)
	}
}

// push puts a at the end of the line of those that the writer serves: an app
// that writes a lot waits for its turn like the others.
func (l *Logs) push(a *appLog) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dirty = append(l.dirty, a)
	l.wake.Signal()
}

// run writes the queues of dirty apps until the logs are closed.
func (l *Logs) run() {
	for {
		l.mu.Lock()
		for len(l.dirty) == 0 && !l.closed.Load() {
			l.wake.Wait()
		}
		if len(l.dirty) == 0 {
			l.mu.Unlock()
			return
		}
		a := l.dirty[0]
		l.dirty = append(l.dirty[:0], l.dirty[1:]...)
		l.mu.Unlock()
		a.serve()
	}
}

// Err returns why the last write failed, or nil if it went well.
func (l *Logs) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

func (l *Logs) note(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = err
}

// Dropped returns how many lines were dropped since Open, of all apps.
func (l *Logs) Dropped() uint64 { return l.dropped.Load() }

// Delete removes the log of an app and ends its readers. Lines that the app
// still writes are dropped.
func (l *Logs) Delete(id store.AppID) error {
	a, err := l.app(id)
	if err != nil {
		return err
	}
	return a.remove()
}

// Apps returns the ids of all apps that have a log on disk.
func (l *Logs) Apps() ([]store.AppID, error) {
	entries, err := os.ReadDir(l.dir)
	if err != nil {
		return nil, fmt.Errorf("logs: %w", err)
	}
	var ids []store.AppID
	for _, e := range entries {
		if e.IsDir() && valid(e.Name()) {
			ids = append(ids, store.AppID(e.Name()))
		}
	}
	return ids, nil
}

// valid reports whether id has the canonical form of an app's id, which is safe
// as the name of a directory.
func valid(id string) bool { return store.IsAppID(id) && id == strings.ToLower(id) }

// app returns the log of an app, ready to write and to read.
func (l *Logs) app(id store.AppID) (*appLog, error) {
	l.mu.Lock()
	a := l.apps[id]
	if a == nil {
		if !valid(string(id)) {
			l.mu.Unlock()
			return nil, fmt.Errorf("logs of app %.40q: %w", id, store.ErrInvalid)
		}
		a = &appLog{logs: l, id: id, dir: filepath.Join(l.dir, string(id))}
		l.apps[id] = a
	}
	l.mu.Unlock()
	a.once.Do(a.load)
	return a, nil
}
