package runtime

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/runtime/files"
	"github.com/neutrino-local/neutrino-local/runtime/module"
	"github.com/neutrino-local/neutrino-local/runtime/wagi"
)

// maxWasm is the largest module that is read into memory.
const maxWasm = 512 << 20

// component returns the component that t leads to.
func (a *App) component(t *httpTrigger) (*artifact.Component, error) {
	i := slices.IndexFunc(a.spec.Lock.Components, func(c artifact.Component) bool { return c.ID == t.Component })
	if i < 0 {
		return nil, invalid(fmt.Errorf("trigger %q: the app has no component %q", t.id, t.Component))
	}
	c := &a.spec.Lock.Components[i]
	if err := checkComponent(c); err != nil {
		return nil, invalid(err)
	}
	return c, nil
}

// begin has the component of t compiled. What is wrong with t, compile tells.
func (a *App) begin(ctx context.Context, t *httpTrigger) {
	c, err := a.component(t)
	if t.Static != nil || err != nil || a.uses[c.ID] != nil {
		return
	}
	digest, load := a.binary(c)
	a.uses[c.ID] = a.host.code.begin(ctx, digest, load)
}

// compile makes the trigger of t, of which begin has been told.
func (a *App) compile(ctx context.Context, t *httpTrigger) (*trigger, error) {
	if t.Static != nil {
		return &trigger{executor: newStatic(t.Static)}, nil
	}
	c, err := a.component(t)
	if err != nil {
		return nil, err
	}
	code, err := a.code(ctx, c)
	if err != nil {
		return nil, err
	}
	arguments, wagi := t.Executor.wagi()
	var e executor
	switch {
	case wagi && code.outline == nil:
		e, err = a.command(ctx, c, code.component, arguments)
	case wagi:
		e, err = a.program(ctx, c, code, arguments)
	case code.outline != nil:
		err = fmt.Errorf("component %q: %w", c.ID, errNoComponent())
	default:
		e, err = a.handlers(ctx, c, code.component)
	}
	if err != nil {
		return nil, invalid(err)
	}
	return &trigger{component: c.ID, executor: e}, nil
}

func checkComponent(c *artifact.Component) error {
	if err := checkRequirements(c.HostRequirements); err != nil {
		return fmt.Errorf("component %q: %w", c.ID, err)
	}
	if len(c.TriggerDependencies) > 0 {
		return fmt.Errorf("component %q: %w", c.ID, ErrMiddleware)
	}
	for name, value := range c.Environment {
		if name == "" || strings.ContainsAny(name, "=\x00") || strings.Contains(value, "\x00") {
			return fmt.Errorf("component %q: environment: %.100q is not a variable", c.ID, name)
		}
	}
	return nil
}

// code returns the compiled binary of c.
func (a *App) code(ctx context.Context, c *artifact.Component) (*compiled, error) {
	code, err := a.uses[c.ID].wait(ctx, func(p Progress) {
		p.Component = c.ID
		a.spec.Progress(p)
	})
	switch {
	case err == nil:
		return code, nil
	case ctx.Err() != nil:
		return nil, err
	}
	return nil, invalid(fmt.Errorf("component %q: compile: %w", c.ID, err))
}

// program makes the executor of a WAGI program.
func (a *App) program(ctx context.Context, c *artifact.Component, code *compiled, arguments string) (*wagiExecutor, error) {
	if err := code.linkable(c.ID); err != nil {
		return nil, err
	}
	p := &wagi.Program{
		Preview1: a.host.can.preview1, Arguments: arguments, Environment: c.Environment, Memory: a.host.limits.Memory,
	}
	if len(c.Files) > 0 {
		var err error
		if p.Files, err = files.New(ctx, c.Files, a.openFile); err != nil {
			return nil, fmt.Errorf("component %q: %w", c.ID, err)
		}
	}
	e := &wagiExecutor{id: c.ID, program: p, supply: a.newSupply(code.component, nil)}
	p.Make = e.make
	return e, nil
}

func (a *App) openFile(ctx context.Context, d artifact.Digest) (files.Content, error) {
	return a.spec.Blobs.Open(ctx, d)
}

// read returns the bytes of a module.
func (a *App) read(ctx context.Context, d artifact.Digest) ([]byte, error) {
	b, err := a.spec.Blobs.Open(ctx, d)
	if err != nil {
		return nil, err
	}
	defer b.Close()
	if n := b.Size(); n > maxWasm {
		return nil, &LimitError{Limit: "wasm file", Value: size(int64(maxWasm)), Seen: size(n)}
	}
	wasm := make([]byte, b.Size())
	_, err = io.ReadFull(b, wasm)
	return wasm, err
}

// linkable checks that everything which a command imports is there, and that it
// can be run.
func (c *compiled) linkable(id string) error {
	if len(c.missing) > 0 {
		return fmt.Errorf("component %q imports %s, which nothing here provides", id, list(c.missing))
	}
	if kind, ok := c.outline.Exports[wagi.Entry]; !ok || kind != module.Func {
		return fmt.Errorf("component %q: the wagi executor runs a command, which exports the function %s; this module does not", id, wagi.Entry)
	}
	return nil
}

// list prints names, the first few of many.
func list(names []string) string {
	const most = 20
	if len(names) > most {
		names = append(names[:most:most], fmt.Sprintf("and %d more", len(names)-most))
	}
	return strings.Join(names, ", ")
}
