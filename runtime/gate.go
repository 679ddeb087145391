package runtime

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/neutrino-local/neutrino-local/router/ledger"
)

// queuePerSlot is how many requests may wait for each instance that may run.
const queuePerSlot = 8

// A gate bounds how many requests of an app are at work at once.
type gate struct {
	room    chan struct{} // holds one for each that is; nil: there is no bound
	waiting atomic.Int64
}

// gates are for each depth of requests inside each other: a guest that waits for
// another one never waits for its own place, nor does that one find the queue
// taken by those who wait for the first.
type gates [maxDepth + 1]gate

// limit lets n through at once; 0: all.
func (g *gates) limit(n int) {
	if n == 0 {
		return
	}
	for i := range g {
		g[i].room = make(chan struct{}, n)
	}
}

// enter waits until one more request may be at work. The error may be that it has
// waited for long enough, a *LimitError.
func (g *gate) enter(ctx context.Context, queue time.Duration) (leave func(), err error) {
	if g.room == nil {
		return func() {}, nil
	}
	leave = func() { <-g.room }
	select {
	case g.room <- struct{}{}:
		return leave, nil
	default:
	}
	n := g.waiting.Add(1)
	defer g.waiting.Add(-1)
	if n > int64(queuePerSlot*cap(g.room)) {
		return nil, g.full()
	}
	var over <-chan time.Time
	if queue > 0 {
		t := time.NewTimer(queue)
		defer t.Stop()
		over = t.C
	}
	select {
	case g.room <- struct{}{}:
		return leave, nil
	case <-over:
		return nil, g.full()
	case <-ctx.Done():
		if context.Cause(ctx) == errDeadline {
			return nil, g.full()
		}
		return nil, context.Cause(ctx)
	}
}

func (g *gate) full() error {
	n := cap(g.room)
	return &LimitError{
		"instances of an app at once", fmt.Sprint(n), fmt.Sprintf("%d at work and %d requests waiting", n, g.waiting.Load()-1),
		http.StatusServiceUnavailable, ledger.Queue,
	}
}
