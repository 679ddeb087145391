package keyvalue

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/neutrino-local/neutrino-local/runtime/component"
)

// check links a component of testdata.
func check(t *testing.T, name string, atomics bool) error {
	t.Helper()
	wasm, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	l := component.NewLinker()
	Link(l, atomics)
	return l.Check(wasm)
}

// What is offered has the types that are declared, and nothing is missing.
func TestAllIsOffered(t *testing.T) {
	if err := check(t, "all.wasm", true); err != nil {
		t.Error(err)
	}
	linking, ok := errors.AsType[*component.LinkError](check(t, "all.wasm", false))
	if !ok {
		t.Fatal("without atomics nothing is missing")
	}
	for _, m := range linking.Missing {
		if m.Instance != wasiAtomics {
			t.Errorf("without atomics %s %s is missing", m.Instance, m.Name)
		}
	}
	if len(linking.Mistyped) > 0 {
		t.Errorf("mistyped: %v", linking.Mistyped)
	}
}

func TestOtherTypeIsRefused(t *testing.T) {
	err := check(t, "upstream.wasm", true)
	if err == nil || !strings.Contains(err.Error(), "get-many has another type here") {
		t.Errorf("get-many of the proposal: %v", err)
	}
}
