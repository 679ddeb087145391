// Package component runs WebAssembly components on wazero.
//
// A [Linker] has the host's side: Go functions and resources under their WIT
// names. [Engine.Compile] decodes, validates and links a component once; what
// it returns makes instances, each with its own memories and handle tables,
// which share compiled code and one host module. The context of every call
// into an instance carries its task, found by a type assertion, so nothing is
// looked up by name once a component is compiled.
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
	"strconv"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/neutrino-local/neutrino-local/runtime/component/abi"
	"github.com/neutrino-local/neutrino-local/runtime/component/plan"
	"github.com/neutrino-local/neutrino-local/runtime/component/rewrite"
	"github.com/neutrino-local/neutrino-local/runtime/component/types"
)

// Config is how an engine compiles.
type Config struct {
	CacheDir string // compiled code on disk; empty: in memory only
	Workers  int    // goroutines that compile one module; 0: one
	// Interrupt ends guests that run when the context of their call ends. It
	// makes loops 5 to 20 times slower; without it only host functions heed the
	// context.
	Interrupt bool
	// Preview1 offers WASI preview 1 to the core modules that import it; nil: the
	// runtime's own.
	Preview1 func(ctx context.Context, r wazero.Runtime) error
}

// An Engine compiles components and owns the code. It also takes core modules
// that have the names of wit-bindgen and a component-type section; those may
// import WASI preview 1 as well.
type Engine struct {
	runtime wazero.Runtime
	cache   wazero.CompilationCache
	workers int
}

// NewEngine returns an engine, which must be closed.
func NewEngine(ctx context.Context, cfg Config) (*Engine, error) {
	rc := wazero.NewRuntimeConfig().WithCoreFeatures(api.CoreFeaturesV2 | experimental.CoreFeaturesExtendedConst |
		experimental.CoreFeaturesTailCall | experimental.CoreFeaturesExceptionHandling).WithCloseOnContextDone(cfg.Interrupt)
	cache := wazero.NewCompilationCache()
	if cfg.CacheDir != "" {
		var err error
		if cache, err = wazero.NewCompilationCacheWithDir(cfg.CacheDir); err != nil {
			return nil, fmt.Errorf("compilation cache %s: %w", cfg.CacheDir, err)
		}
	}
	e := &Engine{runtime: wazero.NewRuntimeWithConfig(ctx, rc.WithCompilationCache(cache)), cache: cache, workers: max(1, cfg.Workers)}
	preview1 := cfg.Preview1
	if preview1 == nil {
		preview1 = func(ctx context.Context, r wazero.Runtime) error {
			_, err := wasi_snapshot_preview1.Instantiate(ctx, r)
			return err
		}
	}
	if err := preview1(ctx, e.runtime); err != nil {
		return nil, errors.Join(fmt.Errorf("WASI preview 1: %w", err), e.Close(ctx))
	}
	return e, nil
}

// Close frees all code. No instance may be in use.
func (e *Engine) Close(ctx context.Context) error {
	return errors.Join(e.runtime.Close(ctx), e.cache.Close(ctx))
}

// A Component is compiled and linked, ready to make instances.
type Component struct {
	engine    *Engine
	linker    *Linker
	plan      *plan.Plan
	cores     []wazero.CompiledModule // by core instance
	providers []map[string]int        // by core instance: module name to core instance, -1 for the host
	minMemory uint64                  // bytes that all memories begin with
	host      api.Module              // all host functions of the component
	hosts     []*lowered              // by number of the host function
	lifts     []*lifted               // by number of the function; nil for imported ones
	calls     []plan.Ref              // core functions that are called from outside
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
	p, modules, err := l.link(wasm)
	if err != nil {
		return nil, err
	}
	c := &Component{
		engine: e, linker: l, plan: p,
		callIndex: map[plan.Ref]int{}, resources: map[*types.Resource]resourceType{}, codecs: abi.NewCompiler(),
	}
	c.compileCalls()
	if err := c.compileCores(ctx); err != nil {
		return nil, errors.Join(err, c.Close(ctx))
	}
	if err := c.compileHost(ctx); err != nil {
		return nil, errors.Join(err, c.Close(ctx))
	}
	if err := c.checkUnused(ctx, modules); err != nil {
		return nil, errors.Join(err, c.Close(ctx))
	}
	return c, nil
}

// checkUnused validates core modules that nothing instantiates: only the
// engine knows whether their code is valid.
func (c *Component) checkUnused(ctx context.Context, modules []*rewrite.Module) error {
	used := map[*rewrite.Module]bool{}
	for _, core := range c.plan.Cores {
		used[core.Module] = true
	}
	for _, m := range modules {
		if used[m] || len(m.Memories) > 1 { // the engine has no multiple memories
			continue
		}
		out, err := m.Apply(rewrite.Options{Import: func(i int, _ types.CoreImport) (string, string) { return hostModule, strconv.Itoa(i) }})
		if err != nil {
			return err
		}
		compiled, err := c.engine.runtime.CompileModule(ctx, out.Wasm)
		if err != nil {
			return fmt.Errorf("module that is not instantiated: %w", err)
		}
		if err := compiled.Close(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Close frees the component's code. No instance of it may be in use.
func (c *Component) Close(ctx context.Context) error {
	var errs []error
	for _, m := range c.cores {
		if m != nil {
			errs = append(errs, m.Close(ctx))
		}
	}
	if c.host != nil {
		errs = append(errs, c.host.Close(ctx))
	}
	return errors.Join(errs...)
}

// UsesPreview1 reports whether instances need [InstanceConfig.Preview1]: the
// component is a core module that imports WASI preview 1.
func (c *Component) UsesPreview1() bool {
	return slices.ContainsFunc(c.plan.Hosts, func(h plan.Host) bool { return h.Kind == plan.External })
}

// Plan returns the component's linking, which prints as text.
func (c *Component) Plan() *plan.Plan { return c.plan }

// hostModule is the name by which rewritten modules import host functions; the
// others are numbers of core instances.
const hostModule = "h"

func (c *Component) providerName(r plan.Ref) (module, name string) {
	if r.OnHost() {
		if h := c.plan.Hosts[r.Host]; h.Kind == plan.External {
			return h.Module, h.Name
		}
		return hostModule, strconv.Itoa(r.Host)
	}
	return "i" + strconv.Itoa(r.Core), r.Name
}

// compileCores rewrites and compiles the core modules. Modules that are linked
// alike are compiled once.
func (c *Component) compileCores(ctx context.Context) error {
	if c.engine.workers > 1 {
		ctx = experimental.WithCompilationWorkers(ctx, c.engine.workers)
	}
	for i, core := range c.plan.Cores {
		providers := map[string]int{}
		out, err := core.Module.Apply(rewrite.Options{Import: func(k int, _ types.CoreImport) (string, string) {
			module, name := c.providerName(core.Imports[k])
			if module != plan.Preview1 { // the engine finds it by its name
				providers[module] = core.Imports[k].Core
			}
			return module, name
		}})
		if err != nil {
			return fmt.Errorf("module %d: %w", core.Number, err)
		}
		m, err := c.engine.runtime.CompileModule(ctx, out.Wasm)
		if err != nil {
			return fmt.Errorf("module %d: %w", core.Number, err)
		}
		c.cores = append(c.cores, m)
		c.providers = append(c.providers, providers)
		imported := 0
		for _, imp := range core.Module.Imports {
			if imp.Type.Sort == types.CoreSortMemory {
				imported++
			}
		}
		for _, mem := range core.Module.Memories[imported:] {
			c.minMemory += mem.Limits.Min << 16
		}
		if i > 0 && c.minMemory > 1<<40 {
			return fmt.Errorf("module %d: memories of the component are too large", core.Number)
		}
	}
	return nil
}

// compileHost makes the one module that has all host functions.
func (c *Component) compileHost(ctx context.Context) error {
	if len(c.hosts) == 0 {
		return nil
	}
	b := c.engine.runtime.NewHostModuleBuilder(hostModule)
	for i, h := range c.hosts {
		if c.plan.Hosts[i].Kind == plan.External {
			continue
		}
		b = b.NewFunctionBuilder().
			WithGoFunction(api.GoFunc(h.run), valueTypes(h.core.Params), valueTypes(h.core.Results)).
			WithName(h.name).Export(strconv.Itoa(i))
	}
	m, err := b.Compile(ctx)
	if err != nil {
		return fmt.Errorf("host functions: %w", err)
	}
	// The module is instantiated like a core module: only so may it be
	// returned by an import resolver.
	if c.host, err = c.engine.runtime.InstantiateModule(ctx, m, wazero.NewModuleConfig().WithName("")); err != nil {
		return errors.Join(fmt.Errorf("host functions: %w", err), m.Close(ctx))
	}
	return nil
}

func valueTypes(ts []types.CoreType) []api.ValueType {
	out := make([]api.ValueType, len(ts))
	for i, t := range ts {
		out[i] = api.ValueType(t)
	}
	return out
}
