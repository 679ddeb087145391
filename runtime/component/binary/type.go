package binary

import "github.com/neutrino-local/neutrino-local/runtime/component/types"

// A ValRef is a value type by reference: primitive, or by index if Prim is 0.
type ValRef struct {
	Prim  types.Kind
	Index uint32
}

// A Type is one definition of the type section; exactly one field is set.
type Type struct {
	Value     *ValueType
	Func      *FuncType
	Component *ComponentType
	Instance  *InstanceType
	Resource  *ResourceType
}

// A ValueType is a value type whose parts are references.
type ValueType struct {
	Kind     types.Kind
	Fields   []FieldRef // record; tuple without names
	Cases    []CaseRef  // variant
	Labels   []string   // flags, enum
	Key      *ValRef
	Elem     *ValRef // list, option, ok of result, stream, future, map
	Err      *ValRef
	Length   uint32
	Resource uint32 // own, borrow: type index
}

// A FieldRef is a labelled reference.
type FieldRef struct {
	Name string
	Type ValRef
}

// A CaseRef is a case of a variant.
type CaseRef struct {
	Name string
	Type *ValRef
}

// A FuncType is a function type.
type FuncType struct {
	Async  bool
	Params []FieldRef
	Result *ValRef
}

// A ComponentType lists declarations: *CoreType, *Type, *Alias, *Import and
// *Export with Decl set.
type ComponentType struct{ Decls []Def }

// An InstanceType lists declarations; there are no imports among them.
type InstanceType struct{ Decls []Def }

// A ResourceType is a resource that the component itself defines.
type ResourceType struct {
	Rep     types.CoreType
	HasDtor bool
	Dtor    uint32 // core function index
}

func primOf(b byte) types.Kind {
	kinds := [...]types.Kind{
		types.Bool, types.S8, types.U8, types.S16, types.U16, types.S32, types.U32, types.S64, types.U64,
		types.F32, types.F64, types.Char, types.String,
	}
	switch {
	case b <= 0x7f && int(0x7f-b) < len(kinds):
		return kinds[0x7f-b]
	case b == 0x64:
		return types.ErrorContext
	}
	return 0
}

func (r *reader) valRef() ValRef {
	if b := r.peek(); b >= 0x40 && b <= 0x7f {
		at := r.offset()
		r.byte()
		k := primOf(b)
		if k == 0 {
			r.failAt(at, "invalid value type %#x", b)
		}
		return ValRef{Prim: k}
	}
	return ValRef{Index: r.typeIndex()}
}

func (r *reader) optionalRef() *ValRef {
	if !r.bool("optional type") {
		return nil
	}
	v := r.valRef()
	return &v
}

func (r *reader) ref() *ValRef {
	v := r.valRef()
	return &v
}

func (r *reader) fields() []FieldRef {
	return vec(r, func() FieldRef { return FieldRef{r.name(), r.valRef()} })
}

func (r *reader) typ() *Type {
	at := r.offset()
	b := r.byte()
	switch b {
	case 0x40, 0x43:
		return &Type{Func: &FuncType{Async: b == 0x43, Params: r.fields(), Result: r.results()}}
	case 0x41:
		t := &ComponentType{}
		r.nest(func() { t.Decls = r.decls(true) })
		return &Type{Component: t}
	case 0x42:
		t := &InstanceType{}
		r.nest(func() { t.Decls = r.decls(false) })
		return &Type{Instance: t}
	case 0x3f:
		t := &ResourceType{Rep: types.CoreType(r.byte()), HasDtor: r.bool("optional destructor")}
		if t.HasDtor {
			t.Dtor = r.u32()
		}
		return &Type{Resource: t}
	}
	return &Type{Value: r.valueType(at, b)}
}

func (r *reader) valueType(at int, b byte) *ValueType {
	switch b {
	case 0x72:
		return &ValueType{Kind: types.Record, Fields: r.fields()}
	case 0x71:
		return &ValueType{Kind: types.Variant, Cases: vec(r, func() CaseRef {
			c := CaseRef{r.name(), r.optionalRef()}
			if x := r.byte(); x != 0 {
				r.fail("invalid end of a variant case %#x", x)
			}
			return c
		})}
	case 0x70:
		return &ValueType{Kind: types.List, Elem: r.ref()}
	case 0x67:
		return &ValueType{Kind: types.FixedList, Elem: r.ref(), Length: r.u32()}
	case 0x6f:
		return &ValueType{Kind: types.Tuple, Fields: vec(r, func() FieldRef { return FieldRef{Type: r.valRef()} })}
	case 0x6e:
		return &ValueType{Kind: types.Flags, Labels: vec(r, r.name)}
	case 0x6d:
		return &ValueType{Kind: types.Enum, Labels: vec(r, r.name)}
	case 0x6b:
		return &ValueType{Kind: types.Option, Elem: r.ref()}
	case 0x6a:
		return &ValueType{Kind: types.Result, Elem: r.optionalRef(), Err: r.optionalRef()}
	case 0x69:
		return &ValueType{Kind: types.Own, Resource: r.u32()}
	case 0x68:
		return &ValueType{Kind: types.Borrow, Resource: r.u32()}
	case 0x66:
		return &ValueType{Kind: types.Stream, Elem: r.optionalRef()}
	case 0x65:
		return &ValueType{Kind: types.Future, Elem: r.optionalRef()}
	case 0x63:
		return &ValueType{Kind: types.Map, Key: r.ref(), Elem: r.ref()}
	}
	k := primOf(b)
	if k == 0 {
		r.failAt(at, "invalid type %#x", b)
	}
	return &ValueType{Kind: k}
}

func (r *reader) results() *ValRef {
	at := r.offset()
	switch b := r.byte(); b {
	case 0x00:
		return r.ref()
	case 0x01:
		if n := r.byte(); n != 0 {
			r.failAt(at, "a function has at most one result, and no named ones")
		}
	default:
		r.failAt(at, "invalid result list %#x", b)
	}
	return nil
}

func (r *reader) decls(imports bool) []Def {
	return vec(r, func() Def {
		d := Def{Offset: r.offset()}
		ok := r.err == nil
		switch b := r.byte(); {
		case b == 0x00:
			d.Place, d.Node = "core type", r.coreType()
		case b == 0x01:
			d.Place, d.Node = "type", r.typ()
		case b == 0x02:
			d.Place, d.Node = "alias", r.alias()
		case b == 0x03 && imports:
			i := &Import{r.externName(), r.externType()}
			d.Place, d.Node = "import "+i.Name.Name, i
		case b == 0x04:
			e := &Export{Decl: true, Name: r.externName()}
			t := r.externType()
			e.Type = &t
			d.Place, d.Node = "export "+e.Name.Name, e
		default:
			r.failAt(d.Offset, "invalid declaration %#x", b)
		}
		r.in(ok, d.Place)
		return d
	})
}

func (r *reader) externType() ExternType {
	at := r.offset()
	switch b := r.byte(); b {
	case 0x00:
		if s := r.byte(); s != byte(types.CoreSortModule) {
			r.failAt(at, "only core modules may be imported or exported, not core sort %#x", s)
		}
		return ExternType{Sort: types.SortModule, Index: r.u32()}
	case 0x01:
		return ExternType{Sort: types.SortFunc, Index: r.u32()}
	case 0x02:
		if r.bool("value bound") {
			return ExternType{Sort: types.SortValue, Value: r.ref()}
		}
		return ExternType{Sort: types.SortValue, Index: r.u32()}
	case 0x03:
		if r.bool("type bound") {
			return ExternType{Sort: types.SortType, Sub: true}
		}
		return ExternType{Sort: types.SortType, Index: r.u32()}
	case 0x04:
		return ExternType{Sort: types.SortComponent, Index: r.u32()}
	case 0x05:
		return ExternType{Sort: types.SortInstance, Index: r.u32()}
	default:
		r.failAt(at, "invalid extern type %#x", b)
		return ExternType{}
	}
}
