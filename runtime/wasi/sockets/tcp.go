package sockets

import (
	"context"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"

	"github.com/neutrino-local/neutrino-local/runtime/wasi/stream"
)

// bufferSize is what a stream of a connection holds.
const bufferSize = 64 << 10

type tcpState uint8

const (
	tcpUnbound tcpState = iota
	tcpBinding
	tcpBound
	tcpConnecting
	tcpConnected
	tcpListening // start-listen
	tcpListens   // finish-listen
	tcpClosed
)

// A TCP is a tcp-socket. It is for one goroutine, but for its pollable.
type TCP struct {
	stream.Parent
	net    *Network
	family Family
	state  tcpState
	local  netip.AddrPort // once bound
	conn   *connection

	// A socket is bound by listening at once: Go knows no other way. Who then
	// connects gives the listener up for a connection from the same address.
	listener *net.TCPListener
	dialed   *stream.Future[dialResult]
	accepted *acceptQueue
	cancel   context.CancelFunc // of the dialing

	Options Options
}

// Options are what a guest sets of a socket; zero is the system's.
type Options struct {
	KeepAlive             bool
	Delay                 bool // small messages wait for more
	KeepIdle, KeepSpacing time.Duration
	KeepCount             uint32
	HopLimit              uint8
	ReceiveBuffer, SendBuffer,
	Backlog uint64
}

type dialResult struct {
	conn *net.TCPConn
	err  error
}

// NewTCP makes a socket.
func NewTCP(n *Network, f Family) (*TCP, error) {
	if err := n.open(); err != nil {
		return nil, err
	}
	return &TCP{net: n, family: f}, nil
}

// Family returns the family of its addresses.
func (s *TCP) Family() Family { return s.family }

// StartBind begins to bind the socket to addr.
func (s *TCP) StartBind(addr netip.AddrPort) error {
	switch {
	case s.state == tcpBinding || s.state == tcpConnecting || s.state == tcpListening:
		return ConcurrencyConflict
	case s.state != tcpUnbound:
		return InvalidState
	}
	if err := s.family.check(addr); err != nil {
		return err
	}
	if a := addr.Addr(); a.IsMulticast() || a.Is4() && a == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return InvalidArgument
	}
	if err := s.net.allow(TCPBind, addr); err != nil {
		return err
	}
	l, err := net.ListenTCP(s.family.network("tcp"), net.TCPAddrFromAddrPort(addr))
	if err != nil {
		return CodeOf(err)
	}
	s.listener, s.local, s.state = l, addrPort(l.Addr()), tcpBinding
	return nil
}

func addrPort(a net.Addr) netip.AddrPort {
	p, _ := netip.ParseAddrPort(a.String()) // the zero value for what has no address
	return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
}

// FinishBind ends StartBind.
func (s *TCP) FinishBind() error {
	if s.state != tcpBinding {
		return NotInProgress
	}
	s.state = tcpBound
	return nil
}

// StartConnect begins to connect to addr.
func (s *TCP) StartConnect(ctx context.Context, addr netip.AddrPort) error {
	switch {
	case s.state == tcpBinding || s.state == tcpConnecting || s.state == tcpListening:
		return ConcurrencyConflict
	case s.state != tcpUnbound && s.state != tcpBound:
		return InvalidState
	}
	if err := s.family.remote(addr); err != nil {
		return err
	}
	if err := s.net.allow(TCPConnect, addr); err != nil {
		return err
	}
	var d net.Dialer
	if s.listener != nil {
		d.LocalAddr = net.TCPAddrFromAddrPort(s.local)
		_ = s.listener.Close() // it was only for the address
		s.listener = nil
	}
	ctx, s.cancel = context.WithCancel(ctx)
	s.dialed, s.state = new(stream.Future[dialResult]), tcpConnecting
	network, future, cancel := s.family.network("tcp"), s.dialed, s.cancel
	s.net.Run(func() {
		defer cancel()
		c, err := d.DialContext(ctx, network, addr.String())
		conn, _ := c.(*net.TCPConn)
		if err == nil && ctx.Err() != nil {
			_ = conn.Close() // nobody takes it any more
			conn, err = nil, context.Cause(ctx)
		}
		future.Set(dialResult{conn, err})
		if conn != nil && ctx.Err() != nil {
			_ = conn.Close() // the socket was closed meanwhile
		}
	})
	return nil
}

// FinishConnect ends StartConnect, and returns both ways of the connection.
func (s *TCP) FinishConnect() (stream.Input, stream.Output, error) {
	if s.state != tcpConnecting {
		return nil, nil, NotInProgress
	}
	r, ok := s.dialed.Get()
	switch {
	case !ok:
		return nil, nil, WouldBlock
	case r.err != nil:
		s.state = tcpClosed
		return nil, nil, CodeOf(r.err)
	}
	in, out := s.connected(r.conn)
	return in, out, nil
}

func (s *TCP) connected(c *net.TCPConn) (stream.Input, stream.Output) {
	s.conn, s.state, s.local = &connection{TCPConn: c}, tcpConnected, addrPort(c.LocalAddr())
	s.conn.users.Store(2)
	s.Apply()
	return stream.NewPump(c, bufferSize, s.net.Run), stream.NewDrain(sending{s.conn}, bufferSize, s.net.Run)
}

// A connection is closed when its socket has been dropped and all that the guest
// has written is sent, or the linger time is over.
type connection struct {
	*net.TCPConn
	users atomic.Int32 // the socket, and its sending way
}

const linger = time.Second

func (c *connection) release() {
	if c.users.Add(-1) == 0 {
		_ = c.TCPConn.Close() // nobody is left to tell
	}
}

// sending is the sending way of a connection.
type sending struct{ c *connection }

func (s sending) Write(b []byte) (int, error) { return s.c.Write(b) }

// Close is called once, after the last byte.
func (s sending) Close() error {
	defer s.c.release()
	return s.c.CloseWrite()
}

// Apply gives the options to a connection that is there. What the system does
// not take is as it was.
func (s *TCP) Apply() {
	if s.conn == nil {
		return
	}
	o := s.Options
	_ = s.conn.SetNoDelay(!o.Delay)
	_ = s.conn.SetKeepAliveConfig(net.KeepAliveConfig{
		Enable: o.KeepAlive, Idle: o.KeepIdle, Interval: o.KeepSpacing, Count: int(min(o.KeepCount, 1<<15)),
	})
	if o.ReceiveBuffer > 0 {
		_ = s.conn.SetReadBuffer(int(min(o.ReceiveBuffer, 1<<22)))
	}
	if o.SendBuffer > 0 {
		_ = s.conn.SetWriteBuffer(int(min(o.SendBuffer, 1<<22)))
	}
	switch {
	case o.HopLimit == 0:
	case s.family == IPv4:
		_ = ipv4.NewConn(s.conn.TCPConn).SetTTL(int(o.HopLimit))
	default:
		_ = ipv6.NewConn(s.conn.TCPConn).SetHopLimit(int(o.HopLimit))
	}
}

// Local returns the address that the socket is bound to.
func (s *TCP) Local() (netip.AddrPort, error) {
	if !s.local.IsValid() || s.state == tcpBinding {
		return netip.AddrPort{}, InvalidState
	}
	return s.local, nil
}

// Remote returns the address that the socket is connected to.
func (s *TCP) Remote() (netip.AddrPort, error) {
	if s.state != tcpConnected {
		return netip.AddrPort{}, InvalidState
	}
	return addrPort(s.conn.RemoteAddr()), nil
}

// Listening reports whether the socket listens.
func (s *TCP) Listening() bool { return s.state == tcpListens }

// Ways of a connection.
const (
	ShutReceive = iota
	ShutSend
	ShutBoth
)

// Shutdown ends one way of the connection, or both.
func (s *TCP) Shutdown(way int) error {
	if s.state != tcpConnected {
		return InvalidState
	}
	if way != ShutSend {
		if err := s.conn.CloseRead(); err != nil {
			return CodeOf(err)
		}
	}
	if way != ShutReceive {
		if err := s.conn.CloseWrite(); err != nil {
			return CodeOf(err)
		}
	}
	return nil
}

// Ready reports whether the operation that is under way can be finished, or a
// connection accepted.
func (s *TCP) Ready() bool {
	switch s.state {
	case tcpConnecting:
		return s.dialed.Ready()
	case tcpListens:
		s.accepted.mu.Lock()
		defer s.accepted.mu.Unlock()
		return s.accepted.next != nil || s.accepted.err != nil
	}
	return true
}

// Watch rings w when the socket may have become ready.
func (s *TCP) Watch(w *stream.Waker) func() {
	switch s.state {
	case tcpConnecting:
		return s.dialed.Watch(w)
	case tcpListens:
		return s.accepted.bell.Watch(w)
	}
	return func() {}
}

// Close ends everything that the socket does.
func (s *TCP) Close() {
	s.net.sockets.Add(-1)
	if s.cancel != nil {
		s.cancel()
	}
	if s.dialed != nil && s.conn == nil {
		if r, ok := s.dialed.Get(); ok && r.conn != nil {
			_ = r.conn.Close() // nobody is left to tell
		}
	}
	if s.listener != nil {
		_ = s.listener.Close()
	}
	if q := s.accepted; q != nil {
		q.mu.Lock()
		q.shut = true
		if q.next != nil {
			_ = q.next.Close()
			q.next = nil
		}
		q.took.Signal()
		q.mu.Unlock()
	}
	if s.conn != nil {
		_ = s.conn.SetDeadline(time.Now().Add(linger))
		_ = s.conn.CloseRead()
		s.conn.release()
	}
	s.state = tcpClosed
}
