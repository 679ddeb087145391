package runtime

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

// TestGates fills the queue of the requests from outside: those that their guests
// send still get in, one after the other.
func TestGates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var g gates
		g.limit(1)
		leave, err := g[0].enter(ctx, 0)
		if err != nil {
			t.Fatal(err)
		}
		for range queuePerSlot {
			go g[0].enter(ctx, 0)
		}
		synctest.Wait()
		_, err = g[0].enter(ctx, 0)
		if _, ok := errors.AsType[*LimitError](err); !ok {
			t.Errorf("with a full queue: %v", err)
		}
		inner, err := g[1].enter(ctx, 0)
		if err != nil {
			t.Fatalf("a request inside another: %v", err)
		}
		second := make(chan error, 1)
		go func() { _, err := g[1].enter(ctx, 0); second <- err }()
		synctest.Wait()
		inner()
		if err := <-second; err != nil {
			t.Errorf("one more, which had to wait: %v", err)
		}
		leave()
		cancel()
	})
}
