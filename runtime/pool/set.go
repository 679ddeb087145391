package pool

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"
)

// SetConfig is what a set is of.
type SetConfig[I Instance] struct {
	// Make makes an instance. It may run guest code, which ticks t. ctx is that
	// of the caller who waits for it.
	Make func(ctx context.Context, t *Turn) (I, error)
	// Fresh says that instances cannot be reset: each is used once.
	Fresh bool
	// Keep is how many idle instances never expire.
	Keep int
}

// A Set has the instances of one component.
type Set[I Instance] struct{ set *set }

// NewSet adds a set to an app. It must be closed, or the app.
func NewSet[I Instance](a *App, cfg SetConfig[I]) *Set[I] {
	s := &set{app: a, fresh: cfg.Fresh, keep: cfg.Keep, gone: make(chan struct{})}
	s.make = func(ctx context.Context, t *Turn) (Instance, error) {
		in, err := cfg.Make(ctx, t)
		if err != nil {
			return nil, err
		}
		return in, nil
	}
	a.pool.mu.Lock()
	defer a.pool.mu.Unlock()
	if s.closed = a.closed; s.closed {
		close(s.gone)
		return &Set[I]{s}
	}
	a.sets = append(a.sets, s)
	return &Set[I]{s}
}

// Warm makes instances until n are idle.
func (s *Set[I]) Warm(ctx context.Context, n int) error { return s.set.warm(ctx, n) }

// Acquire lends an instance. The error is a *LimitError, the cause of ctx,
// ErrClosed, or that of Make.
func (s *Set[I]) Acquire(ctx context.Context) (*Lease[I], error) {
	l := &Lease[I]{}
	l.turn.turns, l.turn.line = s.set.app.pool.turns, &s.set.app.line
	if err := s.set.acquire(ctx, &l.lease); err != nil {
		return nil, err
	}
	return l, nil
}

// Close closes the set's instances, the idle ones at once and the others when
// their leases end. It waits for them, but not longer than ctx. Callers that
// wait get ErrClosed.
func (s *Set[I]) Close(ctx context.Context) error {
	p := s.set.app.pool
	p.mu.Lock()
	p.shut(s.set)
	p.mu.Unlock()
	return s.set.wait(ctx)
}

// Stats returns the set's statistics; who waits is known of the app only.
func (s *Set[I]) Stats() Stats {
	s.set.app.pool.mu.Lock()
	defer s.set.app.pool.mu.Unlock()
	return s.set.stats()
}

// A set is a Set of whatever instances.
type set struct {
	app   *App
	make  func(ctx context.Context, t *Turn) (Instance, error)
	fresh bool
	keep  int
	gone  chan struct{} // closed when closed is set and size is 0
	near  sync.Pool     // instances that may be idle, by the processor that they were on

	// Guarded by the pool's mu.
	closed    bool
	idle      []*instance // the last one was used last
	size      int         // all of these, and those being closed
	inUse     int
	making    int
	resetting int
	count     Stats
}

// An instance is one that is pooled.
type instance struct {
	Instance
	set   *set
	since time.Time // guarded by the pool's mu; when it became idle
	spare bool      // guarded by the pool's mu; it is closed to make room, and counted as closing
}

func (s *set) stats() Stats {
	st := s.count
	st.Size, st.Idle, st.InUse, st.Making, st.Resetting = s.size, len(s.idle), s.inUse, s.making, s.resetting
	return st
}

// shut closes a set to callers and its idle instances. The caller holds mu.
func (p *Pool) shut(s *set) {
	if s.closed {
		return
	}
	s.closed = true
	s.app.queue = slices.DeleteFunc(s.app.queue, func(w *waiter) bool {
		if w.set != s {
			return false
		}
		p.waiting--
		w.err = ErrClosed
		close(w.ready)
		return true
	})
	for len(s.idle) > 0 {
		in := s.idle[0]
		p.retire(in)
		p.running.Go(func() { p.finish(in, Closed) })
	}
	p.serve(false) // who is gone may have stood in the way
	p.settle(s)
}

// wait waits until the instances of a closed set are gone.
func (s *set) wait(ctx context.Context) error {
	select {
	case <-s.gone:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// more counts an instance that will be made. The caller holds mu.
func (p *Pool) more(s *set) {
	s.making++
	s.size++
	s.app.size++
	p.size++
}

// less counts an instance that is gone, and lets others have its place. memory
// is whether it had some. The caller holds mu.
func (p *Pool) less(s *set, memory bool) {
	s.size--
	s.app.size--
	p.size--
	p.free(memory)
	p.settle(s)
}

// settle ends what is closed and has no instances left. The caller holds mu.
func (p *Pool) settle(s *set) {
	if i := slices.Index(s.app.sets, s); s.closed && s.size == 0 && i >= 0 {
		close(s.gone)
		s.app.sets = slices.Delete(s.app.sets, i, i+1)
		s.app.past.add(&s.count)
		s.app.leave()
	}
	p.ended()
}

// pick takes an idle instance: the one that was on this processor last, in whose
// caches its memory still may be, or else the one that was used last. The caller
// holds mu.
func (s *set) pick() *instance {
	i := len(s.idle) - 1
	if in, ok := s.near.Get().(*instance); ok {
		if at := slices.Index(s.idle, in); at >= 0 {
			i = at
		}
	}
	in := s.idle[i]
	s.idle = slices.Delete(s.idle, i, i+1)
	return in
}

// retire takes an idle instance from its set, to be closed by finish. The caller
// holds mu.
func (p *Pool) retire(in *instance) {
	s := in.set
	i := slices.Index(s.idle, in)
	s.idle = slices.Delete(s.idle, i, i+1)
}

// finish closes an instance that is neither idle nor in use.
func (p *Pool) finish(in *instance, why Reason) {
	ctx := newLimited(p.cfg.Reset)
	defer ctx.release()
	if err := p.contain(in.set, func() error { return in.Close(ctx) }); err != nil {
		p.failed(in.set, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	in.set.count.Discarded[why]++
	if in.spare {
		p.closing--
		in.set.app.closing--
	}
	p.less(in.set, true)
}

// contain calls f, and makes an error of a panic: what an instance runs is a
// stranger's, and whatever that brings about ends the instance and not the
// server. Where it came from is for the log only.
func (p *Pool) contain(s *set, f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v", v)
			p.failed(s, fmt.Errorf("%w\n%s", err, debug.Stack()))
		}
	}()
	return f()
}

func (p *Pool) failed(s *set, err error) {
	if p.cfg.Failed != nil {
		p.cfg.Failed(s.app.cfg.Name, err)
	}
}

// putBack puts an instance that is as new where the next caller finds it. memory
// is whether it may have given some back. The caller holds mu.
func (p *Pool) putBack(in *instance, memory bool) {
	if in.set.closed {
		p.running.Go(func() { p.finish(in, Closed) })
		return
	}
	in.since = time.Now()
	in.set.idle = append(in.set.idle, in)
	in.set.near.Put(in)
	if len(in.set.idle) > in.set.keep && !p.armed {
		p.armed = true
		select {
		case p.wake <- struct{}{}:
		default:
		}
	}
	p.free(memory)
}

// free serves callers when an instance is gone or idle. The caller holds mu.
func (p *Pool) free(memory bool) {
	if memory {
		p.freed.Add(1)
	}
	p.serve(memory)
}

// warm makes instances ahead.
func (s *set) warm(ctx context.Context, n int) error {
	p := s.app.pool
	for {
		if done, err := p.ahead(s, n); done {
			return err
		}
		t := &Turn{turns: p.turns, line: &s.app.line}
		if err := t.Resume(ctx); err != nil {
			p.turns.give(t)
			p.giveBack(s, nil)
			return err
		}
		in, err := s.create(ctx, t)
		p.turns.give(t)
		if err != nil {
			return err
		}
		p.giveBack(s, in)
	}
}

func (p *Pool) ahead(s *set, n int) (done bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case s.closed:
		return true, ErrClosed
	case len(s.idle) >= n:
		return true, nil
	case s.app.full() || p.full():
		return true, s.app.blocked(nil)
	}
	p.more(s)
	return false, nil
}
