package rewrite

// Costs are in units of about one simple instruction, a fraction of a
// nanosecond. They need not be exact: they must be in proportion, so that no
// code runs much longer than it pays for.
const (
	costCall  = 8
	costTable = 24 // of a call through a table
	costThrow = 1000
	costGrow  = 1000
)

// chunk bounds what straight code may cost between two checks, and pieces of
// long operations.
const chunk = 1 << 13

// doubt is which part of the cost of ways is charged that are not always taken.
// The longest way is paid for all too rarely: most code would run out of fuel
// many times too early.
const doubt = 8

// tight bounds what a round of a loop costs for which it matters whether the
// counter is read from memory.
const tight = 64

// small bounds what a function may cost, besides its loops, for its callers to
// pay for it: it needs no check of its own. Calls through tables pay for none.
const small = 128

// perByte and perItem are how many bytes of memory and items of a table an
// operation does for one unit.
const (
	perByte = 16
	perItem = 1
)

// costs has the price of each instruction of one byte.
var costs = func() (t [256]uint8) {
	for i := range t {
		t[i] = 1
	}
	for _, op := range []byte{opBlock, opLoop, opEnd, opElse, opUnreachable, 0x01, opDrop, opTryTable} {
		t[op] = 0
	}
	for op := 0x28; op <= 0x3e; op++ { // loads and stores
		t[op] = 2
	}
	for _, op := range []byte{0x6c, 0x7e} { // mul
		t[op] = 3
	}
	for op := 0x6d; op <= 0x70; op++ { // 32-bit division
		t[op] = 20
	}
	for op := 0x7f; op <= 0x82; op++ { // 64-bit division
		t[op] = 30
	}
	for op := 0x8b; op <= 0xa6; op++ { // floating point
		t[op] = 4
	}
	for op := 0xa8; op <= 0xbf; op++ { // conversions
		t[op] = 4
	}
	for _, op := range []byte{0x91, 0x95, 0x9f, 0xa3} { // sqrt, div
		t[op] = 15
	}
	for op, cost := range map[byte]uint8{
		opCall: costCall, opReturnCall: costCall, opCallRef: costTable,
		opCallIndirect: costTable, opReturnCallIndirect: costTable, opReturnCallRef: costTable,
		opBrTable: 4, opGlobalGet: 2, opGlobalSet: 2, 0x25: 4, opTableSet: 6,
		opRefFunc: 150, // asks the host
	} {
		t[op] = cost
	}
	return t
}()

// cost returns the price of the last instruction.
func (s *summary) cost(w *walker, op byte) int64 {
	if plain[op] {
		return int64(costs[op])
	}
	switch op {
	case opMemoryGrow:
		return costCall
	case opBulk:
		switch w.sub {
		case bulkMemoryInit:
			return costCall + int64(s.datas[w.x])/perByte
		case bulkTableInit:
			return costCall + int64(s.elems[w.x])/perItem
		case bulkMemoryCopy, bulkMemoryFill:
			if w.isShort() {
				return costCall + int64(w.pushed)/perByte
			}
			return costCall
		case bulkDataDrop, bulkElemDrop, bulkTableCopy, bulkTableFill, bulkTableGrow:
			return costCall
		}
		return 4
	case opVector:
		return 3
	case opAtomic:
		return 20
	}
	return int64(costs[op])
}
