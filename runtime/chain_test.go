package runtime

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/neutrino-local/neutrino-local/e2e/guests/components"
	"github.com/neutrino-local/neutrino-local/e2e/guests/spin"
	"github.com/neutrino-local/neutrino-local/e2e/services"
	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/router/ledger"
)

// withChained adds a private component to s that other components can call.
func withChained(t testing.TB, s Spec, id, guest string, hosts ...string) Spec {
	t.Helper()
	wasm, err := spin.Wasm(guest)
	if err != nil {
		t.Fatal(err)
	}
	s.Lock.Triggers = append(s.Lock.Triggers, artifact.Trigger{
		ID: id, Type: "http", Config: json.RawMessage(fmt.Sprintf(`{"component":%q,"route":{"private":true}}`, id)),
	})
	s.Lock.Components = append(s.Lock.Components, artifact.Component{
		ID: id, Source: artifact.Source{ContentType: "application/wasm", Digest: s.Blobs.(*blobs).add(wasm)},
		Metadata: artifact.ComponentMetadata{AllowedOutboundHosts: hosts},
	})
	return s
}

// A component of the app answers under its name, as if it had the route "/...".
func TestServiceChaining(t *testing.T) {
	checkGoroutines(t)
	s := withChained(t, spinSpec(t, "outbound", "http://*.spin.internal", "https://back.spin.internal"), "back", "outbound", "http://self", "http://web.spin.internal")
	v := serve(t, newHost(t, akamai), s)
	tests := []struct{ path, want string }{
		{"/GET/http://back.spin.internal/x/y?z", "200 GET /x/y?z at http://localhost/x/y?z, route , from 0.0.0.0:0"},
		{"/GET/https://back.spin.internal/x", "200 GET /x at http://localhost/x, route , from 0.0.0.0:0"},
		{"/GET/http://back.spin.internal:80/.well-known/spin/health", "200 GET /.well-known/spin/health at http://localhost/.well-known/spin/health, route , from 0.0.0.0:0"},
		{"/POST/http://BACK.spin.internal/x", "200 POST /x at http://localhost/x, route , from 0.0.0.0:0"},
		{"/GET/http://nobody.spin.internal/x", "future: destination-not-found"},
		{"/GET/http://back.spin.internal/GET/http://web.spin.internal/x", "200 200 GET /x at http://localhost/x, route , from 0.0.0.0:0"},
		// What calls itself is the app where the client asked it.
		{"/GET/http://back.spin.internal/GET/self:/x", fmt.Sprintf("200 200 GET /x at http://%s/x, route , from 127.0.0.1:0", host(v))},
	}
	for _, tt := range tests {
		if got := v.get(tt.path); got.body != tt.want {
			t.Errorf("%s = %d %q, want %q", tt.path, got.StatusCode, got.body, tt.want)
		}
	}
	v.get("/GET/http://back.spin.internal/GET/http://example.com/")
	v.mu.Lock()
	lines := slices.Clone(v.lines)
	v.mu.Unlock()
	denied := slices.IndexFunc(lines, func(l line) bool { return strings.Contains(l.Text, "'http://example.com:80'") })
	if want := (line{"back", "req", streamStderr, lines[max(0, denied)].Text}); denied < 0 || lines[denied] != want {
		t.Errorf("the log of the component has %v", lines)
	}
	if got := v.get("/x"); strings.Contains(got.body, "back") {
		t.Errorf("a private component answers: %q", got.body)
	}
}

// A request that asks for itself ends, with one slot for the whole app, and
// leaves the app whole.
func TestRecursionEnds(t *testing.T) {
	checkGoroutines(t)
	limits := akamai
	limits.Instances = 1
	v := serve(t, newHost(t, limits), spinSpec(t, "outbound", "http://self"))
	path := "/x"
	for range maxDepth {
		path = "/GET/self:" + path
	}
	if got := v.get(path); !strings.HasPrefix(got.body, strings.Repeat("200 ", maxDepth)+"GET /x at") {
		t.Errorf("%d deep: %d %q", maxDepth, got.StatusCode, got.body)
	}
	if got := v.get("/GET/self:" + path); !strings.HasSuffix(got.body, "future: loop-detected") {
		t.Errorf("%d deep: %d %q", maxDepth+1, got.StatusCode, got.body)
	}
	if got := v.get("/x"); got.StatusCode != 200 {
		t.Errorf("after that: %d", got.StatusCode)
	}
}

// fermyon:spin/http follows redirects, to where the component may go.
func TestOldOutbound(t *testing.T) {
	checkGoroutines(t)
	o := testOrigin(t)
	v := serve(t, newHost(t, akamai), withChained(t, spinSpec(t, "spin1", "http://127.0.0.1:*", "http://self", "http://back.spin.internal"), "back", "outbound"))
	tests := []struct{ path, want string }{
		{"/GET/" + o.URL + "/a?b=c", "200 GET /a?b=c  (text/plain; charset=utf-8)"},
		{"/POST/" + o.URL + "/a", "200 POST /a Hello, world! (text/plain; charset=utf-8)"},
		{"/OPTIONS/" + o.URL + "/a", "200 OPTIONS /a  (text/plain; charset=utf-8)"},
		{"/GET/" + o.URL + "/redirect", "200 GET /elsewhere  (text/plain; charset=utf-8)"},
		{"/GET/" + o.URL + "/loop", "error runtime-error"},
		{"/GET/" + o.URL + "/away", "error destination-not-allowed"},
		{"/GET/http://" + services.FreeAddress(t) + "/", "error runtime-error"},
		{"/GET/http://example.com/", "error destination-not-allowed"},
		{"/GET/ftp://127.0.0.1/", "error invalid-url"},
		{"/GET/nonsense", "error invalid-url"},
		{"/GET/http://a%20b:x/", "error invalid-url"},
		{"/GET/http://back.spin.internal/x", "200 GET /x at http://localhost/x, route , from 0.0.0.0:0 (none)"},
		{"/GET//x", "404 no such check (none)"}, // the path alone is the app itself
		{"/infer/m", "invalid-input: The component does not have access to use 'm'. To give the component access, add 'm' to the 'ai_models' key in your component manifest"},
		{"/embeddings/m", "invalid-input: The component does not have access to use 'm'. To give the component access, add 'm' to the 'ai_models' key in your component manifest"},
	}
	for _, tt := range tests {
		if got := v.get(tt.path); got.body != tt.want {
			t.Errorf("%s = %d %q, want %q", tt.path, got.StatusCode, got.body, tt.want)
		}
	}
	s := spinSpec(t, "spin1")
	s.Lock.Components[0].Metadata.AIModels = []string{"llama2-chat"}
	v = serve(t, newHost(t, akamai), s)
	for _, path := range []string{"/infer/llama2-chat", "/oldinfer/llama2-chat", "/embeddings/llama2-chat"} {
		if got := v.get(path); got.body != "runtime-error: model 'llama2-chat' is not available here: this server runs no models" {
			t.Errorf("%s of a model that is granted: %q", path, got.body)
		}
	}
}

// Many requests that ask for themselves at once all end, whatever the number of
// slots, and each as one that was served or one that found the queue full.
func TestRecursionUnderLoad(t *testing.T) {
	checkGoroutines(t)
	limits := akamai
	limits.Instances = 2
	v := serve(t, newHost(t, limits), spinSpec(t, "outbound", "http://self"))
	var wg sync.WaitGroup
	var served atomic.Int64
	for range 8 {
		wg.Go(func() {
			for range 10 {
				r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, v.url+"/GET/self:/GET/self:/x", nil)
				if err != nil {
					t.Error(err)
					return
				}
				resp, err := v.client.Do(r)
				if err != nil {
					t.Error(err)
					return
				}
				b, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				switch {
				case strings.HasPrefix(string(b), "200 200 GET /x"):
					served.Add(1)
				case err != nil || !strings.Contains(string(b), "instances of an app at once"):
					t.Errorf("%d %q, %v", resp.StatusCode, b, err)
				}
			}
		})
	}
	wg.Wait()
	if served.Load() == 0 {
		t.Error("none was served")
	}
}

// A caller that leaves ends who works for it.
func TestCallerLeaves(t *testing.T) {
	checkGoroutines(t)
	limits := akamai
	limits.Handler = 0
	s := spinSpec(t, "outbound", "http://hang.spin.internal")
	s.Lock.Triggers = append(s.Lock.Triggers, artifact.Trigger{
		ID: "hang", Type: "http", Config: json.RawMessage(`{"component":"hang","route":{"private":true}}`),
	})
	s.Lock.Components = append(s.Lock.Components, artifact.Component{
		ID: "hang", Source: artifact.Source{ContentType: "application/wasm", Digest: s.Blobs.(*blobs).add(components.CHTTP)},
	})
	v := serve(t, newHost(t, limits), s)
	ctx, cancel := context.WithCancel(t.Context())
	asked := make(chan error, 1)
	go func() {
		resp, err := v.client.Do(v.request(http.MethodGet, "/GET/http://hang.spin.internal/l", nil).WithContext(ctx))
		if err == nil {
			resp.Body.Close()
		}
		asked <- err
	}()
	for v.app.running() < 2 {
		select {
		case err := <-asked:
			t.Fatalf("the request has ended: %v", err)
		case <-time.After(time.Millisecond):
		}
	}
	cancel()
	<-asked
	v.outcome()
}

// Who is asked may go on after its reply, as part of the request that came in:
// that is over when it has ended, or is cut.
func TestCalleeGoesOn(t *testing.T) {
	s := spinSpec(t, "outbound", "http://later.spin.internal")
	s.Lock.Triggers = append(s.Lock.Triggers, artifact.Trigger{
		ID: "later", Type: "http", Config: json.RawMessage(`{"component":"later","route":{"private":true}}`),
	})
	s.Lock.Components = append(s.Lock.Components, artifact.Component{
		ID: "later", Source: artifact.Source{ContentType: "application/wasm", Digest: s.Blobs.(*blobs).add(components.CHTTP)},
	})
	v := serve(t, newHost(t, akamai), s)
	ended := make(chan struct{})
	entry := (*ledger.Ledger)(nil).Begin(ledger.Record{Request: "req"})
	entry.OnEnd(func() { close(ended) })
	ctx, cancel := context.WithCancel(ledger.With(t.Context(), entry))
	w := httptest.NewRecorder()
	v.app.ServeHTTP(w, httptest.NewRequest("GET", "http://h/GET/http://later.spin.internal/a", nil).WithContext(ctx))
	entry.Finish(ledger.Reply{Status: w.Code})
	if got := w.Body.String(); got != "200 early" {
		t.Errorf("reply = %q, want 200 early", got)
	}
	select {
	case <-ended:
		t.Error("the record is written while the component goes on")
	default:
	}
	cancel()
	<-ended
}

// A fault of ours in a request of the app to itself is an error for who asks.
func TestPanicInside(t *testing.T) {
	app := &App{host: &Host{log: slog.New(slog.DiscardHandler)}, spec: Spec{App: "test"}}
	for name, handle := range map[string]http.HandlerFunc{
		"panic": func(http.ResponseWriter, *http.Request) { panic("ours") },
		"abort": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"half":  func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "half"); panic("ours") },
	} {
		res, err := app.inside(httptest.NewRequest("GET", "http://self.alt/", nil), func(*http.Request) {}, handle)
		if err == nil {
			_, err = io.ReadAll(res.Body)
			res.Body.Close()
		}
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// running is how many requests the app has, those to itself included.
func (a *App) running() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.users
}

// Calls that are over are not counted any more, however they end.
func TestCallsAreCounted(t *testing.T) {
	o := testOrigin(t)
	v := serve(t, newHost(t, akamai), spinSpec(t, "outbound", "http://*:*"))
	for _, path := range []string{
		"/GET/" + o.URL + "/x", "/HEAD/" + o.URL + "/x", "/POST/" + o.URL + "/x", "/GET/" + o.URL + "/redirect", "/GET/self:/x", "/HEAD/self:/x",
		"/GET/http://" + services.FreeAddress(t) + "/", "/GET/http://nobody.spin.internal/",
	} {
		v.get(path)
		v.outcome()
		if n := v.app.calls.Load(); n != 0 {
			t.Errorf("after %s %d calls are under way", path, n)
		}
	}
	v.app.calls.Store(maxCalls)
	if got := v.get("/GET/" + o.URL + "/x"); got.body != "future: connection-limit-reached" {
		t.Errorf("at the limit: %q", got.body)
	}
	v.app.calls.Add(-1)
	if got := v.get("/GET/" + o.URL + "/x"); got.body != "200 GET /x " {
		t.Errorf("below the limit: %q", got.body)
	}
}

// A life is a context that could end, and knows how many wait for that.
type life struct {
	context.Context
	done    chan struct{}
	waiting atomic.Int64
}

func (l *life) Done() <-chan struct{} { return l.done }

func (l *life) AfterFunc(func()) (stop func() bool) {
	l.waiting.Add(1)
	return func() bool { return l.waiting.Add(-1) >= 0 }
}

// TestInsideForgets has a guest that asks its own app again and again: what that
// takes is free when the replies have ended, and not only when the guest has.
func TestInsideForgets(t *testing.T) {
	app := newApp(t, newHost(t, akamai), componentSpec(components.CHTTP))
	l := &life{Context: context.Background(), done: make(chan struct{})}
	ctx := context.WithValue(t.Context(), originKey{}, origin{life: l})
	for range 10 {
		res, err := app.inside(httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil), func(in *http.Request) { in.Host = "h" }, func(w http.ResponseWriter, in *http.Request) {
			if n := l.waiting.Load(); n == 0 {
				t.Error("nobody ends the request with its origin")
			}
			app.dispatch(w, in)
		})
		if err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(res.Body); string(b) != "Hello from C1" {
			t.Errorf("%q, %v", b, err)
		}
		res.Body.Close()
	}
	closeApp(t, app)
	if n := l.waiting.Load(); n != 0 {
		t.Errorf("%d requests are kept", n)
	}
}
