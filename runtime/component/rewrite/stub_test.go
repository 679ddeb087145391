package rewrite

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tetratelabs/wazero"
)

func TestStub(t *testing.T) {
	one, two := []byte(module("\x10\x01")), []byte(module("\x10\x00"))
	stub, err := Stub(one)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := Stub(one); !bytes.Equal(stub, again) || err != nil {
		t.Errorf("stubs of one module differ, %v", err)
	}
	if other, err := Stub(two); bytes.Equal(stub, other) || err != nil {
		t.Errorf("modules with other code have the same stub, %v", err)
	}
	of, err := Parse(one)
	if err != nil {
		t.Fatal(err)
	}
	m, err := Parse(stub)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(of.Exports, m.Exports) + cmp.Diff(of.Imports, m.Imports) + cmp.Diff(of.Funcs, m.Funcs) + cmp.Diff(of.Types, m.Types); diff != "" {
		t.Error(diff)
	}
	for n := range one {
		_, _ = Stub(one[:n]) // what is no module is not for it, but must not panic
	}
}

// TestStubTraps has functions with results and without, whose types bodies that
// trap must be of.
func TestStubTraps(t *testing.T) {
	ctx := t.Context()
	stub, err := Stub([]byte(preamble +
		sect(sectionType, "\x02\x60\x00\x00\x60\x01\x7f\x02\x7e\x7f") +
		sect(sectionFunc, "\x02\x00\x01") +
		sect(sectionExport, "\x02", name("a"), "\x00\x00", name("b"), "\x00\x01") +
		sect(sectionCode, "\x02", "\x02\x00\x0b", "\x06\x00\x42\x05\x20\x00\x0b")))
	if err != nil {
		t.Fatal(err)
	}
	r := wazero.NewRuntime(ctx)
	defer r.Close(ctx)
	in, err := r.Instantiate(ctx, stub)
	if err != nil {
		t.Fatal(err)
	}
	for name, args := range map[string][]uint64{"a": nil, "b": {1}} {
		if got, err := in.ExportedFunction(name).Call(ctx, args...); err == nil || !strings.Contains(err.Error(), "unreachable") {
			t.Errorf("%s = %v, %v, want a trap", name, got, err)
		}
	}
}
