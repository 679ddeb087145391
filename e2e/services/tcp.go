package services

import (
	"io"
	"net"
	"testing"
)

// TCP starts a server that talks on each connection in a goroutine of its own,
// and closes it when talk returns.
func TCP(t testing.TB, talk func(net.Conn)) (address string) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				talk(c)
			}()
		}
	}()
	return l.Addr().String()
}

// Echo is for TCP: it sends back what it gets.
func Echo(c net.Conn) { _, _ = io.Copy(c, c) }
