package runtime

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/neutrino-local/neutrino-local/runtime/wasi/wasihttp"
)

// nameServer answers every question for an IPv4 address with the next of these,
// and then with the last; without any, no name is known.
func nameServer(t *testing.T, answers ...[4]byte) *net.Resolver {
	t.Helper()
	p, err := new(net.ListenConfig).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	var asked atomic.Int64
	go func() {
		b := make([]byte, 512)
		for {
			n, from, err := p.ReadFrom(b)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(b[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			m.Response, m.Authoritative, m.Additionals = true, true, nil
			if q := m.Questions[0]; q.Type == dnsmessage.TypeA && len(answers) > 0 {
				i := min(int(asked.Add(1)), len(answers)) - 1
				m.Answers = []dnsmessage.Resource{{
					Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class},
					Body:   &dnsmessage.AResource{A: answers[i]},
				}}
			}
			if reply, err := m.Pack(); err == nil {
				_, _ = p.WriteTo(reply, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", p.LocalAddr().String())
	}}
}

// A name that has turned out to be loopback once is not trusted the next time:
// the address of each connection is looked at.
func TestRebinding(t *testing.T) {
	tcp, _ := echoServers(t)
	_, port, err := net.SplitHostPort(tcp)
	if err != nil {
		t.Fatal(err)
	}
	n := newNetwork(true)
	n.dialer.Resolver = nameServer(t, [4]byte{127, 0, 0, 1}, [4]byte{192, 0, 2, 1})
	c, err := n.Dial(t.Context(), "tcp", "rebound.test:"+port)
	if err != nil {
		t.Fatalf("at 127.0.0.1: %v", err)
	}
	c.Close()
	c, err = n.Dial(t.Context(), "tcp", "rebound.test:"+port)
	if err == nil {
		c.Close()
	}
	if code, ok := errors.AsType[*wasihttp.Error](err); !ok || code.Code != wasihttp.DestinationIPProhibited {
		t.Errorf("at 192.0.2.1: %v, want it prohibited", err)
	}
}

func TestOfflineAddresses(t *testing.T) {
	for address, want := range map[string]bool{
		"127.0.0.1:80": true, "127.255.255.254:80": true, "[::1]:80": true, "[::ffff:127.0.0.1]:80": true,
		"0.0.0.0:80": false, "[::]:80": false, "10.0.0.1:80": false, "[2001:db8::1]:80": false, "[::ffff:10.0.0.1]:80": false, "nonsense": false,
	} {
		if err := newNetwork(true).check(address); (err == nil) != want {
			t.Errorf("offline, %s: %v", address, err)
		}
	}
	if err := newNetwork(false).check("10.0.0.1:80"); err != nil {
		t.Errorf("online: %v", err)
	}
}
