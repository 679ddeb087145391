package abi

import (
	"fmt"
	"math"
	"unsafe"

	"github.com/neutrino-local/neutrino-local/runtime/component/types"
)

// A Value is one component value. It is small, is passed by value, and does
// not change. Asking a value for what it is not panics with a *ShapeError,
// which the caller of a host function turns into a trap.
type Value struct {
	num  uint64         // number, case, flags; length of what ptr points to
	ptr  unsafe.Pointer // *byte: string, bytes; *Value: parts; *Resource
	kind types.Kind
	form form
}

type form uint8

// Forms of strings and lists.
const (
	formUTF8   form = iota // a string as a host has it
	formUTF16              // a string that came from UTF-16
	formLatin1             // from latin1+utf16, as Latin-1
	formWide               // from latin1+utf16, as UTF-16
	formBytes              // a list of u8 as bytes
)

// A ShapeError is a host's use of a value that is of another kind.
type ShapeError struct{ Have, Want string }

// Error says what was asked of what.
func (e *ShapeError) Error() string { return "value is " + e.Have + ", not " + e.Want }

func (v Value) must(ok bool, want string) {
	if !ok {
		panic(&ShapeError{Have: v.kind.String(), Want: want})
	}
}

// Kind returns what v is; 0 for no value.
func (v Value) Kind() types.Kind { return v.kind }

// Bool makes a bool.
func Bool(b bool) Value {
	if b {
		return Value{kind: types.Bool, num: 1}
	}
	return Value{kind: types.Bool}
}

// U8 makes a u8.
func U8(n uint8) Value { return Value{kind: types.U8, num: uint64(n)} }

// U16 makes a u16.
func U16(n uint16) Value { return Value{kind: types.U16, num: uint64(n)} }

// U32 makes a u32.
func U32(n uint32) Value { return Value{kind: types.U32, num: uint64(n)} }

// U64 makes a u64.
func U64(n uint64) Value { return Value{kind: types.U64, num: n} }

// S8 makes an s8.
func S8(n int8) Value { return Value{kind: types.S8, num: uint64(n)} }

// S16 makes an s16.
func S16(n int16) Value { return Value{kind: types.S16, num: uint64(n)} }

// S32 makes an s32.
func S32(n int32) Value { return Value{kind: types.S32, num: uint64(n)} }

// S64 makes an s64.
func S64(n int64) Value { return Value{kind: types.S64, num: uint64(n)} }

// F32 makes an f32.
func F32(f float32) Value { return Value{kind: types.F32, num: uint64(math.Float32bits(f))} }

// F64 makes an f64.
func F64(f float64) Value { return Value{kind: types.F64, num: math.Float64bits(f)} }

// Char makes a char.
func Char(r rune) Value { return Value{kind: types.Char, num: uint64(r)} }

// String makes a string. What is not valid UTF-8 in it becomes U+FFFD.
func String(s string) Value {
	return Value{kind: types.String, num: uint64(len(s)), ptr: unsafe.Pointer(unsafe.StringData(s))}
}

// Bytes makes a list of u8. The value refers to b, which must not change
// before the value has been lowered.
func Bytes(b []byte) Value {
	return Value{kind: types.List, form: formBytes, num: uint64(len(b)), ptr: unsafe.Pointer(unsafe.SliceData(b))}
}

func parts(kind types.Kind, vs []Value) Value {
	return Value{kind: kind, num: uint64(len(vs)), ptr: unsafe.Pointer(unsafe.SliceData(vs))}
}

// List makes a list, of any length type, or a map as a list of tuples.
func List(vs ...Value) Value { return parts(types.List, vs) }

// Record makes a record or tuple of its fields in order.
func Record(vs ...Value) Value { return parts(types.Record, vs) }

// Tuple is [Record].
func Tuple(vs ...Value) Value { return parts(types.Tuple, vs) }

// Case makes a variant, enum, option or result that has case i and no payload.
func Case(i int) Value { return Value{kind: types.Variant, num: uint64(i)} }

// Variant makes case i with a payload.
func Variant(i int, payload Value) Value {
	v := Case(i)
	if payload.kind != 0 {
		v.ptr = unsafe.Pointer(&payload)
	}
	return v
}

// None makes an option that has no value.
func None() Value { return Case(0) }

// Some makes an option that has a value.
func Some(v Value) Value { return Variant(1, v) }

// OK makes a result that is no error; v may be the zero Value for none.
func OK(v Value) Value { return Variant(0, v) }

// Err makes a result that is an error; v may be the zero Value for none.
func Err(v Value) Value { return Variant(1, v) }

// Flags makes flags: bit i is the i-th label.
func Flags(bits uint32) Value { return Value{kind: types.Flags, num: uint64(bits)} }

// Own makes an owning handle. Lowering it gives r to the guest.
func Own(r *Resource) Value { return Value{kind: types.Own, ptr: unsafe.Pointer(r)} }

// Borrow makes a borrowed handle, for the time of a call into a guest.
func Borrow(r *Resource) Value { return Value{kind: types.Borrow, ptr: unsafe.Pointer(r)} }

// Bool returns a bool.
func (v Value) Bool() bool {
	v.must(v.kind == types.Bool, "bool")
	return v.num != 0
}

// U64 returns an unsigned integer of any width.
func (v Value) U64() uint64 {
	switch v.kind {
	case types.U8, types.U16, types.U32, types.U64:
		return v.num
	}
	v.must(false, "an unsigned integer")
	return 0
}

// U32 returns an unsigned integer of at most 32 bits.
func (v Value) U32() uint32 {
	v.must(v.kind == types.U32 || v.kind == types.U16 || v.kind == types.U8, "a u32")
	return uint32(v.num)
}

// U16 returns an unsigned integer of at most 16 bits.
func (v Value) U16() uint16 {
	v.must(v.kind == types.U16 || v.kind == types.U8, "a u16")
	return uint16(v.num)
}

// U8 returns a u8.
func (v Value) U8() uint8 {
	v.must(v.kind == types.U8, "a u8")
	return uint8(v.num)
}

// S64 returns a signed integer of any width.
func (v Value) S64() int64 {
	switch v.kind {
	case types.S8, types.S16, types.S32, types.S64:
		return int64(v.num)
	}
	v.must(false, "a signed integer")
	return 0
}

// F32 returns an f32.
func (v Value) F32() float32 {
	v.must(v.kind == types.F32, "an f32")
	return math.Float32frombits(uint32(v.num))
}

// F64 returns an f64.
func (v Value) F64() float64 {
	v.must(v.kind == types.F64, "an f64")
	return math.Float64frombits(v.num)
}

// Char returns a char.
func (v Value) Char() rune {
	v.must(v.kind == types.Char, "a char")
	return rune(v.num)
}

// Text returns a string.
func (v Value) Text() string {
	v.must(v.kind == types.String, "a string")
	return unsafe.String((*byte)(v.ptr), int(v.num))
}

// Bytes returns a list of u8. It is the caller's.
func (v Value) Bytes() []byte {
	v.must(v.kind == types.List, "a list of u8")
	if v.form == formBytes {
		return unsafe.Slice((*byte)(v.ptr), int(v.num))
	}
	b := make([]byte, v.num)
	for i, e := range v.values() {
		b[i] = e.U8()
	}
	return b
}

func (v Value) values() []Value { return unsafe.Slice((*Value)(v.ptr), int(v.num)) }

// Len returns how many elements or fields a list, record or tuple has.
func (v Value) Len() int {
	v.must(v.kind == types.List || v.kind == types.Record || v.kind == types.Tuple, "a list or record")
	return int(v.num)
}

// At returns the i-th element or field of a list, record or tuple.
func (v Value) At(i int) Value {
	n := v.Len()
	if i < 0 || i >= n {
		panic(&ShapeError{Have: fmt.Sprintf("%s of %d", v.kind, n), Want: fmt.Sprintf("one that has part %d", i)})
	}
	if v.form == formBytes {
		return U8(unsafe.Slice((*byte)(v.ptr), n)[i])
	}
	return v.values()[i]
}

// Values returns the parts of a list, record or tuple.
func (v Value) Values() []Value {
	n := v.Len()
	if v.form != formBytes {
		return v.values()
	}
	vs := make([]Value, n)
	for i := range vs {
		vs[i] = v.At(i)
	}
	return vs
}

// Case returns which case a variant, enum, option or result is.
func (v Value) Case() int {
	v.must(v.kind == types.Variant, "a variant")
	return int(v.num)
}

// Payload returns what a case carries; the zero Value if nothing.
func (v Value) Payload() Value {
	v.must(v.kind == types.Variant, "a variant")
	if v.ptr == nil {
		return Value{}
	}
	return *(*Value)(v.ptr)
}

// Option returns the value of an option and whether there is one.
func (v Value) Option() (Value, bool) { return v.Payload(), v.Case() == 1 }

// Result returns what a result carries and whether it is no error.
func (v Value) Result() (Value, bool) { return v.Payload(), v.Case() == 0 }

// Flags returns flags: bit i is the i-th label.
func (v Value) Flags() uint32 {
	v.must(v.kind == types.Flags, "flags")
	return uint32(v.num)
}

// Resource returns the resource that a handle is for.
func (v Value) Resource() *Resource {
	v.must(v.kind == types.Own || v.kind == types.Borrow, "a handle")
	return (*Resource)(v.ptr)
}

// Owned calls f for each resource of the host that v, or a part of it, owns.
func (v Value) Owned(f func(*Resource)) {
	switch v.kind {
	case types.Own:
		if r := v.Resource(); r != nil && r.Home == nil {
			f(r)
		}
	case types.Variant:
		v.Payload().Owned(f)
	case types.List, types.Record, types.Tuple:
		if v.form == formBytes {
			return
		}
		for _, part := range v.values() {
			part.Owned(f)
		}
	}
}
