package runtime

import (
	"fmt"
	"time"

	"github.com/neutrino-local/neutrino-local/runtime/component"
)

// progressPace is how often those who wait for a compilation are told of it.
const progressPace = time.Second

// Progress is how far the compilation of a component has come. What it tells is
// known: there are no shares that were guessed from the time.
type Progress struct {
	Component string
	Bytes     int // of the binary; 0: it has not been read, since others are compiled before it
	component.Progress
	Took  time.Duration // until now
	Ended bool          // all of it
}

// String is a line about p.
func (p Progress) String() string {
	size := fmt.Sprintf("%s: %.1f MB", p.Component, float64(p.Bytes)/1e6)
	if p.Bytes < 1e6 {
		size = fmt.Sprintf("%s: %.1f kB", p.Component, float64(p.Bytes)/1e3)
	}
	took := fmt.Sprintf("%.1f s", p.Took.Seconds())
	if p.Took < time.Second {
		took = fmt.Sprintf("%d ms", p.Took.Milliseconds())
	}
	switch {
	case p.Ended && p.Cached:
		return size + " from the cache in " + took
	case p.Ended:
		return size + " compiled in " + took
	case p.Bytes == 0:
		return p.Component + ": waits for others to be compiled, " + took + " so far"
	}
	return fmt.Sprintf("%s, %d of %d modules compiled, %s so far", size, p.Done, p.Modules, took)
}

// progress is how far e has come.
func (c *code) progress(e *entry) Progress {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := e.progress
	if p.Ended = e.ended(); p.Ended {
		p.Took = e.took
	} else {
		p.Took = time.Since(e.began)
	}
	return p
}
