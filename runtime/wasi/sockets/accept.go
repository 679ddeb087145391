package sockets

import (
	"net"
	"sync"

	"github.com/neutrino-local/neutrino-local/runtime/wasi/stream"
)

// An acceptQueue has the connections that a guest has not taken yet.
type acceptQueue struct {
	bell stream.Bell
	mu   sync.Mutex
	next *net.TCPConn // guarded by mu
	err  error        // guarded by mu; set once
	took *sync.Cond   // of mu: next is nil, or closed
	shut bool         // guarded by mu
}

// StartListen begins to listen.
func (s *TCP) StartListen() error {
	switch {
	case s.state == tcpBinding || s.state == tcpConnecting || s.state == tcpListening:
		return ConcurrencyConflict
	case s.state != tcpBound:
		return InvalidState
	}
	q := new(acceptQueue)
	q.took = sync.NewCond(&q.mu)
	s.accepted, s.state = q, tcpListening
	l := s.listener
	s.net.Run(func() { q.fill(l) })
	return nil
}

// fill accepts one connection ahead of the guest, until the listener is closed.
func (q *acceptQueue) fill(l *net.TCPListener) {
	for {
		c, err := l.AcceptTCP()
		q.mu.Lock()
		if err != nil || q.shut {
			q.err = err
			q.mu.Unlock()
			q.bell.Ring()
			if c != nil {
				_ = c.Close() // nobody takes it any more
			}
			return
		}
		q.next = c
		q.bell.Ring()
		for q.next != nil && !q.shut {
			q.took.Wait()
		}
		q.mu.Unlock()
	}
}

// FinishListen ends StartListen.
func (s *TCP) FinishListen() error {
	if s.state != tcpListening {
		return NotInProgress
	}
	s.state = tcpListens
	return nil
}

// Accept returns the next connection that somebody has made.
func (s *TCP) Accept() (*TCP, stream.Input, stream.Output, error) {
	if s.state != tcpListens {
		return nil, nil, nil, InvalidState
	}
	q := s.accepted
	q.mu.Lock()
	c, err := q.next, q.err
	q.next = nil
	q.took.Signal()
	q.mu.Unlock()
	switch {
	case c == nil && err != nil:
		return nil, nil, nil, CodeOf(err)
	case c == nil:
		return nil, nil, nil, WouldBlock
	}
	a, err := NewTCP(s.net, s.family)
	if err != nil {
		_ = c.Close() // there is no room for it
		return nil, nil, nil, err
	}
	a.Options = s.Options
	in, out := a.connected(c)
	return a, in, out, nil
}
