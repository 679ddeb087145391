package runtime

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/runtime/component"
	"github.com/neutrino-local/neutrino-local/runtime/files"
	"github.com/neutrino-local/neutrino-local/runtime/pool"
	"github.com/neutrino-local/neutrino-local/runtime/spin/legacy"
	"github.com/neutrino-local/neutrino-local/runtime/wagi"
	"github.com/neutrino-local/neutrino-local/runtime/wasi"
	"github.com/neutrino-local/neutrino-local/runtime/wasi/filesystem"
	"github.com/neutrino-local/neutrino-local/runtime/wasi/stream"
	"github.com/neutrino-local/neutrino-local/runtime/wasi/wasihttp"
)

// A guest makes instances of the component of a trigger.
type guest struct {
	id          string
	can         capabilities
	supply      *supply
	environment []wagi.Variable // of the manifest, by name
	files       *files.Tree     // nil: none
	grants      grants
}

// guest returns the guest of a component. A command sees its request before it is
// called.
func (a *App) guest(ctx context.Context, c *artifact.Component, code *component.Component, command bool) (*guest, error) {
	g := &guest{id: c.ID, can: a.host.can}
	var err error
	if g.grants, err = a.grants(c); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(c.Environment)) {
		g.environment = append(g.environment, wagi.Variable{Name: name, Value: c.Environment[name]})
	}
	if len(c.Files) > 0 {
		if g.files, err = files.New(ctx, c.Files, a.openFile); err != nil {
			return nil, fmt.Errorf("component %q: %w", c.ID, err)
		}
	}
	var config func(*outlet) component.InstanceConfig
	if !command {
		config = func(o *outlet) component.InstanceConfig { return g.sees(g.invocation(&o.stdout, &o.stderr)) }
	}
	g.supply = a.newSupply(code, config)
	return g, nil
}

// invocation is what a guest of no command sees by WASI.
func (g *guest) invocation(stdout, stderr io.Writer) *wagi.Invocation {
	return &wagi.Invocation{Environment: g.environment, Stdout: stdout, Stderr: stderr}
}

// start shows that the guest can be made.
func (g *guest) start(ctx context.Context) error {
	if err := g.supply.warm(ctx, g.sees(g.invocation(io.Discard, io.Discard))); err != nil {
		return fmt.Errorf("component %q: instantiate: %w", g.id, err)
	}
	return nil
}

// use has f use an instance that sees i.
func (g *guest) use(ctx context.Context, i *wagi.Invocation, f func(context.Context, *component.Instance) error) error {
	reset, err := g.borrow(ctx, i, f)
	g.supply.later(reset)
	return err
}

// borrow is use for a caller who resets the instance when nobody waits any more.
// The reset is nil if there is none.
func (g *guest) borrow(ctx context.Context, i *wagi.Invocation, f func(context.Context, *component.Instance) error) (reset func(), err error) {
	l, err := g.supply.lend(ctx, i.Stdout, i.Stderr, g.sees(i))
	if err != nil {
		return nil, err
	}
	defer l.lease.Discard(pool.Trapped) // if f panics
	err = f(ctx, l.Instance)
	reset, fault := l.end(ctx, err)
	return reset, errors.Join(err, fault)
}

// sees is for an instance that sees i.
func (g *guest) sees(i *wagi.Invocation) component.InstanceConfig {
	return component.InstanceConfig{
		Init: func(in *component.Instance) error { return g.init(in, i) },
		Late: func(in *component.Instance) { g.late(in, i) },
	}
}

// init gives an instance what it sees, and may use of WASI.
func (g *guest) init(in *component.Instance, i *wagi.Invocation) error {
	s, err := g.state(i)
	if err != nil {
		return err
	}
	g.can.wasi.Set(in, s)
	if g.supply.component.UsesPreview1() {
		if err := g.can.preview1.Set(in, i, g.files); err != nil {
			return err
		}
	}
	give(in, i, g.grants.wasi)
	return nil
}

// late gives an instance the rest of what it may use.
func (g *guest) late(in *component.Instance, i *wagi.Invocation) { give(in, i, g.grants.spin) }

func give(in *component.Instance, i *wagi.Invocation, all []grant) {
	log := logTo(i.Stderr)
	for _, grant := range all {
		grant(in, log)
	}
}

// state is what an instance sees by WASI 0.2.
func (g *guest) state(i *wagi.Invocation) (*wasi.State, error) {
	s := &wasi.State{Arguments: i.Arguments, Stdout: i.Stdout, Stderr: i.Stderr}
	for _, v := range i.Environment {
		s.Environment = append(s.Environment, wasi.Variable(v))
	}
	if i.Stdin != nil {
		s.Stdin = stream.NewPump(i.Stdin, stdinBuffer, s.Run)
	}
	if g.files != nil {
		root, err := filesystem.Tree(g.files, new(int))
		if err != nil {
			return nil, err
		}
		s.Preopens = []wasi.Preopen{{Path: "/", Dir: root}}
	}
	return s, nil
}

// wasiExecutor runs the component of a trigger by its wasi:http handler, with an
// instance for each request that is as new.
type wasiExecutor struct {
	*guest
	handler *component.Func
}

// handlers makes the executor of a component that has been compiled.
func (a *App) handlers(ctx context.Context, c *artifact.Component, code *component.Component) (executor, error) {
	handler, err := findHandler(code)
	if err != nil {
		return nil, fmt.Errorf("component %q: %w", c.ID, err)
	}
	g, err := a.guest(ctx, c, code, false)
	switch {
	case err != nil:
		return nil, err
	case handler.Instance == legacy.Handler:
		return &inboundExecutor{g, handler}, nil
	}
	return &wasiExecutor{g, handler}, nil
}

// findHandler finds the export that answers requests.
func findHandler(c *component.Component) (*component.Func, error) {
	found := wasihttp.Handlers(c)
	if f, ok := c.Func(legacy.Handler, legacy.Handle); ok {
		found = append(found, f)
	}
	switch len(found) {
	case 0:
		return nil, errNoHandler
	case 1:
		return found[0], nil
	}
	return nil, fmt.Errorf("component exports multiple different handlers: %s and %s", found[0].Instance, found[1].Instance)
}

var errNoHandler = errors.New("it exports no handler of requests: want wasi:http/incoming-handler@0.2")

// closeInstance closes in. A guest may leave what it has in any order.
func closeInstance(ctx context.Context, in *component.Instance) error { return tolerate(in.Close(ctx)) }

func tolerate(err error) error {
	if errors.Is(err, stream.ErrChildren) {
		return nil
	}
	return err
}

// A guestRun is one guest at work on a request.
type guestRun struct {
	exchange *wasihttp.Exchange
	ended    stream.Future[error] // how the handler has ended
	done     chan struct{}        // closed when its instance is gone
	err      error                // of it all; set before done is closed
}

// run runs a guest of its own for the request, and resets it when the request
// is over.
func (e *wasiExecutor) run(ctx context.Context, q *request, g *guestRun) {
	if reset := e.handle(ctx, q, g); reset != nil {
		reset()
	}
}

func (e *wasiExecutor) handle(ctx context.Context, q *request, g *guestRun) (reset func()) {
	defer close(g.done)
	defer g.exchange.Answer.Set(wasihttp.Answer{}) // unless the guest has
	defer func() {
		if p := recover(); p != nil { // a fault of ours must not end the server
			g.err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	reset, g.err = e.borrow(ctx, e.invocation(q.stdout, q.stderr), func(ctx context.Context, in *component.Instance) error {
		err := e.can.http.Handle(ctx, in, e.handler, g.exchange)
		g.ended.Set(err)
		return err
	})
	return reset
}

// wait returns when the guest is gone, and how it ended.
func (g *guestRun) wait() error {
	<-g.done
	return g.err
}

// serve sends the reply as soon as the guest has given it. If the guest goes on
// after that, q.rest waits for it.
func (e *wasiExecutor) serve(ctx context.Context, w http.ResponseWriter, q *request) error {
	var pumps sync.WaitGroup
	x := wasihttp.NewExchange(q.incoming(), pumps.Go)
	g := &guestRun{exchange: x, done: make(chan struct{})}
	e.supply.spawn(func() { e.run(ctx, q, g) })
	err := g.reply(ctx, w, q)
	if x.Stop() {
		q.stopReading()
	}
	pumps.Wait()
	select {
	case <-g.done:
		fault := g.wait()
		if err == nil || errors.Is(fault, err) {
			return fault
		}
		return errors.Join(err, fault)
	default:
		q.rest = g.wait
		return err
	}
}

// An answerError is of a guest that answers with an error.
type answerError struct{ code *wasihttp.Error }

func (e *answerError) Error() string { return "guest answered with the error-code " + e.code.Error() }

// reply waits for the answer of the guest and sends it.
func (g *guestRun) reply(ctx context.Context, w http.ResponseWriter, q *request) error {
	a, err := g.exchange.Answer.Wait(ctx)
	switch {
	case err != nil:
		return err
	case a.Err != nil:
		return &answerError{a.Err}
	case a.Response == nil:
		<-g.done
		return nil // its end says why
	}
	if err := wasihttp.WriteHead(w, q.Request, a.Response); err != nil {
		return err
	}
	err = wasihttp.WriteBody(ctx, w, q.Request, a.Response)
	if fault, ok := g.ended.Get(); ok && fault != nil && err != nil {
		return fault // which is why the body broke
	}
	return err
}

// incoming is the request as a guest sees it.
func (q *request) incoming() *wasihttp.Incoming {
	in := &wasihttp.Incoming{
		Method: q.Method, Path: q.path, Scheme: "http", Authority: q.host, Header: q.header,
		Trailer: func() http.Header { return q.Trailer }, Fault: bodyFault,
	}
	if q.URL.RawQuery != "" || q.URL.ForceQuery {
		in.Path += "?" + q.URL.RawQuery
	}
	if q.body != nil {
		in.Body = q.body
	}
	return in
}

// bodyFault gives an error of a request's body the code that a guest sees.
func bodyFault(err error) *wasihttp.Error {
	if _, ok := errors.AsType[*LimitError](err); ok {
		return wasihttp.Fail(wasihttp.RequestBodySize)
	}
	return wasihttp.Fail(wasihttp.ConnectionTerminated)
}
