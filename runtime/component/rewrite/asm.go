package rewrite

// Code is instructions that are put together.
type code []byte

func (b code) op(ops ...byte) code          { return append(b, ops...) }
func (b code) i32(v int32) code             { return appendS64(append(b, opI32Const), int64(v)) }
func (b code) i64(v int64) code             { return appendS64(append(b, opI64Const), v) }
func (b code) index(op byte, i uint32) code { return appendU32(append(b, op), i) }
func (b code) u32(i uint32) code            { return appendU32(b, i) }
func (b code) get(local uint32) code        { return b.index(opLocalGet, local) }
func (b code) set(local uint32) code        { return b.index(opLocalSet, local) }
func (b code) wide(local uint32) code       { return b.get(local).op(opI64ExtendU) }

// none is a local that a function does not have.
const none = ^uint32(0)

// charge takes cost from the fuel and asks for more if there is none left. The
// local, if any, has what the counter has, before and after.
func (b code) charge(l *layout, cost int64, local uint32) code {
	if local == none {
		return b.index(opGlobalGet, l.counter).i64(cost).op(opI64Sub).index(opGlobalSet, l.counter).refuel(l)
	}
	b = b.get(local).i64(cost).op(opI64Sub).index(opLocalTee, local).index(opGlobalSet, l.counter)
	return b.get(local).i64(0).op(opI64LtS, opIf, opEmpty).index(opCall, l.refuel).reload(l, local).op(opEnd)
}

// reload puts what the counter has into the local, if there is one.
func (b code) reload(l *layout, local uint32) code {
	if local == none {
		return b
	}
	return b.index(opGlobalGet, l.counter).set(local)
}

// refuel asks for more fuel if there is none left.
func (b code) refuel(l *layout) code {
	return b.index(opGlobalGet, l.counter).i64(0).op(opI64LtS, opIf, opEmpty).index(opCall, l.refuel).op(opEnd)
}

// unchecked is the largest frame, in bytes, that a function may take which has
// no check of its own without a look at how much stack is left.
const unchecked = 128

// enter charges at the beginning of a function that takes some of the stack,
// and keeps in a local how much was left. A cost of 0 has been paid: then a
// small frame waits for the next time that there is no fuel left, since no
// circle of calls is without charges. So the stack may become deeper by as many
// such frames as there is fuel for.
func (b code) enter(l *layout, cost int64, frame uint32, saved uint32) code {
	b = b.index(opGlobalGet, l.depth).index(opLocalTee, saved).i64(int64(frame)).op(opI64Sub).index(opGlobalSet, l.depth)
	if cost > 0 {
		b = b.index(opGlobalGet, l.counter).i64(cost).op(opI64Sub).index(opGlobalSet, l.counter).index(opGlobalGet, l.counter)
	} else if frame <= unchecked {
		return b
	}
	b = b.index(opGlobalGet, l.depth)
	if cost > 0 {
		b = b.op(opI64Or)
	}
	return b.i64(0).op(opI64LtS, opIf, opEmpty).index(opCall, l.refuel).op(opEnd)
}

// leave gives back the stack that a function has taken.
func (b code) leave(l *layout, saved uint32) code { return b.get(saved).index(opGlobalSet, l.depth) }

// caught makes the stack what it is in a function that takes frame, after
// calls that have not returned.
func (b code) caught(l *layout, frame uint32, fuel, saved uint32) code {
	if saved != none {
		b = b.get(saved).i64(int64(frame)).op(opI64Sub).index(opGlobalSet, l.depth)
	}
	return b.reload(l, fuel)
}

// refuelBody is the function that asks for fuel.
func (l *layout) refuelBody() []byte {
	b := code{0} // no locals
	if l.fuel.Stack > 0 {
		b = b.index(opGlobalGet, l.depth).i64(0).op(opI64LtS, opIf, opEmpty)
		b = b.i64(StackExhausted).index(opCall, l.tick).op(opDrop, opUnreachable, opEnd)
	}
	return b.index(opGlobalGet, l.counter).index(opCall, l.tick).index(opGlobalSet, l.counter).op(opEnd)
}

// instruction puts out the operation itself.
func (b code) instruction(o operation) code {
	b = b.op(o.op)
	if o.op == opMemoryGrow {
		return b.op(0)
	}
	b = b.op(o.sub).u32(o.x)
	if o.sub == bulkMemoryCopy || o.sub == bulkTableCopy {
		b = b.u32(o.y)
	}
	return b
}

// unit is how many bytes or items are done for one unit of fuel, as a shift.
func (o operation) unit() int32 {
	if o.sub == bulkMemoryCopy || o.sub == bulkMemoryFill {
		return 4
	}
	return 0
}

// body is the function that does the operation.
func (l *layout) body(o operation) []byte {
	b := code{0} // no locals
	switch {
	case o.op == opMemoryGrow:
		b = b.growth(l, 0, maxPages, 9)
		return b.get(0).instruction(o).op(opEnd)
	case o.sub == bulkTableGrow:
		b = b.index(opGlobalGet, l.counter).op(opBulk, bulkTableSize).u32(o.x) // the table is copied
		b = b.op(opI64ExtendU, opI64Sub).index(opGlobalSet, l.counter)
		b = b.growth(l, 1, 1<<27, 0)
		return b.get(0).get(1).instruction(o).op(opEnd)
	case o.sub == bulkMemoryCopy || o.sub == bulkTableCopy:
		return b.copies(l, o)
	}
	return b.fills(l, o)
}

// growth charges for what local says, unless that is more than the most, which
// is refused at once.
func (b code) growth(l *layout, local uint32, most int32, shift int64) code {
	b = b.index(opGlobalGet, l.counter).wide(local).i64(0).get(local).i32(most).op(opI32LeU, 0x1b) // select
	b = b.i64(shift).op(opI64Shl, opI64Sub).i64(costGrow).op(opI64Sub).index(opGlobalSet, l.counter)
	return b.refuel(l)
}

// size puts the size of the memory or table on the stack, as i64.
func (b code) size(o operation, table uint32) code {
	if o.sub == bulkMemoryCopy || o.sub == bulkMemoryFill {
		return b.op(opMemorySize, 0, opI64ExtendU).i64(16).op(opI64Shl)
	}
	return b.op(opBulk, bulkTableSize).u32(table).op(opI64ExtendU)
}

// inBounds leaves the block around it, after which the operation traps, if
// [local 0 or 1, + local 2) is not in bounds.
func (b code) inBounds(o operation, local, table uint32) code {
	return b.wide(local).wide(2).op(opI64Add).size(o, table).op(opI64GtU, opBrIf, 0)
}

// rest charges for what is left and does it.
func (b code) rest(l *layout, o operation) code {
	b = b.index(opGlobalGet, l.counter).get(2).i32(o.unit()).op(opI32ShrU, opI64ExtendU, opI64Sub).index(opGlobalSet, l.counter)
	return b.refuel(l).get(0).get(1).get(2).instruction(o)
}

// piece is how many bytes or items are done at once.
func (o operation) piece() int32 { return chunk << o.unit() }

// long begins the block for what is longer than a piece.
func (b code) long(o operation) code {
	return b.op(opBlock, opEmpty).get(2).i32(o.piece()).op(opI32LeU, opBrIf, 0)
}

// again goes round the loop as long as there is more than one piece left.
func (b code) again(o operation) code {
	return b.get(2).i32(o.piece()).op(opI32GtU, opBrIf, 0, opEnd)
}

// next moves a local by a piece.
func (b code) next(o operation, op byte, local uint32) code {
	return b.get(local).i32(o.piece()).op(op).set(local)
}

// fills is the body for (start, value, length).
func (b code) fills(l *layout, o operation) []byte {
	b = b.long(o).inBounds(o, 0, o.x)
	b = b.op(opLoop, opEmpty).charge(l, chunk, none)
	b = b.get(0).get(1).i32(o.piece()).instruction(o)
	b = b.next(o, opI32Add, 0).next(o, opI32Sub, 2).again(o).op(opEnd)
	return b.rest(l, o).op(opEnd)
}

// copies is the body for (to, from, length): from the front if what is read
// lies behind what is written, or else from the end.
func (b code) copies(l *layout, o operation) []byte {
	b = b.long(o).inBounds(o, 0, o.x).inBounds(o, 1, o.y)
	b = b.get(0).get(1).op(opI32LeU, opIf, opEmpty)
	b = b.op(opLoop, opEmpty).charge(l, chunk, none)
	b = b.get(0).get(1).i32(o.piece()).instruction(o)
	b = b.next(o, opI32Add, 0).next(o, opI32Add, 1).next(o, opI32Sub, 2).again(o)
	b = b.op(opElse)
	b = b.op(opLoop, opEmpty).charge(l, chunk, none).next(o, opI32Sub, 2)
	b = b.get(0).get(2).op(opI32Add).get(1).get(2).op(opI32Add).i32(o.piece()).instruction(o)
	b = b.again(o)
	b = b.op(opEnd, opEnd)
	return b.rest(l, o).op(opEnd)
}
