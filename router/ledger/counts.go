package ledger

import (
	"slices"
	"sort"
	"time"
)

const (
	keepSeconds = 3600        // how long counts per second are kept,
	maxSeconds  = 1 << 17     // and how many of them for all apps together: 5 MiB
	keepMinutes = 7 * 24 * 60 // how long totals can look back
)

// A Count is the replies of one revision of an app whose records were written in
// one second.
type Count struct {
	Second   time.Time
	AppID    string
	Revision int
	Replies  int64
	Failed   int64 // see Record.Failed
}

// Total is the replies of one app.
type Total struct {
	Replies int64
	Failed  int64
}

// counts are the figures that outlive the records. The owner of the ledger's
// mutex may use it.
type counts struct {
	apps    map[string]*app
	recent  *app     // counted last, or nil
	seconds []second // a ring; its length is a power of two
	first   uint64   // number of the oldest second
	end     uint64   // number after the newest
}

type second struct {
	series          *series
	at              int64 // Unix
	replies, failed int64
}

type series struct {
	app      *app
	revision int
	last     uint64 // number of its newest second, if that is not before counts.first
}

type app struct {
	id      string
	name    string
	evicted time.Time // when the last record that left the ledger had ended
	series  []*series // newest last
	total   Total
	minutes []minute
}

// A minute has the total of an app when it began, so that a sum is a difference.
type minute struct {
	at     int64 // Unix time / 60
	before Total
}

// add counts r in the second now and returns its app.
func (c *counts) add(r *Record, now int64) *app {
	a := c.recent
	if a == nil || a.id != r.AppID {
		a = c.app(r)
		c.recent = a
	}
	failed := int64(0)
	if r.Failed() {
		failed = 1
	}
	a.count(now/60, failed)
	s := c.series(a, r.Revision, now)
	if s.last < c.first || s.last >= c.end || c.at(s.last).at != now || c.at(s.last).series != s {
		s.last = c.push(second{series: s, at: now})
	}
	sec := c.at(s.last)
	sec.replies++
	sec.failed += failed
	return a
}

// app returns the app of r.
func (c *counts) app(r *Record) *app {
	a := c.apps[r.AppID]
	if a == nil {
		a = &app{id: r.AppID, name: r.App}
		c.apps[r.AppID] = a
	}
	return a
}

func (c *counts) at(n uint64) *second { return &c.seconds[n&uint64(len(c.seconds)-1)] }

// push adds s to the ring, drops what is too old, and returns its number.
func (c *counts) push(s second) uint64 {
	c.expire(s.at)
	if n := len(c.seconds); c.end-c.first == uint64(n) {
		if n < maxSeconds {
			c.grow(max(64, 2*n))
		} else {
			c.first++
		}
	}
	n := c.end
	c.end++
	*c.at(n) = s
	return n
}

func (c *counts) grow(n int) {
	bigger := make([]second, n)
	for i := c.first; i < c.end; i++ {
		bigger[i&uint64(n-1)] = *c.at(i)
	}
	c.seconds = bigger
}

// expire drops what is too old at now.
func (c *counts) expire(now int64) {
	for c.first < c.end && c.at(c.first).at < now-keepSeconds {
		*c.at(c.first) = second{}
		c.first++
	}
}

// series returns the series of a revision. Those of a without a second in the
// ring make room for a new one.
func (c *counts) series(a *app, revision int, now int64) *series {
	for i := len(a.series) - 1; i >= 0; i-- {
		if a.series[i].revision == revision {
			return a.series[i]
		}
	}
	c.expire(now)
	a.series = slices.DeleteFunc(a.series, func(s *series) bool { return s.last < c.first })
	s := &series{app: a, revision: revision, last: ^uint64(0)}
	a.series = append(a.series, s)
	return s
}

// count adds one reply in the given minute.
func (a *app) count(at, failed int64) {
	if n := len(a.minutes); n == 0 || a.minutes[n-1].at < at {
		if n >= 2*keepMinutes {
			a.minutes = slices.Clone(a.minutes[n-keepMinutes:])
		}
		a.minutes = append(a.minutes, minute{at, a.total})
	}
	a.total.Replies++
	a.total.Failed += failed
}

// Counts returns the counts of an app, or of all apps if appID is "", from since
// on, at most an hour back. They are in the order of time.
func (l *Ledger) Counts(appID string, since time.Time) []Count {
	l.mu.Lock()
	defer l.mu.Unlock()
	c, from := &l.counts, since.Unix()
	var found []Count
	for n := c.end; n > c.first; n-- {
		s := c.at(n - 1)
		if s.at < from {
			break
		}
		if appID == "" || s.series.app.id == appID {
			found = append(found, Count{time.Unix(s.at, 0).UTC(), s.series.app.id, s.series.revision, s.replies, s.failed})
		}
	}
	slices.Reverse(found)
	return found
}

// Sum returns all replies of an app since the ledger began or the app was
// forgotten: it only grows.
func (l *Ledger) Sum(appID string) Total {
	l.mu.Lock()
	defer l.mu.Unlock()
	if a := l.counts.apps[appID]; a != nil {
		return a.total
	}
	return Total{}
}

// Totals returns the replies of an app since the minute of a time, at most seven
// days back.
func (l *Ledger) Totals(appID string, since time.Time) Total {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.counts.apps[appID]
	if a == nil {
		return Total{}
	}
	from := since.Unix() / 60
	i := sort.Search(len(a.minutes), func(i int) bool { return a.minutes[i].at >= from })
	if i == len(a.minutes) {
		return Total{}
	}
	before := a.minutes[i].before
	return Total{a.total.Replies - before.Replies, a.total.Failed - before.Failed}
}
