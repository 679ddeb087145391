package pool

import (
	"context"
	"sync"
	"time"
)

// A limited context ends at its deadline. It has a timer only once somebody
// wants to be told: most resets look at the clock, if at all.
type limited struct {
	deadline time.Time

	mu     sync.Mutex
	timed  context.Context // guarded by mu; nil until Done is called
	cancel context.CancelFunc
}

func newLimited(d time.Duration) *limited { return &limited{deadline: time.Now().Add(d)} }

func (l *limited) Deadline() (time.Time, bool) { return l.deadline, true }

func (l *limited) Done() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.timed == nil {
		l.timed, l.cancel = context.WithDeadline(context.Background(), l.deadline)
	}
	return l.timed.Done()
}

func (l *limited) Err() error {
	l.mu.Lock()
	timed := l.timed
	l.mu.Unlock()
	if timed != nil {
		return timed.Err()
	}
	if time.Now().Before(l.deadline) {
		return nil
	}
	<-l.Done() // whoever asks later gets the same answer
	return context.DeadlineExceeded
}

func (l *limited) Value(any) any { return nil }

// release frees the timer.
func (l *limited) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cancel != nil {
		l.cancel()
	}
}
