package variables

import _ "embed"

// interfaces are the types of what Link offers: a component that imports
// something with another type is refused when it is linked.
//
//go:embed wit.wasm
var interfaces []byte
