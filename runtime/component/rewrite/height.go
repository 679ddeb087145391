package rewrite

// A height follows how many values are on the operand stack, to tell how many
// of them must be kept in the frame of a function while it calls others. For
// vectors and code that is not reached it may be too much, never too little.
type height struct {
	now, low int // low: the least since the last call
	kept     int // values, each counted once
	blocks   []blockHeight
}

type blockHeight struct{ base, params, results int }

func (h *height) begin() {
	h.now, h.low, h.kept, h.blocks = 0, 0, 0, append(h.blocks[:0], blockHeight{})
}

// move takes and puts values.
func (h *height) move(takes, puts int) {
	h.now = max(h.now-takes, h.base())
	h.low = min(h.low, h.now)
	h.now += puts
}

func (h *height) base() int {
	if len(h.blocks) == 0 {
		return 0
	}
	return h.blocks[len(h.blocks)-1].base
}

func (h *height) call(takes, puts int) {
	h.move(takes, 0)
	h.kept += h.now - h.low
	h.low = h.now
	h.move(0, puts)
}

// step follows the last instruction of w.
func (h *height) step(w *walker) {
	switch op := w.op; op {
	case opBlock, opLoop, opIf, opTryTable:
		if op == opIf {
			h.move(1, 0)
		}
		h.move(w.params, 0)
		h.blocks = append(h.blocks, blockHeight{h.now, w.params, w.results})
		h.now += w.params
	case opElse:
		h.move(h.now, h.blocks[len(h.blocks)-1].params)
	case opEnd:
		b := h.blocks[len(h.blocks)-1]
		h.blocks = h.blocks[:len(h.blocks)-1]
		h.now = b.base
		h.low = min(h.low, h.now)
		h.now += b.results
	case opUnreachable, opBr, opBrTable, opReturn, opThrow, opThrowRef, opReturnCall, opReturnCallIndirect, opReturnCallRef:
		h.move(h.now, 0)
	case opCall:
		t := w.m.Types[w.m.Funcs[w.x]]
		h.call(len(t.Params), len(t.Results))
	case opCallIndirect, opCallRef:
		t := w.m.Types[w.x]
		h.call(len(t.Params)+1, len(t.Results))
	case opBulk:
		e := bulkEffects[min(w.sub, bulkTableFill)]
		h.call(int(e.takes), int(e.puts))
	case opMemoryGrow:
		h.call(1, 1)
	case opVector:
		if w.sub == vectorConst {
			h.move(0, 1)
		}
	default:
		h.move(int(effects[op].takes), int(effects[op].puts))
	}
}

const vectorConst = 12

type effect struct{ takes, puts uint8 }

// bulkEffects has what the instructions behind opBulk take and put.
var bulkEffects = [...]effect{
	{1, 1}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, {1, 1},
	bulkMemoryInit: {3, 0}, bulkDataDrop: {}, bulkMemoryCopy: {3, 0}, bulkMemoryFill: {3, 0},
	bulkTableInit: {3, 0}, bulkElemDrop: {}, bulkTableCopy: {3, 0}, bulkTableGrow: {2, 1}, bulkTableSize: {0, 1}, bulkTableFill: {3, 0},
}

// effects has what the other instructions take and put.
var effects = func() (t [256]effect) {
	set := func(from, to int, e effect) {
		for op := from; op <= to; op++ {
			t[op] = e
		}
	}
	t[opBrIf], t[opDrop], t[0x1b], t[opSelectTyped] = effect{1, 0}, effect{1, 0}, effect{3, 1}, effect{3, 1}
	t[opLocalGet], t[opLocalSet], t[opLocalTee] = effect{0, 1}, effect{1, 0}, effect{1, 1}
	t[opGlobalGet], t[opGlobalSet], t[0x25], t[opTableSet] = effect{0, 1}, effect{1, 0}, effect{1, 1}, effect{2, 0}
	set(0x28, 0x35, effect{1, 1}) // loads
	set(0x36, 0x3e, effect{2, 0}) // stores
	set(opMemorySize, opMemorySize, effect{0, 1})
	set(opI32Const, 0x44, effect{0, 1})
	set(0x45, 0xc4, effect{2, 1})
	for _, unary := range [][2]int{{0x45, 0x45}, {0x50, 0x50}, {0x67, 0x69}, {0x79, 0x7b}, {0x8b, 0x91}, {0x99, 0x9f}, {0xa7, 0xc4}} {
		set(unary[0], unary[1], effect{1, 1})
	}
	set(opRefNull, opRefNull, effect{0, 1})
	set(opRefFunc, opRefFunc, effect{0, 1})
	set(0xd1, 0xd1, effect{1, 1}) // ref.is_null
	return t
}()
