package rewrite

// A space is one of the index spaces that instructions refer to.
type space uint8

const (
	spaceType space = iota
	spaceFunc
	spaceTable
	spaceMemory
	spaceGlobal
	spaceTag
	spaceElem
	spaceData
)

var spaceNames = [...]string{"type", "function", "table", "memory", "global", "tag", "elem segment", "data segment"}

// index fails if i is not in the original module's index space s.
func (m *Module) index(c *cursor, s space, i uint32) {
	var n uint64
	switch s {
	case spaceType:
		n = uint64(len(m.Types))
	case spaceFunc:
		n = uint64(len(m.Funcs))
	case spaceTable:
		n = uint64(len(m.Tables))
	case spaceMemory:
		n = uint64(len(m.Memories))
	case spaceGlobal:
		n = uint64(len(m.Globals))
	case spaceTag:
		n = uint64(len(m.Tags))
	case spaceElem:
		n = uint64(m.elems)
	case spaceData:
		n = uint64(m.datas)
		if m.dataCount != nil {
			n = uint64(*m.dataCount)
		}
	}
	if uint64(i) >= n {
		c.fail("unknown %s %d of %d", spaceNames[s], i, n)
	}
}

// Opcodes that the pass treats apart.
const (
	opBlock        = 0x02
	opLoop         = 0x03
	opIf           = 0x04
	opEnd          = 0x0b
	opI32Const     = 0x41
	opBrTable      = 0x0e
	opCallIndirect = 0x11
	opSelectTyped  = 0x1c
	opTryTable     = 0x1f
)

// A walker reads instructions one by one, checking each index in them.
type walker struct {
	m      *Module
	c      *cursor
	locals uint64
}

func (w *walker) index(s space) { w.m.index(w.c, s, w.c.u32()) }

// instruction reads one instruction and returns its opcode. What the bytes
// mean otherwise is for the engine to validate; here they must only be walked
// exactly as the engine does.
func (w *walker) instruction() byte {
	c := w.c
	op := c.byte()
	switch {
	case op >= 0x45 && op <= 0xc4: // comparisons, arithmetic, conversions
	case op >= 0x20 && op <= 0x22:
		if i := c.u32(); uint64(i) >= w.locals {
			c.fail("unknown local %d of %d", i, w.locals)
		}
	case op == 0x23 || op == 0x24:
		w.index(spaceGlobal)
	case op == 0x25 || op == 0x26:
		w.index(spaceTable)
	case op >= 0x28 && op <= 0x3e:
		w.memarg()
	case op == 0x3f || op == 0x40:
		w.index(spaceMemory)
	case op == 0x41:
		c.leb(5)
	case op == 0x42:
		c.leb(10)
	case op == 0x43:
		c.skip(4)
	case op == 0x44:
		c.skip(8)
	case op == 0xfc:
		w.bulk()
	case op == 0xfd:
		w.vector()
	case op == 0xfe:
		w.atomic()
	default:
		w.control(op)
	}
	return op
}

func (w *walker) control(op byte) {
	c := w.c
	switch op {
	case 0x00, 0x01, 0x05, 0x0a, opEnd, 0x0f, 0x1a, 0x1b, 0xd1, 0xd3, 0xd4: // no immediates
	case opBlock, opLoop, opIf:
		w.blockType()
	case 0x08: // throw
		w.index(spaceTag)
	case 0x0c, 0x0d, 0xd5, 0xd6: // branches
		c.u32()
	case opBrTable:
		for range c.count() {
			c.u32()
		}
		c.u32()
	case 0x10, 0x12, 0xd2: // call, return_call, ref.func
		w.index(spaceFunc)
	case opCallIndirect, 0x13:
		w.index(spaceType)
		w.index(spaceTable)
	case 0x14, 0x15: // call_ref, return_call_ref
		w.index(spaceType)
	case opSelectTyped:
		c.valTypes()
	case opTryTable:
		w.tryTable()
	case 0xd0: // ref.null
		w.heapType()
	default:
		c.fail("unknown instruction %#x", op)
	}
}

func (w *walker) blockType() {
	c := w.c
	if c.more() && c.b[c.p]&0xc0 == 0x40 { // one byte, negative: empty or a value type
		c.p++
		return
	}
	w.index(spaceType)
}

func (w *walker) heapType() {
	c := w.c
	if c.more() && c.b[c.p]&0xc0 == 0x40 {
		c.p++
		return
	}
	w.index(spaceType)
}

func (w *walker) tryTable() {
	c := w.c
	w.blockType()
	for range c.count() {
		k := c.byte()
		if k > 3 {
			c.fail("malformed catch clause %#x", k)
		}
		if k < 2 {
			w.index(spaceTag)
		}
		c.u32()
	}
}

func (w *walker) memarg() {
	memory := uint32(0)
	if align := w.c.u32(); align&0x40 != 0 {
		memory = w.c.u32()
	}
	w.m.index(w.c, spaceMemory, memory)
	w.c.leb(10)
}

func (w *walker) bulk() {
	c := w.c
	switch op := c.u32(); op {
	case 0, 1, 2, 3, 4, 5, 6, 7: // saturating truncation
	case 8: // memory.init
		w.data()
		w.index(spaceMemory)
	case 9: // data.drop
		w.data()
	case 10: // memory.copy
		w.index(spaceMemory)
		w.index(spaceMemory)
	case 11: // memory.fill
		w.index(spaceMemory)
	case 12: // table.init
		w.index(spaceElem)
		w.index(spaceTable)
	case 13: // elem.drop
		w.index(spaceElem)
	case 14: // table.copy
		w.index(spaceTable)
		w.index(spaceTable)
	case 15, 16, 17: // table.grow, size, fill
		w.index(spaceTable)
	default:
		c.fail("unknown instruction 0xfc %d", op)
	}
}

func (w *walker) data() {
	if w.m.dataCount == nil {
		w.c.fail("data count section required")
	}
	w.index(spaceData)
}

func (w *walker) vector() {
	c := w.c
	switch op := c.u32(); {
	case op <= 11 || op == 92 || op == 93:
		w.memarg()
	case op == 12 || op == 13:
		c.skip(16)
	case op >= 21 && op <= 34:
		c.skip(1)
	case op >= 84 && op <= 91:
		w.memarg()
		c.skip(1)
	case op > 0x113:
		c.fail("unknown instruction 0xfd %d", op)
	}
}

func (w *walker) atomic() {
	c := w.c
	switch op := c.u32(); {
	case op == 3:
		c.skip(1)
	case op <= 2 || op >= 0x10 && op <= 0x4e:
		w.memarg()
	default:
		c.fail("unknown instruction 0xfe %d", op)
	}
}
