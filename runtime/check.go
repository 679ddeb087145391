package runtime

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/neutrino-local/neutrino-local/runtime/component"
	"github.com/neutrino-local/neutrino-local/runtime/module"
	"github.com/neutrino-local/neutrino-local/runtime/spin/legacy"
	"github.com/neutrino-local/neutrino-local/runtime/wagi"
	"github.com/neutrino-local/neutrino-local/store"
)

// Check says why no host of this build with these features can run a binary with an executor, "http"
// or "wagi": by the interfaces that it lacks, or because the kind of the binary is
// not for that executor. It compiles nothing; a binary that is damaged passes, and
// fails when it is compiled. The error is of kind store.ErrInvalid.
func Check(f Features, executor string, wasm []byte) error {
	outline, err := module.Read(wasm)
	if !asComponent(outline, err) {
		if executor == "wagi" {
			return nil
		}
		return invalid(errNoComponent())
	}
	can := newCapabilities(f)
	linking := can.linker.Check(wasm)
	if missing, ok := errors.AsType[*component.LinkError](linking); ok {
		return invalid(f.explain(missing))
	} else if linking != nil && err == nil {
		return invalid(linking) // the names of a core module do not fit its world
	}
	if err == nil && isLegacy(outline) {
		if executor == "wagi" {
			return invalid(errNoCommand)
		}
		return nil
	}
	return checkExports(executor, wasm)
}

// asComponent reports whether the engine of components runs a binary, of which
// module.Read has told o and err: a component, or a core module that says in a
// section what component it is to be, or is one of Spin 1. A command that needs
// nothing but preview 1 is none, whatever it says.
func asComponent(o *module.Outline, err error) bool {
	if err != nil {
		return errors.Is(err, module.ErrComponent)
	}
	if isLegacy(o) {
		return true
	}
	_, command := o.Exports[wagi.Entry]
	return o.World && (!command || slices.ContainsFunc(o.Imports, func(i module.Import) bool { return i.Module != wagi.Imports }))
}

// isLegacy reports whether a core module is one of Spin 1, which says nothing of
// itself.
func isLegacy(o *module.Outline) bool {
	kind, ok := o.Exports[legacy.Entry]
	return ok && kind == module.Func && !o.World
}

// errNoComponent is about a core module under the http executor.
func errNoComponent() error {
	return store.Hint(errors.New("its binary is a core module without a component-type section, and the http executor runs components"),
		`a preview 1 command runs with executor = { type = "wagi" }`)
}

// checkExports looks for the function that this host calls for a request.
func checkExports(executor string, wasm []byte) error {
	d, err := component.Describe(wasm)
	if err != nil {
		return nil // damaged
	}
	if executor == "wagi" {
		if slices.ContainsFunc(d.Exports, func(e component.Interface) bool { return strings.HasPrefix(e.Name, "wasi:cli/run@0.2.") }) {
			return nil
		}
		return invalid(errNoCommand)
	}
	var others []string
	for _, e := range d.Exports {
		switch {
		case strings.HasPrefix(e.Name, "wasi:http/incoming-handler@0.2."), e.Name == legacy.Handler:
			return nil
		case strings.Contains(e.Name, "handler") || strings.Contains(e.Name, "inbound"):
			others = append(others, e.Name)
		}
	}
	if len(others) > 0 {
		return invalid(fmt.Errorf("it exports %s, which is not built yet: want wasi:http/incoming-handler@0.2", strings.Join(others, ", ")))
	}
	return invalid(errNoHandler)
}
