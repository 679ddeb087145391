package compose

import (
	"fmt"

	"github.com/neutrino-local/neutrino-local/runtime/component/types"
)

// A space is the type index space of a component or of an instance type while
// it is written. Types that are alike are defined once, and those with a name are
// used by their name.
type space struct {
	c    *composer
	typ  func(def []byte) uint32     // writes a definition
	find func(*home) (uint32, error) // makes a resource of elsewhere known here
	// name returns a type that has a name elsewhere, if there is one: the parts of
	// what is used by others need names that those can see.
	name      func(*types.Value) (index uint32, ok bool, err error)
	values    map[int]uint32 // by shape
	resources map[*home]uint32
	titled    map[*home]bool // those that have a name here
}

func (s *space) resource(r *types.Resource) (uint32, error) {
	h := s.c.home(r)
	if i, ok := s.resources[h]; ok {
		return i, nil
	}
	i, err := s.find(h)
	if err == nil {
		s.resources[h] = i
	}
	return i, err
}

// value returns the reference to a value type: a primitive or an index.
func (s *space) value(v *types.Value) ([]byte, error) {
	if v.Kind.Primitive() {
		return []byte{primitive(v.Kind)}, nil
	}
	i, err := s.valueIndex(v)
	return appendS32(nil, int32(i)), err // signed, to be told from a primitive
}

// valueIndex returns the index of a value type, and defines it if need be.
func (s *space) valueIndex(v *types.Value) (uint32, error) {
	shape := s.c.shape(v)
	if i, ok := s.values[shape]; ok {
		return i, nil
	}
	if composite(v.Kind) {
		if i, ok, err := s.name(v); ok || err != nil {
			s.values[shape] = i
			return i, err
		}
	}
	i, err := s.define(v)
	s.values[shape] = i
	return i, err
}

func (s *space) define(v *types.Value) (uint32, error) {
	def, err := s.definition(v)
	if err != nil {
		return 0, err
	}
	return s.typ(def), nil
}

// composite reports whether types of kind k need a name where others use them.
func composite(k types.Kind) bool {
	return k == types.Record || k == types.Variant || k == types.Enum || k == types.Flags
}

func primitive(k types.Kind) byte {
	if k == types.ErrorContext {
		return 0x64
	}
	return 0x7f - byte(k-types.Bool)
}

func (s *space) definition(v *types.Value) ([]byte, error) {
	switch v.Kind {
	case types.Record:
		return s.fields([]byte{0x72}, v.Fields, true)
	case types.Tuple:
		return s.fields([]byte{0x6f}, v.Fields, false)
	case types.Variant:
		return s.cases(v.Cases)
	case types.Flags:
		return labels(0x6e, v.Labels), nil
	case types.Enum:
		return labels(0x6d, v.Labels), nil
	case types.List:
		return s.parts([]byte{0x70}, v.Elem)
	case types.FixedList:
		b, err := s.parts([]byte{0x67}, v.Elem)
		return appendU32(b, v.Length), err
	case types.Option:
		return s.parts([]byte{0x6b}, v.Elem)
	case types.Map:
		return s.parts([]byte{0x63}, v.Key, v.Elem)
	case types.Result:
		return s.optional([]byte{0x6a}, v.Elem, v.Err)
	case types.Stream:
		return s.optional([]byte{0x66}, v.Elem)
	case types.Future:
		return s.optional([]byte{0x65}, v.Elem)
	case types.Own, types.Borrow:
		code := byte(0x69)
		if v.Kind == types.Borrow {
			code = 0x68
		}
		i, err := s.resource(v.Resource)
		return appendU32([]byte{code}, i), err
	}
	return []byte{primitive(v.Kind)}, nil
}

func labels(code byte, names []string) []byte {
	b := appendU32([]byte{code}, uint32(len(names)))
	for _, n := range names {
		b = appendName(b, n)
	}
	return b
}

func (s *space) fields(b []byte, fields []types.Field, named bool) ([]byte, error) {
	b = appendU32(b, uint32(len(fields)))
	for _, f := range fields {
		if named {
			b = appendName(b, f.Name)
		}
		ref, err := s.value(f.Type)
		if err != nil {
			return nil, err
		}
		b = append(b, ref...)
	}
	return b, nil
}

func (s *space) cases(cases []types.Case) ([]byte, error) {
	b := appendU32([]byte{0x71}, uint32(len(cases)))
	for _, c := range cases {
		var err error
		if b, err = s.optional(appendName(b, c.Name), c.Type); err != nil {
			return nil, err
		}
		b = append(b, 0)
	}
	return b, nil
}

func (s *space) parts(b []byte, parts ...*types.Value) ([]byte, error) {
	for _, p := range parts {
		ref, err := s.value(p)
		if err != nil {
			return nil, err
		}
		b = append(b, ref...)
	}
	return b, nil
}

// optional appends references that may be absent.
func (s *space) optional(b []byte, parts ...*types.Value) ([]byte, error) {
	for _, p := range parts {
		if p == nil {
			b = append(b, 0)
			continue
		}
		var err error
		if b, err = s.parts(append(b, 1), p); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func (s *space) function(f *types.Func) (uint32, error) {
	code := byte(0x40)
	if f.Async {
		code = 0x43
	}
	b, err := s.fields([]byte{code}, f.Params, true)
	if err != nil {
		return 0, err
	}
	if f.Result == nil {
		b = append(b, 1, 0)
	} else if b, err = s.parts(append(b, 0), f.Result); err != nil {
		return 0, err
	}
	return s.typ(b), nil
}

// extern writes an item by its name, with write, and remembers the types that
// have a name by it. fresh says whether a resource comes from here.
func (s *space) extern(e types.Named, fresh func(*home) bool, write func(name string, sort byte, desc []byte) uint32) (uint32, error) {
	switch t := e.Type.(type) {
	case *types.Func:
		i, err := s.function(t)
		if err != nil {
			return 0, err
		}
		return write(e.Name, funcSort, appendU32([]byte{funcSort}, i)), nil
	case *types.Value:
		if e.Sort != types.SortType {
			break
		}
		i, err := s.valueIndex(t)
		if err != nil {
			return 0, err
		}
		i = write(e.Name, typeSort, appendU32([]byte{typeSort, 0}, i))
		s.values[s.c.shape(t)] = i
		return i, nil
	case *types.Resource:
		h := s.c.home(t)
		desc := []byte{typeSort, 1}
		if _, known := s.resources[h]; known || !fresh(h) {
			i, err := s.resource(t)
			if err != nil {
				return 0, err
			}
			desc = appendU32([]byte{typeSort, 0}, i)
		}
		i := write(e.Name, typeSort, desc)
		if !s.titled[h] { // methods go by the first name
			s.resources[h], s.titled[h] = i, true
		}
		return i, nil
	}
	return 0, fmt.Errorf("%q is a %s, which is not supported", e.Name, e.Sort)
}
