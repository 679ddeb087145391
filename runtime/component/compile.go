package component

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/neutrino-local/neutrino-local/runtime/component/plan"
	"github.com/neutrino-local/neutrino-local/runtime/component/rewrite"
	"github.com/neutrino-local/neutrino-local/runtime/component/types"
	"github.com/neutrino-local/neutrino-local/runtime/memory"
	"github.com/neutrino-local/neutrino-local/runtime/module"
)

// codeVersion is the version of what this package makes of a component before
// it is compiled. It goes up with each change of that.
const codeVersion = 9

// A core is the compiled module of one core instance.
type core struct {
	compiled  wazero.CompiledModule
	providers map[string]int // module name to core instance, -1 for the host
	memory    bool           // it has a memory of its own
	start     string         // export that is its start function; empty: none
	globals   []string       // exports that are its own mutable globals
	fuel      string         // export that is its counter of fuel; empty: it has no code
	fuelStart uint64
}

// A rewritten module is what compilation begins with.
type rewritten struct {
	Imports   []string // module and name of each
	Wasm      []byte
	Image     []memory.Segment
	Memory    *rewrite.Memory
	Globals   []string
	Start     string
	Fuel      string
	FuelStart uint64
	Stuck     string
}

// hostModule is the name by which rewritten modules import host functions; the
// others are numbers of core instances. tickName is what metered code calls.
const (
	hostModule = "h"
	tickName   = "tick"
)

// guestStack is how many bytes of stack the calls of one module may take.
const guestStack = 4 << 20

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
func (c *Component) compileCores(ctx context.Context, v *vault, progress func(Progress)) error {
	var minimum uint64
	for i, planned := range c.plan.Cores {
		progress(Progress{Done: i, Modules: len(c.plan.Cores), Cached: v.entry != nil})
		providers := map[string]int{hostModule: -1}
		var imports []string
		for _, r := range planned.Imports {
			module, name := c.providerName(r)
			if module != plan.Preview1 { // the engine finds it by its name
				providers[module] = r.Core
			}
			imports = append(imports, module, name)
		}
		out, m, err := c.compileCore(ctx, v, i, imports)
		if err != nil {
			return fmt.Errorf("module %d: %w", planned.Number, err)
		}
		if c.stuck == "" {
			c.stuck = out.Stuck
		}
		k := core{
			compiled: m, providers: providers, start: out.Start, globals: out.Globals,
			fuel: out.Fuel, fuelStart: out.FuelStart, memory: out.Memory != nil,
		}
		if own := out.Memory; own != nil {
			if minimum += own.Min << 16; minimum > 1<<40 {
				return fmt.Errorf("module %d: memories of the component are too large", planned.Number)
			}
			image, err := c.engine.space.NewImage(memory.ImageConfig{Segments: out.Image, Min: own.Min << 16, Max: own.Max << 16})
			if err != nil {
				return fmt.Errorf("module %d: %w", planned.Number, err)
			}
			c.images = append(c.images, image)
		}
		c.cores = append(c.cores, k)
	}
	progress(Progress{Done: len(c.cores), Modules: len(c.cores), Cached: v.entry != nil})
	return nil
}

// compileCore compiles the module of a core instance, or takes it from the vault.
func (c *Component) compileCore(ctx context.Context, v *vault, i int, imports []string) (*rewritten, wazero.CompiledModule, error) {
	if v.entry != nil {
		out, err := v.core(i, imports)
		if err != nil {
			return nil, nil, err
		}
		m, err := c.runtime.CompileModule(ctx, out.Wasm) // loads it: no worker has to be free
		return out, m, err
	}
	out, err := c.rewrite(i, imports)
	if err != nil {
		return nil, nil, err
	}
	had := v.code()
	m, err := c.engine.compile(ctx, c.runtime, out.Wasm)
	if err == nil {
		v.add(out, added(had, v.code()))
	}
	return out, m, err
}

// rewrite makes the module of a core instance linkable, metered, and such that
// it can be reset.
func (c *Component) rewrite(i int, imports []string) (*rewritten, error) {
	m := c.plan.Cores[i].Module
	out, err := m.Apply(rewrite.Options{
		Import:    func(k int, _ types.CoreImport) (string, string) { return imports[2*k], imports[2*k+1] },
		StripData: true, ExportGlobals: true, MoveStart: true, RaiseMemory: true, MaxTable: module.TableLimit,
		Fuel: &rewrite.Fuel{Module: hostModule, Name: tickName, Start: min(firstFuel, fuelOf(len(c.plan.Cores))), Stack: guestStack},
	})
	if err != nil {
		return nil, err
	}
	r := &rewritten{
		Imports: imports, Wasm: out.Wasm, Image: coalesce(out.Image), Memory: out.Memory,
		Start: out.Start, Fuel: out.Fuel, FuelStart: out.FuelStart,
	}
	for _, g := range out.Globals {
		r.Globals = append(r.Globals, g.Name)
	}
	r.Stuck, err = stuck(out)
	return r, err
}

// stuck says why instances with the module cannot be reset, or "".
func stuck(out *rewrite.Output) (string, error) {
	active, err := module.ActiveData(out.Wasm)
	switch {
	case err != nil:
		return "", err
	case active:
		return "a module has data at places that are known only when it is instantiated", nil
	case out.ChangesTables:
		return "a module has code that changes tables", nil
	case out.DropsSegments:
		return "a module has code that drops segments", nil
	}
	for _, g := range out.Globals {
		if g.Type == types.V128 {
			return "a module has a mutable global of 128 bits", nil
		}
	}
	return "", nil
}

// coalesce joins segments that follow each other closely: toolchains write one
// for each run of bytes that are not zero.
func coalesce(segments []rewrite.Segment) []memory.Segment {
	const gap = 4096
	var out []memory.Segment
	var top uint64 // end of the highest so far: what is beyond it is zero
	for _, s := range segments {
		at := uint64(s.Offset)
		if n := len(out); n > 0 && at >= top && at-top <= gap && out[n-1].Offset+uint64(len(out[n-1].Bytes)) == top {
			last := &out[n-1]
			last.Bytes = append(append(last.Bytes, make([]byte, at-top)...), s.Bytes...)
		} else {
			out = append(out, memory.Segment{Offset: at, Bytes: slices.Clone(s.Bytes)})
		}
		top = max(top, at+uint64(len(s.Bytes)))
	}
	return out
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
		compiled, err := c.engine.compile(ctx, c.runtime, out.Wasm)
		if err != nil {
			return fmt.Errorf("module that is not instantiated: %w", err)
		}
		if err := compiled.Close(ctx); err != nil {
			return err
		}
	}
	return nil
}

// compileHost makes the one module that has all host functions.
func (c *Component) compileHost(ctx context.Context) error {
	b := c.runtime.NewHostModuleBuilder(hostModule)
	for i, h := range c.hosts {
		if c.plan.Hosts[i].Kind == plan.External {
			continue
		}
		b = b.NewFunctionBuilder().
			WithGoFunction(api.GoFunc(h.run), valueTypes(h.core.Params), valueTypes(h.core.Results)).
			WithName(h.name).Export(strconv.Itoa(i))
	}
	counter := []api.ValueType{api.ValueTypeI64}
	b = b.NewFunctionBuilder().WithGoFunction(api.GoFunc(tick), counter, counter).Export(tickName)
	m, err := b.Compile(ctx)
	if err != nil {
		return fmt.Errorf("host functions: %w", err)
	}
	// The module is instantiated like a core module: only so may it be
	// returned by an import resolver.
	if c.host, err = c.runtime.InstantiateModule(ctx, m, wazero.NewModuleConfig().WithName("")); err != nil {
		return fmt.Errorf("host functions: %w", err)
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
