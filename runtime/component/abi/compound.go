package abi

import (
	"slices"
	"unsafe"

	"github.com/neutrino-local/neutrino-local/runtime/component/types"
)

// valueSize is what a lifted part costs of a call's budget.
const valueSize = int(unsafe.Sizeof(Value{}))

// maxListBytes is MAX_LIST_BYTE_LENGTH.
const maxListBytes = 1<<28 - 1

func (c *Compiler) compileList(codec *Codec) {
	elem := c.Compile(codec.Type.ListElem())
	lift, lower := listCodec(elem)
	if elem.Type.Kind == types.U8 {
		lift, lower = liftBytes, lowerBytes
	}
	codec.load = func(cx *Context, p uint32) (Value, error) {
		b := cx.mem[p : p+8]
		return lift(cx, uint32(loadInt(b, 4)), uint32(loadInt(b[4:], 4)))
	}
	codec.lift = func(cx *Context, flat []uint64) (Value, error) { return lift(cx, uint32(flat[0]), uint32(flat[1])) }
	codec.store = func(cx *Context, v Value, p uint32) error {
		base, n, err := lower(cx, v)
		if err != nil {
			return err
		}
		storeInt(cx.mem[p:], 4, uint64(base))
		storeInt(cx.mem[p+4:], 4, uint64(n))
		return nil
	}
	codec.lower = func(cx *Context, v Value, flat []uint64) error {
		base, n, err := lower(cx, v)
		flat[0], flat[1] = uint64(base), uint64(n)
		return err
	}
}

type (
	listLift  = func(cx *Context, base, n uint32) (Value, error)
	listLower = func(cx *Context, v Value) (base, n uint32, err error)
)

func (cx *Context) checkList(base, n uint32, t *types.Value) error {
	size := uint64(n) * uint64(t.Size)
	if size > maxListBytes {
		return Trapf("list of %d bytes is too long", size)
	}
	return cx.check("list", base, size, t.Align)
}

func listCodec(elem *Codec) (listLift, listLower) {
	t := elem.Type
	lift := func(cx *Context, base, n uint32) (Value, error) {
		if err := cx.checkList(base, n, t); err != nil {
			return Value{}, err
		}
		if err := cx.charge(int(n) * valueSize); err != nil {
			return Value{}, err
		}
		vs := make([]Value, n)
		for i := range vs {
			v, err := elem.load(cx, base+uint32(i)*t.Size)
			if err != nil {
				return Value{}, err
			}
			vs[i] = v
		}
		return List(vs...), nil
	}
	lower := func(cx *Context, v Value) (uint32, uint32, error) {
		if v.kind != types.List {
			return 0, 0, shapeTrap(v, "a list")
		}
		base, err := cx.allocList(v.num, t)
		if err != nil {
			return 0, 0, err
		}
		for i := range int(v.num) {
			if err := elem.store(cx, v.At(i), base+uint32(i)*t.Size); err != nil {
				return 0, 0, err
			}
		}
		return base, uint32(v.num), nil
	}
	return lift, lower
}

func (cx *Context) allocList(n uint64, t *types.Value) (uint32, error) {
	if n > maxListBytes || n*uint64(t.Size) > maxListBytes {
		return 0, Trapf("list of %d elements is too long for the guest", n)
	}
	return cx.realloc(0, 0, t.Align, uint32(n)*t.Size)
}

func liftBytes(cx *Context, base, n uint32) (Value, error) {
	if err := cx.checkList(base, n, types.Prim(types.U8)); err != nil {
		return Value{}, err
	}
	if err := cx.charge(int(n)); err != nil {
		return Value{}, err
	}
	return Bytes(slices.Clone(cx.mem[base : base+n])), nil // copies: the guest may change them
}

func lowerBytes(cx *Context, v Value) (uint32, uint32, error) {
	if v.kind != types.List {
		return 0, 0, shapeTrap(v, "a list of u8")
	}
	if v.form != formBytes {
		for _, e := range v.values() {
			if e.kind != types.U8 {
				return 0, 0, shapeTrap(e, "a u8")
			}
		}
	}
	base, err := cx.allocList(v.num, types.Prim(types.U8))
	if err != nil {
		return 0, 0, err
	}
	copy(cx.mem[base:], v.Bytes())
	return base, uint32(v.num), nil
}

// sequence compiles parts that lie at fixed places, as of records.
type sequence struct {
	codecs  []*Codec
	offsets []uint32
	kind    types.Kind
}

func (s *sequence) each(cx *Context, read func(i int, c *Codec) (Value, error)) (Value, error) {
	if err := cx.charge(len(s.codecs) * valueSize); err != nil {
		return Value{}, err
	}
	vs := make([]Value, len(s.codecs))
	for i, c := range s.codecs {
		v, err := read(i, c)
		if err != nil {
			return Value{}, err
		}
		vs[i] = v
	}
	return parts(s.kind, vs), nil
}

func (s *sequence) fits(v Value) error {
	record := s.kind == types.Record && (v.kind == types.Record || v.kind == types.Tuple)
	if !record && v.kind != s.kind || int(v.num) != len(s.codecs) {
		return shapeTrap(v, s.kind.String())
	}
	return nil
}

func (s *sequence) compile(c *Codec) {
	c.load = func(cx *Context, p uint32) (Value, error) {
		return s.each(cx, func(i int, c *Codec) (Value, error) { return c.load(cx, p+s.offsets[i]) })
	}
	c.lift = func(cx *Context, flat []uint64) (Value, error) {
		return s.each(cx, func(_ int, c *Codec) (Value, error) {
			n := len(c.Type.Flat)
			own := flat[:n]
			flat = flat[n:]
			return c.lift(cx, own)
		})
	}
	c.store = func(cx *Context, v Value, p uint32) error {
		if err := s.fits(v); err != nil {
			return err
		}
		for i, c := range s.codecs {
			if err := c.store(cx, v.At(i), p+s.offsets[i]); err != nil {
				return err
			}
		}
		return nil
	}
	c.lower = func(cx *Context, v Value, flat []uint64) error {
		if err := s.fits(v); err != nil {
			return err
		}
		for i, c := range s.codecs {
			n := len(c.Type.Flat)
			if err := c.lower(cx, v.At(i), flat[:n]); err != nil {
				return err
			}
			flat = flat[n:]
		}
		return nil
	}
}

func (c *Compiler) compileRecord(codec *Codec) {
	s := &sequence{kind: types.Record}
	offset := uint32(0)
	for _, f := range codec.Type.Fields {
		offset = types.AlignTo(offset, f.Type.Align)
		s.codecs = append(s.codecs, c.Compile(f.Type))
		s.offsets = append(s.offsets, offset)
		offset += f.Type.Size
	}
	s.compile(codec)
}

// unrolled is how long a fixed-length list may be to be treated as a record.
const unrolled = 1 << 16

func (c *Compiler) compileFixedList(codec *Codec) {
	if codec.Type.Length > unrolled {
		compileRefused(codec)
		return
	}
	elem := c.Compile(codec.Type.Elem)
	s := &sequence{kind: types.List}
	for i := range codec.Type.Length {
		s.codecs = append(s.codecs, elem)
		s.offsets = append(s.offsets, i*elem.Type.Size)
	}
	s.compile(codec)
}

// cases compiles variants: a discriminant and the payload of its case.
type cases struct {
	codecs []*Codec // nil: no payload
	size   uint32   // of the discriminant
	offset uint32   // of the payload
}

func (c *Compiler) compileVariant(codec *Codec) {
	list := codec.Type.AsCases()
	s := &cases{size: types.DiscriminantSize(len(list)), offset: types.PayloadOffset(list)}
	for _, k := range list {
		var payload *Codec
		if k.Type != nil {
			payload = c.Compile(k.Type)
		}
		s.codecs = append(s.codecs, payload)
	}
	codec.load, codec.store, codec.lift, codec.lower = s.load, s.store, s.lift, s.lower
}

func (s *cases) at(i uint32) (*Codec, error) {
	if uint64(i) >= uint64(len(s.codecs)) {
		return nil, Trapf("unexpected discriminant %d of %d cases", i, len(s.codecs))
	}
	return s.codecs[i], nil
}

func (s *cases) of(v Value) (*Codec, error) {
	if v.kind != types.Variant || v.num >= uint64(len(s.codecs)) {
		return nil, shapeTrap(v, "a case of the variant")
	}
	c := s.codecs[v.num]
	if (c == nil) != (v.ptr == nil) {
		return nil, shapeTrap(v, "a case with a payload if and only if the variant has one there")
	}
	return c, nil
}

func (s *cases) payload(cx *Context, i uint32, read func(c *Codec) (Value, error)) (Value, error) {
	c, err := s.at(i)
	if err != nil || c == nil {
		return Case(int(i)), err
	}
	if err := cx.charge(valueSize); err != nil {
		return Value{}, err
	}
	v, err := read(c)
	return Variant(int(i), v), err
}

func (s *cases) load(cx *Context, p uint32) (Value, error) {
	return s.payload(cx, uint32(loadInt(cx.mem[p:], s.size)), func(c *Codec) (Value, error) { return c.load(cx, p+s.offset) })
}

func (s *cases) lift(cx *Context, flat []uint64) (Value, error) {
	return s.payload(cx, uint32(flat[0]), func(c *Codec) (Value, error) { return c.lift(cx, flat[1:1+len(c.Type.Flat)]) })
}

func (s *cases) store(cx *Context, v Value, p uint32) error {
	c, err := s.of(v)
	if err != nil {
		return err
	}
	storeInt(cx.mem[p:], s.size, v.num)
	if c == nil {
		return nil
	}
	return c.store(cx, *(*Value)(v.ptr), p+s.offset)
}

// lower needs no conversions between joined core types: a core value is its
// bits, and those of a narrower one are the low bits of a wider one.
func (s *cases) lower(cx *Context, v Value, flat []uint64) error {
	c, err := s.of(v)
	if err != nil {
		return err
	}
	clear(flat)
	flat[0] = v.num
	if c == nil {
		return nil
	}
	return c.lower(cx, *(*Value)(v.ptr), flat[1:1+len(c.Type.Flat)])
}
