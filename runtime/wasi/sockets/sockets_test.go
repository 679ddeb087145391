package sockets

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"testing"

	"github.com/neutrino-local/neutrino-local/runtime/wasi/stream"
)

// network allows what a test wants and waits for its goroutines.
func network(t *testing.T) *Network {
	t.Helper()
	var work sync.WaitGroup
	t.Cleanup(work.Wait)
	return &Network{
		Allow:  func(Use, netip.AddrPort) bool { return true },
		Lookup: func(string) bool { return true },
		Run:    work.Go,
	}
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

var loopback = netip.MustParseAddrPort("127.0.0.1:0")

func TestTCPTalks(t *testing.T) {
	n := network(t)
	server := must(NewTCP(n, IPv4))(t)
	defer server.Close()
	steps := []struct {
		name string
		err  error
		want error
	}{
		{"finish-bind before start", server.FinishBind(), NotInProgress},
		{"start-bind", server.StartBind(loopback), nil},
		{"start-connect during it", server.StartConnect(t.Context(), loopback), ConcurrencyConflict},
		{"finish-bind", server.FinishBind(), nil},
		{"bind again", server.StartBind(loopback), InvalidState},
		{"start-listen", server.StartListen(), nil},
		{"finish-listen", server.FinishListen(), nil},
		{"listen again", server.StartListen(), InvalidState},
	}
	for _, s := range steps {
		if s.err != s.want {
			t.Errorf("%s = %v, want %v", s.name, s.err, s.want)
		}
	}
	if _, _, _, err := server.Accept(); err != WouldBlock || server.Ready() {
		t.Errorf("Accept = %v, ready %v, want would-block", err, server.Ready())
	}
	client := must(NewTCP(n, IPv4))(t)
	defer client.Close()
	if err := client.StartConnect(t.Context(), must(server.Local())(t)); err != nil {
		t.Fatal(err)
	}
	if err := stream.Block(t.Context(), client); err != nil {
		t.Fatal(err)
	}
	in, out, err := client.FinishConnect()
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Block(t.Context(), server); err != nil {
		t.Fatal(err)
	}
	peer, peerIn, peerOut, err := server.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	if must(peer.Remote())(t) != must(client.Local())(t) {
		t.Error("both ends do not agree on the address")
	}
	send(t, out, "hello")
	if got := receive(t, peerIn); got != "hello" {
		t.Errorf("the server reads %q", got)
	}
	send(t, peerOut, "and back")
	if got := receive(t, in); got != "and back" {
		t.Errorf("the client reads %q", got)
	}
}

// send writes all and drops the stream, without a flush.
func send(t *testing.T, out stream.Output, text string) {
	t.Helper()
	s := stream.NewOutput(out)
	if _, err := s.CheckWrite(); err != nil {
		t.Fatal(err)
	}
	if err := s.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	s.Close()
}

func receive(t *testing.T, in stream.Input) (text string) {
	t.Helper()
	s := stream.NewInput(in)
	defer s.Close()
	for {
		b, err := s.BlockingRead(t.Context(), 100)
		if err != nil {
			if !errors.Is(err, stream.ErrClosed) {
				t.Error(err)
			}
			return text
		}
		text += string(b)
	}
}

func TestDroppedSocketSendsWhatWasWritten(t *testing.T) {
	l := must(net.Listen("tcp4", "127.0.0.1:0"))(t)
	defer l.Close()
	client := must(NewTCP(network(t), IPv4))(t)
	if err := client.StartConnect(t.Context(), addrPort(l.Addr())); err != nil {
		t.Fatal(err)
	}
	if err := stream.Block(t.Context(), client); err != nil {
		t.Fatal(err)
	}
	in, out, err := client.FinishConnect()
	if err != nil {
		t.Fatal(err)
	}
	send(t, out, "last words")
	stream.NewInput(in).Close()
	client.Close()
	c := must(l.Accept())(t)
	defer c.Close()
	if b, err := io.ReadAll(c); string(b) != "last words" || err != nil {
		t.Errorf("the peer reads %q, %v", b, err)
	}
}

func TestTCPRefuses(t *testing.T) {
	denied := &Network{Run: func(f func()) { f() }}
	open := network(t)
	v4, v6 := netip.MustParseAddrPort("127.0.0.1:9"), netip.MustParseAddrPort("[::1]:9")
	tests := []struct {
		name string
		n    *Network
		f    Family
		to   netip.AddrPort
		want error
	}{
		{"not granted", denied, IPv4, v4, AccessDenied},
		{"v6 address for v4", open, IPv4, v6, InvalidArgument},
		{"v4 address for v6", open, IPv6, v4, InvalidArgument},
		{"v4 in v6", open, IPv6, netip.MustParseAddrPort("[::ffff:127.0.0.1]:9"), InvalidArgument},
		{"no port", open, IPv4, netip.MustParseAddrPort("127.0.0.1:0"), InvalidArgument},
		{"no address", open, IPv4, netip.MustParseAddrPort("0.0.0.0:9"), InvalidArgument},
	}
	for _, tt := range tests {
		s := must(NewTCP(tt.n, tt.f))(t)
		if err := s.StartConnect(t.Context(), tt.to); err != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
		s.Close()
	}
	s := must(NewTCP(denied, IPv4))(t)
	if err := s.StartBind(loopback); err != AccessDenied {
		t.Errorf("bind = %v, want access-denied", err)
	}
	u := must(NewUDP(denied, IPv4))(t)
	if err := u.StartBind(loopback); err != AccessDenied {
		t.Errorf("udp bind = %v, want access-denied", err)
	}
	if _, err := NewLookup(t.Context(), denied, "localhost"); err != AccessDenied {
		t.Errorf("lookup = %v, want access-denied", err)
	}
	s = must(NewTCP(open, IPv4))(t)
	defer s.Close()
	if err := s.StartConnect(t.Context(), netip.MustParseAddrPort("127.0.0.1:1")); err != nil {
		t.Fatal(err)
	}
	if err := stream.Block(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.FinishConnect(); err != ConnectionRefused {
		t.Errorf("connect to a closed port = %v, want connection-refused", err)
	}
}

func TestSocketsAreBounded(t *testing.T) {
	n := network(t)
	var all []*TCP
	for range MaxSockets {
		all = append(all, must(NewTCP(n, IPv4))(t))
	}
	if _, err := NewUDP(n, IPv4); err != NewSocketLimit {
		t.Errorf("one more = %v, want new-socket-limit", err)
	}
	for _, s := range all {
		s.Close()
	}
	must(NewUDP(n, IPv4))(t).Close()
}

func TestUDPTalks(t *testing.T) {
	n := network(t)
	bound := func() (*UDP, netip.AddrPort) {
		s := must(NewUDP(n, IPv4))(t)
		t.Cleanup(s.Close)
		if _, _, err := s.Stream(netip.AddrPort{}); err != InvalidState {
			t.Errorf("Stream before bind = %v, want invalid-state", err)
		}
		if err := errors.Join(s.StartBind(loopback), s.FinishBind()); err != nil {
			t.Fatal(err)
		}
		return s, must(s.Local())(t)
	}
	a, aAddr := bound()
	b, bAddr := bound()
	_, aOut, err := a.Stream(netip.AddrPort{})
	if err != nil {
		t.Fatal(err)
	}
	bIn, bOut, err := b.Stream(aAddr)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := aOut.Send([]Datagram{{[]byte("x"), bAddr}}); !errors.Is(err, stream.ErrPermit) {
		t.Errorf("Send without check-send = %v, want a trap", err)
	}
	aOut.CheckSend()
	if _, err := aOut.Send([]Datagram{{Data: []byte("nowhere")}}); err != InvalidArgument {
		t.Errorf("Send to nobody = %v, want invalid-argument", err)
	}
	if n, err := aOut.Send([]Datagram{{[]byte("one"), bAddr}, {[]byte("two"), bAddr}}); n != 2 || err != nil {
		t.Errorf("Send = %d, %v", n, err)
	}
	for _, want := range []string{"one", "two"} {
		if err := stream.Block(t.Context(), bIn); err != nil {
			t.Fatal(err)
		}
		if got, err := bIn.Receive(1); len(got) != 1 || string(got[0].Data) != want || got[0].Remote != aAddr || err != nil {
			t.Errorf("Receive = %v, %v, want %s", got, err, want)
		}
	}
	bOut.CheckSend()
	if _, err := bOut.Send([]Datagram{{[]byte("x"), bAddr}}); err != InvalidArgument {
		t.Errorf("Send past the stream's address = %v, want invalid-argument", err)
	}
	if got := must(b.Remote())(t); got != aAddr {
		t.Errorf("Remote = %v, want %v", got, aAddr)
	}
}

func TestLookup(t *testing.T) {
	n := network(t)
	l := must(NewLookup(t.Context(), n, "::1"))(t)
	if a, err := l.Next(); a != netip.IPv6Loopback() || err != nil {
		t.Errorf("Next = %v, %v, want ::1", a, err)
	}
	if a, err := l.Next(); a.IsValid() || err != nil {
		t.Errorf("Next = %v, %v, want the end", a, err)
	}
	for _, name := range []string{"", "a b", "host:80", "-"} {
		if _, err := NewLookup(t.Context(), n, name); err != InvalidArgument {
			t.Errorf("NewLookup(%q) = %v, want invalid-argument", name, err)
		}
	}
	for err, want := range map[error]Code{
		&net.DNSError{IsNotFound: true}: NameUnresolvable, &net.DNSError{IsTemporary: true}: TemporaryResolverFailure,
		&net.DNSError{}: PermanentResolverFailure, context.Canceled: ConnectionAborted, syscall.ENOMEM: OutOfMemory,
	} {
		if got := lookupCode(err); got != want {
			t.Errorf("lookupCode(%v) = %v, want %v", err, got, want)
		}
	}
}
