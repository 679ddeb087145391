package rewrite

import (
	"encoding/binary"

	"github.com/neutrino-local/neutrino-local/runtime/component/types"
)

// An edit copies a part of a module and puts other function indices in. A nil
// edit takes none.
type edit struct {
	m    *Module
	from int // copied up to here
	out  []byte
	// fixed says that functions keep their indices.
	fixed bool
}

// function replaces the index i of a function, which is the bytes from start
// to end.
func (e *edit) function(start, end int, i uint32) {
	if e == nil || e.fixed || i < uint32(e.m.importedFuncs) {
		return
	}
	e.out = appendU32(append(e.out, e.m.b[e.from:start]...), i+1)
	e.from = end
}

// limits replaces the limits of a table or memory.
func (e *edit) limits(start, end int, l types.Limits) {
	e.out = appendLimits(append(e.out, e.m.b[e.from:start]...), l)
	e.from = end
}

// rest copies up to end and returns all that was put out.
func (e *edit) rest(end int) []byte {
	e.out = append(e.out, e.m.b[e.from:end]...)
	e.from = end
	return e.out
}

func appendLimits(b []byte, l types.Limits) []byte {
	flags := byte(0)
	for i, set := range []bool{l.HasMax, l.Shared, l.Is64} {
		if set {
			flags |= 1 << i
		}
	}
	b = binary.AppendUvarint(append(b, flags), l.Min)
	if l.HasMax {
		b = binary.AppendUvarint(b, l.Max)
	}
	return b
}
