package validate

import (
	"fmt"

	"github.com/neutrino-local/neutrino-local/runtime/component/binary"
	"github.com/neutrino-local/neutrino-local/runtime/component/types"
)

func (s *scope) defineType(n *binary.Type) error {
	t, err := s.typeOf(n)
	if err != nil {
		return err
	}
	return push(&s.types, t, "types")
}

func (s *scope) typeOf(n *binary.Type) (types.Type, error) {
	switch {
	case n.Value != nil:
		return s.valueType(n.Value)
	case n.Func != nil:
		return s.funcType(n.Func)
	case n.Component != nil:
		return s.componentType(n.Component)
	case n.Instance != nil:
		return s.instanceType(n.Instance)
	}
	return s.resourceType(n)
}

func (s *scope) resourceType(n *binary.Type) (types.Type, error) {
	if s.kind != scopeComponent {
		return nil, fmt.Errorf("resources can only be defined within a concrete component")
	}
	if n.Resource.Rep != types.I32 {
		return nil, fmt.Errorf("resources can only be represented by i32")
	}
	if n.Resource.HasDtor {
		f, err := at(s.coreFuncs, n.Resource.Dtor, "core function")
		if err != nil {
			return nil, err
		}
		if want := (types.CoreFunc{Params: []types.CoreType{types.I32}}); !f.Equal(want) {
			return nil, fmt.Errorf("destructor has type %s, must be %s", f, want)
		}
	}
	r := &types.Resource{Name: fmt.Sprintf("resource%d", len(s.types)), Defined: true}
	s.local[r] = true
	s.raw[uint32(len(s.types))] = true
	s.fresh = append(s.fresh, r)
	s.v.info.Defined[n] = r
	return r, nil
}

// value resolves a reference to a value type.
func (s *scope) value(ref binary.ValRef) (*types.Value, error) {
	if ref.Prim != 0 {
		return types.Prim(ref.Prim), nil
	}
	t, err := at(s.types, ref.Index, "type")
	if err != nil {
		return nil, err
	}
	v, ok := t.(*types.Value)
	if !ok {
		return nil, fmt.Errorf("type %d is not a value type", ref.Index)
	}
	return v, nil
}

func (s *scope) optional(ref *binary.ValRef) (*types.Value, error) {
	if ref == nil {
		return nil, nil
	}
	return s.value(*ref)
}

func (s *scope) fields(refs []binary.FieldRef) ([]types.Field, error) {
	fields := make([]types.Field, len(refs))
	for i, f := range refs {
		t, err := s.value(f.Type)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", f.Name, err)
		}
		fields[i] = types.Field{Name: f.Name, Type: t}
	}
	return fields, nil
}

func (s *scope) valueType(n *binary.ValueType) (*types.Value, error) {
	if n.Kind.Primitive() {
		return types.Prim(n.Kind), nil
	}
	v := types.Value{Kind: n.Kind, Labels: n.Labels, Length: n.Length}
	var err error
	if n.Kind == types.Own || n.Kind == types.Borrow {
		if v.Resource, err = s.resource(n.Resource); err != nil {
			return nil, err
		}
	}
	if v.Fields, err = s.fields(n.Fields); err != nil {
		return nil, err
	}
	for _, c := range n.Cases {
		t, err := s.optional(c.Type)
		if err != nil {
			return nil, fmt.Errorf("case %q: %w", c.Name, err)
		}
		v.Cases = append(v.Cases, types.Case{Name: c.Name, Type: t})
	}
	for _, p := range [...]struct {
		to  **types.Value
		ref *binary.ValRef
	}{{&v.Key, n.Key}, {&v.Elem, n.Elem}, {&v.Err, n.Err}} {
		if *p.to, err = s.optional(p.ref); err != nil {
			return nil, err
		}
	}
	t, err := types.New(v)
	if err != nil {
		return nil, err
	}
	if v.Resource != nil && s.raw[n.Resource] {
		s.unnamed[t] = true
	}
	return t, s.v.charge(1 + len(n.Fields) + len(n.Cases) + len(n.Labels))
}

func (s *scope) resource(i uint32) (*types.Resource, error) {
	t, err := at(s.types, i, "type")
	if err != nil {
		return nil, err
	}
	r, ok := t.(*types.Resource)
	if !ok {
		return nil, fmt.Errorf("type %d is not a resource type", i)
	}
	return r, nil
}

func (s *scope) funcType(n *binary.FuncType) (*types.Func, error) {
	params, err := s.fields(n.Params)
	if err != nil {
		return nil, fmt.Errorf("parameter %w", err)
	}
	result, err := s.optional(n.Result)
	if err != nil {
		return nil, fmt.Errorf("result: %w", err)
	}
	return types.NewFunc(types.Func{Params: params, Result: result, Async: n.Async})
}

func (s *scope) componentType(n *binary.ComponentType) (*types.Component, error) {
	in := newScope(s.v, s, scopeComponentType)
	if err := in.declare(n.Decls); err != nil {
		return nil, err
	}
	return types.NewComponent(in.imports, in.exports, in.imported, in.fresh)
}

func (s *scope) instanceType(n *binary.InstanceType) (*types.Instance, error) {
	in := newScope(s.v, s, scopeInstanceType)
	if err := in.declare(n.Decls); err != nil {
		return nil, err
	}
	return types.NewInstance(in.exports, in.fresh)
}

func (s *scope) declare(decls []binary.Def) error {
	for _, d := range decls {
		if a, ok := d.Node.(*binary.Alias); ok {
			if err := allowedInType(a); err != nil {
				return locate(d, err)
			}
		}
		if err := s.define(d); err != nil {
			return locate(d, err)
		}
	}
	return nil
}

func allowedInType(a *binary.Alias) error {
	switch {
	case a.Kind == binary.AliasExport && !a.Sort.Core && (a.Sort.Sort == types.SortInstance || a.Sort.Sort == types.SortType):
		return nil
	case a.Kind == binary.AliasOuter && (a.Sort.Core && a.Sort.Of == types.CoreSortType || !a.Sort.Core && a.Sort.Sort == types.SortType):
		return nil
	}
	return fmt.Errorf("a type may not alias %s", a.Sort)
}

// externType resolves the declared type of an import or export, as a new
// item: what it abstracts over becomes new resources of this scope.
func (s *scope) externType(n binary.ExternType, name string, fresh *[]*types.Resource) (types.Extern, error) {
	e := types.Extern{Sort: n.Sort}
	switch {
	case n.Sort == types.SortModule:
		t, err := at(s.coreTypes, n.Index, "core type")
		if err != nil {
			return e, err
		}
		if t.module == nil {
			return e, fmt.Errorf("core type %d is not a module type", n.Index)
		}
		e.Module = t.module
		return e, nil
	case n.Sub:
		r := &types.Resource{Name: name}
		*fresh = append(*fresh, r)
		e.Type, e.Sub = r, true
		return e, nil
	case n.Sort == types.SortValue:
		if n.Value == nil {
			v, err := at(s.values, n.Index, "value")
			if err != nil {
				return e, err
			}
			e.Type = v.t
			return e, nil
		}
		t, err := s.value(*n.Value)
		e.Type = t
		return e, err
	}
	t, err := at(s.types, n.Index, "type")
	if err != nil {
		return e, err
	}
	return s.externOfType(e, t, n.Index, fresh)
}

func (s *scope) externOfType(e types.Extern, t types.Type, index uint32, fresh *[]*types.Resource) (types.Extern, error) {
	ok := false
	switch e.Sort {
	case types.SortFunc:
		_, ok = t.(*types.Func)
	case types.SortComponent:
		_, ok = t.(*types.Component)
	case types.SortInstance:
		var in *types.Instance
		if in, ok = t.(*types.Instance); ok {
			if err := s.v.charge(in.Weight()); err != nil {
				return e, err
			}
			b := types.Bindings{}
			*fresh = append(*fresh, renew(in.Fresh, b)...)
			opened := *(types.Subst(in, b).(*types.Instance))
			opened.Fresh = nil
			t = &opened
		}
	case types.SortType:
		ok = true
		if v, isValue := t.(*types.Value); isValue {
			named := *v // a type with a name of its own
			t = &named
		}
	}
	if !ok {
		return e, fmt.Errorf("type %d is not a %s type", index, e.Sort)
	}
	e.Type = t
	return e, s.v.charge(1)
}

// renew makes a new resource for each of rs and notes it in b.
func renew(rs []*types.Resource, b types.Bindings) []*types.Resource {
	var out []*types.Resource
	for _, r := range rs {
		n := &types.Resource{Name: r.Name}
		b[r] = n
		out = append(out, n)
	}
	return out
}
