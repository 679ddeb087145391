package wasi

import (
	_ "embed"

	"github.com/neutrino-local/neutrino-local/runtime/component"
)

// interfaces are the types of all of WASI 0.2, wasi:http included: a component
// that imports something with another type is refused when it is linked. The
// candidates of 2023 are not declared; their values are checked in each call.
//
//go:embed wit/wit.wasm
var interfaces []byte

// Declare gives the linker the types of what Link and wasihttp.Link offer for
// the versions of 0.2.
func Declare(l *component.Linker) { l.MustDeclare(interfaces) }
