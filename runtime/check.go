package runtime

import (
	"errors"
	"fmt"
	"strings"

	"github.com/neutrino-local/neutrino-local/runtime/component"
	"github.com/neutrino-local/neutrino-local/runtime/module"
	"github.com/neutrino-local/neutrino-local/store"
)

// Check says why no host of this build with these features can run a binary with an executor, "http"
// or "wagi": by the interfaces that it lacks, or because the kind of the binary is
// not for that executor. It compiles nothing; a binary that is damaged passes, and
// fails when it is compiled. The error is of kind store.ErrInvalid.
func Check(f Features, executor string, wasm []byte) error {
	_, err := module.Read(wasm)
	isComponent := errors.Is(err, module.ErrComponent)
	switch {
	case executor == "wagi" && isComponent:
		return invalid(fmt.Errorf("its binary is %w, and the wagi executor of this host runs core modules", module.ErrComponent))
	case executor == "wagi":
		return nil
	case !isComponent:
		return store.Hint(invalid(errors.New("its binary is a core module, and the http executor of this host runs components")),
			`a preview 1 command runs with executor = { type = "wagi" }`)
	}
	can := newCapabilities(f)
	if linking, ok := errors.AsType[*component.LinkError](can.linker.Check(wasm)); ok {
		return invalid(f.explain(linking))
	}
	return checkExports(wasm)
}

// checkExports looks for the handler of requests that this host calls.
func checkExports(wasm []byte) error {
	d, err := component.Describe(wasm)
	if err != nil {
		return nil // damaged
	}
	var others []string
	for _, e := range d.Exports {
		switch {
		case strings.HasPrefix(e.Name, "wasi:http/incoming-handler@0.2."):
			return nil
		case strings.Contains(e.Name, "handler") || strings.Contains(e.Name, "inbound"):
			others = append(others, e.Name)
		}
	}
	if len(others) > 0 {
		return invalid(fmt.Errorf("it exports %s, which is not built yet: want wasi:http/incoming-handler@0.2", strings.Join(others, ", ")))
	}
	return invalid(errors.New("it exports no handler of requests: want wasi:http/incoming-handler@0.2"))
}
