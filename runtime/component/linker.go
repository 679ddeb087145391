package component

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/neutrino-local/neutrino-local/runtime/component/abi"
	"github.com/neutrino-local/neutrino-local/runtime/component/plan"
	"github.com/neutrino-local/neutrino-local/runtime/component/types"
)

// A HostFunc implements a function of an interface. args are the parameters in
// order, the borrowed self of a method first; they belong to the function only
// until it returns, but what is got out of them (strings, bytes, resources)
// is its own. It returns the result, or the zero Value for none. An error is
// not a result: it traps, and ends the guest.
//
// A host function may block; it must heed c.Context.
type HostFunc func(c *Call, args []abi.Value) (abi.Value, error)

// A Linker is what a host offers to components: functions and resources by
// their WIT names. It must not change once a component has been compiled with
// it, and may then be used by many.
//
// Interfaces are named by their track: "wasi:io/streams@0.2" stands for every
// 0.2 version. A pre-release is a track of its own and is named in full, and so
// is an interface without a version. A function that a component imports by
// itself, outside of an interface, has the interface name "".
type Linker struct {
	funcs     map[itemName]HostFunc
	resources map[itemName]*hostResource
	declared  map[string]declaration // by track of the interface
	old       []plan.World           // of modules that do not say theirs
	slots     int
}

type itemName struct{ instance, name string }

func (n itemName) String() string {
	if n.instance == "" {
		return n.name
	}
	return n.instance + " " + n.name
}

type hostResource struct {
	typ  *types.Resource
	drop func(ctx context.Context, rep any) error
}

// NewLinker returns an empty linker.
func NewLinker() *Linker {
	return &Linker{funcs: map[itemName]HostFunc{}, resources: map[itemName]*hostResource{}, declared: map[string]declaration{}}
}

// Func offers fn as the function of that name: "get-random-bytes",
// "[method]input-stream.read", "[constructor]fields". Offering a name twice
// panics.
func (l *Linker) Func(instance, name string, fn HostFunc) {
	key := itemName{types.Track(instance), name}
	if _, dup := l.funcs[key]; dup {
		panic(fmt.Sprintf("component: %s is offered twice", key))
	}
	l.funcs[key] = fn
}

func (l *Linker) resource(instance, name string, r *hostResource) {
	key := itemName{types.Track(instance), name}
	if _, dup := l.resources[key]; dup {
		panic(fmt.Sprintf("component: resource %s is offered twice", key))
	}
	l.resources[key] = r
}

// A Resource is a resource type of the host whose resources are Go values of
// type T. All interfaces that offer it share the one type.
type Resource[T any] struct{ r *hostResource }

// NewResource offers a resource type. drop is called once for each resource,
// when the guest drops its handle or the instance that has it is closed; an
// error from it traps in the first case. nil is for nothing to do.
func NewResource[T any](l *Linker, instance, name string, drop func(ctx context.Context, rep T) error) Resource[T] {
	r := &hostResource{typ: &types.Resource{Name: name}}
	if drop != nil {
		r.drop = func(ctx context.Context, rep any) error { return drop(ctx, rep.(T)) }
	}
	l.resource(instance, name, r)
	return Resource[T]{r}
}

// Also offers the same resource type under another name, of a release
// candidate for example.
func (r Resource[T]) Also(l *Linker, instance, name string) { l.resource(instance, name, r.r) }

// Own makes a new resource and a handle that owns it, to be returned to a guest.
func (r Resource[T]) Own(rep T) abi.Value { return abi.Own(&abi.Resource{Type: r.r.typ, Host: rep}) }

// Of returns the resource that a guest's handle, owned or borrowed, is for. Of
// an owned one the host is the owner now, and drop is not called any more.
func (r Resource[T]) Of(v abi.Value) T {
	res := v.Resource()
	rep, ok := res.Host.(T)
	if !ok || res.Type != r.r.typ {
		panic(&abi.ShapeError{Have: "a handle to " + res.Type.Name, Want: "one to " + r.r.typ.Name})
	}
	return rep
}

// A Slot holds a host's own state in each instance.
type Slot[T any] struct{ i int }

// NewSlot reserves a slot in every instance of components that l links.
func NewSlot[T any](l *Linker) Slot[T] {
	l.slots++
	return Slot[T]{l.slots - 1}
}

// Get returns the state of the instance that c is a call of; the zero T if it
// was not set.
func (s Slot[T]) Get(c *Call) T { return s.In(c.task.inst) }

// In returns the state of in.
func (s Slot[T]) In(in *Instance) T {
	if in.state[s.i] == nil && in.late != nil && !in.isLate {
		in.isLate = true
		in.late(in)
	}
	v, _ := in.state[s.i].(T)
	return v
}

// Set gives in its state: in [InstanceConfig.Init], before guest code runs, or in
// [InstanceConfig.Late].
func (s Slot[T]) Set(in *Instance, v T) { in.state[s.i] = v }

// A Missing is something that a component imports and the host does not offer.
type Missing struct {
	Instance string // interface, as the component names it
	Name     string // function or resource
	Type     string // of a function
}

// A Mistyped is something that a component imports with another type than the
// host declares ([Linker.Declare]).
type Mistyped struct{ Instance, Name, Reason string }

// A LinkError says why a component that is valid cannot run here.
type LinkError struct {
	Missing  []Missing
	Mistyped []Mistyped
	Refused  []string // sentences
}

// Error lists all that is missing, by interface.
func (e *LinkError) Error() string {
	var parts []string
	for i, m := range e.Missing {
		switch {
		case m.Instance == "":
			parts = append(parts, fmt.Sprintf("no %s for the component's own import", m.Name))
		case i > 0 && e.Missing[i-1].Instance == m.Instance:
			parts[len(parts)-1] += ", " + m.Name
		default:
			parts = append(parts, fmt.Sprintf("%s: no %s", m.Instance, m.Name))
		}
	}
	for _, m := range e.Mistyped {
		parts = append(parts, fmt.Sprintf("%s %s has another type here: %s", m.Instance, m.Name, m.Reason))
	}
	return "component cannot run here: " + strings.Join(append(parts, e.Refused...), "; ")
}

// resolve returns the host's type for an imported resource.
func (l *Linker) resolve(instance, name string) *types.Resource {
	if r, ok := l.resources[itemName{types.Track(instance), name}]; ok {
		return r.typ
	}
	return nil
}

// check returns a *LinkError if the plan needs what l does not have.
// t is the component's type; nil for a core module, whose world also has what
// the module does not use.
func (l *Linker) check(p *plan.Plan, t *types.Component) error {
	e := &LinkError{Refused: slices.Clone(p.Refused)}
	if t != nil {
		e.Mistyped = l.mistyped(t)
	} else {
		e.Mistyped = l.mistypedFuncs(p.Imports)
	}
	for _, f := range p.Borrowed {
		if l.resolve(f.Instance, f.Name) == nil {
			e.Missing = append(e.Missing, Missing{Instance: f.Instance, Name: f.Name})
		}
	}
	for _, i := range p.Imports {
		if _, ok := l.funcs[itemName{types.Track(i.Instance), i.Name}]; !ok {
			e.Missing = append(e.Missing, Missing{i.Instance, i.Name, i.Type.String()})
		}
	}
	if len(e.Missing) == 0 && len(e.Mistyped) == 0 && len(e.Refused) == 0 {
		return nil
	}
	slices.SortStableFunc(e.Missing, func(a, b Missing) int { return strings.Compare(a.Instance, b.Instance) })
	return e
}
