package runtime

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/tetratelabs/wazero/sys"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/runtime/component"
	"github.com/neutrino-local/neutrino-local/runtime/wagi"
	"github.com/neutrino-local/neutrino-local/runtime/wasi"
)

// commandExecutor runs the component of a trigger as a CGI program, with an
// instance for each request that is as new.
type commandExecutor struct {
	*guest
	command   *component.Func
	arguments string            // template
	base      map[string]string // the environment of the manifest
}

var errNoCommand = errors.New("the wagi executor runs a command, which exports wasi:cli/run@0.2; this component does not")

func (a *App) command(ctx context.Context, c *artifact.Component, code *component.Component, arguments string) (executor, error) {
	run, ok := wasi.Command(code)
	if !ok {
		return nil, fmt.Errorf("component %q: %w", c.ID, errNoCommand)
	}
	g, err := a.guest(ctx, c, code, true)
	if err != nil {
		return nil, err
	}
	return &commandExecutor{g, run, arguments, c.Environment}, nil
}

func (e *commandExecutor) serve(ctx context.Context, w http.ResponseWriter, q *request) error {
	r, err := q.cgi()
	if err != nil {
		return err
	}
	body := &interruptible{r: r.Body, interrupt: q.stopReading}
	if r.Body != nil {
		r.Body = body
	}
	return wagi.Serve(ctx, w, r, e.arguments, e.base, q.stderr, func(ctx context.Context, i *wagi.Invocation) error {
		return e.use(ctx, i, func(ctx context.Context, in *component.Instance) error {
			err := e.run(ctx, in, q)
			body.stop()
			return err
		})
	})
}

// run runs the command. What it says by itself of its end is for the log, as in
// Spin; an exit code but 0 is an error.
func (e *commandExecutor) run(ctx context.Context, in *component.Instance, q *request) error {
	v, err := in.Call(ctx, e.command)
	code, exited := exitCode(err)
	switch {
	case exited && code == 0:
		return nil
	case err != nil && ctx.Err() != nil:
		return context.Cause(ctx)
	case exited:
		return wagi.ExitError(code)
	case err != nil:
		return err
	}
	if _, ok := v.Result(); !ok {
		fmt.Fprintln(q.stderr, "the command returned an error")
	}
	return nil
}

// exitCode returns the code with which a guest has asked for its end, by WASI 0.2
// or by preview 1.
func exitCode(err error) (code uint32, ok bool) {
	if e, ok := errors.AsType[*wasi.ExitError](err); ok {
		return uint32(e.Code), true
	}
	if e, ok := errors.AsType[*sys.ExitError](err); ok {
		return e.ExitCode(), true
	}
	return 0, false
}

// interruptible is a body that another goroutine reads for a guest.
type interruptible struct {
	r         io.Reader
	interrupt func() // ends a read that waits

	mu      sync.Mutex
	reading bool // guarded by mu
	stopped bool // guarded by mu; no more reads
}

func (b *interruptible) Read(p []byte) (int, error) {
	if !b.enter() {
		return 0, io.EOF
	}
	n, err := b.r.Read(p)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reading = false
	return n, err
}

func (b *interruptible) enter() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reading = !b.stopped
	return b.reading
}

// stop ends the reading, which nobody waits for any more.
func (b *interruptible) stop() {
	b.mu.Lock()
	b.stopped = true
	reading := b.reading
	b.mu.Unlock()
	if reading {
		b.interrupt()
	}
}
