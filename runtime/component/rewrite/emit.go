package rewrite

import "github.com/neutrino-local/neutrino-local/runtime/component/types"

// emit puts the body out with its changes.
func (in *instrument) emit(start, first, end int, t uint32, v verdict) {
	b, l := in.m.b, in.l
	fuel, saved, added := none, none, uint32(0)
	if in.hasTightLoop() {
		fuel, added = uint32(in.w.locals), 1
	}
	if in.counted || in.tries && l.fuel.Stack > 0 {
		saved = uint32(in.w.locals) + added
		added++
	}
	wrapped := in.counted || in.caught && added > 0
	out := in.buf[:0]
	if added > 0 {
		c := cursor{b: b, p: start, end: first}
		out = out.u32(uint32(c.count()) + 1)
		out = append(append(out, b[c.p:first]...), byte(added), byte(types.I64))
	} else {
		out = append(out, b[start:first]...)
	}
	cost := in.price(0, -1, 0)
	if v.paid > 0 {
		cost = 0
	}
	switch {
	case in.counted:
		out = out.enter(l, cost, v.frame, saved)
	case cost > 0:
		out = out.charge(l, cost, none)
	}
	if saved != none && !in.counted {
		out = out.index(opGlobalGet, l.depth).set(saved)
	}
	out = out.reload(l, fuel)
	if wrapped {
		out = append(out.op(opBlock), l.results[t]...)
	}
	from := first
	for i := range in.events {
		e := &in.events[i]
		out = append(out, b[from:e.at]...)
		from = e.at + e.skip
		switch e.kind {
		case eventLoop:
			if in.regions[e.region].caught {
				out = out.caught(l, v.frame, fuel, saved)
			}
			out = out.charge(l, in.price(e.region, -1, 0), fuel)
		case eventCheck:
			out = out.charge(l, in.price(e.region, e.lo, e.hi), fuel)
		case eventIndex:
			out = out.index(e.op, e.x)
		case eventLeave:
			out = out.leave(l, saved)
		case eventRestore:
			out = out.caught(l, v.frame, fuel, saved)
		case eventReload:
			out = out.reload(l, fuel)
		case eventThrow:
			out = out.charge(l, costThrow, fuel)
		}
	}
	out = append(out, b[from:end]...)
	if wrapped { // the last end was that of the block
		if in.counted {
			out = out.leave(l, saved)
		} else {
			out = out.caught(l, v.frame, fuel, saved)
		}
		out = out.op(opEnd)
	}
	in.buf = out
	in.append(out)
}

// hasTightLoop reports whether there is a loop that gains by having the counter
// in a local: one without calls, after which that must be read again, or a short
// one.
func (in *instrument) hasTightLoop() bool {
	for _, r := range in.regions[1:] {
		if !r.calls || r.total.most <= tight {
			return true
		}
	}
	return false
}

// price returns what a check between two chunks of a region is charged: what
// must be paid on any way, and a part of what may have to be.
func (in *instrument) price(region int, lo, hi int64) int64 {
	total := in.regions[region].total
	from := (lo + 1) * chunk
	most := min((hi+1)*chunk, total.most) - from
	sure := max(0, min(most, total.least-from))
	return max(1, sure+(most-sure)/doubt)
}
