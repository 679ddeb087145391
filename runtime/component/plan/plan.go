// Package plan turns a validated component into a flat list of what to do to
// instantiate it.
//
// Nested components, aliases and bundles of items disappear here: what is left
// are core modules in the order of their instantiation, each import of theirs
// resolved to the one core instance or host function that supplies it. A plan
// is made once, does not change, and prints as text, so that linking can be
// reviewed as a diff.
package plan

import (
	"github.com/neutrino-local/neutrino-local/runtime/component/binary"
	"github.com/neutrino-local/neutrino-local/runtime/component/rewrite"
	"github.com/neutrino-local/neutrino-local/runtime/component/types"
)

// A Plan says how to instantiate one component.
type Plan struct {
	Instances []Instance // component instances; the root is 0
	Cores     []Core     // core instances, in order
	Hosts     []Host     // core functions that the host supplies
	Funcs     []*Func    // component functions that hosts or exports call
	Resources []Resource // of the component's own definition
	Imports   []Import   // functions that the host must implement
	Borrowed  []Foreign  // resources that the host must define
	Exports   []Export
	Refused   []string // sentences: why the component cannot be instantiated here
}

// An Instance is a component instance: its own handle table and state.
type Instance struct{ Parent int } // -1 for the root

// A Core is a core module to be instantiated.
type Core struct {
	Module   *rewrite.Module
	Def      *binary.Module
	Number   int // of the module, in order of first use
	Instance int // component instance that it belongs to
	Imports  []Ref
	Init     string // exported function to be called when the instance is made; empty: none
}

// A Ref is a core item: an export of a core instance, or a host function.
type Ref struct {
	Core int // -1: Host
	Name string
	Host int
}

// OnHost reports whether r is a host function.
func (r Ref) OnHost() bool { return r.Core < 0 }

// HostKind says what a host function does.
type HostKind uint8

// Kinds of host functions.
const (
	Lower HostKind = iota + 1
	ResourceNew
	ResourceDrop
	ResourceRep
	Unsupported // traps when called
	External    // of a module that the engine knows by its name
)

// A Host is a core function that a canonical definition makes.
type Host struct {
	Kind     HostKind
	Canon    binary.CanonOp
	Instance int // that it belongs to
	Core     types.CoreFunc
	Func     *Func           // Lower
	Options  Options         // Lower
	Resource *types.Resource // ResourceNew, ResourceDrop, ResourceRep
	Module   string          // External
	Name     string          // External
}

// Options are canonical options with their core items found.
type Options struct {
	Encoding                    binary.Encoding
	Memory, Realloc, PostReturn *Ref
	Async                       bool
	Callback                    *Ref
}

// A Func is a component function: imported from the host, or lifted from core
// code.
type Func struct {
	Number   int // in Plan.Funcs
	Type     *types.Func
	Import   *Import // nil: lifted
	Instance int
	Core     Ref
	CoreType types.CoreFunc
	Options  Options
}

// An Import is a function that the host must implement.
type Import struct {
	Instance string // empty: the component imports the function itself
	Name     string
	Type     *types.Func
}

// A Foreign is a resource type that the host must define.
type Foreign struct {
	Instance, Name string
	Type           *types.Resource
}

// A Resource is a resource type of one component instance.
type Resource struct {
	Type     *types.Resource
	Instance int
	Dtor     *Ref
}

// An Export is what the component exports under a name; exactly one of Func
// and Instance is set, or neither for what cannot be called.
type Export struct {
	Name     string
	Sort     types.Sort
	Func     *Func
	Instance []Export
}

// Bounds of a plan.
const (
	maxInstances = 1000
	maxCores     = 1000
	maxWork      = 300_000
)

// A Resolver returns the host's resource type for one that is imported, or nil
// if there is none.
type Resolver func(instance, name string) *types.Resource
