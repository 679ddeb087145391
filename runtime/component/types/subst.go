package types

import "slices"

// Subst returns t with resources replaced. Parts that name none of them are
// shared with t.
func Subst(t Type, b Bindings) Type {
	if len(b) == 0 {
		return t
	}
	return (&substitution{b: b, done: map[Type]Type{}}).typ(t)
}

// SubstExtern is Subst for the type of an import or export.
func SubstExtern(e Extern, b Bindings) Extern {
	if len(b) == 0 {
		return e
	}
	return (&substitution{b: b, done: map[Type]Type{}}).extern(e)
}

// Specialize returns the exports of a component with what m found out about
// its imports put in, and b.
func (m *Matcher) Specialize(exports []Named, b Bindings) []Named {
	s := &substitution{b: b, done: map[Type]Type{}, renamed: len(m.Renamed) > 0}
	for from, to := range m.Renamed {
		s.done[from] = to
	}
	return s.all(exports)
}

type substitution struct {
	b    Bindings
	done map[Type]Type // each type is rebuilt once, so shared parts stay shared

	renamed bool // types without resources may change too
}

func (s *substitution) typ(t Type) Type {
	if to, ok := s.done[t]; ok {
		return to
	}
	to := s.build(t)
	s.done[t] = to
	return to
}

func (s *substitution) build(t Type) Type {
	switch t := t.(type) {
	case *Resource:
		if r, ok := s.b[t]; ok {
			return r
		}
	case *Value:
		if t.resource || s.renamed {
			return s.value(t)
		}
	case *Func:
		if t.resource || s.renamed {
			f := *t
			f.Params = s.fields(t.Params)
			f.Result = s.optional(t.Result)
			return &f
		}
	case *Instance:
		if t.resource || s.renamed {
			i := *t
			i.Exports = s.all(t.Exports)
			return &i
		}
	case *Component:
		if t.resource || s.renamed {
			c := *t
			c.Imports, c.Exports = s.all(t.Imports), s.all(t.Exports)
			return &c
		}
	}
	return t
}

func (s *substitution) value(t *Value) *Value {
	v := *t // the layout does not depend on which resource it is
	if v.Resource != nil {
		v.Resource = s.typ(v.Resource).(*Resource)
	}
	v.Fields = s.fields(t.Fields)
	if t.Cases != nil {
		v.Cases = make([]Case, len(t.Cases))
		for i, c := range t.Cases {
			v.Cases[i] = Case{c.Name, s.optional(c.Type)}
		}
	}
	v.Key, v.Elem, v.Err = s.optional(t.Key), s.optional(t.Elem), s.optional(t.Err)
	if same(&v, t) {
		return t // its identity, which may be a name, stays
	}
	return &v
}

func same(a, b *Value) bool {
	return a.Resource == b.Resource && a.Key == b.Key && a.Elem == b.Elem && a.Err == b.Err &&
		slices.Equal(a.Fields, b.Fields) && slices.Equal(a.Cases, b.Cases)
}

func (s *substitution) fields(fields []Field) []Field {
	if fields == nil {
		return nil
	}
	out := make([]Field, len(fields))
	for i, f := range fields {
		out[i] = Field{f.Name, s.optional(f.Type)}
	}
	return out
}

func (s *substitution) optional(v *Value) *Value {
	if v == nil {
		return nil
	}
	return s.typ(v).(*Value)
}

func (s *substitution) extern(e Extern) Extern {
	if e.Type != nil {
		e.Type = s.typ(e.Type)
	}
	return e
}

func (s *substitution) all(items []Named) []Named {
	out := make([]Named, len(items))
	for i, n := range items {
		out[i] = Named{n.Name, s.extern(n.Extern)}
	}
	return out
}
