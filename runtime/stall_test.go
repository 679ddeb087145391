package runtime

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/neutrino-local/neutrino-local/router/ledger"
)

// stallLimits end a stalled request soon.
func stallLimits() Limits {
	l := akamai
	l.Handler, l.Response = time.Second, 0
	return l
}

// TestStalledUpload has clients that send half a body and wait: the guest, which
// waits for the rest, ends with its deadline.
func TestStalledUpload(t *testing.T) {
	checkGoroutines(t)
	v := serve(t, newHost(t, stallLimits()), guestSpec(t, "echo"))
	for name, text := range map[string]string{
		"declared": "POST /body HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nhalf",
		"chunked":  "POST /body HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
	} {
		got := v.raw(text)
		if !strings.HasPrefix(got, "HTTP/1.1 504 ") || !strings.HasSuffix(got, "\r\n\r\nhandler time: limit 1s, seen 1s\n") {
			t.Errorf("%s: %q", name, got)
		}
		if o := v.outcome(); o != ledger.Timeout {
			t.Errorf("%s: outcome %s, want timeout", name, o)
		}
	}
}

// TestStalledUploadH2 is the same over h2c.
func TestStalledUploadH2(t *testing.T) {
	checkGoroutines(t)
	v := serve(t, newHost(t, stallLimits()), guestSpec(t, "echo"))
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	defer transport.CloseIdleConnections()
	v.client = &http.Client{Transport: transport}
	body, w := io.Pipe()
	defer w.Close()
	go io.WriteString(w, "half")
	r := v.request("POST", "/body", body)
	r.ContentLength = 100
	if a := v.do(r); a.StatusCode != 504 || a.body != "handler time: limit 1s, seen 1s\n" {
		t.Errorf("%d %q", a.StatusCode, a.body)
	}
	if o := v.outcome(); o != ledger.Timeout {
		t.Errorf("outcome %s, want timeout", o)
	}
}

// TestStalledReader has a client that reads none of a long reply: the guest,
// which waits to write, ends with its deadline and the reply breaks off.
func TestStalledReader(t *testing.T) {
	checkGoroutines(t)
	v := serve(t, newHost(t, stallLimits()), guestSpec(t, "sick-big"))
	c := v.dial()
	fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	if o := v.outcome(); o != ledger.Timeout {
		t.Errorf("outcome %s, want timeout", o)
	}
	if b, _ := io.ReadAll(c); len(b) >= 11<<20 {
		t.Errorf("%d bytes came after the deadline", len(b))
	}
}

// TestClientLeaves has clients that go away at several points. Their guests end
// at once.
func TestClientLeaves(t *testing.T) {
	checkGoroutines(t)
	h := newHost(t, akamai)
	for _, tt := range []struct{ guest, text string }{
		{"sick-hang", "GET / HTTP/1.1\r\nHost: h\r\n\r\n"},
		{"sick-sleep", "GET / HTTP/1.1\r\nHost: h\r\n\r\n"},
		{"echo", "POST /body HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nhalf"},
		{"echo", "POST /body HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"},
		{"sick-big", "GET / HTTP/1.1\r\nHost: h\r\n\r\n"},
	} {
		v := serve(t, h, guestSpec(t, tt.guest))
		c := v.dial()
		fmt.Fprint(c, tt.text)
		if tt.guest == "sick-big" {
			io.ReadFull(c, make([]byte, 1<<16))
		}
		c.Close()
		if o := v.outcome(); o != ledger.ClientGone {
			t.Errorf("%s: outcome %s, want client_gone", tt.guest, o)
		}
	}
}

// TestCut has a router that ends a request.
func TestCut(t *testing.T) {
	checkGoroutines(t)
	v := serve(t, newHost(t, akamai), guestSpec(t, "sick-sleep"))
	entry := (*ledger.Ledger)(nil).Begin(ledger.Record{})
	ctx, cancel := context.WithCancelCause(ledger.With(t.Context(), entry))
	w := httptest.NewRecorder()
	var wg sync.WaitGroup
	wg.Go(func() { v.app.ServeHTTP(w, httptest.NewRequestWithContext(ctx, "GET", "/", nil)) })
	cancel(errors.New("drain of r1 has ended"))
	wg.Wait()
	if w.Code != 503 || w.Body.String() != "request cut: drain of r1 has ended\n" || entry.Outcome() != ledger.Cut {
		t.Errorf("%d %q, outcome %s", w.Code, w.Body, entry.Outcome())
	}
}

// TestInstances has more requests than instances and queue.
func TestInstances(t *testing.T) {
	checkGoroutines(t)
	limits := akamai
	limits.Instances, limits.Handler = 1, 3*time.Second
	v := serve(t, newHost(t, limits), guestSpec(t, "sick-sleep"))
	var wg sync.WaitGroup
	statuses := make(chan answered, 1+queuePerSlot+1)
	for range cap(statuses) {
		wg.Go(func() { statuses <- v.get("/") })
	}
	wg.Wait()
	close(statuses)
	count := map[int]int{}
	for a := range statuses {
		count[a.StatusCode]++
		if a.StatusCode == 503 && (a.Header.Get("Retry-After") == "" || !strings.HasPrefix(a.body, "instances of an app at once: limit 1, seen ")) {
			t.Errorf("%v %q", a.Header, a.body)
		}
	}
	if count[503] == 0 || count[504] == 0 || count[503]+count[504] != cap(statuses) {
		t.Errorf("statuses %v", count)
	}
	outcomes := map[ledger.Outcome]int{}
	for range cap(statuses) {
		outcomes[v.outcome()]++
	}
	if outcomes[ledger.Queue] != count[503] || outcomes[ledger.Timeout] != count[504] {
		t.Errorf("outcomes %v, statuses %v", outcomes, count)
	}
}

// TestConcurrentRequests hammers two apps of one binary.
func TestConcurrentRequests(t *testing.T) {
	checkGoroutines(t)
	h := newHost(t, akamai)
	apps := make([]*service, 2)
	for i := range apps {
		s := guestSpec(t, "hello")
		s.Lock.Components[0].Environment = map[string]string{"VERSION": fmt.Sprint(i)}
		apps[i] = serve(t, h, s)
	}
	if n := h.code.size(); n != 1 {
		t.Errorf("%d modules in memory, want 1", n)
	}
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for range 20 {
				if a := apps[i%2].get("/"); a.body != fmt.Sprintf("hello from version %d\n", i%2) {
					t.Errorf("%d %q", a.StatusCode, a.body)
				}
			}
		})
	}
	wg.Wait()
}

func TestCloseWaits(t *testing.T) {
	checkGoroutines(t)
	limits := akamai
	limits.Handler = time.Second
	h := newHost(t, limits)
	app, err := h.Compile(t.Context(), guestSpec(t, "sick-sleep"))
	if err != nil {
		t.Fatal(err)
	}
	began := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		if !app.enter() {
			t.Error("closed already")
		}
		close(began)
		app.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
		app.leave()
	})
	<-began
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := app.Close(gone); !errors.Is(err, context.Canceled) {
		t.Errorf("Close with a request under way: %v", err)
	}
	if h.code.size() != 1 {
		t.Error("the code of a request under way was freed")
	}
	if err := app.Close(t.Context()); err != nil {
		t.Error(err)
	}
	wg.Wait()
	w := httptest.NewRecorder()
	app.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != 503 {
		t.Errorf("after Close: %d", w.Code)
	}
	if err := app.Start(t.Context()); err == nil {
		t.Error("Start after Close: no error")
	}
	h.code.wait()
	if n := h.code.size(); n != 0 {
		t.Errorf("%d modules in memory after Close", n)
	}
}
