package memory

import "sync/atomic"

// A budget counts bytes that are handed out.
type budget struct {
	limit   uint64 // 0: none
	reclaim func(need uint64)
	used    atomic.Uint64
	peak    atomic.Uint64
}

// take counts n bytes, or reports that there is no room for them.
func (b *budget) take(n uint64) bool {
	if b.tryTake(n) {
		return true
	}
	if b.reclaim == nil || n > b.limit {
		return false
	}
	b.reclaim(n)
	return b.tryTake(n)
}

// room reports whether there is room for n bytes now.
func (b *budget) room(n uint64) bool { return b.fits(b.used.Load(), n) }

func (b *budget) fits(used, n uint64) bool {
	return b.limit == 0 || n <= b.limit && used <= b.limit-n
}

func (b *budget) tryTake(n uint64) bool {
	for {
		used := b.used.Load()
		if !b.fits(used, n) {
			return false
		}
		if b.used.CompareAndSwap(used, used+n) {
			b.note(used + n)
			return true
		}
	}
}

// add counts n bytes that are there whether there is room for them or not.
func (b *budget) add(n uint64) { b.note(b.used.Add(n)) }

func (b *budget) give(n uint64) { b.used.Add(-n) }

func (b *budget) note(used uint64) {
	for peak := b.peak.Load(); used > peak && !b.peak.CompareAndSwap(peak, used); {
		peak = b.peak.Load()
	}
}
