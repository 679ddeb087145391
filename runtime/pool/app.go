package pool

import (
	"context"
	"errors"
	"slices"
	"time"
)

// AppConfig is how much an app may have.
type AppConfig struct {
	Name      string        // for Config.Failed
	Instances int           // idle ones too; 0: no bound
	Queue     int           // callers that may wait; 0: 8 for each instance, or 1024
	Wait      time.Duration // that a caller waits at most; 0: until its context ends
}

// An App is what fairness is among: sets of instances with one bound and one
// queue.
type App struct {
	pool *Pool
	cfg  AppConfig
	line line // guarded by pool.turns.mu

	// Guarded by pool.mu.
	closed  bool
	sets    []*set
	size    int       // sum of the sets' sizes
	closing int       // idle ones that are being closed to make room
	callers int       // that wait, for an instance or a turn
	queue   []*waiter // for an instance; the first came first
	past    Stats     // of sets that are gone, and what is not of one set
}

// Queue is how many callers of an app may wait if AppConfig does not say it: so
// many for each instance, or in all if those have no bound.
const (
	queuePerInstance = 8
	queueUnbounded   = 1024
)

// App adds an app, which must be closed.
func (p *Pool) App(cfg AppConfig) *App {
	if cfg.Queue == 0 {
		cfg.Queue = queuePerInstance * cfg.Instances
	}
	if cfg.Queue == 0 {
		cfg.Queue = queueUnbounded
	}
	a := &App{pool: p, cfg: cfg}
	p.mu.Lock()
	defer p.mu.Unlock()
	a.closed = p.closed
	p.apps = append(p.apps, a)
	return a
}

// Close closes the app's sets, see [Set.Close].
func (a *App) Close(ctx context.Context) error {
	p := a.pool
	p.mu.Lock()
	a.closed = true
	sets := slices.Clone(a.sets)
	for _, s := range sets {
		p.shut(s)
	}
	a.leave()
	p.mu.Unlock()
	var errs []error
	for _, s := range sets {
		errs = append(errs, s.wait(ctx))
	}
	return errors.Join(errs...)
}

// leave takes the app from the pool if nothing of it is left. The caller holds
// the pool's mu.
func (a *App) leave() {
	p := a.pool
	if i := slices.Index(p.apps, a); a.closed && len(a.sets) == 0 && a.callers == 0 && i >= 0 {
		p.apps = slices.Delete(p.apps, i, i+1)
		p.past.add(&a.past)
	}
}

// Stats returns the statistics of the app's sets.
func (a *App) Stats() Stats {
	a.pool.mu.Lock()
	defer a.pool.mu.Unlock()
	return a.stats()
}

func (a *App) stats() Stats {
	st := a.past
	for _, s := range a.sets {
		sum := s.stats()
		st.add(&sum)
	}
	st.Waiting = a.callers
	return st
}

// A waiter is a caller in the queue of an app.
type waiter struct {
	set   *set
	short bool          // its instance had no memory: only when some was freed it is worth another try
	ready chan struct{} // closed when the rest is set and it is in the queue no more
	in    *instance     // nil: it may make one
	err   error
}

// blocked is a LimitError for the bound that a caller has waited for. The caller
// holds the pool's mu.
func (a *App) blocked(short *shortage) *LimitError {
	e := &LimitError{Limit: LimitServer, Value: uint64(a.pool.cfg.Instances)}
	switch {
	case short != nil:
		e.Limit, e.Value, e.Err = LimitMemory, 0, short.err
	case a.full():
		e.Limit, e.Value = LimitApp, uint64(a.cfg.Instances)
	}
	return a.refuse(e)
}

// refuse fills in how busy the app is. The caller holds the pool's mu.
func (a *App) refuse(e *LimitError) *LimitError {
	a.past.Refused++
	for _, s := range a.sets {
		e.Busy += s.inUse + s.resetting
	}
	e.Waiting = a.callers
	return e
}

func (a *App) full() bool { return a.cfg.Instances > 0 && a.size >= a.cfg.Instances }

func (p *Pool) full() bool { return p.cfg.Instances > 0 && p.size >= p.cfg.Instances }
