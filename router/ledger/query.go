package ledger

import (
	"strings"
	"time"
)

// A Query selects records. Zero fields select all.
type Query struct {
	App      string // name or id
	Revision int
	Status   int    // exactly; from 1 to 5 all of that class
	Path     string // a prefix
	Outcome  Outcome
	Since    time.Time // of the lease
	After    uint64    // sequence
	Before   uint64    // sequence; of Newest only
	Limit    int       // at most so many records
	Newest   bool      // the last that match, not the first
}

// A Page is the records that a query has found, in the order of writing.
type Page struct {
	Records []Record
	Next    uint64    // ask again with After: Next for what comes later
	Older   uint64    // of Newest: ask again with Before: Older for those before; 0 at the end
	Dropped uint64    // records that have left the ledger
	Kept    int       // records that the ledger has
	Size    int       // records that it can have
	Evicted time.Time // when the last record of Query.App that left had ended; zero if none has
}

// step is how many records are looked at before writers get their turn.
const step = 1024

// Records returns the records that q selects.
func (l *Ledger) Records(q Query) Page {
	if q.Limit <= 0 {
		q.Limit = len(l.ring)
	}
	if q.Newest {
		return l.newest(q)
	}
	return l.oldest(q)
}

func (l *Ledger) oldest(q Query) Page {
	var found []Record
	at := q.After
	for {
		l.mu.Lock()
		at = max(min(at, l.next), l.dropped())
		for end := min(l.next, at+step); at < end && len(found) < q.Limit; at++ {
			if r := l.record(at + 1); q.selects(r) {
				found = append(found, *r)
			}
		}
		if at == l.next || len(found) == q.Limit {
			p := l.page(q, found)
			p.Next = at
			l.mu.Unlock()
			return p
		}
		l.mu.Unlock()
	}
}

func (l *Ledger) newest(q Query) Page {
	l.mu.Lock()
	last := l.next
	at, found := last, []Record(nil)
	if q.Before > 0 {
		at = min(last, q.Before-1)
	}
	for {
		low := max(q.After, l.dropped())
		for end := max(low, at-min(at, step)); at > end && len(found) < q.Limit; at-- {
			if r := l.record(at); q.selects(r) {
				found = append(found, *r)
			}
		}
		if at <= low || len(found) == q.Limit {
			break
		}
		l.mu.Unlock() // writers get their turn
		l.mu.Lock()
	}
	for i, j := 0, len(found)-1; i < j; i, j = i+1, j-1 {
		found[i], found[j] = found[j], found[i]
	}
	p := l.page(q, found)
	p.Next = last
	if at > max(q.After, l.dropped()) {
		p.Older = found[0].Sequence
	}
	l.mu.Unlock()
	return p
}

// page returns a page without its Next. The caller holds mu.
func (l *Ledger) page(q Query, found []Record) Page {
	return Page{
		Records: found,
		Dropped: l.dropped(),
		Kept:    int(min(l.next, uint64(len(l.ring)))),
		Size:    len(l.ring),
		Evicted: l.counts.evicted(q.App),
	}
}

// evicted returns when the last record of an app that left the ledger had ended.
// The app is given by name or id; "" is all apps.
func (c *counts) evicted(nameOrID string) time.Time {
	var last time.Time
	for _, a := range c.apps {
		if (nameOrID == "" || a.id == nameOrID || a.name == nameOrID) && a.evicted.After(last) {
			last = a.evicted
		}
	}
	return last
}

func (q *Query) selects(r *Record) bool {
	switch {
	case q.App != "" && q.App != r.App && q.App != r.AppID,
		q.Revision != 0 && q.Revision != r.Revision,
		q.Outcome != "" && q.Outcome != r.Outcome,
		q.Status > 5 && q.Status != r.Status,
		q.Status >= 1 && q.Status <= 5 && q.Status != r.Status/100,
		!strings.HasPrefix(r.Path, q.Path),
		r.Time.Before(q.Since):
		return false
	}
	return true
}
