package pool

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A Turn is a guest's right to the processor. It belongs to one goroutine at a
// time. The methods of a nil Turn, which has no bound, do what they can.
type Turn struct {
	turns *turns
	line  *line
	ticks atomic.Uint32 // signs of life
	taken atomic.Bool   // held no more, though its owner has not given it back
	ran   time.Time     // its owner's; since when no other goroutine was let run

	held  bool          // guarded by turns.mu
	ready chan struct{} // guarded by turns.mu; not nil while it waits, closed when it is held
	begun time.Time     // guarded by turns.mu; of a slice, seen when others waited
	seen  uint32        // guarded by turns.mu; ticks when looked at last
	fresh bool          // guarded by turns.mu; not looked at since it is held
}

// turns hands the processor out: round-robin among lines that wait, and first
// come first served in a line.
type turns struct {
	most    int // less than 0: no bound
	slice   time.Duration
	waiting atomic.Int64  // Turns in lines
	wake    chan struct{} // tells watch that somebody waits

	mu      sync.Mutex
	free    int
	holders []*Turn
	lines   []*line // that have a Turn waiting; the first is served next
	taken   uint64  // turns taken away
}

// A line has the Turns of one app that wait, the first come first.
type line struct{ waiting []*Turn } // guarded by turns.mu

func newTurns(most int, slice time.Duration) *turns {
	return &turns{most: most, free: most, slice: slice, wake: make(chan struct{}, 1)}
}

// Tick is for a guest's safepoints: it lets other goroutines run, and guests
// that wait for a turn if this one has had its slice. Then it returns when it is
// the guest's turn again. The error is that ctx has ended.
func (t *Turn) Tick(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if t == nil {
		runtime.Gosched()
		return nil
	}
	t.ticks.Add(1)
	switch {
	case t.taken.Load():
		return t.Resume(ctx)
	case t.turns.waiting.Load() > 0 && t.turns.yield(t):
		return t.turns.await(ctx, t)
	}
	t.rest()
	return nil
}

// stint is how long a guest runs before other goroutines may. Most requests take
// less, and resets: one that was interrupted for another would find the caches of
// the processor full of that, and need a second instance meanwhile.
const stint = 500 * time.Microsecond

// rest lets other goroutines run after a stint.
func (t *Turn) rest() {
	now := time.Now()
	switch {
	case t.ran.IsZero():
		t.ran = now
	case now.Sub(t.ran) > stint:
		runtime.Gosched()
		t.ran = time.Now()
	}
}

// Block gives the turn up for as long as the guest waits in a call of the host.
func (t *Turn) Block() {
	if t != nil {
		t.turns.give(t)
	}
}

// Resume takes a turn up again after Block. The error is that ctx has ended
// while it was waited for.
func (t *Turn) Resume(ctx context.Context) error {
	if t == nil || t.turns.take(t) {
		return nil
	}
	return t.turns.await(ctx, t)
}

// try takes a turn only if there is one at once.
func (ts *turns) try(t *Turn) bool {
	if ts.most < 0 {
		return true
	}
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if ts.free == 0 {
		return false
	}
	ts.free--
	ts.hold(t)
	return true
}

// take takes a turn, or gets in line for one.
func (ts *turns) take(t *Turn) (held bool) {
	if ts.most < 0 {
		return true
	}
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if t.held {
		return true
	}
	if ts.free > 0 {
		ts.free--
		ts.hold(t)
		return true
	}
	ts.queue(t)
	return false
}

// hold notes that t has a turn. The caller holds mu.
func (ts *turns) hold(t *Turn) {
	t.held, t.fresh, t.begun = true, true, time.Time{}
	t.taken.Store(false)
	ts.holders = append(ts.holders, t)
}

// queue puts t at the end of its line. The caller holds mu.
func (ts *turns) queue(t *Turn) {
	t.ready = make(chan struct{})
	if len(t.line.waiting) == 0 {
		ts.lines = append(ts.lines, t.line)
	}
	t.line.waiting = append(t.line.waiting, t)
	if ts.waiting.Add(1) == 1 {
		select {
		case ts.wake <- struct{}{}:
		default:
		}
	}
}

// await waits for the turn of t, which is in line.
func (ts *turns) await(ctx context.Context, t *Turn) error {
	ts.mu.Lock()
	ready := t.ready
	ts.mu.Unlock()
	if ready == nil {
		return nil // it has come already
	}
	select {
	case <-ready:
		return nil
	case <-ctx.Done():
	}
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if t.ready == nil { // both at once; the caller ends, and gives it back
		return context.Cause(ctx)
	}
	t.ready = nil
	i := slices.Index(t.line.waiting, t)
	t.line.waiting = slices.Delete(t.line.waiting, i, i+1)
	ts.waiting.Add(-1)
	if len(t.line.waiting) == 0 {
		i := slices.Index(ts.lines, t.line)
		ts.lines = slices.Delete(ts.lines, i, i+1)
	}
	return context.Cause(ctx)
}

// give gives up the turn of t if it has one.
func (ts *turns) give(t *Turn) {
	if ts.most < 0 {
		return
	}
	ts.mu.Lock()
	defer ts.mu.Unlock()
	t.taken.Store(false)
	if t.held {
		ts.pass(t)
	}
}

// pass takes the turn of t and gives it to who is next. The caller holds mu.
func (ts *turns) pass(t *Turn) {
	t.held = false
	i := slices.Index(ts.holders, t)
	last := len(ts.holders) - 1
	ts.holders[i], ts.holders[last] = ts.holders[last], nil
	ts.holders = ts.holders[:last]
	if len(ts.lines) == 0 {
		ts.free++
		return
	}
	l := ts.lines[0]
	next := l.waiting[0]
	l.waiting = slices.Delete(l.waiting, 0, 1)
	ts.lines = slices.Delete(ts.lines, 0, 1)
	if len(l.waiting) > 0 {
		ts.lines = append(ts.lines, l)
	}
	ts.waiting.Add(-1)
	close(next.ready)
	next.ready = nil
	ts.hold(next)
}

// yield gives up the turn of t if it has lasted for a slice while others waited,
// and puts t in line again.
func (ts *turns) yield(t *Turn) bool {
	now := time.Now()
	ts.mu.Lock()
	defer ts.mu.Unlock()
	switch {
	case !t.held || len(ts.lines) == 0:
		return false
	case t.begun.IsZero():
		t.begun = now
		return false
	case now.Sub(t.begun) < ts.slice:
		return false
	}
	ts.queue(t)
	ts.pass(t)
	return true
}

// stall is how long a turn may last without a sign of life while others wait.
const stall = 10 * time.Millisecond

// watch takes turns away from guests that give no sign of life: they wait in a
// call of the host. They go on, and get in line at the next sign.
func (ts *turns) watch(done <-chan struct{}) {
	timer := time.NewTimer(stall)
	defer timer.Stop()
	for {
		select {
		case <-ts.wake:
		case <-done:
			return
		}
		for ts.waiting.Load() > 0 {
			timer.Reset(stall)
			select {
			case <-timer.C:
				ts.look()
			case <-done:
				return
			}
		}
	}
}

func (ts *turns) look() {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	for _, t := range slices.Clone(ts.holders) {
		ticks := t.ticks.Load()
		if t.fresh || ticks != t.seen {
			t.fresh, t.seen = false, ticks
			continue
		}
		if len(ts.lines) == 0 {
			return
		}
		ts.taken++
		t.taken.Store(true)
		ts.pass(t)
	}
}
