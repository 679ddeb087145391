package wagi

import (
	"context"
	"crypto/rand"
	"io"
	"net/http"
	"runtime"
	"time"

	"github.com/tetratelabs/wazero"

	"github.com/neutrino-local/neutrino-local/runtime/files"
)

// An Invocation is what a guest sees of one request by WASI.
type Invocation struct {
	Arguments   []string
	Environment []Variable
	Stdin       io.Reader // nil: empty
	Stdout      io.Writer // nil: dropped
	Stderr      io.Writer
}

// Serve has run answer q by what it prints, and writes its reply to w. template
// is for the arguments, base the environment of the manifest. An error is what
// went wrong with the program or with the reply, and the head may have been sent
// by then; if a context ended it, it is the context's cause.
func Serve(ctx context.Context, w http.ResponseWriter, q *Request, template string, base map[string]string, stderr io.Writer,
	run func(ctx context.Context, i *Invocation) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	out := &stdout{w: w, method: q.HTTP.Method, cancel: cancel}
	i := &Invocation{
		Arguments: arguments(template, q), Environment: environment(base, q),
		Stdin: q.Body, Stdout: out, Stderr: stderr,
	}
	if err := run(ctx, i); err != nil {
		if out.err != nil {
			return out.err // why the program was ended
		}
		return err
	}
	return out.finish()
}

// Preview1 returns how a module that imports preview 1 is made for i, the context
// for its calls, and what is to be done when it has ended. tree may be nil.
func (i *Invocation) Preview1(ctx context.Context, tree *files.Tree) (context.Context, wazero.ModuleConfig, func()) {
	c := config(ctx).WithArgs(i.Arguments...)
	if i.Stdin != nil {
		c = c.WithStdin(untilReader{ctx, i.Stdin})
	}
	if i.Stdout != nil {
		c = c.WithStdout(until{ctx, i.Stdout})
	}
	if i.Stderr != nil {
		c = c.WithStderr(until{ctx, i.Stderr})
	}
	ctx = withEnviron(ctx, i.Environment)
	if tree == nil {
		return ctx, c, func() {}
	}
	m := newMount(ctx, tree)
	return ctx, c.WithFSConfig(m.config()), m.close
}

// config is what all instances have in common. Their sleep ends with ctx.
func config(ctx context.Context) wazero.ModuleConfig {
	return wazero.NewModuleConfig().
		WithName(""). // anonymous: any number at once
		WithStartFunctions().
		WithSysWalltime().
		WithSysNanotime().
		WithNanosleep(func(ns int64) { sleep(ctx, time.Duration(ns)) }).
		WithOsyield(runtime.Gosched).
		WithRandSource(rand.Reader)
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// until writes until its context ends. One call of a guest can write the same
// page any number of times, and nothing else ends such a call.
type until struct {
	ctx context.Context
	w   io.Writer
}

func (u until) Write(p []byte) (int, error) {
	if u.ctx.Err() != nil {
		return 0, context.Cause(u.ctx)
	}
	return u.w.Write(p)
}

// untilReader reads until its context ends.
type untilReader struct {
	ctx context.Context
	r   io.Reader
}

func (u untilReader) Read(p []byte) (int, error) {
	if u.ctx.Err() != nil {
		return 0, context.Cause(u.ctx)
	}
	return u.r.Read(p)
}
