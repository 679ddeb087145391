package validate

import (
	"fmt"

	"github.com/neutrino-local/neutrino-local/runtime/component/types"
)

type scopeKind uint8

const (
	scopeComponent scopeKind = iota
	scopeComponentType
	scopeInstanceType
)

// A scope has the index spaces of a component, a component type or an
// instance type while its definitions are validated.
type scope struct {
	v      *validator
	parent *scope
	kind   scopeKind

	coreFuncs     []types.CoreFunc
	coreItems     map[types.CoreSort][]types.CoreExtern // tables, memories, globals, tags
	coreTypes     []coreType
	modules       []*types.CoreModule
	coreInstances []map[string]types.CoreExtern
	funcs         []*types.Func
	values        []*valueItem
	types         []types.Type
	components    []*types.Component
	instances     []*types.Instance

	imports, exports         []types.Named
	importNames, exportNames nameSet
	imported, fresh          []*types.Resource
	local                    map[*types.Resource]bool // defined here, by a resource type
	// Handles to resources of this component that were made before the resource
	// had a name: by the index of its definition, of which raw has all.
	unnamed map[*types.Value]bool
	raw     map[uint32]bool
	// Types that imports and exports may use because they have a name.
	importVisible, exportVisible map[types.Type]bool
}

type coreType struct {
	fn     *types.CoreFunc
	module *types.CoreModule
}

type valueItem struct {
	t    *types.Value
	used bool
}

func newScope(v *validator, parent *scope, kind scopeKind) *scope {
	unnamed := map[*types.Value]bool{}
	return &scope{
		v: v, parent: parent, kind: kind,
		unnamed:       unnamed,
		raw:           map[uint32]bool{},
		coreItems:     map[types.CoreSort][]types.CoreExtern{},
		importNames:   newNameSet(unnamed),
		exportNames:   newNameSet(unnamed),
		local:         map[*types.Resource]bool{},
		importVisible: map[types.Type]bool{},
		exportVisible: map[types.Type]bool{},
	}
}

func push[T any](space *[]T, item T, what string) error {
	if len(*space) >= maxItems {
		return fmt.Errorf("more than %d %s", maxItems, what)
	}
	*space = append(*space, item)
	return nil
}

func at[T any](space []T, i uint32, what string) (T, error) {
	if int64(i) >= int64(len(space)) {
		var zero T
		return zero, fmt.Errorf("unknown %s %d of %d", what, i, len(space))
	}
	return space[i], nil
}

// outer returns the scope count levels outward and whether the way there
// leaves a component.
func (s *scope) outer(count uint32) (target *scope, crosses bool, err error) {
	target = s
	for n := count; n > 0; n-- {
		crosses = crosses || target.kind == scopeComponent
		if target = target.parent; target == nil {
			return nil, false, fmt.Errorf("invalid outer alias count of %d", count)
		}
	}
	return target, crosses, nil
}

func (s *scope) coreItem(sort types.CoreSort, i uint32) (types.CoreExtern, error) {
	if sort == types.CoreSortFunc {
		f, err := at(s.coreFuncs, i, "core function")
		return types.CoreExtern{Sort: sort, Func: f}, err
	}
	return at(s.coreItems[sort], i, "core "+sort.String())
}

func (s *scope) pushCore(e types.CoreExtern) error {
	if e.Sort == types.CoreSortFunc {
		return push(&s.coreFuncs, e.Func, "core functions")
	}
	items := s.coreItems[e.Sort]
	err := push(&items, e, "core items")
	s.coreItems[e.Sort] = items
	return err
}

// externAt returns the type of an item of this scope.
func (s *scope) externAt(sort types.Sort, i uint32) (types.Extern, error) {
	e := types.Extern{Sort: sort}
	var err error
	switch sort {
	case types.SortModule:
		e.Module, err = at(s.modules, i, "core module")
	case types.SortFunc:
		e.Type, err = at(s.funcs, i, "function")
	case types.SortType:
		e.Type, err = at(s.types, i, "type")
	case types.SortComponent:
		e.Type, err = at(s.components, i, "component")
	case types.SortInstance:
		e.Type, err = at(s.instances, i, "instance")
	case types.SortValue:
		v, err := at(s.values, i, "value")
		if err != nil {
			return e, err
		}
		if v.used {
			return e, fmt.Errorf("value %d is used twice", i)
		}
		v.used = true
		e.Type = v.t
	default:
		err = fmt.Errorf("invalid sort %s", sort)
	}
	return e, err
}

// pushExtern adds an item of type e to its index space.
func (s *scope) pushExtern(e types.Extern) error {
	switch e.Sort {
	case types.SortModule:
		return push(&s.modules, e.Module, "core modules")
	case types.SortFunc:
		return push(&s.funcs, e.Type.(*types.Func), "functions")
	case types.SortValue:
		return push(&s.values, &valueItem{t: e.Type.(*types.Value)}, "values")
	case types.SortType:
		return push(&s.types, e.Type, "types")
	case types.SortComponent:
		return push(&s.components, e.Type.(*types.Component), "components")
	}
	return push(&s.instances, e.Type.(*types.Instance), "instances")
}

// maxWeight bounds all types of a component together, and with them the time
// that validation takes. Real components weigh some 20,000 at most.
const maxWeight = 500_000

// charge counts what types weigh, each time that they are walked over.
func (v *validator) charge(weight int) error {
	if v.weight += weight; v.weight > maxWeight {
		return fmt.Errorf("types of the component are too large together")
	}
	return nil
}
