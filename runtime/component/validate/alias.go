package validate

import (
	"fmt"

	"github.com/neutrino-local/neutrino-local/runtime/component/binary"
	"github.com/neutrino-local/neutrino-local/runtime/component/types"
)

func (s *scope) alias(a *binary.Alias) error {
	switch a.Kind {
	case binary.AliasExport:
		return s.aliasExport(a)
	case binary.AliasCoreExport:
		return s.aliasCoreExport(a)
	}
	return s.aliasOuter(a)
}

func (s *scope) aliasExport(a *binary.Alias) error {
	sort := a.Sort.Sort
	if a.Sort.Core {
		if a.Sort.Of != types.CoreSortModule {
			return fmt.Errorf("instances do not export %s", a.Sort)
		}
		sort = types.SortModule
	}
	in, err := at(s.instances, a.Instance, "instance")
	if err != nil {
		return err
	}
	e, ok := in.Export(a.Name)
	if !ok {
		return fmt.Errorf("instance %d has no export named %q", a.Instance, a.Name)
	}
	if e.Sort != sort {
		return fmt.Errorf("export %q of instance %d is not a %s", a.Name, a.Instance, sort)
	}
	e.Sub = false // the alias is the same type, not a new one
	return s.pushExtern(e)
}

func (s *scope) aliasCoreExport(a *binary.Alias) error {
	if !a.Sort.Core || a.Sort.Of > types.CoreSortTag {
		return fmt.Errorf("core instances do not export %s", a.Sort)
	}
	in, err := at(s.coreInstances, a.Instance, "core instance")
	if err != nil {
		return err
	}
	e, ok := in[a.Name]
	if !ok {
		return fmt.Errorf("core instance %d has no export named %q", a.Instance, a.Name)
	}
	if e.Sort != a.Sort.Of {
		return fmt.Errorf("export %q of core instance %d is not a %s", a.Name, a.Instance, a.Sort)
	}
	return s.pushCore(e)
}

func (s *scope) aliasOuter(a *binary.Alias) error {
	target, crosses, err := s.outer(a.Count)
	if err != nil {
		return err
	}
	switch {
	case a.Sort == binary.CoreSort(types.CoreSortType):
		t, err := at(target.coreTypes, a.Index, "core type")
		if err != nil {
			return err
		}
		return push(&s.coreTypes, t, "core types")
	case a.Sort == binary.CoreSort(types.CoreSortModule):
		m, err := at(target.modules, a.Index, "core module")
		if err != nil {
			return err
		}
		return push(&s.modules, m, "core modules")
	case !a.Sort.Core && a.Sort.Sort == types.SortType:
		return s.outerType(target, a.Index, crosses)
	case !a.Sort.Core && a.Sort.Sort == types.SortComponent:
		c, err := at(target.components, a.Index, "component")
		if err != nil {
			return err
		}
		return push(&s.components, c, "components")
	}
	return fmt.Errorf("outer aliases of %s are not allowed", a.Sort)
}

func (s *scope) outerType(target *scope, i uint32, crosses bool) error {
	t, err := at(target.types, i, "type")
	if err != nil {
		return err
	}
	if crosses {
		types.Free(t, func(r *types.Resource) {
			err = fmt.Errorf("an outer type that refers to resource %s cannot be used in another component", r.Name)
		})
		if err != nil {
			return err
		}
	}
	return push(&s.types, t, "types")
}
