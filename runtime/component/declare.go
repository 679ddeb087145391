package component

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/neutrino-local/neutrino-local/runtime/component/binary"
	"github.com/neutrino-local/neutrino-local/runtime/component/plan"
	"github.com/neutrino-local/neutrino-local/runtime/component/rewrite"
	"github.com/neutrino-local/neutrino-local/runtime/component/types"
	"github.com/neutrino-local/neutrino-local/runtime/component/validate"
)

// Declare gives what l offers its types: wit is a WIT package in binary form,
// as "wasm-tools component wit --wasm" writes it, whose interfaces are declared
// and the imports of whose worlds. A component that imports a function or type
// that is declared, with another type, is refused when it is linked; the names of
// parameters do not count. What is not declared is checked value by value when it
// is called.
func (l *Linker) Declare(wit []byte) error {
	def, err := binary.Decode(wit)
	if err != nil {
		return fmt.Errorf("WIT package: %w", err)
	}
	info, err := validate.Component(def)
	if err != nil {
		return fmt.Errorf("WIT package: %w", err)
	}
	for _, e := range info.Type.Exports {
		// An interface is a component type that exports the interface; a world
		// one that exports a component type.
		if t, ok := e.Type.(*types.Component); ok {
			l.declare(t, t.Exports)
			for _, e := range t.Exports {
				if world, ok := e.Type.(*types.Component); ok {
					l.declare(world, world.Imports)
				}
			}
		}
	}
	return nil
}

// MustDeclare is Declare for a package that is embedded in the program, and so
// cannot be wrong: it panics if it is.
func (l *Linker) MustDeclare(wit []byte) {
	if err := l.Declare(wit); err != nil {
		panic(fmt.Sprintf("component: %v", err))
	}
}

// declare declares those of items that are interfaces; t is what they are in.
func (l *Linker) declare(t *types.Component, items []types.Named) {
	resources := map[*types.Resource]itemName{}
	for _, items := range [...][]types.Named{t.Imports, t.Exports} {
		for _, i := range items {
			in, ok := i.Type.(*types.Instance)
			if !ok || i.Sort != types.SortInstance {
				continue
			}
			for _, e := range in.Exports {
				if r, ok := e.Type.(*types.Resource); ok && e.Sub {
					resources[r] = itemName{types.Track(i.Name), e.Name}
				}
			}
		}
	}
	for _, i := range items {
		if in, ok := i.Type.(*types.Instance); ok && i.Sort == types.SortInstance {
			l.declared[types.Track(i.Name)] = declaration{in, resources}
		}
	}
}

// A declaration is an interface's type and the names of the abstract resources
// in it.
type declaration struct {
	instance  *types.Instance
	resources map[*types.Resource]itemName
}

// actual returns the declared type with the host's resources in it.
func (l *Linker) actual(d declaration) *types.Instance {
	b := types.Bindings{}
	for r, name := range d.resources {
		if h, ok := l.resources[name]; ok {
			b[r] = h.typ
		}
	}
	return types.Subst(d.instance, b).(*types.Instance)
}

// mistyped compares what a component imports with what is declared.
func (l *Linker) mistyped(t *types.Component) []Mistyped {
	var out []Mistyped
	m := types.NewMatcher(t.Imported)
	for _, i := range t.Imports {
		in, ok := i.Type.(*types.Instance)
		if !ok || i.Sort != types.SortInstance {
			continue
		}
		if _, isFunc := l.funcs[itemName{"", i.Name}]; isFunc {
			out = append(out, Mistyped{Name: i.Name, Reason: "expected instance, found func"})
			continue
		}
		d, ok := l.declared[types.Track(i.Name)]
		if !ok {
			bindUndeclared(l, m, i.Name, in)
			continue
		}
		have := l.actual(d)
		for _, e := range in.Exports {
			h, ok := have.Export(e.Name)
			if !ok {
				continue // missing, and listed as such if it is a function
			}
			if err := m.Extern(sameParams(h, e.Extern), e.Extern); err != nil {
				out = append(out, Mistyped{i.Name, e.Name, err.Error()})
			}
		}
	}
	return out
}

// mistypedFuncs compares the functions that a core module uses with what is
// declared.
func (l *Linker) mistypedFuncs(imports []plan.Import) []Mistyped {
	var out []Mistyped
	for _, i := range imports {
		d, ok := l.declared[types.Track(i.Instance)]
		if !ok {
			continue
		}
		h, ok := l.actual(d).Export(i.Name)
		if !ok {
			continue
		}
		want := types.Extern{Sort: types.SortFunc, Type: i.Type}
		if err := types.NewMatcher(nil).Extern(sameParams(h, want), want); err != nil {
			out = append(out, Mistyped{i.Instance, i.Name, err.Error()})
		}
	}
	return out
}

// sameParams gives a function the names of another's parameters: a host takes
// them by their places, and guests are written against interfaces restated with
// other names.
func sameParams(have, want types.Extern) types.Extern {
	h, ok := have.Type.(*types.Func)
	w, same := want.Type.(*types.Func)
	if !ok || !same || len(h.Params) != len(w.Params) {
		return have
	}
	f := *h
	f.Params = slices.Clone(h.Params)
	for i := range f.Params {
		f.Params[i].Name = w.Params[i].Name
	}
	have.Type = &f
	return have
}

// bindUndeclared puts the host's resources in the place of those of an
// interface that has no declaration: others may use them.
func bindUndeclared(l *Linker, m *types.Matcher, instance string, in *types.Instance) {
	for _, e := range in.Exports {
		if r, ok := e.Type.(*types.Resource); ok && e.Sub {
			if h := l.resolve(instance, e.Name); h != nil {
				m.Bound[r] = h
			}
		}
	}
}

// Check says as a *LinkError why a component could not be linked with l, or
// returns nil. It compiles nothing.
func (l *Linker) Check(wasm []byte) error {
	_, _, err := l.link(wasm)
	return err
}

// link does all of linking that needs no engine. It also returns the core
// modules.
func (l *Linker) link(wasm []byte) (*plan.Plan, []*rewrite.Module, error) {
	if binary.Sniff(wasm) == binary.LayerModule {
		return l.linkModule(wasm)
	}
	def, err := binary.Decode(wasm)
	if err != nil {
		return nil, nil, err
	}
	info, err := validate.Component(def)
	if err != nil {
		return nil, nil, err
	}
	p, err := plan.Build(def, info, l.resolve)
	if err != nil {
		return nil, nil, err
	}
	return p, slices.Collect(maps.Values(info.Modules)), l.check(p, info.Type)
}

// linkModule links a core module that has the names which bindings generators
// give imports and exports, and says in custom sections which world they are
// of. Toolchains that made no components of such modules left that to hosts.
func (l *Linker) linkModule(wasm []byte) (*plan.Plan, []*rewrite.Module, error) {
	m, err := rewrite.Parse(wasm)
	if err != nil {
		return nil, nil, err
	}
	worlds, err := l.worlds(m)
	if err != nil {
		return nil, nil, err
	}
	p, err := plan.BuildModule(m, worlds, l.resolve)
	if err != nil {
		return nil, nil, err
	}
	return p, []*rewrite.Module{m}, l.check(p, nil)
}

// Old has the names by which modules of another time know what is in a world,
// where those of today come from the world itself.
type Old = plan.Names

// Adopt lets l link core modules without a component-type section that export
// one of the functions which old names: their world is the one in wit, a package
// in binary form.
func (l *Linker) Adopt(wit []byte, old Old) error {
	w, err := plan.OldWorld(wit, &old)
	if err != nil {
		return fmt.Errorf("WIT package: %w", err)
	}
	l.old = append(l.old, w)
	return nil
}

// worlds reads the worlds of a core module, or finds the one that it must be of.
func (l *Linker) worlds(m *rewrite.Module) ([]plan.World, error) {
	worlds, err := plan.Worlds(m)
	if !errors.Is(err, plan.ErrNoWorld) {
		return worlds, err
	}
	for _, w := range l.old {
		if w.Describes(m) {
			return []plan.World{w}, nil
		}
	}
	return nil, err
}
