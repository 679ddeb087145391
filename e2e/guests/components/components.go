// Package components has guests that are WebAssembly components, for tests.
//
// Small ones are kept here as binaries beside their sources; build.sh makes them
// again. Large ones are built by the test that wants them, once on a machine.
package components

import _ "embed"

// CHTTP answers requests as its path says, see c-http/guest.c. It is written by
// hand against the canonical ABI, without a libc.
//
//go:embed c-http/c-http.wasm
var CHTTP []byte

// CCommand is a command, of wasi-libc and the adapter of preview 1. Its first
// argument says what it does, see c-command/guest.c.
//
//go:embed c-command/c-command.wasm
var CCommand []byte

// CNovember is CHTTP for the candidate of November 2023.
//
//go:embed c-http/c-november.wasm
var CNovember []byte

// COctober is for the candidate of October 2023, see c-october/guest.c.
//
//go:embed c-october/c-october.wasm
var COctober []byte

//go:embed cpp-http/cpp-http.wasm
var cppHTTP []byte

//go:embed rust-http/rust-http.wasm
var rustHTTP []byte

//go:embed rust-command/rust-command.wasm
var rustCommand []byte

// kept are the guests that are here as binaries.
var kept = map[string][]byte{
	CGuest: CHTTP, CPlusPlus: cppHTTP, RustHTTP: rustHTTP, CProgram: CCommand, RustCommand: rustCommand,
}
