package pool

import (
	"context"
	"errors"
	"slices"
	"time"
)

// errWait is that a caller has waited for as long as its app lets it.
var errWait = errors.New("waited for too long")

// acquire fills in a lease. Whoever gets one has a turn, and a turn is taken
// first: as many instances as turns are enough for guests that never wait.
func (s *set) acquire(ctx context.Context, l *lease) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	p := s.app.pool
	var short *shortage
	if p.turns.try(&l.turn) {
		freed := p.freed.Load()
		in, ok, err := p.enter(s)
		if ok && in == nil {
			in, err = s.create(ctx, &l.turn)
		}
		if in != nil {
			l.in = in
			return nil
		}
		p.turns.give(&l.turn)
		if err != nil && !p.noRoom(err) {
			return err
		}
		if err != nil {
			short = &shortage{err, freed}
		}
	}
	return s.acquireSlowly(ctx, l, short)
}

// A shortage is that Make has found no memory.
type shortage struct {
	err   error
	freed uint64 // Pool.freed before that
}

func (p *Pool) noRoom(err error) bool { return p.cfg.Room != nil && p.cfg.Room(err) }

// enter admits a caller if nobody of its app waits.
func (p *Pool) enter(s *set) (in *instance, ok bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.closed {
		return nil, false, ErrClosed
	}
	if len(s.app.queue) > 0 {
		return nil, false, nil
	}
	in, ok = p.admit(s)
	return in, ok, nil
}

// acquireSlowly waits for what is lacking.
func (s *set) acquireSlowly(ctx context.Context, l *lease, short *shortage) error {
	p, a, start := s.app.pool, s.app, time.Now()
	if err := a.join(); err != nil {
		return err
	}
	defer a.part()
	wait, cancel := ctx, context.CancelFunc(func() {})
	if a.cfg.Wait > 0 {
		wait, cancel = context.WithTimeoutCause(ctx, a.cfg.Wait, errWait)
	}
	defer cancel()
	for {
		in, err := s.await(wait, l, short)
		if err == nil && in == nil {
			freed := p.freed.Load()
			in, err = s.create(ctx, &l.turn)
			if err != nil && p.noRoom(err) {
				p.turns.give(&l.turn)
				short = &shortage{err, freed}
				continue
			}
		}
		if err != nil {
			p.turns.give(&l.turn)
			if limit, ok := errors.AsType[*LimitError](err); ok {
				limit.Waited = time.Since(start)
			}
			return err
		}
		l.in, l.queued = in, time.Since(start)
		p.mu.Lock()
		s.count.queued(l.queued)
		p.mu.Unlock()
		return nil
	}
}

// join counts a caller that waits.
func (a *App) join() error {
	a.pool.mu.Lock()
	defer a.pool.mu.Unlock()
	if a.callers >= a.cfg.Queue {
		return a.refuse(&LimitError{Limit: LimitQueue, Value: uint64(a.cfg.Queue)})
	}
	a.callers++
	return nil
}

func (a *App) part() {
	a.pool.mu.Lock()
	defer a.pool.mu.Unlock()
	a.callers--
	a.leave()
}

// await waits for a turn and for an instance, or for leave to make one: then the
// instance is nil.
func (s *set) await(ctx context.Context, l *lease, short *shortage) (*instance, error) {
	p := s.app.pool
	if err := l.turn.Resume(ctx); err != nil {
		return nil, p.lateTurn(s.app, err)
	}
	in, w, err := p.request(s, short)
	if err != nil || w == nil {
		return in, err
	}
	p.turns.give(&l.turn)
	if in, err = p.awaitInstance(ctx, w, short); err != nil {
		return nil, err
	}
	if err := l.turn.Resume(ctx); err != nil {
		p.giveBack(s, in)
		return nil, p.lateTurn(s.app, err)
	}
	return in, nil
}

func (p *Pool) lateTurn(a *App, err error) error {
	if err != errWait {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return a.refuse(&LimitError{Limit: LimitTurns, Value: uint64(p.turns.most)})
}

// request admits a caller, or puts it in the queue: at the end, or in front if it
// has been admitted before and then found no memory, of which none was freed
// meanwhile.
func (p *Pool) request(s *set, short *shortage) (*instance, *waiter, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := s.app
	if s.closed {
		return nil, nil, ErrClosed
	}
	w := &waiter{set: s, short: short != nil && short.freed == p.freed.Load(), ready: make(chan struct{})}
	switch {
	case w.short && p.size == 0:
		p.serve(true) // let another one find out
		return nil, nil, a.blocked(short)
	case w.short && len(s.idle) == 0:
		p.makeRoom(p.apps)
		a.queue = slices.Insert(a.queue, 0, w)
		p.waiting++
		return nil, w, nil
	case len(a.queue) == 0 || short != nil:
		if in, ok := p.admit(s); ok {
			return in, nil, nil
		}
	}
	a.queue = append(a.queue, w)
	p.waiting++
	return nil, w, nil
}

// admit gives an idle instance of the set, or, with a nil one, leave to make one.
// The caller holds mu.
func (p *Pool) admit(s *set) (in *instance, ok bool) {
	if len(s.idle) > 0 {
		s.inUse++
		s.count.Leases++
		return s.pick(), true
	}
	switch a := s.app; {
	case a.full():
		if a.closing == 0 {
			p.makeRoom([]*App{a})
		}
	case p.full():
		if p.closing == 0 {
			p.makeRoom(p.apps)
		}
	default:
		p.more(s)
		return nil, true
	}
	return nil, false
}

// makeRoom has an idle instance closed; who waits is served when it is. The
// caller holds mu.
func (p *Pool) makeRoom(apps []*App) {
	in := p.oldest(apps)
	if in == nil {
		return
	}
	p.retire(in)
	in.spare = true
	p.closing++
	in.set.app.closing++
	p.running.Go(func() { p.finish(in, Shed) })
}

// serve admits callers from the queues, one of each app in turn. memory is whether
// some may have been freed: one caller that waits for it may try again. The
// caller holds mu.
func (p *Pool) serve(memory bool) {
	for p.waiting > 0 {
		i := slices.IndexFunc(p.apps, func(a *App) bool { return p.serveApp(a, &memory) })
		if i < 0 {
			return
		}
		a := p.apps[i]
		p.apps = append(slices.Delete(p.apps, i, i+1), a) // next time the others are first
	}
}

func (p *Pool) serveApp(a *App, memory *bool) bool {
	if len(a.queue) == 0 {
		return false
	}
	w := a.queue[0]
	if w.short && !*memory {
		return false
	}
	in, ok := p.admit(w.set)
	if !ok {
		return false
	}
	*memory = *memory && !w.short
	a.queue = slices.Delete(a.queue, 0, 1)
	p.waiting--
	w.in = in
	close(w.ready)
	return true
}

// awaitInstance waits in the queue.
func (p *Pool) awaitInstance(ctx context.Context, w *waiter, short *shortage) (*instance, error) {
	select {
	case <-w.ready:
		return w.in, w.err
	case <-ctx.Done():
	}
	err := context.Cause(ctx)
	a := w.set.app
	p.mu.Lock()
	i := slices.Index(a.queue, w)
	if i >= 0 {
		a.queue = slices.Delete(a.queue, i, i+1)
		p.waiting--
		p.serve(false) // it may have stood in the way
	}
	if err == errWait {
		err = a.blocked(short)
	}
	p.mu.Unlock()
	if i < 0 && w.err == nil {
		p.giveBack(w.set, w.in)
	}
	return nil, err
}

// giveBack takes back what a caller was given and has not used.
func (p *Pool) giveBack(s *set, in *instance) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if in == nil {
		s.making--
		p.less(s, true)
		return
	}
	s.inUse--
	s.count.Leases--
	p.putBack(in, false)
}

// create makes an instance for a caller that was admitted.
func (s *set) create(ctx context.Context, t *Turn) (*instance, error) {
	p, start := s.app.pool, time.Now()
	var made Instance
	err := p.contain(s, func() (err error) {
		made, err = s.make(ctx, t)
		return err
	})
	took := time.Since(start)
	p.mu.Lock()
	defer p.mu.Unlock()
	s.making--
	if err != nil {
		p.less(s, !p.noRoom(err))
		return nil, err
	}
	s.inUse++
	s.count.Leases++
	s.count.made(took)
	return &instance{Instance: made, set: s}, nil
}
