package legacy

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/neutrino-local/neutrino-local/runtime/component"
)

func module(t *testing.T) []byte {
	t.Helper()
	wasm, err := os.ReadFile("testdata/all.wasm")
	if err != nil {
		t.Fatal(err)
	}
	return wasm
}

func newLinker() *component.Linker {
	l := component.NewLinker()
	Link(l)
	return l
}

// TestAllImports links a module that imports all there was. A host without any of
// it misses the functions of today, and their types fit the module.
func TestAllImports(t *testing.T) {
	link, ok := errors.AsType[*component.LinkError](newLinker().Check(module(t)))
	if !ok || len(link.Mistyped)+len(link.Refused) > 0 {
		t.Fatalf("Check = %v, want missing functions", link)
	}
	got := map[string]string{}
	for _, m := range link.Missing {
		got[m.Instance] = strings.TrimSpace(got[m.Instance] + " " + m.Name)
	}
	want := map[string]string{
		"fermyon:spin/config":    "get-config",
		"fermyon:spin/http":      "send-request",
		"fermyon:spin/redis":     "publish set get incr del sadd smembers srem execute",
		"fermyon:spin/postgres":  "query execute",
		"fermyon:spin/mysql":     "query execute",
		"fermyon:spin/sqlite":    "open execute close",
		"fermyon:spin/key-value": "open get set delete exists get-keys close",
		"fermyon:spin/llm":       "generate-embeddings infer",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("missing (-want +got):\n%s", diff)
	}
}

// TestRefused has modules that are almost of Spin 1.
func TestRefused(t *testing.T) {
	tests := []struct{ name, from, to, want string }{
		{"another import", "get-config", "get-konfig", `import "spin-config" "get-konfig": there is no such function in the module's world`},
		{"no allocator", "canonical_abi_realloc", "canonical_abi_reallox", "the module exports no canonical_abi_realloc"},
		{"no handler", "handle-http-request", "handle-http-rekuest", "core module has no component-type section"},
	}
	for _, tt := range tests {
		wasm := bytes.Replace(module(t), []byte(tt.from), []byte(tt.to), 1)
		if err := newLinker().Check(wasm); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: Check = %v, want %q", tt.name, err, tt.want)
		}
	}
}
