// Package pool lends instances of guests to requests, and has them reset after
// each use.
//
// A [Set] has the instances of one component, an [App] the sets that share a
// bound and a queue, a [Pool] the apps of a server. Instances are made when
// they are wanted, and closed when they are idle for long or their room is
// wanted elsewhere; what is lent is a task slot, of which an instance has one.
// A lease that ends returns at once: the reset is done later, by the goroutine
// that the guest had or by one of the pool, so that no reply waits for it.
//
// Three things are short, and each is shared fairly: instances, memory and the
// processor. Callers of one app are served in the order of their arrival, apps
// take turns. Only as many guests run at once as there are turns; a guest gives
// its turn up while it waits for something, and after a slice if others wait
// (see [Turn]). An instance counts until it is closed, and Close returns after
// the last goroutine has ended.
package pool

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// An Instance is what is pooled.
type Instance interface {
	// Reset puts the instance back to how it began, and returns how many pages
	// it had written. It may run guest code, which ticks t. After an error the
	// instance is closed.
	Reset(ctx context.Context, t *Turn) (pages int, err error)
	Close(ctx context.Context) error
}

// Config is how a pool works. What is zero has a default.
type Config struct {
	Instances int           // of all apps, idle ones too; 0: no bound
	Turns     int           // guests on the processor at once; 0: two for each processor; less: no bound
	Slice     time.Duration // of a turn while others wait; 0: 2 ms
	Idle      time.Duration // after which an instance is closed; 0: a minute
	Reset     time.Duration // that one reset may take, and one close; 0: 5 s
	// Room reports whether an error of Make says that there is no memory. Idle
	// instances are then closed, and the caller waits for memory.
	Room func(error) bool
	// Failed is told the errors of Reset and Close, and of panics where they were.
	Failed func(app string, err error)
}

// Limits that a LimitError names.
const (
	LimitApp    = "instances of an app at once"
	LimitServer = "instances of the server at once"
	LimitMemory = "guest memory of the server"
	LimitTurns  = "guests on the processor at once"
	LimitQueue  = "requests waiting for an app"
)

// A LimitError says for what a caller has waited in vain.
type LimitError struct {
	Limit   string
	Value   uint64 // 0 for LimitMemory: the error of Make says it
	Busy    int    // instances of the app that were at work
	Waiting int    // callers of the app
	Waited  time.Duration
	Err     error // of Make, for LimitMemory
}

func (e *LimitError) Error() string {
	text := fmt.Sprintf("%s: limit %d, %d at work and %d waiting", e.Limit, e.Value, e.Busy, e.Waiting)
	if e.Err != nil {
		text = fmt.Sprintf("%v, %d at work and %d waiting", e.Err, e.Busy, e.Waiting)
	}
	return text
}

// Unwrap returns the error of Make.
func (e *LimitError) Unwrap() error { return e.Err }

// ErrClosed is what callers of a closed set get.
var ErrClosed = errors.New("the instances are closed")

// A Pool has the instances of a server. Its methods, and those of its apps and
// sets, may be called by several goroutines at once.
type Pool struct {
	cfg     Config
	turns   *turns
	running sync.WaitGroup // goroutines that end by themselves when gone is closed
	crew    crew
	gone    chan struct{} // closed when closed is set and size is 0
	wake    chan struct{} // tells keep that there is something to expire
	freed   atomic.Uint64 // how often some memory may have been freed; written with mu

	mu      sync.Mutex
	closed  bool   // guarded by mu
	armed   bool   // guarded by mu; keep has a timer
	apps    []*App // guarded by mu; in the order of being served
	size    int    // guarded by mu; sum of the sets' sizes
	closing int    // guarded by mu; idle ones that are being closed to make room
	waiting int    // guarded by mu; callers in queues for an instance
	past    Stats  // guarded by mu; of apps that are gone
}

// New returns a pool, which must be closed.
func New(cfg Config) *Pool {
	if cfg.Turns == 0 {
		cfg.Turns = 2 * runtime.GOMAXPROCS(0)
	}
	setDefault(&cfg.Slice, 2*time.Millisecond)
	setDefault(&cfg.Idle, time.Minute)
	setDefault(&cfg.Reset, 5*time.Second)
	p := &Pool{cfg: cfg, turns: newTurns(cfg.Turns, cfg.Slice), gone: make(chan struct{}), wake: make(chan struct{}, 1)}
	p.crew.most = crewIdle
	p.running.Go(p.keep)
	p.running.Go(func() { p.turns.watch(p.gone) })
	return p
}

// crewIdle is how many goroutines wait for the next request.
const crewIdle = 64

func setDefault(d *time.Duration, value time.Duration) {
	if *d == 0 {
		*d = value
	}
}

// Close closes all apps, and waits for the leases to end and the goroutines of
// the pool, but not longer than ctx: what is left then ends with the last lease.
func (p *Pool) Close(ctx context.Context) error {
	p.mu.Lock()
	p.closed = true
	apps := slices.Clone(p.apps)
	for _, a := range apps {
		a.closed = true
		for _, s := range slices.Clone(a.sets) {
			p.shut(s)
		}
		a.leave()
	}
	p.ended()
	p.mu.Unlock()
	select {
	case <-p.gone:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	p.running.Wait()
	p.crew.close()
	return nil
}

// Go runs f on a goroutine of the pool, for which the caller waits. f begins with
// as much stack as others have needed before.
func (p *Pool) Go(f func()) { p.crew.do(f) }

// ended closes gone if nothing is left. The caller holds mu.
func (p *Pool) ended() {
	if !p.closed || p.size > 0 {
		return
	}
	select {
	case <-p.gone:
	default:
		close(p.gone)
	}
}

// Shed closes idle instances of any app, the least recently used first, until
// enough says so or none is left. It returns how many.
func (p *Pool) Shed(ctx context.Context, enough func() bool) int {
	n := 0
	for !enough() && ctx.Err() == nil {
		p.mu.Lock()
		in := p.oldest(p.apps)
		if in != nil {
			p.retire(in)
		}
		p.mu.Unlock()
		if in == nil {
			break
		}
		p.finish(in, Shed)
		n++
	}
	return n
}

// oldest returns the idle instance of the apps that was not used for longest.
// The caller holds mu.
func (p *Pool) oldest(apps []*App) *instance {
	var oldest *instance
	for _, a := range apps {
		for _, s := range a.sets {
			if len(s.idle) > 0 && (oldest == nil || s.idle[0].since.Before(oldest.since)) {
				oldest = s.idle[0]
			}
		}
	}
	return oldest
}

// keep closes instances that are idle for long, until the pool is gone.
func (p *Pool) keep() {
	timer := time.NewTimer(p.cfg.Idle)
	defer timer.Stop()
	for {
		if next := p.expire(time.Now()); next > 0 {
			timer.Reset(next)
		} else {
			timer.Stop()
		}
		select {
		case <-timer.C:
		case <-p.wake:
		case <-p.gone:
			return
		}
	}
}

// expire closes what is idle for too long, and returns when to look again: 0 is
// when woken.
func (p *Pool) expire(now time.Time) (next time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, a := range p.apps {
		for _, s := range a.sets {
			for len(s.idle) > s.keep {
				in := s.idle[0]
				if left := p.cfg.Idle - now.Sub(in.since); left > 0 {
					if next == 0 || left < next {
						next = left
					}
					break
				}
				p.retire(in)
				p.running.Go(func() { p.finish(in, Expired) })
			}
		}
	}
	p.armed = next > 0
	return next
}

// Stats returns the statistics of all apps.
func (p *Pool) Stats() Stats {
	p.mu.Lock()
	st := p.past
	for _, a := range p.apps {
		sum := a.stats()
		st.add(&sum)
	}
	p.mu.Unlock()
	p.turns.mu.Lock()
	defer p.turns.mu.Unlock()
	st.Taken = p.turns.taken
	return st
}
