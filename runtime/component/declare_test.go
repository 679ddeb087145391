package component

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func read(t testing.TB, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestDeclare links components with a host that has declared its types.
func TestDeclare(t *testing.T) {
	s := newShop()
	if err := s.linker.Declare(read(t, "testdata/wit.wasm")); err != nil {
		t.Fatal(err)
	}
	nothing := func(*Call, []Value) (Value, error) { return Value{}, nil }
	s.linker.Func("test:shop/till@0.2", "pay", nothing)
	shop, till := read(t, "testdata/shop.wasm"), read(t, "testdata/till.wasm")
	if err := s.linker.Check(shop); err != nil {
		t.Errorf("shop: %v", err)
	}
	if err := s.linker.Check(till); err != nil {
		t.Errorf("till: %v", err)
	}
	if err := s.linker.Check(bytes.Replace(till, []byte("\x40\x01\x01b"), []byte("\x40\x01\x01c"), 1)); err != nil {
		t.Errorf("with another name of a parameter: %v", err)
	}
	change := func(b []byte, from, to string) []byte {
		if bytes.Count(b, []byte(from)) != 1 {
			t.Fatalf("%q is %d times in the component", from, bytes.Count(b, []byte(from)))
		}
		return bytes.Replace(b, []byte(from), []byte(to), 1)
	}
	module := read(t, "testdata/core/guest.wasm")
	if err := s.linker.Check(module); err != nil {
		t.Errorf("core module: %v", err)
	}
	tests := []struct {
		name string
		wasm []byte
		want Mistyped
	}{
		{"label of a record", change(till, "\x05total\x77", "\x05price\x77"),
			Mistyped{"test:shop/till@0.2.3", "receipt", `expected record field named "price", found "total"`}},
		{"type of a field", change(till, "\x05total\x77", "\x05total\x79"),
			Mistyped{"test:shop/till@0.2.3", "receipt", `field "total": expected u32, found u64`}},
		{"core module", change(module, "\x70\x7d", "\x70\x7e"), // list<u8> is list<s8>
			Mistyped{"test:shop/basket@0.2.7", "[method]basket.add", `parameter "item": list: expected s8, found u8`}},
		{"parameter", change(shop, "\x05owner\x73", "\x05owner\x79"), Mistyped{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := s.linker.Check(test.wasm)
			var link *LinkError
			if test.want == (Mistyped{}) {
				if err == nil {
					t.Error("the component is accepted")
				}
				return
			}
			if !errors.As(err, &link) || len(link.Mistyped) == 0 {
				t.Fatalf("Check = %v, want mistyped imports", err)
			}
			if diff := cmp.Diff(test.want, link.Mistyped[0]); diff != "" {
				t.Errorf("mistyped (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDescribe(t *testing.T) {
	d, err := Describe(read(t, "testdata/shop.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	d.Modules[0].Size, d.Modules[1].Size = 0, 0
	want := &Description{
		Imports: []Interface{{
			Name: "test:shop/basket@0.2.3",
			Funcs: []Item{
				{"[constructor]basket", "func(owner: string) -> own<basket>"},
				{"[method]basket.add", "func(self: borrow<basket>, item: list<u8>, price: option<u64>) -> result<u32, string>"},
				{"merge", "func(from: own<basket>, to: borrow<basket>)"},
			},
			Resources: []string{"basket"},
		}},
		Exports: []Interface{{
			Name: "test:shop/api@0.2.0",
			Funcs: []Item{
				{"buy", "func(price: u64) -> result<u32, string>"},
				{"keep", "func(n: u32)"},
				{"self", "func()"},
				{"greet", "func(name: string) -> string"},
			},
		}},
		Modules: []Module{{Functions: 1, Instances: 1}, {Functions: 8, Instances: 1}},
	}
	if diff := cmp.Diff(want, d); diff != "" {
		t.Errorf("Describe (-want +got):\n%s", diff)
	}
}
