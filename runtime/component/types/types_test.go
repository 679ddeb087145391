package types

import (
	"strings"
	"testing"
)

func mustNew(t *testing.T, v Value) *Value {
	t.Helper()
	p, err := New(v)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func fields(ts ...*Value) []Field {
	var out []Field
	for i, v := range ts {
		out = append(out, Field{Name: "f" + strings.Repeat("x", i), Type: v})
	}
	return out
}

func labels(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = "l" + strings.Repeat("a", i)
	}
	return out
}

func flatString(v *Value) string {
	if v.Spills {
		return "spills"
	}
	return coreList(v.Flat)
}

func TestLayout(t *testing.T) {
	r := &Resource{Name: "r"}
	u8, u16, u64, f32, str := Prim(U8), Prim(U16), Prim(U64), Prim(F32), Prim(String)
	tests := []struct {
		name        string
		v           Value
		size, align uint32
		flat        string
	}{
		{"record pads", Value{Kind: Record, Fields: fields(u8, u64, u16)}, 24, 8, "(i32 i64 i32)"},
		{"tuple of bytes", Value{Kind: Tuple, Fields: fields(u8, u8, u8)}, 3, 1, "(i32 i32 i32)"},
		{"list", Value{Kind: List, Elem: u64}, 8, 4, "(i32 i32)"},
		{"map", Value{Kind: Map, Key: str, Elem: u8}, 8, 4, "(i32 i32)"},
		{"fixed list", Value{Kind: FixedList, Elem: u16, Length: 3}, 6, 2, "(i32 i32 i32)"},
		{"long fixed list", Value{Kind: FixedList, Elem: u16, Length: 17}, 34, 2, "spills"},
		{"8 flags", Value{Kind: Flags, Labels: labels(8)}, 1, 1, "(i32)"},
		{"9 flags", Value{Kind: Flags, Labels: labels(9)}, 2, 2, "(i32)"},
		{"32 flags", Value{Kind: Flags, Labels: labels(32)}, 4, 4, "(i32)"},
		{"enum of 256", Value{Kind: Enum, Labels: labels(256)}, 1, 1, "(i32)"},
		{"enum of 257", Value{Kind: Enum, Labels: labels(257)}, 2, 2, "(i32)"},
		{"option of u64", Value{Kind: Option, Elem: u64}, 16, 8, "(i32 i64)"},
		{"empty result", Value{Kind: Result}, 1, 1, "(i32)"},
		{"i32 and f32 join to i32", Value{Kind: Result, Elem: u8, Err: f32}, 8, 4, "(i32 i32)"},
		{"i64 and f32 join to i64", Value{Kind: Result, Elem: u64, Err: f32}, 16, 8, "(i32 i64)"},
		{"variant of strings and floats", Value{Kind: Variant, Cases: []Case{{"a", str}, {"b", Prim(F64)}, {"c", nil}}}, 16, 8, "(i32 i64 i32)"},
		{"handle", Value{Kind: Own, Resource: r}, 4, 4, "(i32)"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			v := mustNew(t, test.v)
			if v.Size != test.size || v.Align != test.align || flatString(v) != test.flat {
				t.Errorf("%s: size %d, align %d, flat %s, want %d, %d, %s", v, v.Size, v.Align, flatString(v), test.size, test.align, test.flat)
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	big := Prim(U64)
	for range 9 { // 8 × 8^9 bytes
		var err error
		if big, err = New(Value{Kind: FixedList, Elem: big, Length: 8}); err != nil {
			break
		}
	}
	deep := Prim(U8)
	var deepErr error
	for range MaxDepth + 1 {
		if deep, deepErr = New(Value{Kind: Option, Elem: deep}); deepErr != nil {
			break
		}
	}
	if deepErr == nil || !strings.Contains(deepErr.Error(), "nested more than 100 deep") {
		t.Errorf("options in options: %v", deepErr)
	}
	wide := Prim(U8)
	var wideErr error
	for range 30 { // doubles without growing in memory
		l := mustNew(t, Value{Kind: List, Elem: wide})
		if wide, wideErr = New(Value{Kind: Tuple, Fields: fields(l, l)}); wideErr != nil {
			break
		}
	}
	if wideErr == nil || !strings.Contains(wideErr.Error(), "too large") {
		t.Errorf("tuples of pairs of lists: %v", wideErr)
	}
	borrow := mustNew(t, Value{Kind: Borrow, Resource: &Resource{Name: "r"}})
	tests := []struct {
		v    Value
		want string
	}{
		{Value{Kind: Record}, "at least one field"},
		{Value{Kind: Variant}, "at least one case"},
		{Value{Kind: Enum}, "at least one case"},
		{Value{Kind: Flags}, "1 to 32 labels"},
		{Value{Kind: Flags, Labels: labels(33)}, "1 to 32 labels"},
		{Value{Kind: FixedList, Elem: Prim(U8)}, "at least one element"},
		{Value{Kind: FixedList, Elem: Prim(U8), Length: 1 << 28}, "268435456 bytes"},
		{Value{Kind: Map, Key: Prim(F32), Elem: Prim(U8)}, "map key"},
		{Value{Kind: Stream, Elem: borrow}, "must not contain a borrow"},
		{Value{Kind: Stream, Elem: Prim(Char)}, "stream<char>"},
		{Value{Kind: Enum, Labels: []string{"a-b", "A-B"}}, "conflicts with an earlier one"},
		{Value{Kind: Enum, Labels: []string{"a_b"}}, "not in kebab case"},
	}
	for _, test := range tests {
		if _, err := New(test.v); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("New(%s) = %v, want an error with %q", test.v.Kind, err, test.want)
		}
	}
	if _, err := NewFunc(Func{Result: borrow}); err == nil {
		t.Error("a function returns a borrow")
	}
}

func TestFlatFunc(t *testing.T) {
	str := Prim(String)
	var many []Field
	for range 17 {
		many = append(many, Field{Type: Prim(U8)})
	}
	tests := []struct {
		f           Func
		lift, lower string
	}{
		{Func{}, "() -> ()", "() -> ()"},
		{Func{Params: fields(str), Result: Prim(U64)}, "(i32 i32) -> (i64)", "(i32 i32) -> (i64)"},
		{Func{Params: fields(Prim(F64)), Result: str}, "(f64) -> (i32)", "(f64 i32) -> ()"},
		{Func{Params: many, Result: str}, "(i32) -> (i32)", "(i32 i32) -> ()"},
	}
	for _, test := range tests {
		if got := FlatFunc(&test.f, Lift).String(); got != test.lift {
			t.Errorf("lift of %s = %s, want %s", &test.f, got, test.lift)
		}
		if got := FlatFunc(&test.f, Lower).String(); got != test.lower {
			t.Errorf("lower of %s = %s, want %s", &test.f, got, test.lower)
		}
	}
}

func TestParseName(t *testing.T) {
	good := map[string]NameKind{
		"a": NameLabel, "get-JSON": NameLabel, "a1-2-3": NameLabel, "[constructor]fields": NameConstructor,
		"[method]a-b.c": NameMethod, "[static]a.b": NameStatic, "wasi:io/streams": NameInterface,
		"wasi:io/streams@0.2.0-rc-2023-11-10": NameInterface, "a:b/c@1": NameInterface, "a:b/c@0.2": NameInterface,
	}
	for s, want := range good {
		if n, err := ParseName(s); err != nil || n.Kind != want {
			t.Errorf("ParseName(%q) = %v, %v, want kind %v", s, n.Kind, err, want)
		}
	}
	for _, s := range []string{"", "1a", "a-", "aB", "a_b", "[method]a", "[method]a.", "a:b", "A:b/c", "a:b/c@1.2", "a:b/c@01.0.0", "a:b/c@1.0.0-", "a:b/c@0"} {
		if n, err := ParseName(s); err == nil {
			t.Errorf("ParseName(%q) = %v, want an error", s, n)
		}
	}
}

func TestTrack(t *testing.T) {
	for in, want := range map[string]string{
		"wasi:io/streams@0.2.7":               "wasi:io/streams@0.2",
		"wasi:io/streams@0.2":                 "wasi:io/streams@0.2",
		"wasi:io/streams@0.2.0-rc-2023-11-10": "wasi:io/streams@0.2.0-rc-2023-11-10",
		"a:b/c@1.4.2":                         "a:b/c@1",
		"a:b/c@0.0.3":                         "a:b/c@0.0.3",
		"fermyon:spin/inbound-http":           "fermyon:spin/inbound-http",
	} {
		if got := Track(in); got != want {
			t.Errorf("Track(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestUnique(t *testing.T) {
	for in, want := range map[string]string{
		"foo-BAR": "foo-bar", "[constructor]Foo": "[constructor]foo", "[method]foo.foo": "foo", "[static]foo.bar": "foo.bar",
	} {
		if got := Unique(in); got != want {
			t.Errorf("Unique(%q) = %q, want %q", in, got, want)
		}
	}
}

// TestMatcher binds open resources by name and then holds everything to them.
func TestMatcher(t *testing.T) {
	a, b, open := &Resource{Name: "a"}, &Resource{Name: "b"}, &Resource{Name: "open"}
	fn := func(r *Resource) *Func {
		f, err := NewFunc(Func{Result: mustNew(t, Value{Kind: Own, Resource: r})})
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	want, err := NewInstance([]Named{{"r", Extern{Sort: SortType, Type: open, Sub: true}}, {"f", Extern{Sort: SortFunc, Type: fn(open)}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		of   *Resource
		want string
	}{{a, ""}, {b, "resource types are not the same"}} {
		have, err := NewInstance([]Named{{"f", Extern{Sort: SortFunc, Type: fn(test.of)}}, {"r", Extern{Sort: SortType, Type: a}}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		m := NewMatcher([]*Resource{open})
		err = m.Instance(have, want)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("instance that returns %s: %v, want %q", test.of.Name, err, test.want)
		}
		if m.Bound[open] != a {
			t.Errorf("open is bound to %v, want a", m.Bound[open])
		}
	}
}
