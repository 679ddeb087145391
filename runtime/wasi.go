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
	component   *component.Component
	environment []wagi.Variable // of the manifest, by name
	files       *files.Tree     // nil: none
	memory      uint64          // bytes, 0: any
	grants      []grant
}

func (a *App) guest(ctx context.Context, c *artifact.Component, code *component.Component) (guest, error) {
	g := guest{id: c.ID, can: a.host.can, component: code, memory: a.host.limits.Memory}
	var err error
	if g.grants, err = a.grants(c); err != nil {
		return guest{}, err
	}
	for _, name := range slices.Sorted(maps.Keys(c.Environment)) {
		g.environment = append(g.environment, wagi.Variable{Name: name, Value: c.Environment[name]})
	}
	if len(c.Files) > 0 {
		if g.files, err = files.New(ctx, c.Files, a.openFile); err != nil {
			return guest{}, fmt.Errorf("component %q: %w", c.ID, err)
		}
	}
	return g, nil
}

// invocation is what a guest of no command sees by WASI.
func (g *guest) invocation(stdout, stderr io.Writer) *wagi.Invocation {
	return &wagi.Invocation{Environment: g.environment, Stdout: stdout, Stderr: stderr}
}

// start shows that the guest can be made.
func (g *guest) start(ctx context.Context) error {
	_, in, done, err := g.instantiate(ctx, g.invocation(io.Discard, io.Discard))
	if err != nil {
		return fmt.Errorf("component %q: instantiate: %w", g.id, err)
	}
	defer done()
	return closeInstance(ctx, in)
}

// instantiate makes an instance that sees i, and returns it with the context for
// its calls. The caller closes it, and calls done after that.
func (g *guest) instantiate(ctx context.Context, i *wagi.Invocation) (_ context.Context, in *component.Instance, done func(), err error) {
	config, done := component.InstanceConfig{MemoryLimit: g.memory}, func() {}
	if g.component.UsesPreview1() {
		ctx, config.Preview1, done = i.Preview1(ctx, g.files)
	}
	config.Init = func(in *component.Instance) error {
		s, err := g.state(i)
		if err != nil {
			return err
		}
		g.can.wasi.Set(in, s)
		log := logTo(i.Stderr)
		for _, grant := range g.grants {
			if err := grant(in, log); err != nil {
				return err
			}
		}
		return nil
	}
	if in, err = g.component.Instantiate(ctx, config); err != nil {
		done()
		return ctx, nil, nil, err
	}
	return ctx, in, done, nil
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

// wasiExecutor runs the component of a trigger by its wasi:http handler, with a
// fresh instance for each request.
type wasiExecutor struct {
	guest
	handler *component.Func
}

// handlers makes the executor of a component that has been compiled.
func (a *App) handlers(ctx context.Context, c *artifact.Component, code *component.Component) (executor, error) {
	handler, err := findHandler(code)
	if err != nil {
		return nil, fmt.Errorf("component %q: %w", c.ID, err)
	}
	g, err := a.guest(ctx, c, code)
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
func closeInstance(ctx context.Context, in *component.Instance) error {
	if err := in.Close(ctx); err != nil && !errors.Is(err, stream.ErrChildren) {
		return err
	}
	return nil
}

// A guestRun is one guest at work on a request.
type guestRun struct {
	exchange *wasihttp.Exchange
	ended    stream.Future[error] // how the handler has ended
	done     chan struct{}        // closed when its instance is gone
	closing  error                // of the instance; set before done is closed
}

// run runs a guest of its own for the request.
func (e *wasiExecutor) run(ctx context.Context, q *request, g *guestRun) {
	defer close(g.done)
	defer g.exchange.Answer.Set(wasihttp.Answer{}) // unless the guest has
	defer func() {
		if p := recover(); p != nil { // a fault of ours must not end the server
			g.closing = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	ctx, in, done, err := e.instantiate(ctx, e.invocation(q.stdout, q.stderr))
	if err != nil {
		g.ended.Set(err)
		return
	}
	defer done()
	g.ended.Set(e.can.http.Handle(ctx, in, e.handler, g.exchange))
	g.closing = closeInstance(context.WithoutCancel(ctx), in)
}

// wait returns when the guest is gone, and how it ended.
func (g *guestRun) wait() error {
	<-g.done
	err, _ := g.ended.Get()
	return errors.Join(err, g.closing)
}

// serve sends the reply as soon as the guest has given it. If the guest goes on
// after that, q.rest waits for it.
func (e *wasiExecutor) serve(ctx context.Context, w http.ResponseWriter, q *request) error {
	var pumps sync.WaitGroup
	x, err := wasihttp.NewExchange(q.incoming(), pumps.Go)
	if err != nil {
		return err
	}
	g := &guestRun{exchange: x, done: make(chan struct{})}
	go e.run(ctx, q, g)
	err = g.reply(ctx, w, q)
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

// errAnswer is for a guest that answers with an error.
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
		Method: q.Method, Path: q.path, Scheme: "http", Authority: q.host, Header: q.header(),
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
