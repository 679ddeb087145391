package sqlite

import (
	"sync"
	"time"
)

// links remembers answers of BlobTouched, which every pull of a blob asks for.
// Whatever else changes the database empties it after the commit, so that no
// request that begins after a blob was taken away finds it here. What is
// remembered of a time may be older than what the database has, never newer: a
// link is remembered only after its commit.
type links struct {
	mu    sync.Mutex
	epoch int                // guarded by mu; counts how often it was emptied
	known map[link]time.Time // guarded by mu
}

type link struct{ repository, digest string }

// maxLinks bounds the memory of links, to about two megabytes.
const maxLinks = 10_000

// touched returns what is remembered, or else the epoch that what the database
// says now is of.
func (l *links) touched(of link) (at time.Time, ok bool, epoch int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at, ok = l.known[of]
	return at, ok, l.epoch
}

// remember keeps what the database said in an epoch, if that lasts.
func (l *links) remember(of link, at time.Time, epoch int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if epoch != l.epoch {
		return
	}
	if l.known == nil || len(l.known) >= maxLinks {
		l.known = map[link]time.Time{}
	}
	l.known[of] = at
}

func (l *links) empty() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.epoch++
	clear(l.known)
}
