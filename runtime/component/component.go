// Package component runs WebAssembly components on wazero.
//
// A [Linker] has the host's side: Go functions and resources under their WIT
// names. [Engine.Compile] decodes, validates and links a component once; what
// it returns makes instances, each with its own memories and handle tables,
// which share compiled code and one host module. The context of every call
// into an instance carries its task, found by a type assertion, so nothing is
// looked up by name once a component is compiled.
//
// Guests carry their own meter: code that has run for a while calls the host,
// which gives the thread to others and ends the guest if the context of its
// task has ended. An instance that has ended well can be set back to how it
// began ([Instance.Reset]), which is much cheaper than to make one.
//
// # Caveats
//
// The asynchronous part of the component model is decoded and validated but
// refused when a component is linked, and so are values and start functions
// for them. An instance is for one goroutine at a time. A trap ends an
// instance for good.
package component

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/neutrino-local/neutrino-local/runtime/component/abi"
	"github.com/neutrino-local/neutrino-local/runtime/component/plan"
	"github.com/neutrino-local/neutrino-local/runtime/component/rewrite"
	"github.com/neutrino-local/neutrino-local/runtime/component/types"
	"github.com/neutrino-local/neutrino-local/runtime/memory"
)

// A Component is compiled and linked, ready to make instances.
type Component struct {
	engine    *Engine
	linker    *Linker
	plan      *plan.Plan
	runtime   wazero.Runtime // has this component only
	cache     wazero.CompilationCache
	cores     []core          // by core instance
	images    []*memory.Image // of the cores that have a memory of their own, in order
	stuck     string          // why instances cannot be reset; empty: they can
	host      api.Module      // all host functions of the component
	hosts     []*lowered      // by number of the host function
	lifts     []*lifted       // by number of the function; nil for imported ones
	calls     []plan.Ref      // core functions that are called from outside
	callIndex map[plan.Ref]int
	sides     []plan.Options // memory and realloc of each function's canonical options
	sideOf    []int          // component instance of each side
	resources map[*types.Resource]resourceType
	codecs    *abi.Compiler
}

type resourceType struct {
	dtor int // in calls; -1: none
	drop func(ctx context.Context, rep any) error
}

// Compile decodes, validates, links and compiles a component. If the linker
// lacks something, or the component needs what is not built, the error is a
// *LinkError.
func (e *Engine) Compile(ctx context.Context, wasm []byte, l *Linker) (*Component, error) {
	return e.CompileBinary(ctx, Binary{Wasm: wasm}, l)
}

// A Binary is what is compiled, with what is known of it.
type Binary struct {
	Wasm   []byte
	Digest string // good in the name of a file; "": not known
	// Progress is told how far the compilation has come, each time a core module
	// is done. Nil: nobody is.
	Progress func(Progress)
}

// Progress is how far a compilation has come. The engine tells nothing of what it
// does within a module.
type Progress struct {
	Done, Modules int  // core modules that are compiled, of all
	Cached        bool // the code comes from the cache
}

// CompileBinary is Compile of a binary of which more is known.
func (e *Engine) CompileBinary(ctx context.Context, b Binary, l *Linker) (*Component, error) {
	p, modules, err := l.link(b.Wasm)
	if err != nil {
		return nil, err
	}
	return e.build(ctx, source{Binary: b, kind: "component", linker: l, plan: p, modules: modules})
}

// CompileCommand compiles a core module that imports nothing but WASI preview
// 1, for [Instance.Run]. Of the linker its instances have the slots.
func (e *Engine) CompileCommand(ctx context.Context, b Binary, l *Linker) (*Component, error) {
	m, err := rewrite.Parse(b.Wasm)
	if err != nil {
		return nil, err
	}
	p, err := plan.BuildCommand(m)
	if err != nil {
		return nil, err
	}
	return e.build(ctx, source{Binary: b, kind: "command", linker: l, plan: p})
}

// A source is what a component is compiled from.
type source struct {
	Binary
	kind    string
	linker  *Linker
	plan    *plan.Plan
	modules []*rewrite.Module
}

// build compiles with the cache. Only if that fails it is tried without, to
// tell an invalid module from a cache that is corrupt or full.
func (e *Engine) build(ctx context.Context, s source) (*Component, error) {
	if s.Progress == nil {
		s.Progress = func(Progress) {}
	}
	if e.cache != nil && s.Digest == "" {
		s.Digest = digestOf(s.Wasm)
	}
	key := cacheKey(s.kind, s.Digest)
	v := e.vault(ctx, key)
	c, err := e.buildIn(ctx, v, s)
	if err == nil {
		c.forget()
		e.keep(ctx, v, fmt.Sprintf("%s of %d bytes", s.kind, len(s.Wasm)))
		return c, nil
	}
	v.discard()
	if v.dir() == "" || ctx.Err() != nil {
		return nil, err
	}
	c, plainErr := e.buildIn(ctx, new(vault), s)
	if plainErr != nil {
		return nil, plainErr
	}
	c.forget()
	if v.entry != nil { // the next one begins anew
		err = errors.Join(err, e.cache.Remove(key))
	}
	e.log.WarnContext(ctx, "cache of compiled code not used", "err", err)
	return c, nil
}

func (e *Engine) buildIn(ctx context.Context, v *vault, s source) (_ *Component, err error) {
	c := &Component{
		engine: e, linker: s.linker, plan: s.plan,
		callIndex: map[plan.Ref]int{}, resources: map[*types.Resource]resourceType{}, codecs: abi.NewCompiler(),
	}
	e.add(c)
	done := false
	defer func() {
		if !done { // also if the compiler panics
			err = errors.Join(err, c.Close(context.WithoutCancel(ctx)))
		}
	}()
	if c.runtime, c.cache, err = newRuntime(ctx, v.dir()); err != nil {
		return nil, err
	}
	if c.UsesPreview1() {
		if err := e.preview1(ctx, c.runtime); err != nil {
			return nil, fmt.Errorf("WASI preview 1: %w", err)
		}
	}
	c.compileCalls()
	if err := c.compileCores(ctx, v, s.Progress); err != nil {
		return nil, err
	}
	if err := c.compileHost(ctx); err != nil {
		return nil, err
	}
	if v.entry != nil {
		err = v.entry.Check() // code that was not there has been compiled, of a stub
	} else {
		err = c.checkUnused(ctx, s.modules)
	}
	if err != nil {
		return nil, err
	}
	done = true
	return c, nil
}

// forget lets go of the binary, which its core modules are parts of.
func (c *Component) forget() {
	for i := range c.plan.Cores {
		c.plan.Cores[i].Module, c.plan.Cores[i].Def = nil, nil
	}
}

// UsesPreview1 reports whether the component is a core module that imports WASI
// preview 1.
func (c *Component) UsesPreview1() bool {
	return slices.ContainsFunc(c.plan.Hosts, func(h plan.Host) bool { return h.Kind == plan.External })
}

// Close frees the component's code. No instance of it may be in use.
func (c *Component) Close(ctx context.Context) error {
	if !c.engine.remove(c) {
		return nil
	}
	var errs []error
	if c.runtime != nil {
		errs = append(errs, c.runtime.Close(ctx), c.cache.Close(ctx))
	}
	for _, i := range c.images {
		if i != nil {
			errs = append(errs, i.Close())
		}
	}
	return errors.Join(errs...)
}

// Plan returns the component's linking, which prints as text.
func (c *Component) Plan() *plan.Plan { return c.plan }

// Resettable says why instances cannot be reset, or nil if they can.
func (c *Component) Resettable() error {
	if c.stuck == "" {
		return nil
	}
	return errors.New(c.stuck)
}
