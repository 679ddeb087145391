package sockets

import (
	"net"
	"net/netip"
	"sync"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"

	"github.com/neutrino-local/neutrino-local/runtime/wasi/stream"
)

// Bounds of datagrams.
const (
	maxDatagram = 64 << 10
	maxQueued   = 32 // received and not taken
	maxSend     = 16 // in one call
)

// A Datagram is a message and where it came from or goes to.
type Datagram struct {
	Data   []byte
	Remote netip.AddrPort // the zero value is that of the stream
}

// A UDP is a udp-socket. It is for one goroutine.
type UDP struct {
	stream.Parent
	net     *Network
	family  Family
	conn    *net.UDPConn // once bound
	binding bool
	queue   *inbox
	remote  netip.AddrPort // Connect is under way

	Options Options
}

// NewUDP makes a socket.
func NewUDP(n *Network, f Family) (*UDP, error) {
	if err := n.open(); err != nil {
		return nil, err
	}
	return &UDP{net: n, family: f}, nil
}

// Family returns the family of its addresses.
func (s *UDP) Family() Family { return s.family }

// StartBind begins to bind the socket to addr.
func (s *UDP) StartBind(addr netip.AddrPort) error {
	switch {
	case s.binding:
		return ConcurrencyConflict
	case s.conn != nil:
		return InvalidState
	}
	if err := s.family.check(addr); err != nil {
		return err
	}
	if err := s.net.allow(UDPBind, addr); err != nil {
		return err
	}
	c, err := net.ListenUDP(s.family.network("udp"), net.UDPAddrFromAddrPort(addr))
	if err != nil {
		return CodeOf(err)
	}
	s.conn, s.binding = c, true
	s.Apply()
	return nil
}

// FinishBind ends StartBind.
func (s *UDP) FinishBind() error {
	if !s.binding {
		return NotInProgress
	}
	s.binding = false
	s.queue = &inbox{}
	c, q := s.conn, s.queue
	s.net.Run(func() { q.fill(c) })
	return nil
}

// Apply gives the options to the socket. What the system does not take is as it
// was.
func (s *UDP) Apply() {
	if s.conn == nil {
		return
	}
	o := s.Options
	if o.ReceiveBuffer > 0 {
		_ = s.conn.SetReadBuffer(int(min(o.ReceiveBuffer, 1<<22)))
	}
	if o.SendBuffer > 0 {
		_ = s.conn.SetWriteBuffer(int(min(o.SendBuffer, 1<<22)))
	}
	switch {
	case o.HopLimit == 0:
	case s.family == IPv4:
		_ = ipv4.NewConn(s.conn).SetTTL(int(o.HopLimit))
	default:
		_ = ipv6.NewConn(s.conn).SetHopLimit(int(o.HopLimit))
	}
}

// An inbox has the datagrams that a guest has not taken yet. What comes when it
// is full is lost, as datagrams may be.
type inbox struct {
	bell   stream.Bell
	mu     sync.Mutex
	list   []Datagram     // guarded by mu
	from   netip.AddrPort // guarded by mu; if valid, all others are dropped
	closed bool           // guarded by mu
}

func (q *inbox) fill(c *net.UDPConn) {
	buf := make([]byte, maxDatagram)
	for {
		n, from, err := c.ReadFromUDPAddrPort(buf)
		if err != nil {
			q.mu.Lock()
			q.closed = true
			q.mu.Unlock()
			q.bell.Ring()
			return
		}
		from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		q.mu.Lock()
		if len(q.list) < maxQueued && (!q.from.IsValid() || q.from == from) {
			q.list = append(q.list, Datagram{append([]byte(nil), buf[:n]...), from})
		}
		q.mu.Unlock()
		q.bell.Ring()
	}
}

// Stream returns both ways of the socket, for any remote address or for one. An
// earlier pair must have been dropped.
func (s *UDP) Stream(remote netip.AddrPort) (*Incoming, *Outgoing, error) {
	if s.queue == nil {
		return nil, nil, InvalidState
	}
	if remote.IsValid() {
		if err := s.family.remote(remote); err != nil {
			return nil, nil, err
		}
		if err := s.net.allow(UDPSend, remote); err != nil {
			return nil, nil, err
		}
	}
	s.queue.mu.Lock()
	s.queue.from, s.queue.list = remote, nil
	s.queue.mu.Unlock()
	return &Incoming{queue: s.queue, Dropped: s.Child()}, &Outgoing{socket: s, remote: remote, Dropped: s.Child()}, nil
}

// Local returns the address that the socket is bound to.
func (s *UDP) Local() (netip.AddrPort, error) {
	if s.queue == nil {
		return netip.AddrPort{}, InvalidState
	}
	return addrPort(s.conn.LocalAddr()), nil
}

// Remote returns the address that the socket's streams are for.
func (s *UDP) Remote() (netip.AddrPort, error) {
	if s.queue == nil {
		return netip.AddrPort{}, InvalidState
	}
	s.queue.mu.Lock()
	defer s.queue.mu.Unlock()
	if !s.queue.from.IsValid() {
		return netip.AddrPort{}, InvalidState
	}
	return s.queue.from, nil
}

// Close closes the socket.
func (s *UDP) Close() {
	s.net.sockets.Add(-1)
	if s.conn != nil {
		_ = s.conn.Close() // nobody is left to tell
	}
}

// An Incoming is an incoming-datagram-stream.
type Incoming struct {
	stream.Parent
	Dropped func()
	queue   *inbox
}

// Receive returns at most n datagrams that are there.
func (i *Incoming) Receive(n uint64) ([]Datagram, error) {
	q := i.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	take := int(min(n, uint64(len(q.list))))
	got := q.list[:take:take]
	q.list = q.list[take:]
	return got, nil
}

// Ready reports whether a datagram is there.
func (i *Incoming) Ready() bool {
	i.queue.mu.Lock()
	defer i.queue.mu.Unlock()
	return len(i.queue.list) > 0 || i.queue.closed
}

// Watch rings w when a datagram comes.
func (i *Incoming) Watch(w *stream.Waker) func() { return i.queue.bell.Watch(w) }

// An Outgoing is an outgoing-datagram-stream.
type Outgoing struct {
	stream.Parent
	Dropped func()
	socket  *UDP
	remote  netip.AddrPort
	permit  uint64
}

// CheckSend returns how many datagrams the next Send may have.
func (o *Outgoing) CheckSend() uint64 {
	o.permit = maxSend
	return o.permit
}

// Send sends datagrams and returns how many it was. An error is that of the
// first; one of a later one comes at the next Send. More than CheckSend allowed
// is stream.ErrPermit.
func (o *Outgoing) Send(list []Datagram) (uint64, error) {
	if uint64(len(list)) > o.permit {
		return 0, stream.ErrPermit
	}
	o.permit -= uint64(len(list))
	for i, d := range list {
		if err := o.send(d); err != nil {
			if i == 0 {
				return 0, CodeOf(err)
			}
			return uint64(i), nil
		}
	}
	return uint64(len(list)), nil
}

func (o *Outgoing) send(d Datagram) error {
	to := o.remote
	switch {
	case !to.IsValid() && !d.Remote.IsValid():
		return InvalidArgument
	case !to.IsValid():
		to = d.Remote
		if err := o.socket.family.remote(to); err != nil {
			return err
		}
		if err := o.socket.net.allow(UDPSend, to); err != nil {
			return err
		}
	case d.Remote.IsValid() && d.Remote != to:
		return InvalidArgument
	}
	_, err := o.socket.conn.WriteToUDPAddrPort(d.Data, to)
	return err
}

// Ready is always true: a datagram is sent or lost at once.
func (o *Outgoing) Ready() bool { return true }

// Watch does nothing: see Ready.
func (o *Outgoing) Watch(*stream.Waker) func() { return func() {} }

// StartConnect begins to fix the remote address of a socket that is its own
// stream, as that of October 2023.
func (s *UDP) StartConnect(remote netip.AddrPort) error {
	if s.queue == nil {
		return InvalidState
	}
	if err := s.family.remote(remote); err != nil {
		return err
	}
	if err := s.net.allow(UDPSend, remote); err != nil {
		return err
	}
	s.remote = remote
	return nil
}

// FinishConnect ends StartConnect.
func (s *UDP) FinishConnect() error {
	if !s.remote.IsValid() {
		return NotInProgress
	}
	s.queue.mu.Lock()
	s.queue.from, s.queue.list = s.remote, nil
	s.queue.mu.Unlock()
	s.remote = netip.AddrPort{}
	return nil
}

// Receive returns at most n datagrams that are there; none is would-block.
func (s *UDP) Receive(n uint64) ([]Datagram, error) {
	if s.queue == nil {
		return nil, InvalidState
	}
	got, err := (&Incoming{queue: s.queue}).Receive(n)
	if err == nil && len(got) == 0 && n > 0 {
		return nil, WouldBlock
	}
	return got, err
}

// Send sends datagrams, each with its address, and returns how many it was.
func (s *UDP) Send(list []Datagram) (uint64, error) {
	if s.queue == nil {
		return 0, InvalidState
	}
	o := Outgoing{socket: s, permit: uint64(len(list))}
	if r, err := s.Remote(); err == nil {
		o.remote = r
	}
	return o.Send(list)
}

// Ready reports whether a datagram is there.
func (s *UDP) Ready() bool { return s.queue == nil || (&Incoming{queue: s.queue}).Ready() }

// Watch rings w when a datagram comes.
func (s *UDP) Watch(w *stream.Waker) func() {
	if s.queue == nil {
		return func() {}
	}
	return s.queue.bell.Watch(w)
}
