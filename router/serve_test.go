package router

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/neutrino-local/neutrino-local/router/ledger"
	"github.com/neutrino-local/neutrino-local/store"
)

func TestServeRecords(t *testing.T) {
	l := ledger.New(100)
	rt := New(l)
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e := ledger.From(r.Context())
		switch r.URL.Path {
		case "/ok":
			e.Guest("web", "/...")
			w.WriteHeader(http.StatusCreated)
			_, _ = w.Write([]byte("four"))
		case "/trap":
			e.End(ledger.Trap)
			w.WriteHeader(500)
		case "/abort":
			panic(http.ErrAbortHandler)
		case "/break":
			_, _ = w.Write([]byte("four"))
			e.End(ledger.Timeout)
			panic(http.ErrAbortHandler)
		case "/bug":
			panic("bug")
		}
	})
	rt.Replace(Route{App: "id", Name: "hello", Current: NewBackend(3, h), Deployment: "d1", Phase: store.Draining})
	rt.Replace(Route{App: "id2", Name: "empty"})
	base := ledger.Record{App: "hello", AppID: "id", Revision: 3, Deployment: "d1", Phase: "draining", Method: "GET", Outcome: ledger.OK, Status: 200}
	tests := []struct {
		path   string
		target Target
		want   func(r *ledger.Record)
		panics any
	}{
		{"/ok", Target{App: "hello"}, func(r *ledger.Record) { r.Status, r.Bytes, r.Component, r.Route = 201, 4, "web", "/..." }, nil},
		{"/empty", Target{App: "id"}, func(r *ledger.Record) {}, nil},
		{"/trap", Target{App: "hello"}, func(r *ledger.Record) { r.Status, r.Outcome = 500, ledger.Trap }, nil},
		{"/abort", Target{App: "hello"}, func(r *ledger.Record) { r.Status, r.Outcome = 0, ledger.Trap }, http.ErrAbortHandler},
		{"/break", Target{App: "hello"}, func(r *ledger.Record) { r.Bytes, r.Outcome, r.Broken = 4, ledger.Timeout, true }, http.ErrAbortHandler},
		{"/bug", Target{App: "hello"}, func(r *ledger.Record) { r.Status, r.Outcome = 0, ledger.Trap }, "bug"},
		{"/r1", Target{App: "hello", Revision: 1}, func(r *ledger.Record) { r.Status, r.Outcome, r.Revision = 404, ledger.NoRoute, 1 }, nil},
		{"/candidate", Target{App: "hello", Candidate: true}, func(r *ledger.Record) { r.Status, r.Outcome, r.Revision = 404, ledger.NoRoute, 0 }, nil},
		{"/none", Target{App: "empty"}, func(r *ledger.Record) {
			*r = ledger.Record{App: "empty", AppID: "id2", Method: "GET", Status: 503, Outcome: ledger.NoRoute}
		}, nil},
	}
	for _, tt := range tests {
		func() {
			defer func() {
				if p := recover(); p != tt.panics {
					t.Errorf("%s: panic %v, want %v", tt.path, p, tt.panics)
				}
			}()
			rt.Serve(httptest.NewRecorder(), httptest.NewRequest("GET", tt.path+"?q=1", nil), tt.target)
		}()
		want := base
		tt.want(&want)
		want.Path = tt.path
		got := l.Records(ledger.Query{Path: tt.path}).Records
		ignore := cmpopts.IgnoreFields(ledger.Record{}, "Sequence", "Time", "Duration", "Timing", "Request")
		if tt.path == "/r1" || tt.path == "/candidate" || tt.path == "/none" {
			want.Bytes = got[0].Bytes
		}
		if diff := cmp.Diff([]ledger.Record{want}, got, ignore); diff != "" {
			t.Errorf("%s: %s", tt.path, diff)
		}
		if got[0].Time.IsZero() || len(got[0].Request) != 16 {
			t.Errorf("%s: lease at %s, request %q", tt.path, got[0].Time, got[0].Request)
		}
	}
}

func TestServeNone(t *testing.T) {
	l := ledger.New(10)
	rt := New(l)
	rt.Replace(Route{App: "1", Name: "hello"})
	tests := []struct {
		target Target
		status int
		line   string
	}{
		{Target{App: "nope"}, 404, `There is no app "nope" here.`},
		{Target{App: "<script>" + strings.Repeat("x", 300)}, 404, `There is no app "<script>xxx`},
		{Target{App: "hello"}, 503, "hello has no revision to serve."},
		{Target{App: "hello", Revision: 7}, 404, "r7 of hello is not running."},
		{Target{App: "hello", Candidate: true}, 404, "No deployment of hello is switching"},
	}
	for _, tt := range tests {
		w := httptest.NewRecorder()
		rt.Serve(w, httptest.NewRequest("GET", "/", nil), tt.target)
		body := w.Body.String()
		if w.Code != tt.status || !strings.HasPrefix(body, tt.line) || strings.Count(body, "\n") != 1 || len(body) > 200 {
			t.Errorf("%+v: %d %q, want %d %q… and one line", tt.target, w.Code, body, tt.status, tt.line)
		}
		if got := w.Header().Get("X-Content-Type-Options"); got != "nosniff" {
			t.Errorf("%+v: X-Content-Type-Options = %q", tt.target, got)
		}
	}
	if got := len(l.Records(ledger.Query{}).Records); got != 3 {
		t.Errorf("%d records, want 3: an app that is not there has none", got)
	}
}

func TestExplain(t *testing.T) {
	rt := New(nil)
	rt.Replace(Route{App: "1", Name: "hello", Current: NewBackend(3, says("hi")), Deployment: "d1", Phase: store.Switching})
	ids := make(map[string]bool)
	for _, tt := range []struct {
		name   string
		values []string
		want   bool
	}{
		{"none", nil, false}, {"1", []string{"1"}, true}, {"0", []string{"0"}, false}, {"twice", []string{"1", "1"}, false},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		for _, v := range tt.values {
			r.Header.Add("neutrino-explain", v)
		}
		w := httptest.NewRecorder()
		rt.Serve(w, r, Target{App: "hello"})
		var got []string
		for name := range w.Header() {
			if strings.HasPrefix(name, "Neutrino-") {
				got = append(got, name)
			}
		}
		if (len(got) == 5) != tt.want || !tt.want && len(got) != 0 {
			t.Errorf("%s: headers %v, want them %t", tt.name, got, tt.want)
		}
		if tt.want {
			ids[w.Header().Get("Neutrino-Request")] = true
			if rev := w.Header().Get("Neutrino-Revision"); rev != "r3" {
				t.Errorf("Neutrino-Revision = %q, want r3", rev)
			}
		}
	}
}

func TestRequestIDsDiffer(t *testing.T) {
	a, b := New(nil), New(nil)
	seen := make(map[string]bool)
	for range 10000 {
		seen[a.newID()] = true
		seen[b.newID()] = true
	}
	if len(seen) != 20000 {
		t.Errorf("%d ids of 20000 differ", len(seen))
	}
}

func TestContextOfALease(t *testing.T) {
	type key struct{}
	l := ledger.New(1)
	rt := New(l)
	var during, after error
	left := make(chan struct{})
	ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "kept"))
	rt.Replace(Route{App: "1", Name: "hello", Current: NewBackend(1, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Context().Value(key{}) != "kept" {
			t.Error("the values of the request's context are gone")
		}
		if r.URL.Path == "/leave" {
			cancel()
			<-r.Context().Done()
			during = context.Cause(r.Context())
			return
		}
		release := ledger.From(r.Context()).Hold()
		go func() {
			defer close(left)
			defer release()
			after = wait(r.Context(), 10*time.Millisecond)
		}()
	}))})
	w := httptest.NewRecorder()
	serveCtx, end := context.WithCancel(ctx)
	rt.Serve(w, httptest.NewRequest("GET", "/stay", nil).WithContext(serveCtx), Target{App: "hello"})
	end() // as net/http does when the handler has returned
	<-left
	if after != nil {
		t.Errorf("the context of a guest after its reply: %v, want it alive", after)
	}
	rt.Serve(w, httptest.NewRequest("GET", "/leave", nil).WithContext(ctx), Target{App: "hello"})
	if !errors.Is(during, ErrClientGone) {
		t.Errorf("cause when the client left = %v, want ErrClientGone", during)
	}
	if got := l.Records(ledger.Query{}).Records[0].Outcome; got != ledger.ClientGone {
		t.Errorf("outcome = %s, want client_gone", got)
	}
}

func TestLastUsed(t *testing.T) {
	rt := New(nil)
	rt.Replace(Route{App: "1", Name: "hello", Current: NewBackend(1, says("a"))})
	rt.Replace(Route{App: "2", Name: "idle", Current: NewBackend(1, says("a"))})
	start := time.Now()
	served(rt, Target{App: "hello"}, 1)
	rt.Replace(Route{App: "1", Name: "hello", Current: NewBackend(2, says("a"))})
	used := rt.LastUsed()
	if len(used) != 1 || used["1"].Before(start.Add(-time.Second)) || used["1"].After(time.Now()) {
		t.Errorf("LastUsed = %v, want app 1, now", used)
	}
}
