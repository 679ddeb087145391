package types

import "fmt"

// Bindings say which actual resource stands for an abstract one.
type Bindings map[*Resource]*Resource

// A Matcher compares actual types with expected ones. Resources of the
// expected side that are open are bound to what the actual side supplies the
// first time a name introduces them.
type Matcher struct {
	Bound Bindings
	// Renamed has, for each value type that the expected side names, the type
	// that it is named after on the actual side.
	Renamed map[*Value]*Value
	open    map[*Resource]bool
	equal   map[[2]*Value]bool // pairs already found equal
}

// NewMatcher returns a matcher in which the given resources are open.
func NewMatcher(open []*Resource) *Matcher {
	m := &Matcher{Bound: Bindings{}, Renamed: map[*Value]*Value{}, open: make(map[*Resource]bool, len(open)), equal: map[[2]*Value]bool{}}
	for _, r := range open {
		m.open[r] = true
	}
	return m
}

func (m *Matcher) resource(r *Resource) *Resource {
	if to, ok := m.Bound[r]; ok {
		return to
	}
	return r
}

// Extern checks that an item of type actual may stand where one of type want
// is expected.
func (m *Matcher) Extern(actual, want Extern) error {
	if actual.Sort != want.Sort {
		return fmt.Errorf("expected %s, found %s", want.Sort, actual.Sort)
	}
	switch want.Sort {
	case SortModule:
		return actual.Module.Matches(want.Module)
	case SortFunc:
		return m.function(actual.Type.(*Func), want.Type.(*Func))
	case SortValue:
		return m.value(actual.Type.(*Value), want.Type.(*Value))
	case SortInstance:
		return m.Instance(actual.Type.(*Instance), want.Type.(*Instance))
	case SortComponent:
		return m.component(actual.Type.(*Component), want.Type.(*Component))
	}
	return m.typeBound(actual, want)
}

func (m *Matcher) typeBound(actual, want Extern) error {
	r, isResource := want.Type.(*Resource)
	if want.Sub && isResource && m.open[r] {
		if _, bound := m.Bound[r]; !bound {
			a, ok := actual.Type.(*Resource)
			if !ok {
				return fmt.Errorf("expected resource, found %s", Describe(actual.Type))
			}
			m.Bound[r] = a
			return nil
		}
	}
	if err := m.Type(actual.Type, want.Type); err != nil {
		return err
	}
	if w, ok := want.Type.(*Value); ok {
		m.Renamed[w] = actual.Type.(*Value)
	}
	return nil
}

// Type checks that two types are equal.
func (m *Matcher) Type(actual, want Type) error {
	switch w := want.(type) {
	case *Resource:
		a, ok := actual.(*Resource)
		if !ok {
			return fmt.Errorf("expected resource, found %s", Describe(actual))
		}
		if a != m.resource(w) {
			return fmt.Errorf("resource types are not the same: expected %s, found %s", w.Name, a.Name)
		}
		return nil
	case *Value:
		if a, ok := actual.(*Value); ok {
			return m.value(a, w)
		}
	case *Func:
		if a, ok := actual.(*Func); ok {
			return m.function(a, w)
		}
	case *Instance:
		if a, ok := actual.(*Instance); ok {
			return m.Instance(a, w)
		}
	case *Component:
		if a, ok := actual.(*Component); ok {
			return m.component(a, w)
		}
	}
	return fmt.Errorf("expected %s, found %s", Describe(want), Describe(actual))
}

func (m *Matcher) function(a, w *Func) error {
	if a.Async != w.Async {
		return fmt.Errorf("expected %s, found %s", w, a)
	}
	if len(a.Params) != len(w.Params) {
		return fmt.Errorf("expected %d parameters, found %d", len(w.Params), len(a.Params))
	}
	for i, p := range w.Params {
		if a.Params[i].Name != p.Name {
			return fmt.Errorf("expected parameter named %q, found %q", p.Name, a.Params[i].Name)
		}
		if err := m.value(a.Params[i].Type, p.Type); err != nil {
			return fmt.Errorf("parameter %q: %w", p.Name, err)
		}
	}
	if (a.Result == nil) != (w.Result == nil) {
		return fmt.Errorf("expected %s, found %s", w, a)
	}
	if w.Result != nil {
		if err := m.value(a.Result, w.Result); err != nil {
			return fmt.Errorf("result: %w", err)
		}
	}
	return nil
}

// Instance checks that an instance of type a has all that w asks for.
func (m *Matcher) Instance(a, w *Instance) error {
	for _, r := range w.Fresh {
		m.open[r] = true
	}
	for _, e := range w.Exports {
		have, ok := a.Export(e.Name)
		if !ok {
			return fmt.Errorf("missing expected export %q", e.Name)
		}
		if err := m.Extern(have, e.Extern); err != nil {
			return fmt.Errorf("export %q: %w", e.Name, err)
		}
	}
	return nil
}

// component is contravariant in imports and covariant in exports.
func (m *Matcher) component(a, w *Component) error {
	w = Subst(w, m.Bound).(*Component)
	in := NewMatcher(a.Imported)
	for _, i := range a.Imports {
		k, ok := w.imports[i.Name]
		if !ok {
			return fmt.Errorf("component imports %q, which is not expected", i.Name)
		}
		if err := in.Extern(w.Imports[k].Extern, i.Extern); err != nil {
			return fmt.Errorf("import %q: %w", i.Name, err)
		}
	}
	out := NewMatcher(w.Fresh)
	for _, e := range w.Exports {
		have, ok := a.Export(e.Name)
		if !ok {
			return fmt.Errorf("component lacks expected export %q", e.Name)
		}
		if err := out.Extern(SubstExtern(have, in.Bound), e.Extern); err != nil {
			return fmt.Errorf("export %q: %w", e.Name, err)
		}
	}
	return nil
}

func (m *Matcher) value(a, w *Value) error {
	if a == w && !a.resource {
		return nil
	}
	if m.equal[[2]*Value{a, w}] {
		return nil
	}
	if a.Kind != w.Kind {
		return fmt.Errorf("expected %s, found %s", w.Kind, a.Kind)
	}
	if err := m.parts(a, w); err != nil {
		return err
	}
	m.equal[[2]*Value{a, w}] = true
	return nil
}

func (m *Matcher) parts(a, w *Value) error {
	if len(a.Fields) != len(w.Fields) || len(a.Cases) != len(w.Cases) || len(a.Labels) != len(w.Labels) || a.Length != w.Length {
		return fmt.Errorf("expected another %s: the number of its parts differs", w.Kind)
	}
	for i, f := range w.Fields {
		if a.Fields[i].Name != f.Name {
			return fmt.Errorf("expected %s field named %q, found %q", w.Kind, f.Name, a.Fields[i].Name)
		}
		if err := m.value(a.Fields[i].Type, f.Type); err != nil {
			return fmt.Errorf("field %q: %w", f.Name, err)
		}
	}
	for i, c := range w.Cases {
		if a.Cases[i].Name != c.Name {
			return fmt.Errorf("expected case named %q, found %q", c.Name, a.Cases[i].Name)
		}
		if err := m.optional(a.Cases[i].Type, c.Type); err != nil {
			return fmt.Errorf("case %q: %w", c.Name, err)
		}
	}
	for i, l := range w.Labels {
		if a.Labels[i] != l {
			return fmt.Errorf("expected %s label %q, found %q", w.Kind, l, a.Labels[i])
		}
	}
	if w.Resource != nil && a.Resource != m.resource(w.Resource) {
		return fmt.Errorf("resource types are not the same: expected %s, found %s", w.Resource.Name, a.Resource.Name)
	}
	for _, p := range [...][2]*Value{{a.Key, w.Key}, {a.Elem, w.Elem}, {a.Err, w.Err}} {
		if err := m.optional(p[0], p[1]); err != nil {
			return fmt.Errorf("%s: %w", w.Kind, err)
		}
	}
	return nil
}

func (m *Matcher) optional(a, w *Value) error {
	switch {
	case a == nil && w == nil:
		return nil
	case a == nil || w == nil:
		return fmt.Errorf("expected a type where there is none, or none where there is one")
	}
	return m.value(a, w)
}
