package wasi

import (
	"bufio"
	_ "embed"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/neutrino-local/neutrino-local/runtime/wasi/sockets"
)

// socketsGuest uses wasi:sockets as its arguments say, see testdata/sockets/guest.c.
//
//go:embed testdata/sockets/sockets.wasm
var socketsGuest []byte

// denied is the exit code of a guest that sees an error-code.
func denied(c sockets.Code) int { return 100 + int(c) }

// anywhere is a network that reaches all of this host.
func anywhere() *sockets.Network {
	return &sockets.Network{
		Allow:  func(_ sockets.Use, a netip.AddrPort) bool { return a.Addr().IsLoopback() },
		Lookup: func(name string) bool { return name == "localhost" },
	}
}

func socketArgs(args ...string) []string { return append([]string{"guest"}, args...) }

// loopback splits the address of a listener into what the guest wants.
func loopback(a net.Addr) (ip, port string) {
	ip, port, _ = net.SplitHostPort(a.String())
	return ip, port
}

func TestGuestConnects(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	heard := make(chan string, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			heard <- err.Error()
			return
		}
		defer c.Close()
		b, _ := io.ReadAll(c) // until the guest ends its side
		heard <- string(b)
		_, _ = io.WriteString(c, strings.Repeat("pong ", 10_000))
	}()
	p := command(t, socketsGuest)
	ip, port := loopback(l.Addr())
	code, out, _, err := p.exec(&State{Arguments: socketArgs("tcp", ip, port, "ping"), Network: anywhere()})
	if got := <-heard; code != 0 || err != nil || got != "ping" || out != strings.Repeat("pong ", 10_000) {
		t.Errorf("exit %d, %v; heard %q, got %d bytes", code, err, got, len(out))
	}
}

func TestGuestListens(t *testing.T) {
	p := command(t, socketsGuest)
	r, w := io.Pipe()
	type end struct {
		code int
		err  error
	}
	ended := make(chan end, 1)
	go func() {
		code, err := p.start(&State{Arguments: socketArgs("listen", "127.0.0.1", "0"), Network: anywhere(), Stdout: w, Stderr: io.Discard})
		w.Close()
		ended <- end{code, err}
	}()
	port, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		t.Fatal(err, <-ended)
	}
	c, err := net.Dial("tcp4", "127.0.0.1:"+strings.TrimSpace(port))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "over there"); err != nil {
		t.Fatal(err)
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(c); string(b) != "over there" || err != nil {
		t.Errorf("echo = %q, %v", b, err)
	}
	if e := <-ended; e != (end{}) {
		t.Errorf("exit %d, %v", e.code, e.err)
	}
}

func TestGuestSendsDatagrams(t *testing.T) {
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	go func() {
		b := make([]byte, 100)
		n, from, err := c.ReadFrom(b)
		if err == nil {
			_, _ = c.WriteTo([]byte(strings.ToUpper(string(b[:n]))), from)
		}
	}()
	p := command(t, socketsGuest)
	ip, port := loopback(c.LocalAddr())
	code, out, _, err := p.exec(&State{Arguments: socketArgs("udp", ip, port, "ping"), Network: anywhere()})
	if code != 0 || err != nil || out != "PING" {
		t.Errorf("exit %d, %v, %q; want PING", code, err, out)
	}
}

func TestGuestLooksUp(t *testing.T) {
	p := command(t, socketsGuest)
	for name, want := range map[string]string{"127.1.2.3": "127.1.2.3\n", "::1": "0:0:0:0:0:0:0:1\n", "1:2::3": "1:2:0:0:0:0:0:3\n"} {
		code, out, _, err := p.exec(&State{Arguments: socketArgs("lookup", name), Network: anywhere()})
		if code != 0 || err != nil || out != want {
			t.Errorf("%s: exit %d, %v, %q; want %q", name, code, err, out, want)
		}
	}
	code, out, _, err := p.exec(&State{Arguments: socketArgs("lookup", "localhost"), Network: anywhere()})
	if code != 0 || err != nil || !strings.Contains(out, "127.0.0.1\n") && !strings.Contains(out, "0:0:0:0:0:0:0:1\n") {
		t.Errorf("localhost: exit %d, %v, %q", code, err, out)
	}
}

// TestGuestIsDenied reaches nothing that its network does not allow, and nothing
// without one.
func TestGuestIsDenied(t *testing.T) {
	p := command(t, socketsGuest)
	const ip, port = "127.0.0.1", "1" // where nobody listens
	tests := []struct {
		args    []string
		network *sockets.Network
		want    sockets.Code
	}{
		{socketArgs("tcp", ip, port, "x"), nil, sockets.AccessDenied},
		{socketArgs("tcp", "192.0.2.1", "80", "x"), anywhere(), sockets.AccessDenied},
		{socketArgs("tcp", ip, port, "x"), anywhere(), sockets.ConnectionRefused},
		{socketArgs("tcp", ip, "0", "x"), anywhere(), sockets.InvalidArgument},
		{socketArgs("listen", "127.0.0.1", "0"), nil, sockets.AccessDenied},
		{socketArgs("listen", "0.0.0.0", "0"), anywhere(), sockets.AccessDenied},
		{socketArgs("udp", ip, port, "x"), nil, sockets.AccessDenied},
		{socketArgs("udp", "192.0.2.1", "80", "x"), anywhere(), sockets.AccessDenied},
		{socketArgs("lookup", "localhost"), nil, sockets.AccessDenied},
		{socketArgs("lookup", "example.com"), anywhere(), sockets.AccessDenied},
		{socketArgs("lookup", "no host"), anywhere(), sockets.InvalidArgument},
		{socketArgs("many"), anywhere(), sockets.NewSocketLimit},
	}
	for _, tt := range tests {
		code, _, _, err := p.exec(&State{Arguments: tt.args, Network: tt.network})
		if code != denied(tt.want) || err != nil {
			t.Errorf("%q: exit %d, %v; want %d, %v", tt.args, code, err, denied(tt.want), tt.want)
		}
	}
}

// TestSocketsAreClosed has a guest that traps with an open connection.
func TestSocketsAreClosed(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ended := make(chan error, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			ended <- err
			return
		}
		_, err = c.Write([]byte("unasked"))
		_, rest := io.Copy(io.Discard, c)
		ended <- errors.Join(err, rest)
	}()
	p := command(t, socketsGuest)
	ip, port := loopback(l.Addr())
	long := strings.Repeat("x", 4097) // more than one write may have
	_, _, _, err = p.exec(&State{Arguments: socketArgs("tcp", ip, port, long), Network: anywhere()})
	if err == nil || !strings.Contains(err.Error(), "write is longer") {
		t.Errorf("a write of 4097 bytes = %v, want a trap", err)
	}
	if err := <-ended; err != nil {
		t.Logf("the other end: %v", err) // it may see a reset
	}
}
