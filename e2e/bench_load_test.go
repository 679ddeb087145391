package e2e

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"testing"
	"time"
)

// A wire is one connection that sends the same request again and again. It does
// little else, since it shares the machine with the server that it measures.
type wire struct {
	conn    net.Conn
	reader  *bufio.Reader
	request []byte
}

func dialWire(address, host, path string) (*wire, error) {
	conn, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		return nil, err
	}
	request := fmt.Sprintf("GET %s HTTP/1.1\r\nHost: %s\r\nAccept: */*\r\n\r\n", path, host)
	return &wire{conn: conn, reader: bufio.NewReader(conn), request: []byte(request)}, nil
}

// ask sends the request and reads the reply to its end. It returns how long that
// took.
func (w *wire) ask() (time.Duration, error) {
	began := time.Now()
	if err := w.conn.SetDeadline(began.Add(patience)); err != nil {
		return 0, err
	}
	if _, err := w.conn.Write(w.request); err != nil {
		return 0, err
	}
	resp, err := http.ReadResponse(w.reader, nil)
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(io.Discard, resp.Body)
	took := time.Since(began)
	if err == nil && (resp.StatusCode != http.StatusOK || n == 0 || resp.Close) {
		err = fmt.Errorf("status %s, %d bytes, closes the connection: %t", resp.Status, n, resp.Close)
	}
	return took, err
}

// benchRequests measures requests for a path of one host over a number of connections that
// are kept alive and never idle.
func benchRequests(b *testing.B, address, host, path string, connections int) {
	wires := make([]*wire, connections)
	for i := range wires {
		w, err := dialWire(address, host, path)
		if err != nil {
			b.Fatal(err)
		}
		defer w.conn.Close()
		for range 3 { // not what is measured: the first ones
			if _, err := w.ask(); err != nil {
				b.Fatal(err)
			}
		}
		wires[i] = w
	}
	var mu sync.Mutex // b.Loop is for one goroutine at a time
	var ended bool    // guarded by mu
	more := func() bool {
		mu.Lock()
		defer mu.Unlock()
		ended = ended || !b.Loop()
		return !ended
	}
	took, failed := make([][]time.Duration, connections), make([]error, connections)
	var wg sync.WaitGroup
	began := time.Now()
	for i, w := range wires {
		wg.Go(func() {
			for failed[i] == nil && more() {
				var d time.Duration
				d, failed[i] = w.ask()
				took[i] = append(took[i], d)
			}
		})
	}
	wg.Wait()
	elapsed := time.Since(began)
	for _, err := range failed {
		if err != nil {
			b.Fatal(err)
		}
	}
	all := slices.Concat(took...)
	b.ReportMetric(float64(len(all))/elapsed.Seconds(), "req/s")
	b.ReportMetric(micro(quantile(all, 0.5)), "p50-µs")
	b.ReportMetric(micro(quantile(all, 0.99)), "p99-µs")
}

// quantile returns the least of all that q of them are not above.
func quantile(all []time.Duration, q float64) time.Duration {
	slices.Sort(all)
	return all[max(int(math.Ceil(q*float64(len(all)))), 1)-1]
}

func micro(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
func milli(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// bareMain is the peer: what net/http itself does with such a request, in a
// process of its own. It prints its address and serves until its standard input
// ends.
func bareMain() {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(ln.Addr())
	go http.Serve(ln, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		io.WriteString(w, "hello\n")
	}))
	io.Copy(io.Discard, os.Stdin)
}
