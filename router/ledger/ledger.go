// Package ledger keeps one record of every reply that an app has given.
//
// A record begins with the lease and is written when the guest or the reply
// ends, whichever is later. The router begins it and puts it into the request's
// context; the runtime fills in what only it knows. The ledger is bounded: old
// records go, counts per second stay longer.
//
// Sequence numbers follow the order of writing, without a gap, from 1: whoever
// has seen all up to n has missed nothing if n+1 is still there.
package ledger

import "sync"

// A Ledger keeps the last records of all apps. Make one with New. Its methods
// may be called at once by many goroutines, and none of them waits for a reader.
type Ledger struct {
	mu      sync.Mutex
	ring    []*Entry      // guarded by mu; their records never change; record n is at (n-1) % len
	next    uint64        // guarded by mu; sequence of the last record written
	changed chan struct{} // guarded by mu; nil if nobody waits
	counts  counts        // guarded by mu
}

// New returns a ledger of the last size records, at least one.
func New(size int) *Ledger {
	return &Ledger{
		ring:   make([]*Entry, max(size, 1)),
		counts: counts{apps: make(map[string]*app)},
	}
}

// write adds e and gives it its number. The caller holds e.mu, and e does not
// change any more.
func (l *Ledger) write(e *Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	place := &l.ring[l.next%uint64(len(l.ring))]
	if old := *place; old != nil {
		old.app.evicted = old.record.ended()
	}
	l.next++
	e.record.Sequence = l.next
	e.app = l.counts.add(&e.record, e.record.ended().Unix())
	*place = e
	if l.next > keptHeaders && keptHeaders < len(l.ring) {
		old := l.ring[(l.next-keptHeaders-1)%uint64(len(l.ring))]
		old.asked, old.answered = nil, nil
	}
	if l.changed != nil {
		close(l.changed)
		l.changed = nil
	}
}

// record returns record n, which is there. The caller holds mu.
func (l *Ledger) record(n uint64) *Record {
	return &l.ring[(n-1)%uint64(len(l.ring))].record
}

// dropped is how many records have made room for others. The caller holds mu.
func (l *Ledger) dropped() uint64 { return l.next - min(l.next, uint64(len(l.ring))) }

// Changed returns a channel that is closed when the next record is written. Call
// it before Records or Counts, so that no record falls between the two.
func (l *Ledger) Changed() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.changed == nil {
		l.changed = make(chan struct{})
	}
	return l.changed
}

// Forget drops the counts of an app that has been deleted. Its records stay
// until newer ones push them out.
func (l *Ledger) Forget(appID string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.counts.apps, appID)
	l.counts.recent = nil
}
