// Package sockets is wasi:sockets without any component: TCP, UDP and the
// lookup of names, as operations that a guest starts and finishes, over Go's
// blocking network.
//
// Nothing is sent, bound or looked up that the Network does not allow. Every
// error that a guest sees is a Code.
package sockets

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"
)

// A Use is what a guest wants of an address.
type Use uint8

// What addresses can be used for.
const (
	TCPBind Use = iota
	TCPConnect
	UDPBind
	UDPSend
)

// A Network is what an instance may reach. Its zero value is nothing.
type Network struct {
	Allow  func(use Use, addr netip.AddrPort) bool // nil: nothing
	Lookup func(name string) bool                  // nil: nothing
	// Run starts goroutines that end soon after their socket is closed or the
	// context of the call that began them ends.
	Run func(func())

	sockets atomic.Int64 // open now
}

// MaxSockets is how many sockets one instance may have.
const MaxSockets = 128

func (n *Network) allow(use Use, addr netip.AddrPort) error {
	if n.Allow == nil || !n.Allow(use, addr) {
		return AccessDenied
	}
	return nil
}

// open counts a socket.
func (n *Network) open() error {
	if n.sockets.Add(1) > MaxSockets {
		n.sockets.Add(-1)
		return NewSocketLimit
	}
	return nil
}

// A Code is a case of the enum error-code, in its order. It is an error.
type Code uint8

// The cases of error-code.
const (
	Unknown Code = iota
	AccessDenied
	NotSupported
	InvalidArgument
	OutOfMemory
	Timeout
	ConcurrencyConflict
	NotInProgress
	WouldBlock
	InvalidState
	NewSocketLimit
	AddressNotBindable
	AddressInUse
	RemoteUnreachable
	ConnectionRefused
	ConnectionReset
	ConnectionAborted
	DatagramTooLarge
	NameUnresolvable
	TemporaryResolverFailure
	PermanentResolverFailure
)

var codeNames = [...]string{
	"unknown", "access-denied", "not-supported", "invalid-argument", "out-of-memory", "timeout", "concurrency-conflict",
	"not-in-progress", "would-block", "invalid-state", "new-socket-limit", "address-not-bindable", "address-in-use",
	"remote-unreachable", "connection-refused", "connection-reset", "connection-aborted", "datagram-too-large",
	"name-unresolvable", "temporary-resolver-failure", "permanent-resolver-failure",
}

// Error returns the name of c in WIT.
func (c Code) Error() string { return codeNames[c] }

var errnos = []struct {
	err  error
	code Code
}{
	{syscall.EACCES, AccessDenied}, {syscall.EPERM, AccessDenied}, {syscall.EINVAL, InvalidArgument},
	{syscall.ENOMEM, OutOfMemory}, {syscall.ENOBUFS, OutOfMemory}, {syscall.ETIMEDOUT, Timeout},
	{syscall.EADDRNOTAVAIL, AddressNotBindable}, {syscall.EADDRINUSE, AddressInUse},
	{syscall.ENETUNREACH, RemoteUnreachable}, {syscall.EHOSTUNREACH, RemoteUnreachable},
	{syscall.ECONNREFUSED, ConnectionRefused}, {syscall.ECONNRESET, ConnectionReset}, {syscall.EPIPE, ConnectionReset},
	{syscall.ECONNABORTED, ConnectionAborted}, {syscall.EMSGSIZE, DatagramTooLarge},
	{syscall.EMFILE, NewSocketLimit}, {syscall.ENFILE, NewSocketLimit}, {syscall.EAFNOSUPPORT, NotSupported},
	{net.ErrClosed, ConnectionAborted}, {io.ErrClosedPipe, ConnectionAborted}, {context.Canceled, ConnectionAborted},
	{os.ErrDeadlineExceeded, Timeout}, {context.DeadlineExceeded, Timeout},
}

// CodeOf returns the code of an error of Go's network.
func CodeOf(err error) Code {
	var c Code
	if errors.As(err, &c) {
		return c
	}
	for _, e := range errnos {
		if errors.Is(err, e.err) {
			return e.code
		}
	}
	var n net.Error
	if errors.As(err, &n) && n.Timeout() {
		return Timeout
	}
	return Unknown
}

// A Family is a case of the enum ip-address-family.
type Family uint8

// The cases of ip-address-family.
const (
	IPv4 Family = iota
	IPv6
)

func (f Family) network(name string) string {
	if f == IPv4 {
		return name + "4"
	}
	return name + "6"
}

// check reports whether addr is one of the family, and no address of the other
// in disguise.
func (f Family) check(addr netip.AddrPort) error {
	if a := addr.Addr(); a.Is4() != (f == IPv4) || a.Is4In6() {
		return InvalidArgument
	}
	return nil
}

// remote is check for an address that something can be sent to.
func (f Family) remote(addr netip.AddrPort) error {
	if addr.Addr().IsUnspecified() || addr.Port() == 0 {
		return InvalidArgument
	}
	return f.check(addr)
}
