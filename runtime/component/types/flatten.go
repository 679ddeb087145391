package types

// A Direction tells the two uses of a function type apart.
type Direction uint8

// Lift is for functions that a component exports from core code, Lower for
// those that core code calls.
const (
	Lift Direction = iota
	Lower
)

// FlatFunc is flatten_functype of CanonicalABI.md for the synchronous ABI with
// a 32-bit memory: the signature of the core function.
func FlatFunc(f *Func, d Direction) CoreFunc {
	params, spilled := FlattenFields(f.Params)
	if spilled {
		params = []CoreType{I32}
	}
	if f.Result == nil {
		return CoreFunc{Params: params}
	}
	if !f.Result.Spills && len(f.Result.Flat) <= 1 {
		return CoreFunc{Params: params, Results: f.Result.Flat}
	}
	if d == Lift {
		return CoreFunc{Params: params, Results: []CoreType{I32}}
	}
	return CoreFunc{Params: append(params, I32)}
}

// MaxFlatAsync is MAX_FLAT_ASYNC_PARAMS.
const MaxFlatAsync = 4

// FlatFuncAsync is flatten_functype for the asynchronous ABI.
func FlatFuncAsync(f *Func, d Direction, callback bool) CoreFunc {
	params, spilled := FlattenFields(f.Params)
	if spilled || d == Lower && len(params) > MaxFlatAsync {
		params = []CoreType{I32}
	}
	if d == Lift {
		if callback {
			return CoreFunc{Params: params, Results: []CoreType{I32}}
		}
		return CoreFunc{Params: params}
	}
	if f.Result != nil {
		params = append(params, I32)
	}
	return CoreFunc{Params: params, Results: []CoreType{I32}}
}

// InMemory reports whether v has parts that live in memory even when flat.
func (v *Value) InMemory() bool {
	switch v.Kind {
	case String, List, Map:
		return true
	case Stream, Future:
		return false
	}
	for p := range v.Parts {
		if p.InMemory() {
			return true
		}
	}
	return false
}

// Free calls f for each resource that t names and does not bind itself.
func Free(t Type, f func(*Resource)) {
	(&freeWalk{f: f, seen: map[Type]bool{}, bound: map[*Resource]bool{}}).typ(t)
}

type freeWalk struct {
	f     func(*Resource)
	seen  map[Type]bool
	bound map[*Resource]bool
}

func (w *freeWalk) typ(t Type) {
	if t == nil || w.seen[t] {
		return
	}
	w.seen[t] = true
	switch t := t.(type) {
	case *Resource:
		if !w.bound[t] {
			w.f(t)
		}
	case *Value:
		if t.resource {
			w.value(t)
		}
	case *Func:
		for _, p := range t.Params {
			w.typ(p.Type)
		}
		if t.Result != nil {
			w.typ(t.Result)
		}
	case *Instance:
		w.bind(t.Fresh)
		w.items(t.Exports)
	case *Component:
		w.bind(t.Imported)
		w.bind(t.Fresh)
		w.items(t.Imports)
		w.items(t.Exports)
	}
}

// bind is for good: a resource is bound in one place only.
func (w *freeWalk) bind(rs []*Resource) {
	for _, r := range rs {
		w.bound[r] = true
	}
}

func (w *freeWalk) items(items []Named) {
	for _, e := range items {
		w.typ(e.Type)
	}
}

func (w *freeWalk) value(v *Value) {
	if v.Resource != nil {
		w.typ(v.Resource)
	}
	for p := range v.Parts {
		w.typ(p)
	}
}
