// Package legacy knows the guests of Spin 1: core modules whose bindings came
// from wit-bindgen 0.2, which wrote nothing into a module of the world that it is
// for, and components that export fermyon:spin/inbound-http.
//
// Values look in memory as they do in the canonical ABI; only the names of
// functions, interfaces and the allocator have changed since.
package legacy

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/neutrino-local/neutrino-local/runtime/component"
)

// Entry is the function that a module of Spin 1 exports for HTTP requests.
const Entry = "handle-http-request"

// Handler is the interface, and its function, that a component exports for them.
const (
	Handler = "fermyon:spin/inbound-http"
	Handle  = "handle-request"
)

//go:embed wit/wit.wasm
var world []byte

// imports are the functions of each module name of old, and the interface that
// they are in today.
var imports = map[string]struct{ instance, functions string }{
	"spin-config":    {"config", "get-config"},
	"outbound-redis": {"redis", "publish set get incr del sadd smembers srem execute"},
	"outbound-pg":    {"postgres", "query execute"},
	"outbound-mysql": {"mysql", "query execute"},
	"sqlite":         {"sqlite", "open execute close"},
	"key-value":      {"key-value", "open get set delete exists get-keys close"},
	"llm":            {"llm", "infer generate-embeddings"},
}

// Link lets l link modules of Spin 1.
func Link(l *component.Linker) {
	old := component.Old{
		Exports: map[string]string{Entry: Handler + "#" + Handle},
		Imports: map[[2]string][2]string{{"wasi-outbound-http", "request"}: {"fermyon:spin/http", "send-request"}},
		Realloc: "canonical_abi_realloc",
	}
	for module, now := range imports {
		for name := range strings.FieldsSeq(now.functions) {
			old.Imports[[2]string{module, name}] = [2]string{"fermyon:spin/" + now.instance, name}
		}
	}
	if err := l.Adopt(world, old); err != nil {
		panic(fmt.Sprintf("legacy: %v", err)) // ours, and embedded
	}
}
