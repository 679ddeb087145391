package wasihttp

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/neutrino-local/neutrino-local/e2e/guests/components"
	"github.com/neutrino-local/neutrino-local/runtime/component"
	"github.com/neutrino-local/neutrino-local/runtime/wasi"
)

func newLinker() *component.Linker {
	l := component.NewLinker()
	Link(l, wasi.Link(l))
	return l
}

// TestAllDeclaredIsOffered links a component that imports all of WASI 0.2.
func TestAllDeclaredIsOffered(t *testing.T) {
	all, err := os.ReadFile("testdata/all.wasm")
	if err != nil {
		t.Fatal(err)
	}
	if err := newLinker().Check(all); err != nil {
		t.Error(err)
	}
}

// TestWrongTypesAreRefused changes a type in a component that is good: a case of
// error-code is spelled otherwise.
func TestWrongTypesAreRefused(t *testing.T) {
	l := newLinker()
	for _, good := range [][]byte{components.CHTTP, components.CNovember, components.COctober, components.CCommand} {
		if err := l.Check(good); err != nil {
			t.Error(err)
		}
	}
	wrong := bytes.ReplaceAll(components.CHTTP, []byte("HTTP-response-timeout"), []byte("HTTP-response-timeoux"))
	link, ok := errors.AsType[*component.LinkError](l.Check(wrong))
	if !ok || len(link.Mistyped) == 0 || len(link.Missing) > 0 || len(link.Refused) > 0 {
		t.Fatalf("Check = %v, want mistyped imports only", link)
	}
	want := component.Mistyped{
		Instance: "wasi:http/types@0.2.0", Name: "error-code",
		Reason: `expected case named "HTTP-response-timeoux", found "HTTP-response-timeout"`,
	}
	if diff := cmp.Diff(want, link.Mistyped[0]); diff != "" {
		t.Errorf("mistyped (-want +got):\n%s", diff)
	}
}
