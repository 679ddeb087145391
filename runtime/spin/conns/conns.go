// Package conns keeps connections to servers that guests were lent, for the next
// guest of the same app that asks for the same address.
//
// A connection is in the hands of one guest at a time, and of one app for good.
// How many are lent for an address and how many wait unused are bounded, and
// those that wait are closed after a while. Whoever lends one says what makes it
// as good as new.
package conns

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"sync"
	"time"
)

// Bounds of a Pool.
const (
	MaxLent  = 64               // for one key; more wait
	maxIdle  = 256              // of all keys
	idleTime = time.Minute      // until what is idle is closed
	waitTime = 10 * time.Second // until a guest that waits hears that there is none
)

// ErrBusy is what a guest gets that has waited for a connection in vain.
var ErrBusy = fmt.Errorf("too many connections: limit %d for one address", MaxLent)

// ErrTooMany is what an instance gets that opens more than MaxOpen.
var ErrTooMany = fmt.Errorf("too many connections: limit %d for one instance", MaxOpen)

// MaxOpen is how many connections one instance may have open of one kind. It is
// less than MaxLent, so that none waits for itself.
const MaxOpen = 60

// A Network is how servers are reached.
type Network struct {
	Dial  func(ctx context.Context, network, address string) (net.Conn, error)
	Roots *x509.CertPool // of their certificates; nil: the system's
}

// A Key is what connections have to have in common to stand for each other.
type Key struct {
	App     string
	Address string // with user, password and all
}

// A Pool has the connections of one kind of server. Its zero value is not ready:
// see New.
type Pool[C any] struct {
	close func(C)
	renew func(context.Context, C) error

	mu     sync.Mutex
	keys   map[Key]*shelf[C] // guarded by mu; those that are in use
	idle   int               // guarded by mu; of all shelves
	sweep  *time.Timer       // guarded by mu; nil: not running, and nothing is idle
	closed bool              // guarded by mu
}

// A shelf has the connections of one key.
type shelf[C any] struct {
	slots chan struct{} // one for each connection that is lent
	users int           // guarded by Pool.mu; who have a slot or wait for one
	idle  []idle[C]     // guarded by Pool.mu; longest unused first
}

type idle[C any] struct {
	conn  C
	since time.Time
}

// A Guest is one instance and what it may do. It must be fresh for each.
type Guest struct {
	App     string
	Network Network
	// Allow reports whether a server may be reached.
	Allow func(scheme, host string, port uint16) bool

	open int // connections
}

// An Opened connection is one that a guest has open.
type Opened[C any] struct {
	Conn  C
	guest *Guest
	key   Key
}

// Open lends g a connection for an address, unless it has too many.
func (p *Pool[C]) Open(ctx context.Context, g *Guest, address string, dial func(context.Context) (C, error)) (*Opened[C], error) {
	if g.open == MaxOpen {
		return nil, ErrTooMany
	}
	key := Key{App: g.App, Address: address}
	c, err := p.Lend(ctx, key, dial)
	if err != nil {
		return nil, err
	}
	g.open++
	return &Opened[C]{c, g, key}, nil
}

// End takes back what Open lent.
func (p *Pool[C]) End(o *Opened[C], inOrder bool) {
	o.guest.open--
	p.Return(o.key, o.Conn, inOrder)
}

// New returns an empty pool. renew makes a connection that was used before as
// good as new, or fails if it is of no use any more; close closes one, and must
// not block for long.
func New[C any](renew func(context.Context, C) error, close func(C)) *Pool[C] {
	return &Pool[C]{close: close, renew: renew, keys: map[Key]*shelf[C]{}}
}

// Lend returns a connection, an old one or what dial makes. It must be given to
// Return.
func (p *Pool[C]) Lend(ctx context.Context, key Key, dial func(context.Context) (C, error)) (C, error) {
	var none C
	s, err := p.enter(ctx, key)
	if err != nil {
		return none, err
	}
	for {
		c, ok := p.take(s)
		if !ok {
			break
		}
		if p.renew(ctx, c) == nil {
			return c, nil
		}
		p.close(c)
	}
	c, err := dial(ctx)
	if err != nil {
		p.leave(key, s)
		return none, err
	}
	return c, nil
}

// Return takes a connection back. Only one that is in order may be lent again.
func (p *Pool[C]) Return(key Key, c C, inOrder bool) {
	p.mu.Lock()
	s := p.keys[key] // it has users, so it is there
	keep := inOrder && !p.closed && p.idle < maxIdle
	if keep {
		s.idle = append(s.idle, idle[C]{c, time.Now()})
		p.idle++
		if p.sweep == nil {
			p.sweep = time.AfterFunc(idleTime, p.closeOld)
		}
	}
	p.mu.Unlock()
	if !keep {
		p.close(c)
	}
	p.leave(key, s)
}

// enter waits for a slot of a key.
func (p *Pool[C]) enter(ctx context.Context, key Key) (*shelf[C], error) {
	p.mu.Lock()
	s := p.keys[key]
	if s == nil {
		s = &shelf[C]{slots: make(chan struct{}, MaxLent)}
		p.keys[key] = s
	}
	s.users++
	p.mu.Unlock()
	select {
	case s.slots <- struct{}{}:
		return s, nil
	default:
	}
	waiting, cancel := context.WithTimeoutCause(ctx, waitTime, ErrBusy)
	defer cancel()
	select {
	case s.slots <- struct{}{}:
		return s, nil
	case <-waiting.Done():
		p.forget(key, s)
		return nil, context.Cause(waiting)
	}
}

// leave ends enter.
func (p *Pool[C]) leave(key Key, s *shelf[C]) {
	<-s.slots
	p.forget(key, s)
}

func (p *Pool[C]) forget(key Key, s *shelf[C]) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.users--
	p.drop(key, s)
}

// drop removes a shelf that nobody uses. The caller has mu.
func (p *Pool[C]) drop(key Key, s *shelf[C]) {
	if s.users == 0 && len(s.idle) == 0 {
		delete(p.keys, key)
	}
}

// take returns the connection that was used last: it is the least likely to have
// been closed at the other end.
func (p *Pool[C]) take(s *shelf[C]) (c C, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(s.idle)
	if n == 0 {
		return c, false
	}
	c = s.idle[n-1].conn
	s.idle = s.idle[:n-1]
	p.idle--
	return c, true
}

// closeOld closes what has been idle for long, and comes again while there is
// something idle.
func (p *Pool[C]) closeOld() {
	old := p.takeBefore(time.Now().Add(-idleTime))
	p.mu.Lock()
	p.sweep = nil
	if p.idle > 0 && !p.closed {
		p.sweep = time.AfterFunc(idleTime, p.closeOld)
	}
	p.mu.Unlock()
	for _, c := range old {
		p.close(c)
	}
}

// takeBefore takes all that has been idle since limit or longer.
func (p *Pool[C]) takeBefore(limit time.Time) (old []C) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for key, s := range p.keys {
		n := 0
		for n < len(s.idle) && !s.idle[n].since.After(limit) {
			old = append(old, s.idle[n].conn)
			n++
		}
		s.idle = append([]idle[C](nil), s.idle[n:]...)
		p.idle -= n
		p.drop(key, s)
	}
	return old
}

// Close closes all that is idle, and what is returned from now on.
func (p *Pool[C]) Close() {
	p.mu.Lock()
	p.closed = true
	if p.sweep != nil {
		p.sweep.Stop()
	}
	p.mu.Unlock()
	for _, c := range p.takeBefore(time.Now()) {
		p.close(c)
	}
}
