package validate

import (
	"fmt"

	"github.com/neutrino-local/neutrino-local/runtime/component/binary"
	"github.com/neutrino-local/neutrino-local/runtime/component/types"
)

// itemSort returns the sort that components know an item by.
func itemSort(s binary.Sort) (types.Sort, error) {
	if !s.Core {
		return s.Sort, nil
	}
	if s.Of == types.CoreSortModule {
		return types.SortModule, nil
	}
	return 0, fmt.Errorf("%s cannot be passed or exported, of core items only modules can", s)
}

func (s *scope) item(i binary.SortIndex) (types.Extern, error) {
	sort, err := itemSort(i.Sort)
	if err != nil {
		return types.Extern{}, err
	}
	return s.externAt(sort, i.Index)
}

func (s *scope) instance(n *binary.Instance) error {
	if n.Inline {
		return s.inlineInstance(n)
	}
	c, err := at(s.components, n.Component, "component")
	if err != nil {
		return err
	}
	args := make(map[string]types.Extern, len(n.Args))
	for _, a := range n.Args {
		if _, dup := args[a.Name]; dup {
			return fmt.Errorf("argument %q is given twice", a.Name)
		}
		e, err := s.item(a.SortIndex)
		if err != nil {
			return fmt.Errorf("argument %q: %w", a.Name, err)
		}
		args[a.Name] = e
	}
	t, inst, err := s.instantiate(c, args)
	if err != nil {
		return err
	}
	s.v.info.Instances[n] = inst
	return push(&s.instances, t, "instances")
}

// instantiate is the type of an instance of c made with args.
func (s *scope) instantiate(c *types.Component, args map[string]types.Extern) (*types.Instance, Instantiation, error) {
	if err := s.v.charge(c.Weight()); err != nil {
		return nil, Instantiation{}, err
	}
	m := types.NewMatcher(c.Imported)
	for _, i := range c.Imports {
		a, ok := args[i.Name]
		if !ok {
			return nil, Instantiation{}, fmt.Errorf("missing import named %q", i.Name)
		}
		if err := m.Extern(a, i.Extern); err != nil {
			return nil, Instantiation{}, fmt.Errorf("type mismatch for import %q: %w", i.Name, err)
		}
	}
	inst := Instantiation{Imported: types.Bindings{}, Fresh: types.Bindings{}}
	all := types.Bindings{}
	s.fresh = append(s.fresh, renew(c.Fresh, inst.Fresh)...)
	for _, r := range c.Imported {
		inst.Imported[r] = m.Bound[r]
		all[r] = m.Bound[r]
	}
	for from, to := range inst.Fresh {
		all[from] = to
	}
	t, err := types.NewInstance(m.Specialize(c.Exports, all), nil)
	return t, inst, err
}

func (s *scope) inlineInstance(n *binary.Instance) error {
	names := newNameSet(s.unnamed)
	var exports []types.Named
	visible := map[types.Type]bool{}
	for _, e := range n.Exports {
		x, err := s.item(e.SortIndex)
		if err != nil {
			return fmt.Errorf("export %q: %w", e.Name.Name, err)
		}
		if err := names.add(e.Name, x, visible); err != nil {
			return err
		}
		x.Sub = false
		exports = append(exports, types.Named{Name: e.Name.Name, Extern: x})
	}
	t, err := types.NewInstance(exports, nil)
	if err != nil {
		return err
	}
	return push(&s.instances, t, "instances")
}

func (s *scope) start(n *binary.Start) error {
	f, err := at(s.funcs, n.Func, "function")
	if err != nil {
		return err
	}
	if len(n.Args) != len(f.Params) {
		return fmt.Errorf("start function has %d parameters, %d arguments are given", len(f.Params), len(n.Args))
	}
	m := types.NewMatcher(nil)
	for i, a := range n.Args {
		e, err := s.externAt(types.SortValue, a)
		if err != nil {
			return err
		}
		if err := m.Type(e.Type, f.Params[i].Type); err != nil {
			return fmt.Errorf("argument %d: %w", i, err)
		}
	}
	results := uint32(0)
	if f.Result != nil {
		results = 1
	}
	if n.Results != results {
		return fmt.Errorf("start function has %d results, %d are declared", results, n.Results)
	}
	if f.Result != nil {
		return push(&s.values, &valueItem{t: f.Result}, "values")
	}
	return nil
}
