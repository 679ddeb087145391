package rewrite

import "math"

// An instrument puts checks into bodies, one after the other.
//
// The code of a body is divided into regions: the body itself, and each loop
// without the loops in it. A region is charged where it begins, each time it is
// entered: for the shortest way through it, and a part of what the longest one
// costs more. Where that is longer than a chunk there are more checks, each at
// the first instruction that goes beyond what was charged before; and behind
// the end of a block that is reached by shorter ways too, since these have not
// come by the last of them.
type instrument struct {
	m   *Module
	sum *summary
	l   *layout
	out []byte

	w       walker
	frames  []frame
	regions []region
	loops   []int // regions that are open: the body's, and those of loops
	catches []int // frames that the catch clauses of open blocks lead to
	events  []event
	region  int
	now     cost // since the region began
	counted bool // the function gives stack back
	caught  bool // an exception ends the function's own block
	tries   bool // there are blocks that catch exceptions

	buf code
}

// A frame is an open block.
type frame struct {
	op      byte
	caught  bool  // an exception leads to its end
	region  int   // that the block is in; of a loop: its own
	loops   int   // how many loops were open
	catches int   // how many catch clauses were open
	entry   cost  // at its beginning
	end     cost  // at its end
	low     int64 // the least of what may be the most at its end
}

type region struct {
	entry  cost // in the region around it
	total  cost // of the longest way and of the shortest one out of it or to its beginning
	caught bool // an exception leads to its beginning
	calls  bool // code in it may change the counter
}

// A cost is what the ways to a place may cost.
type cost struct{ most, least int64 }

// never is the cost of a place that is not reached.
var never = cost{-1, math.MaxInt64}

func (c cost) reached() bool { return c.most >= 0 }

func (c cost) or(d cost) cost { return cost{max(c.most, d.most), min(c.least, d.least)} }

// An event is a change to a body.
type event struct {
	kind   eventKind
	op     byte
	at     int    // offset in the module
	skip   int    // bytes left out there
	region int    // of a check
	lo, hi int64  // chunks which it is between
	x      uint32 // function or label
}

type eventKind uint8

const (
	eventLoop    eventKind = iota // the beginning of a region
	eventCheck                    // a check within one
	eventIndex                    // an instruction with another index
	eventLeave                    // a function gives its stack back
	eventRestore                  // an exception has been caught
	eventReload                   // a call has returned
	eventThrow                    // an exception is thrown: code that may do so is not charged for it
)

// code puts out the code section of the module.
func (in *instrument) code(s section) []byte {
	c := cursor{b: in.m.b, p: s.start, end: s.end}
	n := c.count()
	added := len(in.l.helpers) + 1
	in.out = appendU32(make([]byte, 0, (s.end-s.start)+(s.end-s.start)/4), uint32(n+added))
	for i := range n {
		body := c.sub(c.u32())
		in.body(&body, in.m.Funcs[in.m.importedFuncs+i], in.l.verdicts[i])
	}
	in.append(in.l.refuelBody())
	for _, o := range in.l.helpers {
		in.append(in.l.body(o))
	}
	return in.out
}

func (in *instrument) append(body []byte) {
	in.out = append(appendU32(in.out, uint32(len(body))), body...)
}

// body puts out one body. It has been walked before, so there are no faults in
// it but those that the engine finds.
func (in *instrument) body(c *cursor, t uint32, v verdict) {
	start := c.p
	in.w = walker{m: in.m, c: c, locals: localDecls(c, in.m.Types[t]), labels: in.w.labels}
	first := c.p
	in.frames = append(in.frames[:0], frame{end: never})
	in.regions = append(in.regions[:0], region{total: cost{0, math.MaxInt64}})
	in.loops, in.catches, in.events = append(in.loops[:0], 0), in.catches[:0], in.events[:0]
	in.region, in.now, in.counted, in.caught, in.tries = 0, cost{}, v.frame > 0, false, false
	for c.more() {
		op := in.w.instruction()
		if plain[op] {
			in.spend(int64(costs[op]))
			continue
		}
		in.spend(in.sum.cost(&in.w, op) + in.paid(op))
		in.step(op)
	}
	in.emit(start, first, c.end, t, v)
}

// paid returns what the function that is called is charged its callers for.
func (in *instrument) paid(op byte) int64 {
	if i := int(in.w.x) - in.m.importedFuncs; (op == opCall || op == opReturnCall) && i >= 0 {
		return int64(in.l.verdicts[i].paid)
	}
	return 0
}

// spend adds the cost of the instruction, with a check before it if it goes
// beyond what was charged.
func (in *instrument) spend(price int64) {
	if !in.now.reached() {
		return
	}
	next := cost{in.now.most + price, in.now.least + price}
	if lo, hi := in.now.most/chunk, next.most/chunk; lo < hi {
		in.events = append(in.events, event{kind: eventCheck, at: in.w.at, region: in.region, lo: lo, hi: hi})
	}
	in.reach(next)
}

func (in *instrument) reach(now cost) {
	in.now = now
	r := &in.regions[in.region]
	r.total.most = max(r.total.most, now.most)
}

// leave notes that the regions from the given one on are left here.
func (in *instrument) leave(from int) {
	if !in.now.reached() {
		return
	}
	here := in.now.least
	for i := len(in.loops) - 1; i >= from; i-- {
		r := &in.regions[in.loops[i]]
		r.total.least = min(r.total.least, here)
		here = r.entry.least
	}
}

// step follows one instruction.
func (in *instrument) step(op byte) {
	w := &in.w
	switch op {
	case opBlock, opIf, opTryTable:
		in.frames = append(in.frames, frame{
			op: op, region: in.region, loops: len(in.loops), catches: len(in.catches), entry: in.now, end: never,
		})
		if op == opTryTable {
			in.tries = true
			in.catch()
		}
	case opLoop:
		in.loop()
	case opElse:
		f := &in.frames[len(in.frames)-1]
		in.arrive(f, in.now)
		in.now = f.entry
		if f.op == opIf {
			f.op = opElse
		}
	case opEnd:
		in.end()
	case opBr, opBrTable:
		in.branch()
		in.now = never
	case opBrIf, opBrOnNull, opBrOnNonNull:
		in.branch()
	case opReturn:
		if in.counted {
			in.replace(opBr, uint32(len(in.frames)-1))
		}
		in.leave(0)
		in.now = never
	case opThrow, opThrowRef:
		in.events = append(in.events, event{kind: eventThrow, at: w.at})
		in.leave(0)
		in.now = never
	case opUnreachable:
		in.now = never
	case opReturnCall, opReturnCallIndirect, opReturnCallRef:
		if in.counted {
			in.events = append(in.events, event{kind: eventLeave, at: w.at})
		}
		if op == opReturnCall {
			in.call(op)
		}
		in.leave(0)
		in.now = never
	case opRefFunc:
		in.call(op)
	case opCall:
		in.call(op)
		if i := int(w.x) - in.m.importedFuncs; i < 0 || !in.l.verdicts[i].quiet {
			in.called()
		}
	case opCallIndirect, opCallRef:
		in.called()
	default:
		if o, ok := w.operation(); ok {
			in.replace(opCall, in.l.where[o])
			in.called()
		}
	}
}

// replace puts another instruction in the place of the last one.
func (in *instrument) replace(op byte, x uint32) {
	in.events = append(in.events, event{kind: eventIndex, at: in.w.at, skip: in.w.c.p - in.w.at, op: op, x: x})
}

// call puts the function's new index in.
func (in *instrument) call(op byte) {
	if in.w.x >= in.l.tick {
		in.replace(op, in.w.x+1)
	}
}

// called notes that the counter may have been changed.
func (in *instrument) called() {
	in.events = append(in.events, event{kind: eventReload, at: in.w.c.p})
	for i := len(in.loops) - 1; i > 0 && !in.regions[in.loops[i]].calls; i-- {
		in.regions[in.loops[i]].calls = true
	}
}

func (in *instrument) loop() {
	f := frame{op: opLoop, loops: len(in.loops), catches: len(in.catches), region: len(in.regions), entry: in.now, end: never}
	in.regions = append(in.regions, region{entry: in.now, total: cost{0, math.MaxInt64}})
	in.frames = append(in.frames, f)
	in.loops = append(in.loops, f.region)
	in.region = f.region
	if in.now.reached() {
		in.events = append(in.events, event{kind: eventLoop, at: in.w.c.p, region: f.region})
		in.now = cost{}
	}
}

// costIn returns what a place within frame f costs in the region of the frame,
// if it costs now in its own.
func (in *instrument) costIn(f *frame, now cost) cost {
	if f.op != opLoop && len(in.loops) > f.loops {
		return in.regions[in.loops[f.loops]].entry // all of the loop is paid for by the loop
	}
	return now
}

func (in *instrument) arrive(f *frame, at cost) {
	if !at.reached() {
		return
	}
	if !f.end.reached() {
		f.low = at.most
	}
	f.low, f.end = min(f.low, at.most), f.end.or(at)
}

// target returns the frame that a label means. The engine refuses those that
// mean none.
func (in *instrument) target(label uint32) (int, bool) {
	return len(in.frames) - 1 - int(label), int64(label) < int64(len(in.frames))
}

func (in *instrument) branch() {
	if !in.now.reached() {
		return
	}
	for _, label := range in.w.labels {
		if i, ok := in.target(label); ok {
			f := &in.frames[i]
			in.leave(f.loops)
			if f.op != opLoop {
				in.arrive(f, in.costIn(f, in.now))
			}
		}
	}
}

// catch notes where the catch clauses of a block lead to, counted from outside
// the block.
func (in *instrument) catch() {
	for _, label := range in.w.labels {
		i, ok := in.target(label + 1)
		if !ok || label+1 == 0 {
			continue
		}
		in.catches = append(in.catches, i)
		f := &in.frames[i]
		f.caught = true
		if f.op == opLoop {
			in.regions[f.region].caught = true
		}
		in.caught = in.caught || i == 0
	}
}

// end closes the innermost block.
func (in *instrument) end() {
	f := in.frames[len(in.frames)-1]
	in.frames = in.frames[:len(in.frames)-1]
	if f.op == opLoop || len(in.frames) == 0 {
		in.leave(f.loops)
	}
	if len(in.frames) == 0 {
		return
	}
	if f.op == opLoop {
		in.loops = in.loops[:f.loops]
		in.region = in.loops[f.loops-1]
		if in.now.reached() {
			in.now = f.entry
		}
		return
	}
	for _, i := range in.catches[f.catches:] { // thrown anywhere in the block
		t := &in.frames[i]
		if f.entry.reached() && t.op != opLoop {
			in.arrive(t, in.costIn(t, f.entry))
			in.arrive(t, in.costIn(t, cost{in.regions[in.region].total.most, f.entry.least}))
		}
	}
	in.catches = in.catches[:f.catches]
	in.arrive(&f, in.now)
	if f.op == opIf {
		in.arrive(&f, f.entry) // in case there is no else
	}
	in.now = f.end
	if !f.end.reached() {
		return
	}
	in.reach(f.end)
	at := in.w.c.p
	if lo, hi := f.low/chunk, f.end.most/chunk; lo < hi {
		in.events = append(in.events, event{kind: eventCheck, at: at, region: in.region, lo: hi - 1, hi: hi})
	}
	if f.caught {
		in.events = append(in.events, event{kind: eventRestore, at: at})
	}
}
