package abi

import (
	"encoding/binary"
	"math"

	"github.com/neutrino-local/neutrino-local/runtime/component/types"
)

// A Compiler compiles types, each once. It is not for concurrent use; the
// codecs that it makes are.
type Compiler struct{ done map[*types.Value]*Codec }

// NewCompiler returns a compiler without types.
func NewCompiler() *Compiler { return &Compiler{done: map[*types.Value]*Codec{}} }

// Compile returns the codec of t.
func (c *Compiler) Compile(t *types.Value) *Codec {
	if codec, ok := c.done[t]; ok {
		return codec
	}
	codec := &Codec{Type: t}
	c.done[t] = codec
	switch t.Kind {
	case types.Bool, types.S8, types.U8, types.S16, types.U16, types.S32, types.U32, types.Char, types.S64, types.U64,
		types.F32, types.F64:
		compileNumber(codec)
	case types.String:
		compileString(codec)
	case types.List, types.Map:
		c.compileList(codec)
	case types.FixedList:
		c.compileFixedList(codec)
	case types.Record, types.Tuple:
		c.compileRecord(codec)
	case types.Flags:
		compileFlags(codec)
	case types.Variant, types.Enum, types.Option, types.Result:
		c.compileVariant(codec)
	case types.Own, types.Borrow:
		compileHandle(codec)
	default:
		compileRefused(codec)
	}
	return codec
}

// compileRefused is for types of the asynchronous part. A component that needs
// them is refused when it is linked, so this is a second line of defence.
func compileRefused(c *Codec) {
	err := Trapf("values of type %s are not supported yet", c.Type.Kind)
	c.load = func(*Context, uint32) (Value, error) { return Value{}, err }
	c.store = func(*Context, Value, uint32) error { return err }
	c.lift = func(*Context, []uint64) (Value, error) { return Value{}, err }
	c.lower = func(*Context, Value, []uint64) error { return err }
}

// compileNumber makes all of a number from what its bits mean.
func compileNumber(c *Codec) {
	from, to := numberOf(c.Type.Kind)
	size := c.Type.Size
	c.load = func(cx *Context, p uint32) (Value, error) { return from(loadInt(cx.mem[p:], size)) }
	c.lift = func(_ *Context, flat []uint64) (Value, error) { return from(flat[0]) }
	c.store = func(cx *Context, v Value, p uint32) error {
		bits, err := to(v)
		if err != nil {
			return err
		}
		storeInt(cx.mem[p:], size, bits)
		return nil
	}
	c.lower = func(_ *Context, v Value, flat []uint64) (err error) {
		flat[0], err = to(v)
		return err
	}
}

func loadInt(b []byte, size uint32) uint64 {
	switch size {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(binary.LittleEndian.Uint16(b))
	case 4:
		return uint64(binary.LittleEndian.Uint32(b))
	}
	return binary.LittleEndian.Uint64(b)
}

func storeInt(b []byte, size uint32, v uint64) {
	switch size {
	case 1:
		b[0] = byte(v)
	case 2:
		binary.LittleEndian.PutUint16(b, uint16(v))
	case 4:
		binary.LittleEndian.PutUint32(b, uint32(v))
	default:
		binary.LittleEndian.PutUint64(b, v)
	}
}

// numberOf returns how core bits, of which only the type's own count, become a
// value, and a value core bits.
func numberOf(k types.Kind) (from func(uint64) (Value, error), to func(Value) (uint64, error)) {
	exact := func(mask uint64) func(Value) (uint64, error) {
		return func(v Value) (uint64, error) {
			if v.kind != k {
				return 0, shapeTrap(v, k.String())
			}
			return v.num & mask, nil
		}
	}
	switch k {
	case types.Bool:
		return func(b uint64) (Value, error) { return Bool(uint32(b) != 0), nil }, exact(1)
	case types.S8:
		return func(b uint64) (Value, error) { return S8(int8(b)), nil }, exact(math.MaxUint32)
	case types.U8:
		return func(b uint64) (Value, error) { return U8(uint8(b)), nil }, exact(math.MaxUint8)
	case types.S16:
		return func(b uint64) (Value, error) { return S16(int16(b)), nil }, exact(math.MaxUint32)
	case types.U16:
		return func(b uint64) (Value, error) { return U16(uint16(b)), nil }, exact(math.MaxUint16)
	case types.S32:
		return func(b uint64) (Value, error) { return S32(int32(b)), nil }, exact(math.MaxUint32)
	case types.U32:
		return func(b uint64) (Value, error) { return U32(uint32(b)), nil }, exact(math.MaxUint32)
	case types.S64:
		return func(b uint64) (Value, error) { return S64(int64(b)), nil }, exact(math.MaxUint64)
	case types.U64:
		return func(b uint64) (Value, error) { return U64(b), nil }, exact(math.MaxUint64)
	case types.F32:
		return func(b uint64) (Value, error) { return Value{kind: k, num: canonicalNaN32(b)}, nil },
			func(v Value) (uint64, error) { n, err := exact(math.MaxUint32)(v); return canonicalNaN32(n), err }
	case types.F64:
		return func(b uint64) (Value, error) { return Value{kind: k, num: canonicalNaN64(b)}, nil },
			func(v Value) (uint64, error) { n, err := exact(math.MaxUint64)(v); return canonicalNaN64(n), err }
	}
	return charFrom, charTo
}

func canonicalNaN32(bits uint64) uint64 {
	if f := math.Float32frombits(uint32(bits)); f != f {
		return 0x7fc00000
	}
	return bits & math.MaxUint32
}

func canonicalNaN64(bits uint64) uint64 {
	if f := math.Float64frombits(bits); f != f {
		return 0x7ff8000000000000
	}
	return bits
}

func charFrom(b uint64) (Value, error) {
	r := uint32(b)
	if !validChar(r) {
		return Value{}, Trapf("invalid char %#x", r)
	}
	return Char(rune(r)), nil
}

func charTo(v Value) (uint64, error) {
	if v.kind != types.Char || !validChar(uint32(v.num)) {
		return 0, shapeTrap(v, "a valid char")
	}
	return v.num, nil
}

func validChar(r uint32) bool { return r < 0x110000 && (r < 0xd800 || r > 0xdfff) }

func compileFlags(c *Codec) {
	size := c.Type.Size
	mask := uint64(1)<<len(c.Type.Labels) - 1
	from := func(bits uint64) (Value, error) { return Flags(uint32(bits & mask)), nil }
	to := func(v Value) (uint64, error) {
		if v.kind != types.Flags {
			return 0, shapeTrap(v, "flags")
		}
		return v.num & mask, nil
	}
	c.load = func(cx *Context, p uint32) (Value, error) { return from(loadInt(cx.mem[p:], size)) }
	c.lift = func(_ *Context, flat []uint64) (Value, error) { return from(flat[0]) }
	c.store = func(cx *Context, v Value, p uint32) error {
		bits, err := to(v)
		storeInt(cx.mem[p:], size, bits)
		return err
	}
	c.lower = func(_ *Context, v Value, flat []uint64) (err error) {
		flat[0], err = to(v)
		return err
	}
}

func compileHandle(c *Codec) {
	rt := c.Type.Resource
	lift := (*Context).liftOwn
	own := c.Type.Kind == types.Own
	if !own {
		lift = (*Context).liftBorrow
	}
	c.load = func(cx *Context, p uint32) (Value, error) {
		return lift(cx, binary.LittleEndian.Uint32(cx.mem[p:]), rt)
	}
	c.lift = func(cx *Context, flat []uint64) (Value, error) { return lift(cx, uint32(flat[0]), rt) }
	c.store = func(cx *Context, v Value, p uint32) error {
		i, err := cx.lowerHandle(v, rt, own)
		binary.LittleEndian.PutUint32(cx.mem[p:], i)
		return err
	}
	c.lower = func(cx *Context, v Value, flat []uint64) error {
		i, err := cx.lowerHandle(v, rt, own)
		flat[0] = uint64(i)
		return err
	}
}
