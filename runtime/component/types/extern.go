package types

import "fmt"

// A Type is what an index in a component's type space stands for: *Value,
// *Func, *Instance, *Component or *Resource.
type Type interface{ isType() }

// A Resource is a resource type. Its identity is its address.
type Resource struct {
	Name string // for messages
	// Rep and Dtor describe a resource type that a component defines; an
	// imported one, and one of the host, has neither.
	Defined bool
}

func (*Resource) isType() {}

// A Func is the type of a component function; Result is nil for none.
type Func struct {
	Params []Field
	Result *Value
	Async  bool
	sum
}

func (*Func) isType() {}

// NewFunc checks f and completes it.
func NewFunc(f Func) (*Func, error) {
	if err := uniqueLabels("parameter", len(f.Params), func(i int) string { return f.Params[i].Name }); err != nil {
		return nil, err
	}
	if f.Result != nil && f.Result.borrow {
		return nil, fmt.Errorf("function result must not contain a borrow")
	}
	f.sum = sum{}
	for _, p := range f.Params {
		f.add(&p.Type.sum)
	}
	if f.Result != nil {
		f.add(&f.Result.sum)
	}
	if err := f.close(); err != nil {
		return nil, err
	}
	return &f, nil
}

// Sort says which index space of a component an item belongs to.
type Sort uint8

// Sorts of component items; SortModule is the one core sort among them.
const (
	SortModule Sort = iota + 1
	SortFunc
	SortValue
	SortType
	SortComponent
	SortInstance
)

// String returns the keyword of s.
func (s Sort) String() string {
	switch s {
	case SortModule:
		return "core module"
	case SortFunc:
		return "func"
	case SortValue:
		return "value"
	case SortType:
		return "type"
	case SortComponent:
		return "component"
	case SortInstance:
		return "instance"
	}
	return fmt.Sprintf("sort(%d)", uint8(s))
}

// An Extern is the type of an import or export. Type is the item's type; for
// SortType it is the type itself, and Sub says that it is a resource that is
// known only by this name (the bound "sub resource").
type Extern struct {
	Sort   Sort
	Type   Type
	Module *CoreModule // SortModule
	Sub    bool
}

func (e Extern) sum() *sum {
	switch t := e.Type.(type) {
	case *Value:
		return &t.sum
	case *Func:
		return &t.sum
	case *Instance:
		return &t.sum
	case *Component:
		return &t.sum
	case *Resource:
		return &sum{resource: true, weight: 1, depth: 1}
	}
	return &sum{weight: 1, depth: 1}
}

// Weight is how many parts the type has when it is written out in full.
func (e Extern) Weight() int {
	if e.Module != nil {
		return 1 + len(e.Module.Imports) + len(e.Module.Exports)
	}
	return e.sum().weight
}

// A Named is an Extern with its name.
type Named struct {
	Name string
	Extern
}

// An Instance is the type of a component instance.
type Instance struct {
	Exports []Named
	// Fresh are the resources that this type abstracts over: an instance of
	// the type brings its own. Empty in the type of an actual instance.
	Fresh []*Resource
	byName
	sum
}

func (*Instance) isType() {}

// A Component is the type of a component.
type Component struct {
	Imports, Exports []Named
	Imported         []*Resource // resources that an importer supplies
	Fresh            []*Resource // resources that each instance makes anew
	imports, exports byName
	sum
}

func (*Component) isType() {}

type byName map[string]int

func index(items []Named) byName {
	m := make(byName, len(items))
	for i, n := range items {
		m[n.Name] = i
	}
	return m
}

// NewInstance completes an instance type.
func NewInstance(exports []Named, fresh []*Resource) (*Instance, error) {
	t := &Instance{Exports: exports, Fresh: fresh, byName: index(exports)}
	for _, e := range exports {
		t.add(e.sum())
	}
	return t, t.close()
}

// NewComponent completes a component type.
func NewComponent(imports, exports []Named, imported, fresh []*Resource) (*Component, error) {
	t := &Component{Imports: imports, Exports: exports, Imported: imported, Fresh: fresh, imports: index(imports), exports: index(exports)}
	for _, e := range imports {
		t.add(e.sum())
	}
	for _, e := range exports {
		t.add(e.sum())
	}
	return t, t.close()
}

// Export returns the type of the export of that name.
func (t *Instance) Export(name string) (Extern, bool) {
	i, ok := t.byName[name]
	if !ok {
		return Extern{}, false
	}
	return t.Exports[i].Extern, true
}

// Export returns the type of the export of that name.
func (t *Component) Export(name string) (Extern, bool) {
	i, ok := t.exports[name]
	if !ok {
		return Extern{}, false
	}
	return t.Exports[i].Extern, true
}
