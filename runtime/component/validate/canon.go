package validate

import (
	"errors"
	"fmt"

	"github.com/neutrino-local/neutrino-local/runtime/component/binary"
	"github.com/neutrino-local/neutrino-local/runtime/component/types"
)

var (
	i32          = types.I32
	sigRealloc   = types.CoreFunc{Params: []types.CoreType{i32, i32, i32, i32}, Results: []types.CoreType{i32}}
	sigCallback  = types.CoreFunc{Params: []types.CoreType{i32, i32, i32}, Results: []types.CoreType{i32}}
	sigThreadFun = types.CoreFunc{Params: []types.CoreType{i32}}
)

func (s *scope) canon(n *binary.Canon) error {
	if s.kind != scopeComponent {
		return errors.New("canonical definitions are only allowed in a component")
	}
	switch n.Op {
	case binary.CanonLift:
		return s.lift(n)
	case binary.CanonLower:
		return s.lower(n)
	case binary.CanonResourceNew, binary.CanonResourceDrop, binary.CanonResourceRep:
		return s.resourceCanon(n)
	}
	f, err := s.asyncCanon(n)
	if err != nil {
		return fmt.Errorf("%s: %w", n.Op, err)
	}
	s.v.info.Core[n] = f
	return push(&s.coreFuncs, f, "core functions")
}

func (s *scope) resourceCanon(n *binary.Canon) error {
	r, err := s.resource(n.Type)
	if err != nil {
		return err
	}
	if n.Op != binary.CanonResourceDrop && !s.local[r] {
		return fmt.Errorf("%s: type %d is not a resource of this component", n.Op, n.Type)
	}
	f := types.CoreFunc{Params: []types.CoreType{i32}, Results: []types.CoreType{i32}}
	if n.Op == binary.CanonResourceDrop {
		f.Results = nil
	}
	s.v.info.Resources[n] = r
	s.v.info.Core[n] = f
	return push(&s.coreFuncs, f, "core functions")
}

func (s *scope) lift(n *binary.Canon) error {
	t, err := at(s.types, n.Type, "type")
	if err != nil {
		return err
	}
	f, ok := t.(*types.Func)
	if !ok {
		return fmt.Errorf("type %d is not a function type", n.Type)
	}
	core, err := at(s.coreFuncs, n.Func, "core function")
	if err != nil {
		return err
	}
	o := n.Options
	if err := s.liftOptions(f, o); err != nil {
		return err
	}
	want := types.FlatFunc(f, types.Lift)
	if o.Async {
		want = types.FlatFuncAsync(f, types.Lift, o.Callback != nil)
	}
	if !core.Equal(want) {
		return fmt.Errorf("lifted function must have core type %s, has %s", want, core)
	}
	if o.PostReturn != nil {
		if err := s.optionFunc("post-return", *o.PostReturn, types.CoreFunc{Params: want.Results}); err != nil {
			return err
		}
	}
	s.v.info.Funcs[n], s.v.info.Core[n] = f, core
	return push(&s.funcs, f, "functions")
}

func (s *scope) liftOptions(f *types.Func, o binary.Options) error {
	need := liftNeeds(f, o.Async)
	switch {
	case o.Async && !f.Async:
		return errors.New("canonical option async needs an async function type")
	case o.Async && o.PostReturn != nil:
		return errors.New("canonical options async and post-return exclude each other")
	case o.Callback != nil && !o.Async:
		return errors.New("canonical option callback needs async")
	}
	if o.Callback != nil {
		if err := s.optionFunc("callback", *o.Callback, sigCallback); err != nil {
			return err
		}
	}
	return s.options(o, need)
}

func (s *scope) lower(n *binary.Canon) error {
	f, err := at(s.funcs, n.Func, "function")
	if err != nil {
		return err
	}
	o := n.Options
	switch {
	case o.PostReturn != nil:
		return errors.New("canonical option post-return is not allowed for lower")
	case o.Callback != nil:
		return errors.New("canonical option callback is not allowed for lower")
	case o.Async && !f.Async:
		return errors.New("canonical option async needs an async function type")
	}
	core := types.FlatFunc(f, types.Lower)
	if o.Async {
		core = types.FlatFuncAsync(f, types.Lower, false)
	}
	if err := s.options(o, lowerNeeds(f, o.Async)); err != nil {
		return err
	}
	s.v.info.Funcs[n], s.v.info.Core[n] = f, core
	return push(&s.coreFuncs, core, "core functions")
}

// needs says which options a type makes necessary.
type needs struct{ memory, realloc bool }

// Needs says which options the synchronous ABI needs for functions of type f.
func Needs(f *types.Func, d types.Direction) (memory, realloc bool) {
	n := liftNeeds(f, false)
	if d == types.Lower {
		n = lowerNeeds(f, false)
	}
	return n.memory, n.realloc
}

func liftNeeds(f *types.Func, async bool) (n needs) {
	for _, p := range f.Params {
		n.realloc = n.realloc || p.Type.InMemory()
	}
	if _, spills := types.FlattenFields(f.Params); spills {
		n.realloc = true
	}
	most := 1
	if async {
		most = types.MaxFlat
	}
	if r := f.Result; r != nil {
		n.memory = r.InMemory() || r.Spills || len(r.Flat) > most
	}
	return n
}

func lowerNeeds(f *types.Func, async bool) (n needs) {
	n.memory = async && f.Result != nil
	for _, p := range f.Params {
		n.memory = n.memory || p.Type.InMemory()
	}
	if flat, spills := types.FlattenFields(f.Params); spills || async && len(flat) > types.MaxFlatAsync {
		n.memory = true
	}
	if r := f.Result; r != nil {
		n.realloc = r.InMemory()
		n.memory = n.memory || r.Spills || len(r.Flat) > 1
	}
	return n
}

func (s *scope) options(o binary.Options, need needs) error {
	if o.Memory != nil {
		if err := s.memory(*o.Memory); err != nil {
			return err
		}
	}
	if o.Realloc != nil {
		if o.Memory == nil {
			return errors.New("canonical option realloc needs memory")
		}
		if err := s.optionFunc("realloc", *o.Realloc, sigRealloc); err != nil {
			return err
		}
	}
	switch {
	case (need.memory || need.realloc) && o.Memory == nil:
		return errors.New("canonical option memory is required")
	case need.realloc && o.Realloc == nil:
		return errors.New("canonical option realloc is required")
	}
	return nil
}

func (s *scope) memory(i uint32) error {
	m, err := s.coreItem(types.CoreSortMemory, i)
	if err != nil {
		return err
	}
	if m.Limits.Is64 || m.Limits.Shared {
		return errors.New("canonical option memory must be a 32-bit memory that is not shared")
	}
	return nil
}

func (s *scope) optionFunc(name string, i uint32, want types.CoreFunc) error {
	f, err := at(s.coreFuncs, i, "core function")
	if err != nil {
		return err
	}
	if !f.Equal(want) {
		return fmt.Errorf("canonical option %s uses a core function of type %s, must be %s", name, f, want)
	}
	return nil
}
