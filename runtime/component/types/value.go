package types

import (
	"errors"
	"fmt"
)

// A Kind says what a value type is.
type Kind uint8

// The kinds of value types, in the order of the specification.
const (
	Bool Kind = iota + 1
	S8
	U8
	S16
	U16
	S32
	U32
	S64
	U64
	F32
	F64
	Char
	String
	ErrorContext
	Record
	Variant
	List
	FixedList
	Tuple
	Flags
	Enum
	Option
	Result
	Own
	Borrow
	Stream
	Future
	Map
)

var kindNames = [...]string{
	Bool: "bool", S8: "s8", U8: "u8", S16: "s16", U16: "u16", S32: "s32", U32: "u32", S64: "s64", U64: "u64",
	F32: "f32", F64: "f64", Char: "char", String: "string", ErrorContext: "error-context", Record: "record",
	Variant: "variant", List: "list", FixedList: "list", Tuple: "tuple", Flags: "flags", Enum: "enum",
	Option: "option", Result: "result", Own: "own", Borrow: "borrow", Stream: "stream", Future: "future", Map: "map",
}

// String returns the keyword of k in the text format.
func (k Kind) String() string {
	if int(k) < len(kindNames) && kindNames[k] != "" {
		return kindNames[k]
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// Primitive reports whether k has no parts.
func (k Kind) Primitive() bool { return k >= Bool && k <= ErrorContext }

// Bounds of types. They are limits of this implementation, as other runtimes
// have them; the specification itself sets only MaxSize.
const (
	MaxDepth  = 100       // nesting of a type
	MaxWeight = 1_000_000 // nodes of a type written out in full
	MaxSize   = 1<<28 - 1 // bytes of a value in a 64-bit memory
)

// MaxFlat is how many core values a parameter list may have before it goes
// through memory (MAX_FLAT_PARAMS).
const MaxFlat = 16

// A Field is a labelled type: of a record, a tuple (no label) or a parameter.
type Field struct {
	Name string
	Type *Value
}

// A Case is one case of a variant; Type is nil if it has no payload.
type Case struct {
	Name string
	Type *Value
}

// A Value is a value type with its layout for 32-bit memories.
type Value struct {
	Kind     Kind
	Fields   []Field   // record, tuple
	Cases    []Case    // variant
	Labels   []string  // flags, enum
	Key      *Value    // map
	Elem     *Value    // list, fixed list, option, result (ok), stream, future, map; nil: none
	Err      *Value    // result
	Length   uint32    // fixed list
	Resource *Resource // own, borrow

	Size, Align uint32
	// Flat is what the value becomes as core values, if that is at most
	// MaxFlat of them; else it is nil and Spills is true.
	Flat   []CoreType
	Spills bool

	sum
	size64, align64 uint64
}

// sum is what a type knows of all it is made of.
type sum struct {
	depth, weight int
	resource      bool // names a resource somewhere
	borrow        bool // has a borrow somewhere
	async         bool // has a stream or future somewhere
}

// HasBorrow reports whether the type transitively contains a borrow.
func (s *sum) HasBorrow() bool { return s.borrow }

// HasAsync reports whether the type transitively contains a stream or future.
func (s *sum) HasAsync() bool { return s.async }

// Weight is how many parts the type has when it is written out in full: what
// a walk over it costs at most.
func (s *sum) Weight() int { return s.weight }

func (s *sum) add(o *sum) {
	s.depth = max(s.depth, o.depth)
	s.weight += o.weight
	s.resource = s.resource || o.resource
	s.borrow = s.borrow || o.borrow
	s.async = s.async || o.async
}

var errTooBig = errors.New("type is too large")

func (s *sum) close() error {
	s.depth++
	s.weight++
	switch {
	case s.depth > MaxDepth:
		return fmt.Errorf("type is nested more than %d deep", MaxDepth)
	case s.weight > MaxWeight:
		return fmt.Errorf("%w: more than %d parts", errTooBig, MaxWeight)
	}
	return nil
}

func (*Value) isType() {}

// primitives are shared: a primitive type is one pointer.
var primitives = func() (p [ErrorContext + 1]*Value) {
	for k := Bool; k <= ErrorContext; k++ {
		p[k] = &Value{Kind: k}
		if err := p[k].finish(); err != nil {
			panic(err)
		}
	}
	return p
}()

// Prim returns the primitive type of kind k.
func Prim(k Kind) *Value { return primitives[k] }

// New checks v, which must be complete but for its layout, and lays it out.
func New(v Value) (*Value, error) {
	if err := v.check(); err != nil {
		return nil, err
	}
	if err := v.finish(); err != nil {
		return nil, err
	}
	return &v, nil
}

func (v *Value) check() error {
	switch v.Kind {
	case Record:
		if len(v.Fields) == 0 {
			return errors.New("record type must have at least one field")
		}
		return uniqueLabels("record field", len(v.Fields), func(i int) string { return v.Fields[i].Name })
	case Variant:
		if len(v.Cases) == 0 {
			return errors.New("variant type must have at least one case")
		}
		return uniqueLabels("variant case", len(v.Cases), func(i int) string { return v.Cases[i].Name })
	case Tuple:
		if len(v.Fields) == 0 {
			return errors.New("tuple type must have at least one type")
		}
	case Flags:
		if len(v.Labels) == 0 || len(v.Labels) > 32 {
			return fmt.Errorf("flags must have 1 to 32 labels, this has %d", len(v.Labels))
		}
		return uniqueLabels("flag", len(v.Labels), func(i int) string { return v.Labels[i] })
	case Enum:
		if len(v.Labels) == 0 {
			return errors.New("enum type must have at least one case")
		}
		return uniqueLabels("enum case", len(v.Labels), func(i int) string { return v.Labels[i] })
	case FixedList:
		if v.Length == 0 {
			return errors.New("fixed-length list must have at least one element")
		}
	case Stream, Future:
		if v.Elem != nil && v.Elem.borrow {
			return fmt.Errorf("%s type must not contain a borrow", v.Kind)
		}
		if v.Kind == Stream && v.Elem != nil && v.Elem.Kind == Char {
			return errors.New("stream<char> is not allowed")
		}
	case Map:
		switch v.Key.Kind {
		case Bool, S8, U8, S16, U16, S32, U32, S64, U64, Char, String:
		default:
			return fmt.Errorf("map key must be an integer, bool, char or string, not %s", v.Key.Kind)
		}
	}
	return nil
}

// finish computes what a complete type knows of itself.
func (v *Value) finish() error {
	v.sum = sum{
		resource: v.Kind == Own || v.Kind == Borrow,
		borrow:   v.Kind == Borrow,
		async:    v.Kind == Stream || v.Kind == Future,
	}
	for part := range v.Parts {
		v.add(&part.sum)
	}
	v.weight += len(v.Labels)
	if err := v.close(); err != nil {
		return err
	}
	v.Size, v.Align = layout32(v)
	v.size64, v.align64 = layout64(v)
	if v.size64 > MaxSize {
		return fmt.Errorf("%w: a value takes %d bytes, at most %d are allowed", errTooBig, v.size64, MaxSize)
	}
	v.flatten()
	return nil
}

// Parts yields the types that v is directly made of.
func (v *Value) Parts(yield func(*Value) bool) {
	for _, f := range v.Fields {
		if !yield(f.Type) {
			return
		}
	}
	for _, c := range v.Cases {
		if c.Type != nil && !yield(c.Type) {
			return
		}
	}
	for _, p := range [...]*Value{v.Key, v.Elem, v.Err} {
		if p != nil && !yield(p) {
			return
		}
	}
}

// Named reports whether v must have a name to be used in an import or export.
func (v *Value) Named() bool {
	switch v.Kind {
	case Record, Variant, Flags, Enum:
		return true
	}
	return false
}

// AsCases returns the cases of a variant, enum, option or result.
func (v *Value) AsCases() []Case {
	switch v.Kind {
	case Variant:
		return v.Cases
	case Option:
		return []Case{{Name: "none"}, {Name: "some", Type: v.Elem}}
	case Result:
		return []Case{{Name: "ok", Type: v.Elem}, {Name: "error", Type: v.Err}}
	case Enum:
		cases := make([]Case, len(v.Labels))
		for i, l := range v.Labels {
			cases[i].Name = l
		}
		return cases
	}
	return nil
}

// ListElem returns the element type of a list, and of a map as the tuple of
// its key and value.
func (v *Value) ListElem() *Value {
	if v.Kind != Map {
		return v.Elem
	}
	t := &Value{Kind: Tuple, Fields: []Field{{Type: v.Key}, {Type: v.Elem}}}
	if err := t.finish(); err != nil {
		return v.Elem // cannot be: the map weighs as much and was allowed
	}
	return t
}
