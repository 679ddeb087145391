package plan

import (
	"errors"
	"fmt"
	"strings"

	"github.com/neutrino-local/neutrino-local/runtime/component/binary"
	"github.com/neutrino-local/neutrino-local/runtime/component/rewrite"
	"github.com/neutrino-local/neutrino-local/runtime/component/types"
	"github.com/neutrino-local/neutrino-local/runtime/component/validate"
)

// Preview1 is the module name of WASI preview 1, which core modules may import
// beside the interfaces of their world.
const Preview1 = "wasi_snapshot_preview1"

// BuildModule plans a core module with the names that wit-bindgen gives
// imports and exports: it becomes the one module of a component whose imports
// and exports are those of its worlds.
func BuildModule(m *rewrite.Module, worlds []World, resolve Resolver) (*Plan, error) {
	b := &moduleBuilder{
		builder: builder{plan: &Plan{Instances: []Instance{{Parent: -1}}}},
		m:       m, worlds: worlds, cores: map[string]types.CoreExtern{}, resources: types.Bindings{},
		imported: map[string]types.Extern{}, named: map[[2]string]*types.Resource{}, reallocName: "cabi_realloc",
	}
	if old := worlds[0].Old; old != nil {
		b.old, b.reallocName, b.supplied = old, old.Realloc, worlds[0].supplied(m)
	}
	for _, e := range m.Type().Exports {
		b.cores[e.Name] = e.Type
	}
	for _, w := range worlds {
		b.declareImports(w.Type, resolve)
		b.declareExports(w.Type)
	}
	core := Core{Module: m, Init: b.exported(types.CoreSortFunc, "_initialize")}
	for _, imp := range m.Imports {
		ref, err := b.supply(imp)
		if err != nil {
			return nil, fmt.Errorf("import %q %q: %w", imp.Module, imp.Name, err)
		}
		core.Imports = append(core.Imports, ref)
	}
	b.plan.Cores = []Core{core}
	for _, w := range worlds {
		if err := b.exports(w.Type); err != nil {
			return nil, err
		}
	}
	return b.plan, nil
}

type moduleBuilder struct {
	builder
	m         *rewrite.Module
	worlds    []World
	cores     map[string]types.CoreExtern // exports of the module
	resources types.Bindings
	imported  map[string]types.Extern       // by name, and "interface\nname"
	named     map[[2]string]*types.Resource // by interface and name; exported ones as the module imports them

	old         *Names            // nil: the names of today
	supplied    map[string]string // with old: what the module exports, by what it is
	reallocName string
}

// exportPrefix marks the module name by which a module imports what belongs to
// an interface that it exports.
const exportPrefix = "[export]"

func (b *moduleBuilder) declareImports(w *types.Component, resolve Resolver) {
	for _, i := range w.Imports {
		in, ok := i.Type.(*types.Instance)
		if !ok || i.Sort != types.SortInstance {
			b.imported[i.Name] = i.Extern
			continue
		}
		for _, e := range in.Exports {
			b.imported[i.Name+"\n"+e.Name] = e.Extern
			r, ok := e.Type.(*types.Resource)
			if !ok {
				continue
			}
			if e.Sub {
				if real := resolve(i.Name, e.Name); real != nil {
					b.resources[r] = real
				}
			}
			b.named[[2]string{i.Name, e.Name}] = b.resource(r)
		}
	}
}

// declareExports makes the resources that the module itself defines.
func (b *moduleBuilder) declareExports(w *types.Component) {
	for _, i := range w.Exports {
		in, ok := i.Type.(*types.Instance)
		if !ok || i.Sort != types.SortInstance {
			continue
		}
		for _, e := range in.Exports {
			r, ok := e.Type.(*types.Resource)
			if !ok {
				continue
			}
			if e.Sub {
				own := Resource{Type: &types.Resource{Name: e.Name, Defined: true}}
				if name := b.exported(types.CoreSortFunc, i.Name+"#[dtor]"+e.Name); name != "" {
					own.Dtor = &Ref{Name: name}
				}
				b.resources[r] = own.Type
				b.plan.Resources = append(b.plan.Resources, own)
			}
			b.named[[2]string{exportPrefix + i.Name, e.Name}] = b.resource(r)
		}
	}
}

func (b *moduleBuilder) resource(r *types.Resource) *types.Resource {
	if to, ok := b.resources[r]; ok {
		return to
	}
	return r
}

// exported returns name if the module exports an item of that name and sort.
func (b *moduleBuilder) exported(sort types.CoreSort, name string) string {
	if e, ok := b.cores[name]; ok && e.Sort == sort {
		return name
	}
	return ""
}

// supply finds what an import of the module is.
func (b *moduleBuilder) supply(imp types.CoreImport) (Ref, error) {
	if b.old != nil {
		if now, ok := b.old.Imports[[2]string{imp.Module, imp.Name}]; ok {
			imp.Module, imp.Name = now[0], now[1]
		}
	}
	if imp.Type.Sort != types.CoreSortFunc {
		return Ref{}, fmt.Errorf("a module with a world may import functions only, not a %s", imp.Type.Sort)
	}
	if imp.Module == Preview1 {
		return b.host(Host{Kind: External, Module: imp.Module, Name: imp.Name, Core: imp.Type.Func}), nil
	}
	for prefix, kind := range map[string]HostKind{"[resource-drop]": ResourceDrop, "[resource-new]": ResourceNew, "[resource-rep]": ResourceRep} {
		name, ok := strings.CutPrefix(imp.Name, prefix)
		if !ok {
			continue
		}
		r, ok := b.named[[2]string{imp.Module, name}]
		if !ok || kind != ResourceDrop && !strings.HasPrefix(imp.Module, exportPrefix) {
			return Ref{}, errors.New("there is no such resource in the module's world")
		}
		h := Host{Kind: kind, Canon: resourceCanons[kind], Resource: r, Core: types.CoreFunc{Params: []types.CoreType{types.I32}}}
		if kind != ResourceDrop {
			h.Core.Results = h.Core.Params
		}
		if !imp.Type.Func.Equal(h.Core) {
			return Ref{}, fmt.Errorf("it has type %s, must be %s", imp.Type.Func, h.Core)
		}
		return b.host(h), nil
	}
	return b.lower(imp)
}

var resourceCanons = map[HostKind]binary.CanonOp{
	ResourceDrop: binary.CanonResourceDrop, ResourceNew: binary.CanonResourceNew, ResourceRep: binary.CanonResourceRep,
}

func (b *moduleBuilder) host(h Host) Ref {
	b.plan.Hosts = append(b.plan.Hosts, h)
	return Ref{Core: -1, Host: len(b.plan.Hosts) - 1}
}

func (b *moduleBuilder) lower(imp types.CoreImport) (Ref, error) {
	instance, key := imp.Module, imp.Module+"\n"+imp.Name
	if imp.Module == "$root" {
		instance, key = "", imp.Name
	}
	t, ok := b.imported[key].Type.(*types.Func)
	if !ok {
		return Ref{}, errors.New("there is no such function in the module's world")
	}
	f := &Func{Type: types.Subst(t, b.resources).(*types.Func), Instance: -1}
	f.Import = &Import{Instance: instance, Name: imp.Name, Type: f.Type}
	b.addFunc(f)
	b.plan.Imports = append(b.plan.Imports, *f.Import)
	h := Host{Kind: Lower, Canon: binary.CanonLower, Func: f, Core: types.FlatFunc(f.Type, types.Lower)}
	if !imp.Type.Func.Equal(h.Core) {
		return Ref{}, fmt.Errorf("it has type %s, must be %s", imp.Type.Func, h.Core)
	}
	if f.Type.Async {
		b.refuse("it lowers a function as asynchronous, which is not supported yet")
	}
	var err error
	h.Options, err = b.moduleOptions(f.Type, types.Lower)
	return b.host(h), err
}

// moduleOptions finds the memory and allocator of the module by their names.
func (b *moduleBuilder) moduleOptions(f *types.Func, d types.Direction) (Options, error) {
	var o Options
	needMemory, needRealloc := validate.Needs(f, d)
	if name := b.exported(types.CoreSortMemory, "memory"); name != "" {
		o.Memory = &Ref{Name: name}
	} else if needMemory || needRealloc {
		return o, errors.New("the module exports no memory for its values")
	}
	want := types.CoreFunc{Params: []types.CoreType{types.I32, types.I32, types.I32, types.I32}, Results: []types.CoreType{types.I32}}
	if t, ok := b.cores[b.reallocName]; ok && t.Sort == types.CoreSortFunc && t.Func.Equal(want) {
		o.Realloc = &Ref{Name: b.reallocName}
	} else if needRealloc {
		return o, fmt.Errorf("the module exports no %s for its values", b.reallocName)
	}
	return o, nil
}

// exports lifts what the world exports.
func (b *moduleBuilder) exports(w *types.Component) error {
	for _, e := range w.Exports {
		x := Export{Name: e.Name, Sort: e.Sort}
		switch t := e.Type.(type) {
		case *types.Func:
			f, err := b.lift(e.Name, t)
			if err != nil {
				return fmt.Errorf("export %q: %w", e.Name, err)
			}
			x.Func = f
		case *types.Instance:
			for _, i := range t.Exports {
				ft, ok := i.Type.(*types.Func)
				if !ok || i.Sort != types.SortFunc {
					continue
				}
				if b.old != nil && b.supplied[e.Name+"#"+i.Name] == "" {
					continue
				}
				f, err := b.lift(e.Name+"#"+i.Name, ft)
				if err != nil {
					return fmt.Errorf("export %q: %w", e.Name+"#"+i.Name, err)
				}
				x.Instance = append(x.Instance, Export{Name: i.Name, Sort: i.Sort, Func: f})
			}
		}
		if x.Func != nil || x.Instance != nil || b.old == nil {
			b.plan.Exports = append(b.plan.Exports, x)
		}
	}
	return nil
}

func (b *moduleBuilder) lift(name string, t *types.Func) (*Func, error) {
	if now, ok := b.supplied[name]; ok {
		name = now
	}
	f := &Func{Type: types.Subst(t, b.resources).(*types.Func), Core: Ref{Name: name}, CoreType: types.FlatFunc(t, types.Lift)}
	have, ok := b.cores[name]
	if !ok || have.Sort != types.CoreSortFunc {
		return nil, errors.New("the module does not export the function")
	}
	if !have.Func.Equal(f.CoreType) {
		return nil, fmt.Errorf("it has type %s, must be %s", have.Func, f.CoreType)
	}
	if t.Async {
		b.refuse("it lifts a function as asynchronous, which is not supported yet")
	}
	var err error
	if f.Options, err = b.moduleOptions(f.Type, types.Lift); err != nil {
		return nil, err
	}
	post := "cabi_post_" + name
	if t, ok := b.cores[post]; ok {
		if want := (types.CoreFunc{Params: f.CoreType.Results}); t.Sort != types.CoreSortFunc || !t.Func.Equal(want) {
			return nil, fmt.Errorf("%s must be a function of type %s", post, want)
		}
		f.Options.PostReturn = &Ref{Name: post}
	}
	b.addFunc(f)
	return f, nil
}
