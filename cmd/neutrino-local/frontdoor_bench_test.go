package main

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/neutrino-local/neutrino-local/router"
	"github.com/neutrino-local/neutrino-local/router/ledger"
)

// BenchmarkFrontDoor asks the same handler bare and through front door, router
// and ledger, over TCP and in turn, so that both meet the same machine. It tells
// the medians: their difference is what we add to a request. An op is one request
// to each.
func BenchmarkFrontDoor(b *testing.B) {
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, "hello\n")
	})
	apps := router.New(ledger.New(100_000))
	apps.Replace(router.Route{App: "3f0c2a9e-7d51-4d0e-9c51-0d7f3d1b2a11", Name: "hello", Current: router.NewBackend(1, handler)})
	door := &frontDoor{Domains: (&config{}).allDomains(), Scheme: "http", Apps: apps}

	bare, through := dialHandler(b, handler), dialHandler(b, door)
	for range 100 { // the first ones are not what is measured
		bare.ask(b)
		through.ask(b)
	}
	var without, with []time.Duration
	for turn := 0; b.Loop(); turn++ {
		if turn%2 == 0 { // neither is always the first
			without = append(without, bare.ask(b))
			with = append(with, through.ask(b))
		} else {
			with = append(with, through.ask(b))
			without = append(without, bare.ask(b))
		}
	}
	slices.Sort(without)
	slices.Sort(with)
	report := func(unit string, of func([]time.Duration) time.Duration) {
		b.ReportMetric(float64(of(without))/1e3, "bare-"+unit)
		b.ReportMetric(float64(of(with)-of(without))/1e3, "added-"+unit)
	}
	report("p50-µs", func(d []time.Duration) time.Duration { return d[len(d)/2] })
	report("p99-µs", func(d []time.Duration) time.Duration { return d[len(d)*99/100] })
}

// A caller sends one request after the other over one connection.
type caller struct {
	conn   net.Conn
	reader *bufio.Reader
}

// dialHandler serves h as the product does, and connects to it.
func dialHandler(b *testing.B, h http.Handler) *caller {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	server := config{}.httpServer(h, slog.New(slog.DiscardHandler))
	served := make(chan error, 1)
	go func() { served <- server.Serve(ln) }()
	b.Cleanup(func() {
		server.Close()
		if err := <-served; err != http.ErrServerClosed {
			b.Error(err)
		}
	})
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.Close() })
	return &caller{conn: conn, reader: bufio.NewReader(conn)}
}

// ask returns how long the reply took to its end.
func (c *caller) ask(b *testing.B) time.Duration {
	began := time.Now()
	if _, err := io.WriteString(c.conn, "GET / HTTP/1.1\r\nHost: hello.localhost:7733\r\n\r\n"); err != nil {
		b.Fatal(err)
	}
	resp, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		b.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	took := time.Since(began)
	if err != nil || resp.StatusCode != http.StatusOK || string(body) != "hello\n" {
		b.Fatalf("status %d, %q, %v", resp.StatusCode, body, err)
	}
	return took
}
