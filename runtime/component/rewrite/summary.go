package rewrite

import (
	"github.com/neutrino-local/neutrino-local/runtime/component/types"
)

// A summary is what one look at all code tells, before any of it is changed.
type summary struct {
	funcs []function // defined ones
	calls []uint32   // what is called, in the order of the code: functions, outside() or anyOf()
	plain []uint32   // those of them that are not in a loop

	taken []uint32 // functions that may be called through tables and references
	elems []uint32 // length of each element segment
	datas []uint32 // length of each data segment

	operations []operation // that a function must be added for, in order

	changesTables, dropsSegments bool
}

// A function is a body in outline.
type function struct {
	cost  uint32 // besides loops, capped
	frame uint32 // bytes of stack, about
	calls span   // in summary.calls
	plain span   // in summary.plain
	quiet bool   // has no loops and no operations: by itself it does not touch the counter
}

// A span is a part of a list.
type span struct{ from, to uint32 }

// An operation is an instruction that takes as long as its operands say.
type operation struct {
	op, sub byte
	x, y    uint32
}

// refs is where to put the functions that are taken.
func (s *summary) refs() *[]uint32 {
	if s == nil {
		return nil
	}
	return &s.taken
}

func take(taken *[]uint32, f uint32) {
	if taken != nil {
		*taken = append(*taken, f)
	}
}

// maxOperations bounds the functions that are added to a module. Real modules
// have a handful of tables and one memory.
const maxOperations = 1 << 10

// A summarizer goes through the bodies.
type summarizer struct {
	m     *Module
	sum   *summary
	loops []bool // of the blocks that are open, which ones are loops
	depth int    // how many of them are
	most  int    // that depth has been in the body
	quiet bool
	seen  map[operation]struct{}

	height height
	w      walker
}

func (s *summarizer) body(c *cursor, t types.CoreFunc) {
	s.w.m, s.w.c, s.w.locals, s.w.pushedAt = s.m, c, localDecls(c, t), 0
	f := function{calls: span{from: uint32(len(s.sum.calls))}, plain: span{from: uint32(len(s.sum.plain))}}
	cost, frame := int64(0), 64+8*s.w.locals
	s.height.begin()
	s.loops, s.depth, s.most, s.quiet = append(s.loops[:0], false), 0, 0, true
	for c.more() {
		op := s.w.instruction()
		if c.err != nil {
			return
		}
		if len(s.loops) == 0 {
			c.fail("instruction behind the end of the function")
			return
		}
		if s.depth == 0 {
			cost += s.sum.cost(&s.w, op)
		}
		if plain[op] {
			e := effects[op]
			s.height.move(int(e.takes), int(e.puts))
			frame += uint64(spills[op])
			continue
		}
		s.note(op)
		s.height.step(&s.w)
	}
	if len(s.loops) > 0 {
		c.fail("function has no end")
		return
	}
	if uint64(s.most)*s.w.locals > maxCarried {
		c.fail("%d loops inside each other with %d locals, but their product may be %d", s.most, s.w.locals, maxCarried)
		return
	}
	frame += 8 * uint64(s.height.kept)
	f.cost, f.frame = uint32(min(cost, 1<<30)), uint32(min(frame, 1<<23))
	f.quiet = s.quiet
	f.calls.to, f.plain.to = uint32(len(s.sum.calls)), uint32(len(s.sum.plain))
	s.sum.funcs = append(s.sum.funcs, f)
}

// spills has what instructions add to the frame: some of the values of locals
// are kept there.
var spills = [256]uint8{opLocalSet: 2, opLocalTee: 2}

// plain has the instructions that need no more than a price and an effect.
var plain = func() (t [256]bool) {
	for op, f := range forms {
		t[op] = f >= formNone && f <= formMemarg || f >= formI32 && f <= formF64
	}
	t[opTableSet], t[opEnd] = false, false
	return t
}()

func (s *summarizer) note(op byte) {
	switch op {
	case opBlock, opIf, opTryTable:
		s.loops = append(s.loops, false)
	case opLoop:
		s.loops = append(s.loops, true)
		s.depth++
		s.most = max(s.most, s.depth)
		s.quiet = false
	case opThrow, opThrowRef:
		s.quiet = false
	case opEnd:
		last := len(s.loops) - 1
		if s.loops[last] {
			s.depth--
		}
		s.loops = s.loops[:last]
	case opCall, opReturnCall:
		if s.w.x < uint32(s.m.importedFuncs) {
			s.call(s.m.outside())
		} else {
			s.call(s.w.x)
		}
	case opCallIndirect, opReturnCallIndirect, opCallRef, opReturnCallRef:
		s.call(s.m.anyOf(s.w.x))
	case opRefFunc:
		s.sum.taken = append(s.sum.taken, s.w.x)
	case opTableSet:
		s.sum.changesTables = true
	case opMemoryGrow:
		s.operation(operation{op: op})
	case opBulk:
		s.bulk()
	}
}

func (s *summarizer) call(node uint32) {
	s.sum.calls = append(s.sum.calls, node)
	if s.depth == 0 {
		s.sum.plain = append(s.sum.plain, node)
	}
}

func (s *summarizer) bulk() {
	switch s.w.sub {
	case bulkDataDrop, bulkElemDrop:
		s.sum.dropsSegments = true
	case bulkTableInit:
		s.sum.changesTables = true
	case bulkTableCopy, bulkTableGrow, bulkTableFill:
		s.sum.changesTables = true
	}
	if o, ok := s.w.operation(); ok {
		s.operation(o)
	}
}

// operation returns the last instruction if it is a long one.
func (w *walker) operation() (operation, bool) {
	o := operation{op: w.op}
	switch {
	case w.op == opMemoryGrow:
		return o, true
	case w.op != opBulk || w.isShort():
		return o, false
	}
	o.sub, o.x = w.sub, w.x
	switch w.sub {
	case bulkTableCopy:
		o.y = w.y
		return o, true
	case bulkMemoryCopy, bulkMemoryFill, bulkTableGrow, bulkTableFill:
		return o, true
	}
	return o, false
}

// isShort reports whether the last instruction fills or copies a few bytes, a
// constant number.
func (w *walker) isShort() bool {
	n, ok := w.constant()
	return ok && n < chunk && (w.sub == bulkMemoryCopy || w.sub == bulkMemoryFill)
}

func (s *summarizer) operation(o operation) {
	s.quiet = false
	if s.seen == nil {
		s.seen = make(map[operation]struct{})
	}
	if _, ok := s.seen[o]; ok {
		return
	}
	s.seen[o] = struct{}{}
	s.sum.operations = append(s.sum.operations, o)
}
