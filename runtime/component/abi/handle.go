package abi

import (
	"github.com/neutrino-local/neutrino-local/runtime/component/types"
)

// A Resource is one resource: of a guest, by its representation, or of the
// host, by a Go value.
type Resource struct {
	Type *types.Resource
	Rep  uint32    // of a guest's resource
	Host any       // of a host's resource
	Home *Instance // that defines it; nil for the host
}

// maxHandles is Table.MAX_LENGTH of the specification, or less: a table that
// grows further only serves to fill the host's memory.
const maxHandles = 1 << 17

// A Table holds the handles of one component instance, of all resource types
// together. Index 0 is never used. Whatever else guests know by an index is to
// be another kind of slot, since all share their indices.
type Table struct {
	slots []slot
	free  []uint32 // last freed is used first
}

type slot struct {
	res   *Resource // nil: free
	scope *Scope    // of a borrow
	lends uint32
	own   bool
	in    bool
}

func (t *Table) add(s slot) (uint32, error) {
	s.in = true
	if n := len(t.free); n > 0 {
		i := t.free[n-1]
		t.free = t.free[:n-1]
		t.slots[i] = s
		return i, nil
	}
	if len(t.slots) == 0 {
		t.slots = append(t.slots, slot{})
	}
	if len(t.slots) > maxHandles {
		return 0, Trapf("handle table is full: %d handles", maxHandles)
	}
	t.slots = append(t.slots, s)
	return uint32(len(t.slots) - 1), nil
}

func (t *Table) at(i uint32) (*slot, error) {
	if uint64(i) >= uint64(len(t.slots)) || !t.slots[i].in {
		return nil, Trapf("unknown handle index %d", i)
	}
	return &t.slots[i], nil
}

// resource returns the slot of a handle to a resource of type rt.
func (t *Table) resource(i uint32, rt *types.Resource) (*slot, error) {
	s, err := t.at(i)
	if err != nil {
		return nil, err
	}
	if s.res == nil || s.res.Type != rt {
		return nil, Trapf("handle index %d is used with the wrong type, expected %s", i, rt.Name)
	}
	return s, nil
}

func (t *Table) remove(i uint32) {
	t.slots[i] = slot{}
	t.free = append(t.free, i)
}

// Len returns how many handles are in use.
func (t *Table) Len() int { return max(0, len(t.slots)-1) - len(t.free) }

// Clear empties the table and calls f for each resource that it owned.
func (t *Table) Clear(f func(*Resource)) {
	slots := t.slots
	t.slots, t.free = nil, nil
	for _, s := range slots {
		if s.in && s.own && s.res != nil {
			f(s.res)
		}
	}
}

// A Scope is what one call has lent and borrowed. Handles that were lent
// cannot be given away until the call ends; handles that a callee borrowed must
// be dropped when it returns.
type Scope struct {
	lent    []lender
	borrows int
	taken   []*Resource // of the host, out of the caller's table
}

// Taken returns the host's resources that the call has taken from its caller
// so far. If it traps before they have another owner, someone must drop them.
func (s *Scope) Taken() []*Resource { return s.taken }

// Pass notes that what was taken has another owner now.
func (s *Scope) Pass() {
	clear(s.taken)
	s.taken = s.taken[:0]
}

type lender struct {
	table *Table
	index uint32
}

// Release ends the loans of the call.
func (s *Scope) Release() {
	s.Pass()
	for _, l := range s.lent {
		if int(l.index) < len(l.table.slots) {
			l.table.slots[l.index].lends--
		}
	}
	s.lent = s.lent[:0]
}

// Returned traps if the callee kept borrows.
func (s *Scope) Returned() error {
	if s.borrows > 0 {
		return Trapf("borrow handles still remain at the end of the call: %d", s.borrows)
	}
	return nil
}

// New is resource.new: a handle to a new resource of in.
func (in *Instance) New(rt *types.Resource, rep uint32) (uint32, error) {
	if err := in.Leave(); err != nil {
		return 0, err
	}
	return in.Handles.add(slot{res: &Resource{Type: rt, Rep: rep, Home: in}, own: true})
}

// Rep is resource.rep.
func (in *Instance) Rep(rt *types.Resource, i uint32) (uint32, error) {
	s, err := in.Handles.resource(i, rt)
	if err != nil {
		return 0, err
	}
	return s.res.Rep, nil
}

// Drop is resource.drop without the destructor: if it returns a resource, the
// caller must destroy it.
func (in *Instance) Drop(rt *types.Resource, i uint32) (*Resource, error) {
	if err := in.Leave(); err != nil {
		return nil, err
	}
	s, err := in.Handles.resource(i, rt)
	if err != nil {
		return nil, err
	}
	if s.lends > 0 {
		return nil, Trapf("cannot drop handle %d: it is lent", i)
	}
	res, own := s.res, s.own
	if !own {
		s.scope.borrows--
		res = nil
	}
	in.Handles.remove(i)
	return res, nil
}

// liftOwn takes a handle out of the table.
func (cx *Context) liftOwn(i uint32, rt *types.Resource) (Value, error) {
	s, err := cx.Instance.Handles.resource(i, rt)
	if err != nil {
		return Value{}, err
	}
	if s.lends > 0 {
		return Value{}, Trapf("cannot transfer handle %d: it is lent", i)
	}
	if !s.own {
		return Value{}, Trapf("cannot transfer handle %d: it is a borrow", i)
	}
	v := Own(s.res)
	if s.res.Home == nil {
		cx.Scope.taken = append(cx.Scope.taken, s.res)
	}
	cx.Instance.Handles.remove(i)
	return v, nil
}

// liftBorrow lends a handle for the time of the call.
func (cx *Context) liftBorrow(i uint32, rt *types.Resource) (Value, error) {
	t := &cx.Instance.Handles
	s, err := t.resource(i, rt)
	if err != nil {
		return Value{}, err
	}
	s.lends++
	cx.Scope.lent = append(cx.Scope.lent, lender{t, i})
	return Borrow(s.res), nil
}

func (cx *Context) lowerHandle(v Value, rt *types.Resource, own bool) (uint32, error) {
	if v.kind != types.Own && v.kind != types.Borrow || v.ptr == nil {
		return 0, shapeTrap(v, "a handle to "+rt.Name)
	}
	r := (*Resource)(v.ptr)
	if r.Type != rt {
		return 0, Trapf("host error: handle is to %s, expected %s", r.Type.Name, rt.Name)
	}
	if r.Home != nil && r.Home.Root != cx.Instance.Root {
		return 0, Trapf("host error: %s belongs to another instance", rt.Name)
	}
	if own {
		if v.kind != types.Own {
			return 0, shapeTrap(v, "own "+rt.Name)
		}
		return cx.Instance.Handles.add(slot{res: r, own: true})
	}
	if r.Home == cx.Instance && r.Home != nil {
		return r.Rep, nil
	}
	cx.Scope.borrows++
	return cx.Instance.Handles.add(slot{res: r, scope: cx.Scope})
}

func shapeTrap(v Value, want string) error {
	have := "no value"
	if v.kind != 0 {
		have = v.kind.String()
	}
	return Trapf("host error: %w", &ShapeError{Have: have, Want: want})
}
