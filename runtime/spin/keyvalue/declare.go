package keyvalue

import _ "embed"

// interfaces are the types of what is offered. A component that imports
// something with another type is refused when it is linked: get-many has one in
// the proposal that is not Spin's, and both are called 0.2.0-draft2.
//
//go:embed wit/wit.wasm
var interfaces []byte
