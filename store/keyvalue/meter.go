package keyvalue

import (
	"fmt"
	"sync"
	"time"
)

// A Second is what the guests of an app did in one second.
type Second struct {
	At      time.Time // its beginning
	Reads   int
	Writes  int
	Refused int // reads and writes that were over the limit
}

// metered is how many seconds a meter remembers.
const metered = 60

// A meter counts reads and writes, and refuses those that are too many in a
// second of the clock.
type meter struct {
	limits Limits
	now    func() time.Time

	mu      sync.Mutex
	seconds [metered]Second // guarded by mu; a ring by unix time
}

// at returns the current second. The caller holds mu.
func (m *meter) at(now time.Time) *Second {
	unix := now.Unix()
	s := &m.seconds[((unix%metered)+metered)%metered]
	if s.At.Unix() != unix {
		*s = Second{At: time.Unix(unix, 0).UTC()}
	}
	return s
}

func (m *meter) reads(n int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.at(m.now())
	return s.count(&s.Reads, n, m.limits.Reads, "reads")
}

func (m *meter) writes(n int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.at(m.now())
	return s.count(&s.Writes, n, m.limits.Writes, "writes")
}

func (s *Second) count(counter *int, n, limit int, what string) error {
	if limit > 0 && *counter+n > limit {
		s.Refused += n
		return limitError(fmt.Sprintf("%d key-value %s in this second", *counter+n, what), fmt.Sprintf("%d %s/s for an app", limit, what))
	}
	*counter += n
	return nil
}

// Read counts n reads by a guest. It returns an error if they are too many in
// this second; then they do not count.
func (a *App) Read(n int) error { return a.meter.reads(n) }

// Write is Read for writes.
func (a *App) Write(n int) error { return a.meter.writes(n) }

// Seconds returns what guests did in the last minute, oldest first. Seconds in
// which they did nothing are left out.
func (a *App) Seconds() []Second {
	m := &a.meter
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []Second
	last := m.now().Unix()
	for unix := last - metered + 1; unix <= last; unix++ {
		s := m.seconds[((unix%metered)+metered)%metered]
		if s.At.Unix() == unix && s.Reads+s.Writes+s.Refused > 0 {
			all = append(all, s)
		}
	}
	return all
}
