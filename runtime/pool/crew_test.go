package pool

import (
	"sync"
	"sync/atomic"
	"testing"
)

// TestCrew has a crew do more than it keeps goroutines for, and then nothing.
func TestCrew(t *testing.T) {
	c := &crew{most: 4}
	var done atomic.Int32
	for range 50 {
		var round sync.WaitGroup
		for range 20 {
			round.Add(1)
			c.do(func() {
				done.Add(1)
				round.Done()
			})
		}
		round.Wait()
	}
	if done.Load() != 1000 {
		t.Errorf("%d were done", done.Load())
	}
	block, late := make(chan struct{}), make(chan struct{})
	c.do(func() { <-block })
	go func() {
		c.close()
		close(late)
	}()
	after := make(chan struct{})
	for open := true; open; {
		c.mu.Lock()
		open = !c.closed
		c.mu.Unlock()
	}
	c.do(func() { close(after) })
	<-after // what comes late is done all the same
	select {
	case <-late:
		t.Error("closed before all was done")
	default:
	}
	close(block)
	<-late
	if len(c.idle) > 0 {
		t.Errorf("%d goroutines are left", len(c.idle))
	}
}
