package component

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tetratelabs/wazero"

	"github.com/neutrino-local/neutrino-local/runtime/component/abi"
	"github.com/neutrino-local/neutrino-local/runtime/memory"
)

// TestModule runs a core module that has the names of a bindings generator.
func TestModule(t *testing.T) {
	s := newShop()
	engine, err := NewEngine(t.Context(), Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close(t.Context())
	c, err := engine.Compile(t.Context(), read(t, "testdata/core/guest.wasm"), s.linker)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	in, err := c.Instantiate(t.Context(), InstanceConfig{Preview1: wazero.NewModuleConfig().WithStdout(&out)})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close(t.Context())
	call := func(name string, args ...Value) Value {
		t.Helper()
		f, ok := c.Func("test:shop/api@0.2", name)
		if !ok {
			t.Fatalf("no function %s", name)
		}
		v, err := in.Call(t.Context(), f, args...)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	if n, ok := call("buy", abi.U64(37)).Result(); !ok || n.U32() != 42 {
		t.Errorf("buy = %s, want 42", format(n))
	}
	if got := call("greet", abi.String("é")).Text(); got != "é" || out.String() != "posted\n" {
		t.Errorf("greet = %q, and wrote %q", got, out.String())
	}
	coupon := call("[constructor]coupon", abi.U32(99))
	if got := call("[method]coupon.value", abi.Borrow(coupon.Resource())).U32(); got != 99 {
		t.Errorf("the coupon's value is %d, want 99", got)
	}
	if err := in.Drop(t.Context(), coupon); err != nil {
		t.Error(err)
	}
	if n := s.dropped.Load(); n != 1 {
		t.Errorf("%d baskets were dropped, want 1", n)
	}
}

// TestDescribeModule tells only what the module uses of its world.
func TestDescribeModule(t *testing.T) {
	d, err := Describe(read(t, "testdata/core/guest.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	count := func(in []Interface) (names []string) {
		for _, i := range in {
			names = append(names, fmt.Sprintf("%s: %d", i.Name, len(i.Funcs)))
		}
		return names
	}
	got := append(count(d.Imports), count(d.Exports)...)
	if diff := cmp.Diff([]string{"test:shop/basket@0.2.7: 2", "wasi_snapshot_preview1: 1", "test:shop/api@0.2.7: 4"}, got); diff != "" {
		t.Errorf("interfaces (-want +got):\n%s", diff)
	}
}

// TestModuleRefused has modules whose names and world do not fit.
func TestModuleRefused(t *testing.T) {
	guest := read(t, "testdata/core/guest.wasm")
	tests := []struct{ name, from, to, want string }{
		{"unknown import", "[method]basket.add", "[method]basket.bad", `import "test:shop/basket@0.2.7" "[method]basket.bad": there is no such function in the module's world`},
		{"unknown resource", "[resource-drop]basket", "[resource-drop]bucket", "there is no such resource"},
		{"missing export", "api@0.2.7#buy", "api@0.2.7#bye", `export "test:shop/api@0.2.7#buy": the module does not export the function`},
		{"no allocator", "cabi_realloc", "cabi_reallox", "the module exports no cabi_realloc"},
		{"no section", "component-type", "component-typo", "core module has no component-type section"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			wasm := bytes.Replace(guest, []byte(test.from), []byte(test.to), 1)
			if err := newShop().linker.Check(wasm); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Check = %v, want an error with %q", err, test.want)
			}
		})
	}
}

// oldSection gives a core module the component-type section of the bindings of
// 2023: a byte, an encoding, the name of a world, and a package that has it.
func oldSection(t *testing.T, header, world string) []byte {
	t.Helper()
	wasm := bytes.Replace(read(t, "testdata/core/guest.wasm"), []byte("component-type"), []byte("component-tape"), 1)
	const name = "component-type:guest"
	content := string(rune(len(name))) + name + header + string(rune(len(world))) + world + string(read(t, "testdata/old/worlds.wasm"))
	wasm = append(wasm, 0) // a custom section
	wasm = binary.AppendUvarint(wasm, uint64(len(content)))
	return append(wasm, content...)
}

// TestOldWorlds has modules of the bindings until the end of 2023.
func TestOldWorlds(t *testing.T) {
	l := newShop().linker
	if err := l.Check(oldSection(t, "\x03\x00", "guest")); err != nil {
		t.Error(err)
	}
	tests := []struct{ header, world, want string }{
		{"\x03\x00", "other", `import "test:shop/basket@0.2.7" "[constructor]basket": there is no such function in the module's world`},
		{"\x03\x00", "absent", "it has no world absent"},
		{"\x03\x01", "guest", "strings that are not UTF-8 are not supported"},
		{"\x02\x00", "guest", "not a WebAssembly component"},
	}
	for _, tt := range tests {
		if err := l.Check(oldSection(t, tt.header, tt.world)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q, %s: Check = %v, want %q", tt.header, tt.world, err, tt.want)
		}
	}
}

// TestAsked has guests that ask a host for something, and one that asks nothing.
func TestAsked(t *testing.T) {
	s := newShop()
	engine, err := NewEngine(t.Context(), Config{Space: newSpace(t, memory.Auto)})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close(t.Context())
	c, err := engine.Compile(t.Context(), read(t, "testdata/core/guest.wasm"), s.linker)
	if err != nil {
		t.Fatal(err)
	}
	in, err := c.Instantiate(t.Context(), InstanceConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close(t.Context())
	f, _ := c.Func("test:shop/api@0.2", "buy")
	if in.Asked() {
		t.Error("it has asked when it was made")
	}
	if _, err := in.Call(t.Context(), f, abi.U64(37)); err != nil || !in.Asked() {
		t.Errorf("Call = %v, asked %t", err, in.Asked())
	}
	if _, err := in.Reset(t.Context(), nil); err != nil || in.Asked() {
		t.Errorf("Reset = %v, asked %t", err, in.Asked())
	}
}
