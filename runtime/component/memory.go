package component

import (
	"github.com/tetratelabs/wazero/experimental"
)

// A heap makes the memories of one instance on the Go heap, within a limit for
// all of them together.
type heap struct {
	limit, used uint64
	refused     bool // a memory wanted more
}

// Allocate makes a memory, still without room.
func (h *heap) Allocate(_, _ uint64) experimental.LinearMemory { return &heapMemory{heap: h} }

type heapMemory struct {
	heap *heap
	b    []byte
}

// Reallocate refuses what is beyond the limit; the guest sees its grow fail.
func (m *heapMemory) Reallocate(size uint64) []byte {
	if size > uint64(len(m.b)) {
		more := size - uint64(len(m.b))
		if m.heap.used+more > m.heap.limit {
			m.heap.refused = true
			return nil
		}
		m.heap.used += more
		if size > uint64(cap(m.b)) {
			b := make([]byte, len(m.b), max(size, min(2*uint64(cap(m.b)), m.heap.limit)))
			copy(b, m.b)
			m.b = b
		}
	}
	m.b = m.b[:size]
	return m.b
}

// Free has nothing to do: a memory may be freed by a module that only imports
// it, while its owner still runs.
func (m *heapMemory) Free() {}
