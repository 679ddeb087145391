package validate

import (
	"errors"
	"fmt"

	"github.com/neutrino-local/neutrino-local/runtime/component/binary"
	"github.com/neutrino-local/neutrino-local/runtime/component/rewrite"
	"github.com/neutrino-local/neutrino-local/runtime/component/types"
)

func (s *scope) module(n *binary.Module) error {
	m, err := rewrite.Parse(n.Bytes)
	if err != nil {
		return err
	}
	seen := map[[2]string]bool{}
	for _, i := range m.Imports {
		key := [2]string{i.Module, i.Name}
		if seen[key] {
			return fmt.Errorf("duplicate import name %q %q", i.Module, i.Name)
		}
		seen[key] = true
	}
	s.v.info.Modules[n] = m
	return push(&s.modules, m.Type(), "core modules")
}

func (s *scope) coreInstance(n *binary.CoreInstance) error {
	exports := map[string]types.CoreExtern{}
	if n.Inline {
		for _, e := range n.Exports {
			if _, dup := exports[e.Name]; dup {
				return fmt.Errorf("export name %q conflicts with an earlier one", e.Name)
			}
			t, err := s.coreItem(e.Sort, e.Index)
			if err != nil {
				return fmt.Errorf("export %q: %w", e.Name, err)
			}
			exports[e.Name] = t
		}
		return push(&s.coreInstances, exports, "core instances")
	}
	m, err := at(s.modules, n.Module, "core module")
	if err != nil {
		return err
	}
	if err := s.v.charge(len(m.Imports) + len(m.Exports)); err != nil {
		return err
	}
	if err := s.coreArgs(n, m); err != nil {
		return err
	}
	for _, e := range m.Exports {
		exports[e.Name] = e.Type
	}
	return push(&s.coreInstances, exports, "core instances")
}

func (s *scope) coreArgs(n *binary.CoreInstance, m *types.CoreModule) error {
	args := map[string]map[string]types.CoreExtern{}
	for _, a := range n.Args {
		if _, dup := args[a.Name]; dup {
			return fmt.Errorf("argument %q is given twice", a.Name)
		}
		in, err := at(s.coreInstances, a.Instance, "core instance")
		if err != nil {
			return fmt.Errorf("argument %q: %w", a.Name, err)
		}
		args[a.Name] = in
	}
	for _, i := range m.Imports {
		in, ok := args[i.Module]
		if !ok {
			return fmt.Errorf("missing module instantiation argument named %q", i.Module)
		}
		e, ok := in[i.Name]
		if !ok {
			return fmt.Errorf("module instantiation argument %q does not export an item named %q", i.Module, i.Name)
		}
		if err := e.Matches(i.Type); err != nil {
			return fmt.Errorf("import %q %q: %w", i.Module, i.Name, err)
		}
	}
	return nil
}

func (s *scope) coreType(n *binary.CoreType) error {
	if n.Func != nil {
		return push(&s.coreTypes, coreType{fn: n.Func}, "core types")
	}
	if n.Module == nil {
		for range n.Group {
			if err := push(&s.coreTypes, coreType{}, "core types"); err != nil {
				return err
			}
		}
		return nil
	}
	m, err := s.moduleType(n.Module)
	if err != nil {
		return err
	}
	return push(&s.coreTypes, coreType{module: m}, "core types")
}

func (s *scope) moduleType(n *binary.CoreModuleType) (*types.CoreModule, error) {
	m := &types.CoreModule{}
	var funcs []types.CoreFunc // the module type's own type space
	imports, exports := map[[2]string]bool{}, map[string]bool{}
	for _, d := range n.Decls {
		switch {
		case d.Type != nil:
			funcs = append(funcs, *d.Type)
		case d.Alias != nil:
			f, err := s.outerCoreFunc(d.Alias, funcs)
			if err != nil {
				return nil, err
			}
			funcs = append(funcs, f)
		case d.Import != nil:
			key := [2]string{d.Import.Module, d.Import.Name}
			if imports[key] {
				return nil, fmt.Errorf("duplicate import name %q %q", key[0], key[1])
			}
			imports[key] = true
			t, err := coreExtern(d.Import.Type, funcs)
			if err != nil {
				return nil, err
			}
			m.Imports = append(m.Imports, types.CoreImport{Module: key[0], Name: key[1], Type: t})
		case d.Export != nil:
			if exports[d.Export.Name] {
				return nil, fmt.Errorf("duplicate export name %q", d.Export.Name)
			}
			exports[d.Export.Name] = true
			t, err := coreExtern(d.Export.Type, funcs)
			if err != nil {
				return nil, err
			}
			m.Exports = append(m.Exports, types.CoreExport{Name: d.Export.Name, Type: t})
		}
	}
	return m, nil
}

// outerCoreFunc finds the function type that a module type aliases; count 0
// is the module type itself, 1 the scope around it.
func (s *scope) outerCoreFunc(a *binary.CoreTypeAlias, own []types.CoreFunc) (types.CoreFunc, error) {
	if a.Count == 0 {
		return at(own, a.Index, "type")
	}
	target, _, err := s.outer(a.Count - 1)
	if err != nil {
		return types.CoreFunc{}, err
	}
	t, err := at(target.coreTypes, a.Index, "core type")
	if err != nil {
		return types.CoreFunc{}, err
	}
	if t.fn == nil {
		return types.CoreFunc{}, errors.New("a module type may not alias another module type")
	}
	return *t.fn, nil
}

func coreExtern(t binary.CoreExternType, funcs []types.CoreFunc) (types.CoreExtern, error) {
	e := t.CoreExtern
	if e.Sort != types.CoreSortFunc && e.Sort != types.CoreSortTag {
		return e, nil
	}
	f, err := at(funcs, t.TypeIndex, "type")
	e.Func = f
	if err == nil && e.Sort == types.CoreSortTag && len(f.Results) > 0 {
		err = errors.New("a tag has no results")
	}
	return e, err
}
