package applog

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/neutrino-local/neutrino-local/store"
)

// An appLog is the log of one app: a queue, and numbered files that it goes to.
// A file never changes its name; the one with the highest number grows.
type appLog struct {
	logs *Logs
	id   store.AppID
	dir  string
	once sync.Once // load

	io     sync.Mutex // held while files change; taken before mu
	active int        // guarded by io; number of the file that grows
	torn   bool       // guarded by io; it may end within a line
	spare  []byte     // guarded by io; the queue's next memory
	// guarded by io; sequence number of the last line that went to a file, or
	// would have
	written uint64

	mu       sync.Mutex
	pending  []byte               // guarded by mu; whole lines on their way to a file
	queued   bool                 // guarded by mu; in logs.dirty
	seq      uint64               // guarded by mu; of the last line
	revision store.RevisionNumber // guarded by mu; of the last line
	dropped  int                  // guarded by mu; lines since we last said so
	reason   string               // guarded by mu; why they were dropped
	gone     bool                 // guarded by mu; deleted, for ever
	changed  chan struct{}        // guarded by mu; closed when files have grown or gone; nil if nobody asks
}

const tooFast = "they came faster than the disk takes them"

// add puts a line into the queue. It reports whether the writer must be told.
func (a *appLog) add(line Line) (tell bool) {
	if line.Time.IsZero() {
		line.Time = time.Now()
	}
	e := encoders.Get().(*encoder)
	defer encoders.Put(e)
	rec := e.encode(line, a.logs.limits.Line)

	a.mu.Lock()
	defer a.mu.Unlock()
	if a.gone {
		return false
	}
	a.revision = line.Revision
	if len(a.pending) > 0 && len(a.pending)+len(rec) > a.logs.limits.Queue {
		a.drop(1, tooFast) // the writer will come: the queue is not empty
		return false
	}
	a.seq++
	a.pending = appendRecord(a.pending, a.seq, rec)
	tell = !a.queued
	a.queued = true
	return tell
}

// drop counts lines that are lost. The caller holds mu.
func (a *appLog) drop(n int, why string) {
	a.dropped += n
	a.reason = why
	a.logs.dropped.Add(uint64(n))
}

// take empties the queue, and adds what there is to say about dropped lines. The
// caller holds io.
func (a *appLog) take() (lines []byte, said int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if said = a.dropped; said > 0 {
		e := encoders.Get().(*encoder)
		defer encoders.Put(e)
		a.seq++
		a.pending = appendRecord(a.pending, a.seq, e.encode(Line{
			Time: time.Now(), Revision: a.revision, Stream: Host,
			Message: fmt.Sprintf("%d lines dropped: %s", a.dropped, a.reason),
		}, a.logs.limits.Line))
		a.dropped = 0
	}
	a.written = a.seq
	lines, a.pending, a.spare = a.pending, a.spare[:0], nil
	return lines, said
}

// serve is the writer's visit.
func (a *appLog) serve() {
	a.mu.Lock()
	a.queued = false
	a.mu.Unlock()
	_ = a.drain() // noted for Err, and said in the log once that can be
}

// drain writes what is in the queue to the app's files and tells the readers.
func (a *appLog) drain() error {
	a.io.Lock()
	defer a.io.Unlock()
	lines, said := a.take()
	if len(lines) == 0 {
		a.spare = lines
		return nil
	}
	rest, err := a.write(lines)
	a.logs.note(err)
	a.mu.Lock()
	defer a.mu.Unlock()
	if err != nil {
		lost := bytes.Count(rest, []byte{'\n'})
		if said > 0 { // the last of them was our own: it has to be said again
			lost--
			a.dropped += said
		}
		a.drop(lost, cause(err))
	}
	if len(lines) > cap(lines)/4 { // not the memory of a burst long ago
		a.spare = lines[:0]
	}
	a.tell()
	return err
}

// cause is err without the path, which is ours and not the guest's.
func cause(err error) string {
	if e, ok := errors.AsType[*os.PathError](err); ok {
		err = e.Err
	}
	return err.Error()
}

// tell wakes the readers. The caller holds mu.
func (a *appLog) tell() {
	if a.changed != nil {
		close(a.changed)
		a.changed = nil
	}
}

// watch returns a channel that is closed at the next change, and whether there
// can be one.
func (a *appLog) watch() (<-chan struct{}, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.changed == nil {
		a.changed = make(chan struct{})
	}
	return a.changed, !a.gone
}

// remove deletes the files, for ever.
func (a *appLog) remove() error {
	a.io.Lock()
	defer a.io.Unlock()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.gone, a.pending, a.dropped = true, nil, 0
	a.tell()
	if err := os.RemoveAll(a.dir); err != nil {
		return fmt.Errorf("logs of app %s: %w", a.id, err)
	}
	return nil
}
