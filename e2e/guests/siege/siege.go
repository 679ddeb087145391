// Package siege has guests that do harm to the server that runs them, for tests:
// they take its processors, its memory and its patience, each in a way of its own.
// guests/build.sh makes the binaries of the sources beside them.
package siege

import (
	"bytes"
	_ "embed"
	"encoding/binary"
	"slices"
	"strings"
)

var (
	//go:embed guests/guest.wasm
	guest []byte
	//go:embed guests/fuel.wasm
	fuel []byte
	//go:embed guests/tables.wasm
	tables []byte
)

// Start is a guest whose start function does not end, so that no revision of it
// can start.
//
//go:embed guests/start.wasm
var Start []byte

// An Attack is a guest, a module with the world of a wasi:http handler, and what
// it is asked for to do harm.
type Attack struct {
	Name   string
	Wasm   []byte
	Path   string
	Status int // of its reply; 0: it does not end, unless it is made to
}

// Attacks returns all ways to do harm. One has a loop around so many divisions
// as are asked for.
func Attacks(divisions int) []Attack {
	return []Attack{
		{"busy handler", guest, "/l", 0},
		{"busy destructor", guest, "/d", 0},
		{"busy allocator", guest, "/r", 0},
		{"memory.fill", guest, "/f", 0},
		{"divisions", Divisions(divisions), "/", 0},
		{"calls without loops", guest, "/c", 0},
		{"fills globals", fuel, "/", 0},
		{"waits for ever", guest, "/b", 0},
		{"recursion", guest, "/u", 500},
		{"traps", guest, "/t", 500},
		{"grows its memory", guest, "/g", 200},
		{"grows its table", tables, "/", 200},
		{"writes to all memory", guest, "/y", 200},
	}
}

// Divisions is a guest with a loop around n divisions and nothing to check on the
// way: it has 7 bytes for each.
func Divisions(n int) []byte {
	body := "\x00\x03\x40" + strings.Repeat("\x20\x00\x41\x03\x6e\x21\x00", n) + "\x0c\x00\x0b\x0b"
	const handle = "wasi:http/incoming-handler@0.2.0#handle"
	return slices.Concat([]byte("\x00asm\x01\x00\x00\x00"),
		section(1, "\x01\x60\x02\x7f\x7f\x00"), section(3, "\x01\x00"), section(5, "\x01\x00\x01"),
		section(7, "\x02\x06memory\x02\x00"+length(handle)+handle+"\x00\x00"),
		section(10, "\x01"+length(body)+body),
		world())
}

// section is a section of a module.
func section(id byte, content string) []byte {
	return append(binary.AppendUvarint([]byte{id}, uint64(len(content))), content...)
}

func length(s string) string { return string(binary.AppendUvarint(nil, uint64(len(s)))) }

// world returns the section of the guest that says of which world it is.
func world() []byte {
	rest := guest[8:]
	for {
		size, n := binary.Uvarint(rest[1:])
		this := rest[:1+n+int(size)]
		if bytes.HasPrefix(this[1+n:], []byte("\x0ecomponent-type")) {
			return this
		}
		rest = rest[len(this):]
	}
}
