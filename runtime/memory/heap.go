package memory

// A heapSource has memories on the Go heap, for systems and tests where nothing
// else works.
type heapSource struct{ page int }

type heapImage []byte

func (h heapImage) view() []byte { return h }

func (h heapImage) close() error { return nil }

func (heapSource) newImage(c content) (backing, error) {
	b := make(heapImage, c.size)
	err := c.parts(func(offset uint64, part []byte) error {
		copy(b[offset:], part)
		return nil
	})
	return b, err
}

func (h heapSource) newSlot(room uint64) (slot, error) {
	return &heapSlot{page: h.page, most: room}, nil
}

func (heapSource) close() error { return nil }

// A heapSlot is a memory on the heap.
type heapSlot struct {
	page  int
	most  uint64
	bound *Image
	b     []byte // zero beyond, up to its capacity
}

func (h *heapSlot) room() uint64 { return 0 } // no addresses are kept for it

func (h *heapSlot) image() *Image { return h.bound }

func (h *heapSlot) bind(m *Image, min uint64) error {
	h.bound, h.b = m, make([]byte, min)
	copy(h.b, m.view())
	return nil
}

// grow moves the memory to one with some room to spare if it has to.
func (h *heapSlot) grow(size uint64) []byte {
	if size > uint64(cap(h.b)) {
		b := make([]byte, size, max(size, min(size+size/4, h.most)))
		copy(b, h.b)
		h.b = b
	}
	if size > uint64(len(h.b)) {
		h.b = h.b[:size]
	}
	return h.b[:size:size]
}

// shrink gives a memory up that has grown: nothing behind its end would be
// accounted.
func (h *heapSlot) shrink(size uint64) []byte {
	h.b = make([]byte, size)
	return h.b
}

func (h *heapSlot) reset(r *Result) error {
	view := h.bound.view()
	clear(h.b[copy(h.b, view):])
	r.Bytes += len(h.b)
	r.Pages += len(h.b) / h.page
	return nil
}

func (h *heapSlot) recycle() (bool, error) { return false, nil }

func (h *heapSlot) unbind() error {
	h.bound, h.b = nil, nil
	return nil
}

func (h *heapSlot) close() error { return h.unbind() }
