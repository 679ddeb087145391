package outbound

import (
	_ "embed"
	"fmt"

	"github.com/neutrino-local/neutrino-local/runtime/component"
)

// interfaces are the types of what Link offers: a component that imports
// something with another type is refused when it is linked.
//
//go:embed wit.wasm
var interfaces []byte

func declare(l *component.Linker) {
	if err := l.Declare(interfaces); err != nil {
		panic(fmt.Sprintf("outbound: %v", err)) // ours, and embedded
	}
}
