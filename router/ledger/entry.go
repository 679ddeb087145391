package ledger

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// An Entry is a record that is not complete yet. All methods may be called on a
// nil Entry and by several goroutines at once; once the record is written they
// change nothing.
type Entry struct {
	ledger *Ledger // nil: written nowhere
	app    *app    // whose counts it is in; guarded by ledger.mu

	mu     sync.Mutex
	record Record // guarded by mu until holds is 0, then constant
	holds  int    // guarded by mu; the reply's and those of guests; 0 when written
	ended  func() // guarded by mu

	// The headers are guarded by mu until the record is written, and then by
	// ledger.mu: they leave the ledger long before the record does.
	asked, answered []Header
}

// Begin starts a record at its lease. The entry is written once Finish has been
// called and every Hold has been released. The zero Time means now. A nil ledger
// gives entries that are written nowhere.
func (l *Ledger) Begin(r Record) *Entry {
	if r.Time.IsZero() {
		r.Time = time.Now()
	}
	if r.Outcome == "" {
		r.Outcome = OK
	}
	r.Path, r.Method = bound(r.Path, maxPath), bound(r.Method, maxMethod)
	return &Entry{ledger: l, record: r, holds: 1}
}

// OnEnd has f called after the record is written: guest and reply have ended. It
// replaces an earlier one. Call it before the entry is shared.
func (e *Entry) OnEnd(f func()) {
	if e == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ended = f
}

// Guest notes which component answers, by which trigger route.
func (e *Entry) Guest(component, route string) {
	if e == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.holds > 0 {
		e.record.Component, e.record.Route = component, route
	}
}

// Queued notes that the request waits no longer: a guest has been given to it.
func (e *Entry) Queued() {
	if e == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.holds > 0 {
		e.record.Timing.Queued = time.Since(e.record.Time)
	}
}

// Asked notes the header of the request, before a handler has it. Only the router
// calls it.
func (e *Entry) Asked(r *http.Request) {
	if e == nil {
		return
	}
	lines := headers(r.Host, r.Header)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.holds > 0 {
		e.asked = lines
	}
}

// Head notes that the head of the reply is sent. Only the router calls it.
func (e *Entry) Head(h http.Header) {
	if e == nil {
		return
	}
	lines := headers("", h)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.holds > 0 {
		e.record.Timing.Head = time.Since(e.record.Time)
		e.answered = lines
	}
}

// End notes how the request ended, and reports whether it did: the first outcome
// other than OK stays.
func (e *Entry) End(o Outcome) bool {
	if e == nil {
		return false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.holds == 0 || e.record.Outcome != OK {
		return false
	}
	e.record.Outcome = o
	return o != OK
}

// Outcome returns what End has noted so far.
func (e *Entry) Outcome() Outcome {
	if e == nil {
		return OK
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.record.Outcome
}

// RequestID returns the id of the request, or "".
func (e *Entry) RequestID() string {
	if e == nil {
		return ""
	}
	return e.record.Request // set by Begin, never changed
}

// Hold keeps the record, and with it the lease, open for a guest that goes on
// after its reply. The guest calls release when it has ended; more than once does
// no harm.
func (e *Entry) Hold() (release func()) {
	if e == nil {
		return func() {}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.holds == 0 {
		return func() {}
	}
	e.holds++
	return sync.OnceFunc(func() {
		e.mu.Lock()
		e.release()
	})
}

// A Reply is what the router saw of a reply.
type Reply struct {
	Status int // 0 if no head was sent
	Bytes  int64
	Broken bool // it began and did not come to its end
}

// Finish ends the reply. Only the router calls it, once.
func (e *Entry) Finish(reply Reply) {
	if e == nil {
		return
	}
	e.mu.Lock()
	if e.holds > 0 {
		e.record.Status, e.record.Bytes, e.record.Broken = reply.Status, reply.Bytes, reply.Broken
		e.record.Timing.Replied = time.Since(e.record.Time)
	}
	e.release()
}

// release gives one hold back, and writes the record with the last one. The
// caller holds mu, which release unlocks.
func (e *Entry) release() {
	if e.holds == 0 {
		e.mu.Unlock()
		return
	}
	e.holds--
	if e.holds > 0 {
		e.mu.Unlock()
		return
	}
	e.record.Duration = time.Since(e.record.Time)
	if e.ledger != nil {
		e.ledger.write(e)
	}
	ended := e.ended
	e.ended = nil // the ledger keeps e, and not what it is for
	e.mu.Unlock()
	if ended != nil {
		ended()
	}
}

type contextKey struct{}

// With returns a context that carries e.
func With(ctx context.Context, e *Entry) context.Context {
	return context.WithValue(ctx, contextKey{}, e)
}

// From returns the entry of the request that ctx belongs to, or nil.
func From(ctx context.Context) *Entry {
	e, _ := ctx.Value(contextKey{}).(*Entry)
	return e
}
