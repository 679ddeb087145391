package pool

import "sync"

// A crew runs functions on goroutines that have run others before. The stack of
// a new goroutine is small, and guests want so much of it that growing it would
// be a part of the cost of each request.
type crew struct {
	most int // goroutines that wait for work

	running sync.WaitGroup
	mu      sync.Mutex
	closed  bool          // guarded by mu
	idle    []chan func() // guarded by mu; the last one has worked last
}

// do runs f on another goroutine.
func (c *crew) do(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if last := len(c.idle) - 1; last >= 0 {
		c.idle[last] <- f
		c.idle = c.idle[:last]
		return
	}
	if c.closed {
		go f() // whoever does this waits for f
		return
	}
	c.running.Go(func() { c.work(f) })
}

// work runs f and what comes after it.
func (c *crew) work(f func()) {
	next := make(chan func(), 1)
	for more := true; more; f, more = <-next {
		f()
		if !c.rest(next) {
			return
		}
	}
}

// rest puts a goroutine among those that wait, unless there are enough.
func (c *crew) rest(next chan func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || len(c.idle) == c.most {
		return false
	}
	c.idle = append(c.idle, next)
	return true
}

// close waits for the goroutines.
func (c *crew) close() {
	c.mu.Lock()
	c.closed = true
	for _, next := range c.idle {
		close(next)
	}
	c.idle = nil
	c.mu.Unlock()
	c.running.Wait()
}
