package rewrite

import (
	"crypto/sha256"
	"errors"
	"fmt"
)

// stubSection is a custom section that has the digest of what a stub is of.
const stubSection = "stub"

// Stub returns a module that is like wasm, a valid core module, in everything
// but its functions, which trap when they are called. Where the compiled code of
// wasm is at hand a stub is all that is needed to instantiate it, and it is read,
// validated and kept in memory much cheaper. Stubs of two modules are never the
// same, and of one they always are.
func Stub(wasm []byte) ([]byte, error) {
	if len(wasm) < 8 {
		return nil, errors.New("not a core module")
	}
	out := append([]byte(nil), wasm[:8]...)
	c := &cursor{b: wasm, p: 8, end: len(wasm)}
	for c.more() {
		id := c.byte()
		s := c.sub(c.u32())
		body := wasm[s.p:s.end]
		switch id {
		case sectionCustom:
			if s.name() != "name" { // those are in backtraces
				continue
			}
		case sectionCode:
			body = stubs(s.count())
		}
		out = appendSection(out, id, body)
	}
	if c.err != nil {
		return nil, fmt.Errorf("core module: %w", c.err)
	}
	sum := sha256.Sum256(wasm)
	return appendSection(out, sectionCustom, append(appendName(nil, stubSection), sum[:]...)), nil
}

// stubs is a code section of n functions that trap.
func stubs(n int) []byte {
	b := appendU32(make([]byte, 0, 5+4*n), uint32(n))
	for range n {
		b = append(b, 3, 0, opUnreachable, opEnd) // its size, no locals
	}
	return b
}
