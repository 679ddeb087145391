package e2e

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestUpgradesUnderLoad upgrades an app a hundred times in a row while clients
// of HTTP/1.1 and h2c send small requests and streamed bodies to it. Each reply
// is 200 and whole, no connection breaks, and the revision that each reply's
// body tells is the one that the ledger has for that request.
func TestUpgradesUnderLoad(t *testing.T) {
	rounds := full(t, 100, 8)
	s := newServer(t)
	s.start("--failover-window", "100ms", "--health-interval", "10ms", "--ephemeral", "--ledger-size", "1000000",
		"--drain-timeout", patience.String())
	dir := s.place("load", "app", version(1))
	s.must(s.client("deploy", "--no-confirm", "--create-name", "shop", "--wait", "live", "-f", dir))

	l := newLoad(s)
	l.start(t.Context())
	for n := 2; n <= rounds+1; n++ {
		s.place("load", "app", version(n))
		wait := "live" // every other deployment meets the window of the one before
		if n%2 == 0 {
			wait = "healthy"
		}
		s.must(s.client("deploy", "--no-confirm", "--wait", wait, "-f", dir))
	}
	l.stop()
	for _, failure := range l.failures {
		t.Error(failure)
	}
	l.compareWithLedger()
	t.Logf("%d replies, %.0f requests/s, by kind %v", l.replies, float64(l.replies)/l.took.Seconds(), l.kinds)
	s.stop()
}

// loadRate is what the clients send together, in requests a second. The rate is
// kept by sending, whatever the replies take.
const loadRate = 240

// A load sends requests to the app "shop" and keeps what came back.
type load struct {
	s      *server
	cancel context.CancelFunc
	began  time.Time
	took   time.Duration
	wg     sync.WaitGroup

	mu       sync.Mutex
	seen     map[string]string // request id → version in the body; guarded by mu, as all below
	kinds    map[string]int
	failures []string
	broken   int
	replies  int
}

func newLoad(s *server) *load {
	return &load{s: s, seen: map[string]string{}, kinds: map[string]int{}}
}

func (l *load) start(ctx context.Context) {
	ctx, l.cancel = context.WithCancel(ctx)
	l.began = time.Now()
	kinds := []struct {
		name string
		rate int
		send func(context.Context, *http.Client) error
		h2c  bool
	}{
		{"HTTP/1.1 small", loadRate * 5 / 12, l.small, false},
		{"h2c small", loadRate * 5 / 12, l.small, true},
		{"HTTP/1.1 streamed", loadRate / 12, l.streamed, false},
		{"h2c streamed", loadRate / 12, l.streamed, true},
	}
	for _, k := range kinds {
		c := loadClient(l.s.base, k.h2c)
		l.wg.Go(func() {
			defer c.CloseIdleConnections()
			l.tick(ctx, k.rate, func(ctx context.Context) { l.count(k.name, k.send(ctx, c)) })
		})
	}
}

// loadClient returns a client that keeps its connections.
func loadClient(base string, h2c bool) *http.Client {
	address := strings.TrimPrefix(base, "http://")
	transport := &http.Transport{
		MaxIdleConnsPerHost: 64,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, address)
		},
	}
	if h2c {
		transport.Protocols = new(http.Protocols)
		transport.Protocols.SetUnencryptedHTTP2(true)
	}
	return &http.Client{Transport: transport, Timeout: patience}
}

// tick starts a request at a steady rate until ctx ends, and waits for those
// that have begun.
func (l *load) tick(ctx context.Context, rate int, send func(context.Context)) {
	t := time.NewTicker(time.Second / time.Duration(rate))
	defer t.Stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			wg.Go(func() { send(context.WithoutCancel(ctx)) })
		}
	}
}

func (l *load) stop() {
	l.cancel()
	l.wg.Wait()
	l.took = time.Since(l.began)
}

func (l *load) count(kind string, err error) {
	const mostTold = 20
	l.mu.Lock()
	defer l.mu.Unlock()
	l.replies++
	l.kinds[kind]++
	if err == nil {
		return
	}
	if l.broken++; l.broken <= mostTold {
		l.failures = append(l.failures, fmt.Sprintf("%s: %v", kind, err))
	}
}

var versionInBody = regexp.MustCompile(`v[0-9]+`)

// saw notes which version a reply's body told.
func (l *load) saw(resp *http.Response, body string) error {
	id := resp.Header.Get("Neutrino-Request")
	who := versionInBody.FindString(body)
	if id == "" || who == "" {
		return fmt.Errorf("no request id or no version: %v, %.100q", resp.Header, body)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen[id] = who
	return nil
}

// small asks for a line.
func (l *load) small(ctx context.Context, c *http.Client) error {
	resp, err := l.send(ctx, c, http.MethodGet, "/small", nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	return l.saw(resp, string(body))
}

// streamed sends a body in pieces and reads the same one back behind the line
// with the version, so that one request is under way for some time in both
// directions.
func (l *load) streamed(ctx context.Context, c *http.Client) error {
	r, w := io.Pipe()
	sent := make(chan [sha256.Size]byte, 1)
	go func() { sent <- writePieces(w) }()
	resp, err := l.send(ctx, c, http.MethodPost, "/echo", r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("after %d bytes: %w", len(body), err)
	}
	line, rest, _ := strings.Cut(string(body), "\n")
	if sha256.Sum256([]byte(rest)) != <-sent {
		return fmt.Errorf("%d bytes came back, and not those sent", len(rest))
	}
	return l.saw(resp, line)
}

// writePieces writes a body as a slow client does and returns the hash of it. It
// ends early if nobody reads on.
func writePieces(w *io.PipeWriter) [sha256.Size]byte {
	const pieces, size = 8, 24 << 10
	pace := time.NewTicker(5 * time.Millisecond)
	defer pace.Stop()
	var all []byte
	for n := range pieces {
		for i := range size {
			all = append(all, byte(n+i))
		}
		if _, err := w.Write(all[n*size:]); err != nil {
			break
		}
		<-pace.C
	}
	w.Close()
	return sha256.Sum256(all)
}

func (l *load) send(ctx context.Context, c *http.Client, method, path string, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://shop.localhost"+path, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Neutrino-Explain", "1")
	resp, err := c.Do(req)
	if err == nil && resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 200))
		resp.Body.Close()
		err = fmt.Errorf("%s %s: status %d: %q", method, path, resp.StatusCode, text)
	}
	return resp, err
}

// compareWithLedger holds what the bodies told against the records.
func (l *load) compareWithLedger() {
	l.s.t.Helper()
	var ledger struct {
		Records []struct {
			Request, Outcome string
			Revision, Status int
		}
	}
	l.s.json(&ledger, "ledger", "show", "shop", "-n", "1000000")
	recorded := 0
	for _, r := range ledger.Records {
		who, ok := l.seen[r.Request]
		if !ok {
			continue
		}
		recorded++
		if want := fmt.Sprintf("v%d", r.Revision); who != want || r.Outcome != "ok" || r.Status != http.StatusOK {
			l.s.t.Errorf("request %s: the body told %s, the ledger has r%d, status %d, %s", r.Request, who, r.Revision, r.Status, r.Outcome)
		}
	}
	if recorded != len(l.seen) {
		l.s.t.Errorf("the ledger has %d of the %d replies", recorded, len(l.seen))
	}
}
