package pool

import (
	"context"
	"sync/atomic"
	"time"
)

// A Lease is the right to one task slot of an instance. It begins with a turn.
type Lease[I Instance] struct{ lease }

// Instance returns what is lent.
func (l *Lease[I]) Instance() I { return l.in.Instance.(I) }

type lease struct {
	in     *instance
	turn   Turn
	queued time.Duration
	ended  atomic.Bool
}

// Turn returns the guest's right to the processor. It lasts as long as the lease.
func (l *lease) Turn() *Turn { return &l.turn }

// Queued returns how long the caller has waited.
func (l *lease) Queued() time.Duration { return l.queued }

// Return ends the lease after a guest that has ended well. The reset is left to
// the caller, who must do it when nobody waits for him any more: best on the
// goroutine that the guest had, near whose processor its memory is, or by
// [Pool.Go]. It is nil if there is nothing to do. Only the first end of a lease
// counts.
func (l *lease) Return() (reset func()) {
	if l.ended.Swap(true) {
		return nil
	}
	s := l.in.set
	if s.fresh {
		l.discard(Once)
		return nil
	}
	p := s.app.pool
	p.mu.Lock()
	s.inUse--
	s.resetting++
	p.mu.Unlock()
	p.running.Add(1)
	return func() { p.recycle(l) }
}

// Discard ends the lease and throws the instance away. It does not wait for that.
// Only the first end of a lease counts.
func (l *lease) Discard(why Reason) {
	if !l.ended.Swap(true) {
		l.discard(why)
	}
}

func (l *lease) discard(why Reason) {
	p := l.in.set.app.pool
	p.turns.give(&l.turn)
	p.mu.Lock()
	l.in.set.inUse--
	p.mu.Unlock()
	p.running.Go(func() { p.finish(l.in, why) })
}

// recycle resets the instance of a lease that has ended.
func (p *Pool) recycle(l *lease) {
	defer p.running.Done()
	_ = l.turn.Resume(context.Background()) // cannot fail: this does not end
	ctx := newLimited(p.cfg.Reset)
	start := time.Now()
	var pages int
	err := p.contain(l.in.set, func() (err error) {
		pages, err = l.in.Reset(ctx, &l.turn)
		return err
	})
	took := time.Since(start)
	ctx.release()
	p.turns.give(&l.turn)
	s := l.in.set
	if err != nil {
		p.failed(s, err)
	}
	p.mu.Lock()
	s.resetting--
	if err == nil {
		s.count.reset(took, pages)
		p.putBack(l.in, true)
	}
	p.mu.Unlock()
	if err != nil {
		p.finish(l.in, Failed)
	}
}
