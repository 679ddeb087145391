package router

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/neutrino-local/neutrino-local/router/ledger"
	"github.com/neutrino-local/neutrino-local/store"
)

// Why the context of a lease ends before its request does: see context.Cause.
var (
	ErrCut        = errors.New("cut by a deployment")
	ErrClientGone = errors.New("the client is gone")
)

// cutGrace is how long Drain waits for guests to end after it has cut them.
const cutGrace = 5 * time.Second

// A Backend is a running revision. It serves until it is drained, and never
// again after that.
type Backend struct {
	Revision store.RevisionNumber
	handler  http.Handler

	mu       sync.Mutex
	leases   map[*lease]struct{} // guarded by mu
	draining bool                // guarded by mu; set once
	idle     chan struct{}       // closed when draining and leases is empty
}

// NewBackend returns a backend of revision rev that serves with h.
func NewBackend(rev store.RevisionNumber, h http.Handler) *Backend {
	return &Backend{Revision: rev, handler: h, leases: make(map[*lease]struct{}), idle: make(chan struct{})}
}

// A lease is one request's right to a backend.
type lease struct {
	backend *Backend
	entry   *ledger.Entry
	ctx     context.Context         // what the handler sees; not a field to pass on: it lives as long as the lease
	cancel  context.CancelCauseFunc // ends ctx
}

// add counts l in, or returns false if b is draining.
func (b *Backend) add(l *lease) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.draining {
		return false
	}
	b.leases[l] = struct{}{}
	return true
}

// release ends the lease: its guest and its reply are over.
func (l *lease) release() {
	l.cancel(context.Canceled)
	b := l.backend
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.leases, l)
	if b.draining && len(b.leases) == 0 {
		close(b.idle)
	}
}

// InFlight returns how many leases b has given that have not ended.
func (b *Backend) InFlight() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.leases)
}

// drain stops leasing. It may be called more than once.
func (b *Backend) drain() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.draining {
		return
	}
	b.draining = true
	if len(b.leases) == 0 {
		close(b.idle)
	}
}

// Cut stops leasing and cuts what is in flight: contexts end with ErrCut, and the
// replies break off. It returns how many it has cut, and waits for none. Take b
// out of the table first.
func (b *Backend) Cut() int {
	b.drain()
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for l := range b.leases {
		if l.entry.End(ledger.Cut) {
			n++
		}
		l.cancel(ErrCut)
	}
	return n
}

// Drain stops leasing and waits until nothing is in flight. When ctx ends, it
// cuts what is left, gives the guests a few seconds to end, and returns how many
// it has cut. Take b out of the table first.
func (b *Backend) Drain(ctx context.Context) (cut int) {
	b.drain()
	select {
	case <-b.idle:
		return 0
	default:
	}
	select {
	case <-b.idle:
		return 0
	case <-ctx.Done():
	}
	cut = b.Cut()
	b.settle()
	return cut
}

// settle waits for what has been cut to end, but not for ever.
func (b *Backend) settle() {
	grace := time.NewTimer(cutGrace)
	defer grace.Stop()
	select {
	case <-b.idle:
	case <-grace.C:
	}
}
