package components

import (
	"bytes"
	"testing"
)

// TestBuild makes every guest, so that the tests of other packages find them.
func TestBuild(t *testing.T) {
	for _, name := range []string{
		CGuest, CPlusPlus, RustHTTP, GoHTTP, JSFetch, JSHandler, JSSpin, CProgram, RustCommand, GoCommand, GoHello, JSHello,
	} {
		t.Run(name, func(t *testing.T) {
			if wasm := Build(t, name); !bytes.HasPrefix(wasm, []byte("\x00asm\x0d\x00\x01\x00")) {
				t.Errorf("%d bytes are no component", len(wasm))
			}
		})
	}
}
