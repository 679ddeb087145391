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

// A walker reads instructions one by one, checking each index in them. The
// bytes are walked exactly as the engine walks them, or refused: a guest must
// not show one program to the pass and another one to the engine.
type walker struct {
	m      *Module
	c      *cursor
	locals uint64

	// Of the last instruction:
	at     int // where it begins
	op     byte
	sub    byte     // opcode behind a prefix
	x, y   uint32   // indices
	labels []uint32 // of branches and catch clauses

	params, results int // of a block

	pushed   uint32 // by the last i32.const
	pushedAt int    // where that ended
}

func (w *walker) index(s space) uint32 {
	i := w.c.u32()
	w.m.index(w.c, s, i)
	return i
}

// A form is how the immediates of an instruction are read.
type form uint8

const (
	formControl form = iota // the rest
	formNone
	formLocal
	formGlobal
	formTable
	formMemarg
	formMemory
	formI32
	formI64
	formF32
	formF64
	formBulk
	formVector
	formAtomic
)

var forms = func() (t [256]form) {
	set := func(from, to int, f form) {
		for op := from; op <= to; op++ {
			t[op] = f
		}
	}
	set(0x45, 0xc4, formNone) // comparisons, arithmetic, conversions
	set(opLocalGet, opLocalTee, formLocal)
	set(opGlobalGet, opGlobalSet, formGlobal)
	set(0x25, opTableSet, formTable)
	set(0x28, 0x3e, formMemarg)
	set(opMemorySize, opMemoryGrow, formMemory)
	t[opI32Const], t[opI64Const], t[0x43], t[0x44] = formI32, formI64, formF32, formF64
	t[opBulk], t[opVector], t[opAtomic] = formBulk, formVector, formAtomic
	t[opEnd], t[opDrop] = formNone, formNone
	return t
}()

// instruction reads one instruction and returns its opcode. What the bytes
// mean otherwise is for the engine to validate.
func (w *walker) instruction() byte {
	c := w.c
	w.at = c.p
	if !c.more() {
		c.fail("unexpected end of module")
		return opUnreachable
	}
	op := c.b[c.p]
	c.p++
	w.op = op
	switch forms[op] {
	case formNone:
	case formLocal:
		if i := c.u32(); uint64(i) >= w.locals {
			c.fail("unknown local %d of %d", i, w.locals)
		}
	case formGlobal:
		w.x = w.index(spaceGlobal)
	case formTable:
		w.x = w.index(spaceTable)
	case formMemarg:
		w.memarg()
	case formMemory:
		w.x = w.index(spaceMemory)
	case formI32:
		w.pushed, w.pushedAt = c.s32(), c.p
	case formI64:
		c.leb(10)
	case formF32:
		c.skip(4)
	case formF64:
		c.skip(8)
	case formBulk:
		w.bulk()
	case formVector:
		w.vector()
	case formAtomic:
		w.atomic()
	default:
		w.control(op)
	}
	return op
}

// constant returns what the instruction before the last one has pushed, if
// that was i32.const.
func (w *walker) constant() (uint32, bool) { return w.pushed, w.pushedAt == w.at }

func (w *walker) control(op byte) {
	c := w.c
	switch op {
	case opUnreachable, 0x01, opElse, opThrowRef, opEnd, opReturn, opDrop, 0x1b, 0xd1, 0xd3, 0xd4: // no immediates
	case opBlock, opLoop, opIf:
		w.blockType()
	case opThrow:
		w.index(spaceTag)
	case opBr, opBrIf, opBrOnNull, opBrOnNonNull:
		w.labels = append(w.labels[:0], c.u32())
	case opBrTable:
		w.labels = w.labels[:0]
		for range c.count() {
			w.labels = append(w.labels, c.u32())
		}
		w.labels = append(w.labels, c.u32())
	case opCall, opReturnCall, opRefFunc:
		w.x = w.index(spaceFunc)
	case opCallIndirect, opReturnCallIndirect:
		w.x = w.index(spaceType)
		w.y = w.index(spaceTable)
	case opCallRef, opReturnCallRef:
		w.x = w.index(spaceType)
	case opSelectTyped:
		c.valTypes()
	case opTryTable:
		w.tryTable()
	case opRefNull:
		w.heapType()
	default:
		c.fail("unknown instruction %#x", op)
	}
}

func (w *walker) blockType() {
	c := w.c
	if !c.more() {
		c.fail("unexpected end of module")
		return
	}
	w.params, w.results = 0, 0
	switch b := c.b[c.p]; b {
	case 0x40: // empty
		c.p++
	case 0x7f, 0x7e, 0x7d, 0x7c, 0x7b, 0x70, 0x6f, 0x69:
		c.p++
		w.results = 1
	default:
		if b&0xc0 == 0x40 {
			c.fail("block type %#x is not supported", b)
		}
		if t := w.index(spaceType); c.err == nil {
			w.params, w.results = len(w.m.Types[t].Params), len(w.m.Types[t].Results)
		}
		if c.b[c.p-1]&0x40 != 0 { // a negative number
			c.fail("malformed block type")
		}
	}
}

func (w *walker) heapType() {
	c := w.c
	if c.more() && (c.b[c.p] == 0x70 || c.b[c.p] == 0x6f || c.b[c.p] == 0x69) {
		c.p++
		return
	}
	w.index(spaceType)
}

func (w *walker) tryTable() {
	c := w.c
	w.blockType()
	w.labels = w.labels[:0]
	for range c.count() {
		k := c.byte()
		if k > 3 {
			c.fail("malformed catch clause %#x", k)
		}
		if k < 2 {
			w.index(spaceTag)
		}
		w.labels = append(w.labels, c.u32())
	}
}

func (w *walker) memarg() {
	c := w.c
	w.m.index(c, spaceMemory, 0)
	if align := c.u32(); align&0x40 != 0 {
		w.index(spaceMemory)
		c.fail("more than one memory is not supported")
	}
	c.leb(5)
}

func (w *walker) bulk() {
	c := w.c
	w.sub = c.byte()
	switch w.sub {
	case 0, 1, 2, 3, 4, 5, 6, 7: // saturating truncation
	case bulkMemoryInit:
		w.data()
		w.y = w.index(spaceMemory)
	case bulkDataDrop:
		w.data()
	case bulkMemoryCopy:
		w.x = w.index(spaceMemory)
		w.y = w.index(spaceMemory)
	case bulkMemoryFill:
		w.x = w.index(spaceMemory)
	case bulkTableInit:
		w.x = w.index(spaceElem)
		w.y = w.index(spaceTable)
	case bulkElemDrop:
		w.x = w.index(spaceElem)
	case bulkTableCopy:
		w.x = w.index(spaceTable)
		w.y = w.index(spaceTable)
	case bulkTableGrow, bulkTableSize, bulkTableFill:
		w.x = w.index(spaceTable)
	default:
		c.fail("unknown instruction 0xfc %d", w.sub)
	}
}

func (w *walker) data() {
	if w.m.dataCount == nil {
		w.c.fail("data count section required")
	}
	w.x = w.index(spaceData)
}

// vector reads the opcode as the engine does: as one byte. The second byte of
// those from 0x80 is always 1 and is to the engine an instruction of its own
// that does nothing.
func (w *walker) vector() {
	c := w.c
	op := c.byte()
	w.sub = op
	if op >= 0x80 {
		if next := c.byte(); next != 1 {
			c.fail("unknown instruction 0xfd %#x %#x", op, next)
		}
	}
	switch {
	case op <= 11 || op == 92 || op == 93:
		w.memarg()
	case op == 12 || op == 13:
		c.skip(16)
	case op >= 21 && op <= 34:
		c.skip(1)
	case op >= 84 && op <= 91:
		w.memarg()
		c.skip(1)
	}
}

func (w *walker) atomic() {
	c := w.c
	op := c.byte()
	w.sub = op
	switch {
	case op == 3:
		c.skip(1)
	case op <= 2 || op >= 0x10 && op <= 0x4e:
		w.memarg()
	default:
		c.fail("unknown instruction 0xfe %d", op)
	}
}
