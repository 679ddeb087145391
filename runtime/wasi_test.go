package runtime

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/neutrino-local/neutrino-local/e2e/guests/components"
	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/router/ledger"
)

// componentSpec is an app of one component with a wasi:http handler.
func componentSpec(wasm []byte, change ...func(*artifact.Component)) Spec {
	s := wasmSpec(wasm)
	s.Lock.Triggers[0].Config = json.RawMessage(`{"component":"web","route":"/..."}`)
	for _, f := range change {
		f(&s.Lock.Components[0])
	}
	return s
}

func TestComponent(t *testing.T) {
	checkGoroutines(t)
	limits := akamai
	limits.Response = 1 << 20
	v := serve(t, newHost(t, limits), componentSpec(components.CHTTP))
	tests := []struct {
		path    string
		status  int
		body    string
		broken  bool
		outcome ledger.Outcome
		line    string // of the host's
	}{
		{"/", 200, "Hello from C1", false, ledger.OK, ""},
		{"/", 200, "Hello from C1", false, ledger.OK, ""},
		{"/s404", 404, "", false, ledger.OK, ""},
		{"/b100", 200, strings.Repeat("\x00", 409600), false, ledger.OK, ""},
		{"/c", 200, "", true, ledger.Trap, "HTTP-response-body-size: 5"},
		{"/d", 200, "half", true, ledger.Trap, "ended its body without finishing"},
		{"/n", 500, "", false, ledger.Trap, "without setting a response"},
		{"/o", 500, "", false, ledger.Trap, "error-code HTTP-request-denied"},
		{"/s101", 500, "", false, ledger.Trap, "status 101"},
		{"/t", 500, "", false, ledger.Trap, "unreachable"},
		{"/u", 200, "head", true, ledger.Trap, "component error after response started: wasm error: unreachable"},
		{"/w", 200, "", true, ledger.Limit, "response body: limit 1048576 bytes (1 MiB)"},
	}
	for _, tt := range tests {
		v.lines = nil
		r := v.request("GET", tt.path, nil)
		r.Close = true
		a := v.do(r)
		if o := v.outcome(); o != tt.outcome {
			t.Errorf("%s: outcome %s, want %s", tt.path, o, tt.outcome)
		}
		if a.StatusCode != tt.status || (a.err != nil) != tt.broken || !tt.broken && a.body != tt.body || !strings.HasPrefix(a.body, tt.body) {
			t.Errorf("%s: %d %.60q, %v; want %d %.60q", tt.path, a.StatusCode, a.body, a.err, tt.status, tt.body)
		}
		if said := strings.Join(v.stream(streamHost), "\n"); !strings.Contains(said, tt.line) || (said == "") != (tt.line == "") {
			t.Errorf("%s: the log has %q, want %q", tt.path, said, tt.line)
		}
	}
}

func TestComponentStreamsBothWays(t *testing.T) {
	checkGoroutines(t)
	limits := akamai
	limits.Request, limits.Response = 0, 0
	v := serve(t, newHost(t, limits), componentSpec(components.CHTTP))
	want := bytes.Repeat([]byte("0123456789abcdef"), 16<<20/16)
	a := v.do(v.request("POST", "/e", bytes.NewReader(want)))
	if a.err != nil || a.body != string(want) || v.outcome() != ledger.OK {
		t.Errorf("echo of %d bytes = %d bytes, %v", len(want), len(a.body), a.err)
	}
}

func TestComponentRequestLimit(t *testing.T) {
	limits := akamai
	limits.Request = 1000
	v := serve(t, newHost(t, limits), componentSpec(components.CHTTP))
	a := v.do(v.request("POST", "/e", bytes.NewReader(make([]byte, 1001))))
	if a.StatusCode != 413 || v.outcome() != ledger.Limit {
		t.Errorf("declared: %d %q, want 413", a.StatusCode, a.body)
	}
	r := v.request("POST", "/e", io.MultiReader(bytes.NewReader(make([]byte, 2000))))
	r.Close = true
	a = v.do(r) // the guest answers before it reads
	if o := v.outcome(); a.StatusCode == 200 && a.err == nil || o != ledger.Limit {
		t.Errorf("streamed: %d, %d bytes, %v, outcome %s; want a broken reply or 413", a.StatusCode, len(a.body), a.err, o)
	}
}

func TestComponentDeadline(t *testing.T) {
	checkGoroutines(t)
	limits := akamai
	limits.Handler = 500 * time.Millisecond
	v := serve(t, newHost(t, limits), componentSpec(components.CHTTP))
	a := v.get("/l") // a busy loop
	if a.StatusCode != 504 || a.body != "handler time: limit 500ms, seen 500ms\n" {
		t.Errorf("%d %q, want 504", a.StatusCode, a.body)
	}
	if o := v.outcome(); o != ledger.Timeout {
		t.Errorf("outcome %s, want timeout", o)
	}
}

func TestComponentClientLeaves(t *testing.T) {
	checkGoroutines(t)
	limits := akamai
	limits.Response = 0
	v := serve(t, newHost(t, limits), componentSpec(components.CHTTP))
	for _, path := range []string{"/w", "/l"} {
		c := v.dial()
		fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: h\r\n\r\n", path)
		if path == "/w" {
			if _, err := io.ReadFull(c, make([]byte, 1<<20)); err != nil {
				t.Error(err)
			}
		}
		c.Close()
		if o := v.outcome(); o != ledger.ClientGone {
			t.Errorf("%s: outcome %s, want client_gone", path, o)
		}
	}
}

func TestComponentReachesWhatIsAllowed(t *testing.T) {
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(418) }))
	t.Cleanup(origin.Close)
	for hosts, want := range map[string]string{
		"":                           "error  015",
		"http://example.com":         "error  015",
		origin.URL:                   "status 418",
		"http://127.0.0.0/8:*":       "status 418",
		"*://*:*":                    "status 418",
		"{{ template }} http://*:*":  "error  015",
		"https://127.0.0.1:1..65535": "error  015",
		"http://127.0.0.1:1..65535":  "status 418",
		"http://*.0.0.1:*":           "status 418",
	} {
		v := serve(t, newHost(t, akamai), componentSpec(components.CHTTP, func(c *artifact.Component) {
			if hosts != "" {
				c.Metadata.AllowedOutboundHosts = []string{hosts}
			}
		}))
		if a := v.get("/f" + strings.TrimPrefix(origin.URL, "http://")); a.body != want {
			t.Errorf("with %q: %q, want %q", hosts, a.body, want)
		}
	}
}

func TestComponentIsRefused(t *testing.T) {
	h := newHost(t, akamai)
	tests := []struct {
		name string
		spec Spec
		want string
	}{
		{"wagi", wasmSpec(components.CHTTP), "the wagi executor runs a command"},
		{"broken", componentSpec(components.CHTTP[:1000]), `component "web": compile: `},
		{"no handler", componentSpec([]byte("\x00asm\x0d\x00\x01\x00")), "exports no handler"},
	}
	for _, tt := range tests {
		_, err := h.Compile(t.Context(), tt.spec)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
	h.code.wait()
	if n := h.code.size(); n != 0 {
		t.Errorf("%d modules are still in memory", n)
	}
}

func TestComponentGoesOnAfterItsReply(t *testing.T) {
	v := serve(t, newHost(t, akamai), componentSpec(components.CHTTP))
	ended := make(chan struct{})
	entry := (*ledger.Ledger)(nil).Begin(ledger.Record{Request: "req"})
	entry.OnEnd(func() { close(ended) })
	r := httptest.NewRequest("GET", "http://h/a", nil)
	ctx, cancel := context.WithCancel(ledger.With(t.Context(), entry))
	w := httptest.NewRecorder()
	v.app.ServeHTTP(w, r.WithContext(ctx))
	entry.Finish(ledger.Reply{Status: w.Code})
	if got := w.Body.String(); got != "early" {
		t.Errorf("reply = %q, want early", got)
	}
	select {
	case <-ended:
		t.Error("the record is written while the guest goes on")
	default:
	}
	cancel()
	<-ended
}

func TestComponentsOfToolchains(t *testing.T) {
	tests := []struct {
		guest, path, want string
	}{
		{components.JSFetch, "/", "Hello from JavaScript 1"},
		{components.JSFetch, "/", "Hello from JavaScript 1"}, // and not 2: it is fresh
		{components.JSFetch, "/headers", `"spin-path-info":"/headers"`},
		{components.GoHTTP, "/", "Hello from Go / me"},
		{components.GoHTTP, "/x?y", "Hello from Go /x?y me"},
		{components.JSHello, "/", "Hello from JavaScript"},
		{components.GoHello, "/", "Hello from Go"},
	}
	h := newHost(t, akamai)
	apps := map[string]*service{}
	for _, tt := range tests {
		v := apps[tt.guest]
		if v == nil {
			v = serve(t, h, componentSpec(components.Build(t, tt.guest), func(c *artifact.Component) {
				c.Environment = map[string]string{"WHO": "me"}
			}))
			apps[tt.guest] = v
		}
		a := v.get(tt.path)
		if o := v.outcome(); a.err != nil || a.StatusCode != 200 || !strings.Contains(a.body, tt.want) || o != ledger.OK {
			t.Errorf("%s %s: %d %q, %v, outcome %s; want %q", tt.guest, tt.path, a.StatusCode, a.body, a.err, o, tt.want)
		}
	}
	if got := apps[components.JSFetch].stream("stdout"); len(got) != 2 || !strings.Contains(got[0], "hello is asked for") {
		t.Errorf("stdout of JavaScript = %q", got)
	}
	if got := apps[components.GoHTTP].stream("stderr"); len(got) != 2 || got[0] != "greeted" {
		t.Errorf("stderr of Go = %q", got)
	}
}

func benchmarkComponent(b *testing.B, wasm []byte) {
	limits := akamai
	limits.Request, limits.Response = 0, 0
	v := serve(b, newHost(b, limits), componentSpec(wasm))
	v.quiet = true
	go func() {
		for range v.ended { // nobody asks
		}
	}()
	b.ReportAllocs()
	for b.Loop() {
		w := httptest.NewRecorder()
		v.app.ServeHTTP(w, httptest.NewRequest("GET", "http://h/", nil))
		if w.Code != 200 {
			b.Fatal(w.Code, w.Body)
		}
	}
}

func BenchmarkComponentC(b *testing.B) { benchmarkComponent(b, components.CHTTP) }
func BenchmarkComponentJS(b *testing.B) {
	benchmarkComponent(b, components.Build(b, components.JSFetch))
}
func BenchmarkComponentGo(b *testing.B) {
	benchmarkComponent(b, components.Build(b, components.GoHTTP))
}

func BenchmarkComponentEcho(b *testing.B) {
	limits := akamai
	limits.Request, limits.Response = 0, 0
	v := serve(b, newHost(b, limits), componentSpec(components.CHTTP))
	block := bytes.Repeat([]byte("0123456789abcdef"), 16<<20/16)
	b.SetBytes(int64(len(block)))
	b.ReportAllocs()
	for b.Loop() {
		r, err := v.client.Post(v.url+"/e", "", bytes.NewReader(block))
		if err != nil {
			b.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, r.Body); n != int64(len(block)) || err != nil {
			b.Fatal(n, err)
		}
		r.Body.Close()
		<-v.ended
	}
}

// TestComponentsShareNothing mixes guests that misbehave with good ones, over
// both versions of HTTP.
func TestComponentsShareNothing(t *testing.T) {
	checkGoroutines(t)
	limits := akamai
	limits.Handler, limits.Response = 2*time.Second, 1<<20
	v := serve(t, newHost(t, limits), componentSpec(components.CHTTP))
	v.quiet = true
	h2 := &http.Transport{Protocols: new(http.Protocols)}
	h2.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(h2.CloseIdleConnections)
	echo := strings.Repeat("0123456789abcdef", 10_000)
	var work sync.WaitGroup
	for _, client := range []*http.Client{v.client, {Transport: h2}} {
		for _, bad := range []string{"/c", "/d", "/g", "/h", "/i", "/n", "/o", "/t", "/u", "/w", "/x", "/y"} {
			work.Go(func() {
				for range 5 {
					if r, err := client.Get(v.url + bad); err == nil {
						_, _ = io.Copy(io.Discard, r.Body)
						r.Body.Close()
					}
				}
			})
		}
		for range 4 {
			work.Go(func() {
				for range 20 {
					for path, want := range map[string]string{"/": "Hello from C1", "/e": echo} {
						method, body := "GET", ""
						if path == "/e" {
							method, body = "POST", echo
						}
						r, err := client.Do(v.request(method, path, strings.NewReader(body)))
						if err != nil {
							t.Error(err)
							return
						}
						got, err := io.ReadAll(r.Body)
						r.Body.Close()
						if err != nil || string(got) != want {
							t.Errorf("%s %s: %d bytes, %v", r.Proto, path, len(got), err)
						}
					}
				}
			})
		}
	}
	work.Wait()
}
