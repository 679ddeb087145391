package conns

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A made connection has a number.
type made struct {
	n      int
	closed bool
}

type maker struct {
	n      int
	closed atomic.Int32
}

func (m *maker) dial(context.Context) (*made, error) {
	m.n++
	return &made{n: m.n}, nil
}

func (m *maker) close(c *made) {
	c.closed = true
	m.closed.Add(1)
}

func newPool(m *maker, renew error) *Pool[*made] {
	return New(func(context.Context, *made) error { return renew }, m.close)
}

func lend(t *testing.T, p *Pool[*made], m *maker, key Key) *made {
	t.Helper()
	c, err := p.Lend(t.Context(), key, m.dial)
	if err != nil || c.closed {
		t.Fatalf("%v, %v", c, err)
	}
	return c
}

// Connections are lent again to the same app for the same address only, and only
// if they were in order.
func TestLend(t *testing.T) {
	m := new(maker)
	p := newPool(m, nil)
	defer p.Close()
	mine, other := Key{"a", "x"}, Key{"b", "x"}
	first := lend(t, p, m, mine)
	p.Return(mine, first, true)
	if c := lend(t, p, m, other); c == first {
		t.Error("another app got the connection")
	} else {
		p.Return(other, c, true)
	}
	again := lend(t, p, m, mine)
	if again != first {
		t.Error("the connection was not lent again")
	}
	p.Return(mine, again, false)
	if c := lend(t, p, m, mine); !first.closed || c == first {
		t.Error("a connection that was out of order was lent again")
	} else {
		p.Return(mine, c, true)
	}
}

func TestLendStale(t *testing.T) {
	m := new(maker)
	p := newPool(m, errors.New("gone"))
	defer p.Close()
	key := Key{"a", "x"}
	first := lend(t, p, m, key)
	p.Return(key, first, true)
	if c := lend(t, p, m, key); c == first || !first.closed {
		t.Error("a connection that cannot be renewed was lent, or not closed")
	} else {
		p.Return(key, c, false)
	}
}

// What is idle is closed after a while, and nothing of it stays in the pool.
func TestIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := new(maker)
		p := newPool(m, nil)
		for i := range maxIdle + 10 {
			key := Key{"a", string(rune(i))}
			p.Return(key, lend(t, p, m, key), true)
		}
		if m.closed.Load() != 10 {
			t.Errorf("%d closed, want what is over the bound", m.closed.Load())
		}
		<-time.After(3 * idleTime)
		synctest.Wait()
		if int(m.closed.Load()) != m.n || len(p.keys) != 0 || p.idle != 0 || p.sweep != nil {
			t.Errorf("%d of %d closed, %d keys, %d idle", m.closed.Load(), m.n, len(p.keys), p.idle)
		}
		p.Close()
	})
}

// At the bound a guest waits, and hears at last that there is none.
func TestBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := new(maker)
		p := newPool(m, nil)
		defer p.Close()
		key := Key{"a", "x"}
		var all []*made
		for range MaxLent {
			all = append(all, lend(t, p, m, key))
		}
		begin := time.Now()
		if _, err := p.Lend(t.Context(), key, m.dial); !errors.Is(err, ErrBusy) || time.Since(begin) != waitTime {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
		ended, cancel := context.WithCancelCause(t.Context())
		cause := errors.New("the request has ended")
		cancel(cause)
		if _, err := p.Lend(ended, key, m.dial); !errors.Is(err, cause) {
			t.Errorf("%v, want the cause", err)
		}
		go p.Return(key, all[0], true)
		if c := lend(t, p, m, key); c != all[0] {
			t.Error("who waited did not get what was returned")
		}
		for _, c := range all {
			p.Return(key, c, false)
		}
		if len(p.keys) != 0 {
			t.Errorf("%d keys are left", len(p.keys))
		}
	})
}

// Whoever has a connection has it alone.
func TestLendHammer(t *testing.T) {
	type conn struct{ users atomic.Int32 }
	var open atomic.Int32
	p := New(func(context.Context, *conn) error { return nil }, func(*conn) { open.Add(-1) })
	var all sync.WaitGroup
	for i := range 8 {
		key := Key{"a", string(rune('x' + i%2))}
		all.Go(func() {
			for n := range 500 {
				c, err := p.Lend(t.Context(), key, func(context.Context) (*conn, error) {
					open.Add(1)
					return new(conn), nil
				})
				if err != nil {
					t.Error(err)
					return
				}
				if c.users.Add(1) != 1 {
					t.Error("lent twice")
				}
				c.users.Add(-1)
				p.Return(key, c, n%7 != 0)
			}
		})
	}
	all.Wait()
	p.Close()
	if open.Load() != 0 || len(p.keys) != 0 {
		t.Errorf("%d open, %d keys", open.Load(), len(p.keys))
	}
}
