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
	"github.com/neutrino-local/neutrino-local/runtime/wasi"
	"github.com/neutrino-local/neutrino-local/runtime/wasi/filesystem"
	"github.com/neutrino-local/neutrino-local/runtime/wasi/stream"
	"github.com/neutrino-local/neutrino-local/runtime/wasi/wasihttp"
)

// wasiExecutor runs the component of a trigger by its wasi:http handler, with a
// fresh instance for each request.
type wasiExecutor struct {
	id          string
	can         capabilities
	component   *component.Component
	handler     *component.Func
	environment []wasi.Variable
	files       *files.Tree // nil: none
	memory      uint64      // bytes, 0: any
	grants      []grant
}

// handlers makes the executor of a component that has been compiled.
func (a *App) handlers(ctx context.Context, c *artifact.Component, code *component.Component) (*wasiExecutor, error) {
	handler, err := findHandler(code)
	if err != nil {
		return nil, fmt.Errorf("component %q: %w", c.ID, err)
	}
	e := &wasiExecutor{id: c.ID, can: a.host.can, component: code, handler: handler, memory: a.host.limits.Memory}
	if e.grants, err = a.grants(c); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(c.Environment)) {
		e.environment = append(e.environment, wasi.Variable{Name: name, Value: c.Environment[name]})
	}
	if len(c.Files) > 0 {
		if e.files, err = files.New(ctx, c.Files, a.openFile); err != nil {
			return nil, fmt.Errorf("component %q: %w", c.ID, err)
		}
	}
	return e, nil
}

// findHandler finds the export that answers requests.
func findHandler(c *component.Component) (*component.Func, error) {
	found := wasihttp.Handlers(c)
	switch len(found) {
	case 0:
		return nil, errors.New("it exports no handler of requests: want wasi:http/incoming-handler@0.2")
	case 1:
		return found[0], nil
	}
	return nil, fmt.Errorf("component exports multiple different handlers: %s and %s", found[0].Instance, found[1].Instance)
}

func (e *wasiExecutor) start(ctx context.Context) error {
	in, err := e.instantiate(ctx, io.Discard, io.Discard)
	if err != nil {
		return fmt.Errorf("component %q: instantiate: %w", e.id, err)
	}
	return closeInstance(ctx, in)
}

func (e *wasiExecutor) instantiate(ctx context.Context, stdout, stderr io.Writer) (*component.Instance, error) {
	return e.component.Instantiate(ctx, component.InstanceConfig{
		MemoryLimit: e.memory,
		Init: func(in *component.Instance) error {
			s := &wasi.State{Environment: e.environment, Stdout: stdout, Stderr: stderr}
			if e.files != nil {
				root, err := filesystem.Tree(e.files, new(int))
				if err != nil {
					return err
				}
				s.Preopens = []wasi.Preopen{{Path: "/", Dir: root}}
			}
			e.can.wasi.Set(in, s)
			log := logTo(stderr)
			for _, grant := range e.grants {
				if err := grant(in, log); err != nil {
					return err
				}
			}
			return nil
		},
	})
}

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
	in, err := e.instantiate(ctx, q.stdout, q.stderr)
	if err != nil {
		g.ended.Set(err)
		return
	}
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
		return errors.Join(err, g.wait())
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
		return g.wait()
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
