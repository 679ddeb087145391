package runtime

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/neutrino-local/neutrino-local/router/ledger"
	"github.com/neutrino-local/neutrino-local/runtime/component"
	"github.com/neutrino-local/neutrino-local/runtime/memory"
	"github.com/neutrino-local/neutrino-local/runtime/pool"
)

// A pooled guest is an instance that is reset after each request.
type pooled struct {
	*component.Instance
	output *outlet
}

// Reset is what the pool does behind the reply.
func (p *pooled) Reset(ctx context.Context, t *pool.Turn) (pages int, err error) {
	p.output.detach()
	r, err := p.Instance.Reset(ctx, t)
	return r.Pages, err
}

// Close is for instances that trapped, expired or must make room.
func (p *pooled) Close(ctx context.Context) error { return closeInstance(ctx, p.Instance) }

// A seat is the right to one instance that is made for a single request, and the
// room for its memories.
type seat struct {
	memories *memory.Set
	instance *component.Instance // nil: not made yet
}

// Reset is never called: a seat is used once.
func (*seat) Reset(context.Context, *pool.Turn) (int, error) { return 0, memory.ErrFresh }

// Close gives the room back.
func (s *seat) Close(ctx context.Context) error {
	if s.instance != nil {
		return closeInstance(ctx, s.instance) // unless it was closed by who used it
	}
	return s.memories.Release()
}

// A supply lends the instances of one component. They are made for each request
// if they cannot be reset, and if they are of a command that asks for something
// when it is made: a command sees nothing but its request.
type supply struct {
	component *component.Component
	count     *traps
	spawn     func(func()) // runs something on another goroutine
	limit     uint64       // of the memories of an instance; 0: none
	command   bool
	instances *pool.Set[*pooled]        // nil: there are seats
	reuse     func() *pool.Set[*pooled] // makes instances, for a command; nil: they cannot be reset
	seats     *pool.Set[*seat]
}

// newSupply returns the supply of a component. config is for an instance that
// writes there; nil: the component is a command.
func (a *App) newSupply(c *component.Component, config func(*outlet) component.InstanceConfig) *supply {
	s := &supply{component: c, spawn: a.host.pool.Go, limit: a.host.limits.Memory, count: &a.count, command: config == nil}
	if s.command {
		config = func(*outlet) component.InstanceConfig { return component.InstanceConfig{} }
	}
	reuse := func() *pool.Set[*pooled] {
		return pool.NewSet(a.pool, pool.SetConfig[*pooled]{Keep: 1, Make: func(ctx context.Context, t *pool.Turn) (*pooled, error) {
			p := &pooled{output: &outlet{}}
			cfg := config(p.output)
			cfg.MemoryLimit, cfg.Turn = s.limit, t
			var err error
			p.Instance, err = c.Instantiate(ctx, cfg)
			return p, err
		}})
	}
	if a.host.space.Method() != memory.Fresh && c.Resettable() == nil {
		if !s.command {
			s.instances = reuse()
			return s
		}
		s.reuse = reuse
	}
	s.seats = pool.NewSet(a.pool, pool.SetConfig[*seat]{Fresh: true, Make: func(context.Context, *pool.Turn) (*seat, error) {
		m, err := c.Reserve(s.limit)
		return &seat{memories: m}, err
	}})
	return s
}

// A lent instance is at work on one request.
type lent struct {
	*component.Instance
	log   func(line string)
	count *traps
	fresh bool
	lease interface {
		Return() (reset func())
		Discard(pool.Reason)
	}
}

// lend returns an instance for a request; it must come to its end. config is for
// one that is made now, and for a command.
func (s *supply) lend(ctx context.Context, stdout, stderr io.Writer, config component.InstanceConfig) (*lent, error) {
	if s.instances != nil {
		return s.lendPooled(ctx, stdout, stderr, config)
	}
	l, err := s.seats.Acquire(ctx)
	if err != nil {
		return nil, queueError(err)
	}
	seat := l.Instance()
	defer func() {
		if seat.instance == nil {
			l.Discard(reason(ctx))
		}
	}()
	config.Memories, config.Turn = seat.memories, l.Turn()
	if seat.instance, err = s.component.Instantiate(ctx, config); err != nil {
		if ctx.Err() != nil {
			s.count.stops.Add(1) // in a start function: nothing else of it takes time
		}
		return nil, err
	}
	return &lent{Instance: seat.instance, log: logTo(stderr), count: s.count, fresh: true, lease: l}, nil
}

func (s *supply) lendPooled(ctx context.Context, stdout, stderr io.Writer, config component.InstanceConfig) (*lent, error) {
	l, err := s.instances.Acquire(ctx)
	if err != nil {
		return nil, queueError(err)
	}
	given := false
	defer func() {
		if !given {
			l.Discard(reason(ctx))
		}
	}()
	p := l.Instance()
	p.Use(l.Turn())
	p.output.attach(stdout, stderr)
	if s.command {
		if err := config.Init(p.Instance); err != nil {
			return nil, err
		}
		if config.Late != nil {
			config.Late(p.Instance)
		}
	}
	given = true
	return &lent{Instance: p.Instance, log: logTo(stderr), count: s.count, lease: l}, nil
}

// end ends the use of an instance, whose call has ended with err. It returns
// what went wrong when the guest's things were put away, and what is to be done
// when nobody waits any more; nil is nothing.
func (l *lent) end(ctx context.Context, err error) (reset func(), fault error) {
	defer l.lease.Discard(reason(ctx)) // unless it was given back
	if _, refused := l.Memory(); refused.Limit == memory.LimitInstance || refused.Limit == memory.LimitServer {
		l.log(fmt.Sprintf("%s: limit %s, and the guest wanted %s", refused.Limit, size(refused.Value), size(refused.Seen)))
	}
	if l.Stopped() {
		l.count.stops.Add(1)
	}
	ending := context.WithoutCancel(ctx)
	if l.fresh {
		fault = closeInstance(ending, l.Instance)
		if err == nil && fault == nil {
			reset = l.lease.Return()
		}
		return reset, fault
	}
	fault = tolerate(l.Drain(ending))
	if err == nil && fault == nil && l.Trapped() == nil {
		reset = l.lease.Return()
	}
	return reset, fault
}

// reason says why an instance is thrown away whose use did not end well.
func reason(ctx context.Context) pool.Reason {
	if ctx.Err() != nil {
		return pool.Cancelled
	}
	return pool.Trapped
}

// queueError names the limit that a request has waited at.
func queueError(err error) error {
	full, ok := errors.AsType[*pool.LimitError](err)
	short, noMemory := errors.AsType[*memory.LimitError](err)
	if !ok && noMemory && short.Limit == memory.LimitServer { // nobody has waited
		return &LimitError{short.Limit, size(short.Value), size(short.Seen), http.StatusServiceUnavailable, ledger.Queue}
	}
	if !ok {
		return err
	}
	e := &LimitError{
		full.Limit, fmt.Sprint(full.Value), fmt.Sprintf("%d at work and %d requests waiting", full.Busy, full.Waiting),
		http.StatusServiceUnavailable, ledger.Queue,
	}
	if noMemory {
		e.Limit, e.Value, e.Seen = short.Limit, size(short.Value), size(short.Seen)+", with "+e.Seen
	}
	return e
}

// warm makes an instance, to show that it can be made. If it is of a command that
// has asked for nothing, the next ones need not know their request to be made.
func (s *supply) warm(ctx context.Context, config component.InstanceConfig) error {
	if s.instances != nil {
		return queueError(s.instances.Warm(ctx, 1))
	}
	l, err := s.lend(ctx, io.Discard, io.Discard, config)
	if err != nil {
		return err
	}
	reuse := s.command && !l.Asked()
	reset, err := l.end(ctx, nil)
	s.later(reset)
	if err == nil && reuse && s.reuse != nil {
		s.instances = s.reuse()
	}
	return err
}

// later does what end has left to be done.
func (s *supply) later(reset func()) {
	if reset != nil {
		s.spawn(reset)
	}
}

// An outlet is where a pooled guest writes: to the request that it is lent to.
// What it writes before that, when it starts, the first request gets.
type outlet struct {
	stdout, stderr valve
}

func (o *outlet) detach() { o.stdout, o.stderr = valve{}, valve{} }

func (o *outlet) attach(stdout, stderr io.Writer) {
	o.stdout.open(stdout)
	o.stderr.open(stderr)
}

// maxHeld is the most that is kept of what a guest writes when it starts.
const maxHeld = 64 << 10

// A valve holds what is written back until it is opened.
type valve struct {
	to   io.Writer
	held []byte
}

func (v *valve) open(to io.Writer) {
	v.to = to
	if len(v.held) > 0 {
		_, _ = to.Write(v.held) // a log: what cannot be written is lost
		v.held = nil
	}
}

func (v *valve) Write(p []byte) (int, error) {
	if v.to != nil {
		return v.to.Write(p)
	}
	v.held = append(v.held, p[:min(len(p), maxHeld-len(v.held))]...)
	return len(p), nil
}
