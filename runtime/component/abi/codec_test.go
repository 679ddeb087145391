package abi

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/neutrino-local/neutrino-local/runtime/component/types"
)

// ram is a memory in tests.
type ram []byte

func (m *ram) Size() uint32 { return uint32(len(*m)) }

func (m *ram) Read(offset, n uint32) ([]byte, bool) {
	if uint64(offset)+uint64(n) > uint64(len(*m)) {
		return nil, false
	}
	return (*m)[offset : offset+n : offset+n], true
}

// guest is one side of a call with an allocator that notes what it is asked
// for and moves the memory each time, as growing does.
type guest struct {
	ram
	next  uint32
	calls []string
}

func (g *guest) realloc(old, oldSize, align, size uint32) (uint32, error) {
	g.calls = append(g.calls, fmt.Sprintf("%d→%d/%d", oldSize, size, align))
	p := types.AlignTo(g.next, align)
	g.next = p + size
	moved := make(ram, len(g.ram), int(g.next)+1<<16)
	copy(moved, g.ram)
	if int(g.next) > len(moved) {
		moved = moved[:g.next]
	}
	copy(moved[p:], moved[old:old+min(oldSize, size)])
	g.ram = moved
	return p, nil
}

func newContext(encoding Encoding) (*Context, *guest) {
	g := &guest{ram: make(ram, 1<<16), next: 1024}
	root := &Instance{}
	root.Root = root
	cx := &Context{Memory: &g.ram, Realloc: g.realloc, Encoding: encoding, Instance: root, Scope: &Scope{}}
	cx.Begin()
	return cx, g
}

func newType(t testing.TB, v types.Value) *types.Value {
	t.Helper()
	p, err := types.New(v)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func fieldsOf(ts ...*types.Value) []types.Field {
	var out []types.Field
	for i, v := range ts {
		out = append(out, types.Field{Name: fmt.Sprintf("f%d", i), Type: v})
	}
	return out
}

// show writes a value so that equal ones look equal.
func show(v Value) string {
	switch v.Kind() {
	case 0:
		return "none"
	case types.String:
		return fmt.Sprintf("%q", v.Text())
	case types.Variant:
		return fmt.Sprintf("case %d %s", v.Case(), show(v.Payload()))
	case types.List, types.Record, types.Tuple:
		var parts []string
		for _, p := range v.Values() {
			parts = append(parts, show(p))
		}
		return "[" + strings.Join(parts, " ") + "]"
	}
	return fmt.Sprintf("%s %d", v.kind, v.num)
}

type roundTrip struct {
	name string
	t    types.Value
	v    Value
}

func roundTrips(t testing.TB) []roundTrip {
	u8, u16, u64, f32, str, char := types.Prim(types.U8), types.Prim(types.U16), types.Prim(types.U64), types.Prim(types.F32), types.Prim(types.String), types.Prim(types.Char)
	s8, s64, f64 := types.Prim(types.S8), types.Prim(types.S64), types.Prim(types.F64)
	strs := newType(t, types.Value{Kind: types.List, Elem: str})
	variant := newType(t, types.Value{Kind: types.Variant, Cases: []types.Case{{Name: "a", Type: u8}, {Name: "b", Type: str}, {Name: "c"}, {Name: "d", Type: f64}}})
	return []roundTrip{
		{"bool", *types.Prim(types.Bool), Bool(true)},
		{"s8", *s8, S8(-5)},
		{"s64", *s64, S64(math.MinInt64)},
		{"u64", *u64, U64(math.MaxUint64)},
		{"f32", *f32, F32(1.5)},
		{"f64", *f64, F64(-0.25)},
		{"char", *char, Char('😀')},
		{"empty string", *str, String("")},
		{"string", *str, String("grüß dich, 世界 😀")},
		{"bytes", types.Value{Kind: types.List, Elem: u8}, Bytes([]byte{1, 2, 255})},
		{"list", types.Value{Kind: types.List, Elem: u16}, List(U16(1), U16(65535))},
		{"list of lists", types.Value{Kind: types.List, Elem: strs}, List(List(String("a"), String("")), List())},
		{"fixed list", types.Value{Kind: types.FixedList, Elem: u16, Length: 2}, List(U16(7), U16(8))},
		{"map", types.Value{Kind: types.Map, Key: str, Elem: u8}, List(Tuple(String("k"), U8(1)))},
		{"record", types.Value{Kind: types.Record, Fields: fieldsOf(u8, u64, str)}, Record(U8(1), U64(2), String("x"))},
		{"tuple", types.Value{Kind: types.Tuple, Fields: fieldsOf(f32, s8)}, Tuple(F32(2), S8(-1))},
		{"flags", types.Value{Kind: types.Flags, Labels: []string{"a", "b", "c"}}, Flags(5)},
		{"enum", types.Value{Kind: types.Enum, Labels: []string{"a", "b"}}, Case(1)},
		{"none", types.Value{Kind: types.Option, Elem: str}, None()},
		{"some", types.Value{Kind: types.Option, Elem: str}, Some(String("s"))},
		{"ok", types.Value{Kind: types.Result, Elem: u64, Err: str}, OK(U64(9))},
		{"err", types.Value{Kind: types.Result, Elem: u64, Err: str}, Err(String("bad"))},
		{"bare error", types.Value{Kind: types.Result}, Err(Value{})},
		{"variant of u8", *variant, Variant(0, U8(200))},
		{"variant of string", *variant, Variant(1, String("é"))},
		{"variant of nothing", *variant, Case(2)},
		{"variant of f64", *variant, Variant(3, F64(math.Pi))},
		{"variants in a record", types.Value{Kind: types.Record, Fields: fieldsOf(variant, u8, variant)}, Record(Variant(1, String("a")), U8(1), Case(2))},
	}
}

// TestRoundTrip lowers values and lifts them again, flat and through memory,
// in each encoding.
func TestRoundTrip(t *testing.T) {
	for _, test := range roundTrips(t) {
		typ := newType(t, test.t)
		if test.t.Kind.Primitive() {
			typ = types.Prim(test.t.Kind)
		}
		for encoding := UTF8; encoding <= Latin1UTF16; encoding++ {
			for _, most := range []int{types.MaxFlat, 0} {
				t.Run(fmt.Sprintf("%s/%d/%d", test.name, encoding, most), func(t *testing.T) {
					p := NewCompiler().CompileParams([]*types.Value{typ}, most)
					cx, _ := newContext(encoding)
					flat := make([]uint64, types.MaxFlat)
					if err := p.LowerParams(cx, []Value{test.v}, flat); err != nil {
						t.Fatal(err)
					}
					for i := range flat {
						if i < len(typ.Flat) && typ.Flat[i] == types.I32 || p.Spills() {
							flat[i] |= 0xdeadbeef << 32 // the engine leaves garbage there
						}
					}
					got := make([]Value, 1)
					if err := p.Lift(cx, flat, got); err != nil {
						t.Fatal(err)
					}
					if show(got[0]) != show(test.v) {
						t.Errorf("got %s, want %s", show(got[0]), show(test.v))
					}
				})
			}
		}
	}
}

// TestStringAllocations compares the calls of realloc with the specification's.
func TestStringAllocations(t *testing.T) {
	from := func(f form, s string) Value {
		v := String(s)
		v.form = f
		return v
	}
	tests := []struct {
		to   Encoding
		v    Value
		want string
	}{
		{UTF8, String("abc"), "0→3/1"},
		{UTF8, from(formUTF16, "abc"), "0→3/1"},
		{UTF8, from(formUTF16, "aé"), "0→2/1 2→6/1 6→3/1"},
		{UTF8, from(formUTF16, "世"), "0→1/1 1→3/1"},
		{UTF8, from(formLatin1, "é"), "0→1/1 1→2/1"},
		{UTF16, String("abc"), "0→6/2"},
		{UTF16, String("é"), "0→4/2 4→2/2"},
		{UTF16, from(formLatin1, "é"), "0→2/2"},
		{Latin1UTF16, String("abc"), "0→3/2"},
		{Latin1UTF16, String("é"), "0→2/2 2→1/2"},
		{Latin1UTF16, String("世"), "0→3/2 3→6/2 6→2/2"},
		{Latin1UTF16, from(formUTF16, "世"), "0→1/2 1→2/2"},
		{Latin1UTF16, from(formLatin1, "é"), "0→1/2"},
		{Latin1UTF16, from(formWide, "世"), "0→2/2"},
		{Latin1UTF16, from(formWide, "é"), "0→2/2 2→1/1"},
	}
	for _, test := range tests {
		cx, g := newContext(test.to)
		p := NewCompiler().CompileParams([]*types.Value{types.Prim(types.String)}, types.MaxFlat)
		if err := p.LowerParams(cx, []Value{test.v}, make([]uint64, 2)); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(g.calls, " "); got != test.want {
			t.Errorf("%q (form %d) to encoding %d: realloc %s, want %s", test.v.Text(), test.v.form, test.to, got, test.want)
		}
	}
}

func TestLiftTraps(t *testing.T) {
	str, list := types.Prim(types.String), newType(t, types.Value{Kind: types.List, Elem: types.Prim(types.U32)})
	units := newType(t, types.Value{Kind: types.List, Elem: newType(t, types.Value{Kind: types.Option, Elem: types.Prim(types.U8)})})
	enum := newType(t, types.Value{Kind: types.Enum, Labels: []string{"a", "b"}})
	tests := []struct {
		t        *types.Value
		encoding Encoding
		flat     []uint64
		want     string
	}{
		{str, UTF8, []uint64{65536, 1}, "out of bounds"},
		{str, UTF8, []uint64{0xffffffff, 1}, "out of bounds"},
		{str, UTF8, []uint64{0, 1 << 28}, "too long"},
		{str, UTF8, []uint64{8, 2}, "not valid UTF-8"},
		{str, UTF16, []uint64{1, 0}, "not aligned to 2"},
		{str, UTF16, []uint64{8, 1}, "unpaired surrogate"},
		{str, UTF16, []uint64{8, 2}, "unpaired surrogate"},
		{str, Latin1UTF16, []uint64{0, utf16Tag | 1<<27}, "too long"},
		{list, UTF8, []uint64{2, 0}, "not aligned to 4"},
		{list, UTF8, []uint64{65532, 2}, "out of bounds"},
		{list, UTF8, []uint64{0, 0x40000000}, "too long"},
		{units, UTF8, []uint64{8, 1}, "unexpected discriminant 255"},
		{enum, UTF8, []uint64{2}, "unexpected discriminant 2 of 2"},
		{types.Prim(types.Char), UTF8, []uint64{0xdfff}, "invalid char"},
	}
	for _, test := range tests {
		cx, g := newContext(test.encoding)
		binary.LittleEndian.PutUint16(g.ram[8:], 0xd8ff)
		binary.LittleEndian.PutUint16(g.ram[10:], 0x0041)
		p := NewCompiler().CompileParams([]*types.Value{test.t}, types.MaxFlat)
		err := p.Lift(cx, test.flat, make([]Value, 1))
		if trap := (*Trap)(nil); !errors.As(err, &trap) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("lift of %s from %x = %v, want a trap with %q", test.t, test.flat, err, test.want)
		}
	}
}

// TestBudget has a guest ask for more than a call may take: a list whose
// elements are small for it and large for the host.
func TestBudget(t *testing.T) {
	cx, g := newContext(UTF8)
	g.ram = make(ram, 1<<24)
	cx.Budget = 1 << 20
	cx.Begin()
	list := newType(t, types.Value{Kind: types.List, Elem: types.Prim(types.Bool)})
	p := NewCompiler().CompileParams([]*types.Value{list}, types.MaxFlat)
	if err := p.Lift(cx, []uint64{0, 1 << 24}, make([]Value, 1)); err == nil || !strings.Contains(err.Error(), "too much memory") {
		t.Errorf("lift of 16 Mi bools = %v, want a trap for its size", err)
	}
}

// TestLowerShapes returns what hosts must not return: a trap, no panic.
func TestLowerShapes(t *testing.T) {
	r := &types.Resource{Name: "r"}
	other := &Resource{Type: &types.Resource{Name: "other"}}
	u8, str := types.Prim(types.U8), types.Prim(types.String)
	tests := []struct {
		t types.Value
		v Value
	}{
		{*u8, U16(1)},
		{*u8, Value{}},
		{*str, Bytes(nil)},
		{*types.Prim(types.Char), U32(1)},
		{types.Value{Kind: types.List, Elem: u8}, String("a")},
		{types.Value{Kind: types.List, Elem: u8}, List(U16(1))},
		{types.Value{Kind: types.Record, Fields: fieldsOf(u8, u8)}, Record(U8(1))},
		{types.Value{Kind: types.Option, Elem: u8}, Case(2)},
		{types.Value{Kind: types.Option, Elem: u8}, Case(1)},
		{types.Value{Kind: types.Option, Elem: u8}, Variant(0, U8(1))},
		{types.Value{Kind: types.FixedList, Elem: u8, Length: 3}, Bytes([]byte{1})},
		{types.Value{Kind: types.Own, Resource: r}, U32(1)},
		{types.Value{Kind: types.Own, Resource: r}, Own(other)},
		{types.Value{Kind: types.Own, Resource: r}, Borrow(&Resource{Type: r})},
	}
	for _, test := range tests {
		typ := newType(t, test.t)
		if test.t.Kind.Primitive() {
			typ = types.Prim(test.t.Kind)
		}
		cx, _ := newContext(UTF8)
		p := NewCompiler().CompileParams([]*types.Value{typ}, types.MaxFlat)
		err := p.LowerParams(cx, []Value{test.v}, make([]uint64, types.MaxFlat))
		if err == nil || !strings.HasPrefix(err.Error(), "host error") {
			t.Errorf("lower of %s as %s = %v, want a host error", show(test.v), typ, err)
		}
	}
}

func FuzzLift(f *testing.F) {
	for i := range roundTrips(f) {
		f.Add(uint8(i), uint8(0), []byte{8, 0, 0, 0, 3, 0, 0, 0, 255, 0xd8, 1})
	}
	trips := roundTrips(f)
	f.Fuzz(func(t *testing.T, which, encoding uint8, memory []byte) {
		test := trips[int(which)%len(trips)]
		typ := newType(t, test.t)
		cx, g := newContext(Encoding(encoding % 3))
		g.ram = append(make(ram, 0, 256), memory[:min(len(memory), 256)]...)
		cx.Begin()
		p := NewCompiler().CompileParams([]*types.Value{typ}, 0)
		vs := make([]Value, 1)
		if err := p.Lift(cx, []uint64{0}, vs); err != nil {
			if trap := (*Trap)(nil); !errors.As(err, &trap) {
				t.Fatalf("%v is no trap", err)
			}
			return
		}
		back, _ := newContext(Encoding(encoding % 3))
		flat := []uint64{0}
		if err := p.LowerParams(back, vs, flat); err != nil {
			t.Fatalf("lower of what was lifted, %s: %v", show(vs[0]), err)
		}
		again := make([]Value, 1)
		if err := p.Lift(back, flat, again); err != nil || show(again[0]) != show(vs[0]) {
			t.Fatalf("%s became %s, %v", show(vs[0]), show(again[0]), err)
		}
	})
}
