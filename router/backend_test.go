package router

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/neutrino-local/neutrino-local/router/ledger"
)

func serveOnce(rt *Router, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	rt.Serve(w, httptest.NewRequest("GET", path, nil), Target{App: "hello"})
	return w
}

func TestDrain(t *testing.T) {
	tests := []struct {
		name          string
		reply, guest  time.Duration // how long each takes; both heed their context
		deaf          time.Duration // how long the guest goes on after the end of its context
		budget        time.Duration
		want          time.Duration // when Drain returns
		cut           int
		outcome       ledger.Outcome
		requestBefore bool
	}{
		{"nothing in flight", 0, 0, 0, time.Second, 0, 0, "", false},
		{"finishes in time", 3 * time.Second, 0, 0, 5 * time.Second, 3 * time.Second, 0, ledger.OK, true},
		{"outlives the budget", time.Minute, 0, 0, 5 * time.Second, 5 * time.Second, 1, ledger.Cut, true},
		{"takes its time to end", time.Minute, 0, 2 * time.Second, 5 * time.Second, 7 * time.Second, 1, ledger.Cut, true},
		{"never ends", time.Minute, 0, time.Hour, 5 * time.Second, 5*time.Second + cutGrace, 1, ledger.Cut, true},
		{"a guest outlives its reply", time.Second, 4 * time.Second, 0, 5 * time.Second, 4 * time.Second, 0, ledger.OK, true},
		{"a guest outlives reply and budget", time.Second, time.Minute, 0, 5 * time.Second, 5 * time.Second, 1, ledger.Cut, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := ledger.New(10)
				rt := New(l)
				b := NewBackend(1, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					release := ledger.From(r.Context()).Hold()
					go func() {
						defer release()
						wait(r.Context(), tt.guest)
					}()
					if wait(r.Context(), tt.reply) != nil {
						<-time.After(tt.deaf)
					}
				}))
				rt.Replace(Route{App: "1", Name: "hello", Current: b})
				if tt.requestBefore {
					go serveOnce(rt, "/")
				}
				synctest.Wait()
				start := time.Now()
				rt.Replace(Route{App: "1", Name: "hello"})
				ctx, cancel := context.WithTimeout(t.Context(), tt.budget)
				defer cancel()
				if cut := b.Drain(ctx); cut != tt.cut || time.Since(start) != tt.want {
					t.Errorf("Drain cut %d after %s, want %d after %s", cut, time.Since(start), tt.cut, tt.want)
				}
				time.Sleep(2 * time.Hour)
				if tt.outcome == "" {
					return
				}
				if got := l.Records(ledger.Query{}).Records; len(got) != 1 || got[0].Outcome != tt.outcome {
					t.Errorf("records = %+v, want one, %s", got, tt.outcome)
				}
				if n := b.InFlight(); n != 0 {
					t.Errorf("InFlight = %d at the end", n)
				}
			})
		})
	}
}

// wait waits for d, or until ctx ends, and returns why that was.
func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func TestCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := New(nil)
		causes := make(chan error, 2)
		b := NewBackend(1, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			causes <- wait(r.Context(), time.Hour)
			if r.URL.Path == "/explained" {
				http.Error(w, "cut", http.StatusServiceUnavailable)
			}
		}))
		rt.Replace(Route{App: "1", Name: "hello", Current: b})
		replies := make(chan *httptest.ResponseRecorder, 2)
		for _, path := range []string{"/", "/explained"} {
			go func() { replies <- serveOnce(rt, path) }()
		}
		synctest.Wait()
		if n := b.InFlight(); n != 2 {
			t.Fatalf("InFlight = %d, want 2", n)
		}
		rt.Replace(Route{App: "1", Name: "hello", Current: NewBackend(2, says("new"))})
		if n := b.Cut(); n != 2 {
			t.Errorf("Cut = %d, want 2", n)
		}
		for range 2 {
			if err := <-causes; err != ErrCut {
				t.Errorf("cause = %v, want ErrCut", err)
			}
			if w := <-replies; w.Code != http.StatusServiceUnavailable {
				t.Errorf("a request cut before its head got %d, want 503", w.Code)
			}
		}
		if n := b.Cut(); n != 0 {
			t.Errorf("second Cut = %d, want 0", n)
		}
		if got := serveOnce(rt, "/").Body.String(); got != "new" {
			t.Errorf("got %q, want new", got)
		}
	})
}

// A request that read the table before a change finds its backend draining.
func TestLeaseReadsTheNewTable(t *testing.T) {
	rt := New(nil)
	a, b := NewBackend(1, says("a")), NewBackend(2, says("b"))
	rt.Replace(Route{App: "1", Name: "hello", Current: a})
	old := rt.table.Load().find("hello")
	rt.Replace(Route{App: "1", Name: "hello", Current: b})
	a.Drain(t.Context())
	r := httptest.NewRequest("GET", "/", nil)
	c, _ := rt.lease(old, r, Target{App: "hello"}, "id")
	if c == nil || c.backend != b {
		t.Fatalf("lease by the old table = %+v, want one of b", c)
	}
	c.release()
	rt.Remove("1")
	if c, e := rt.lease(old, r, Target{App: "hello"}, "id"); c != nil || e.Name != "hello" {
		t.Errorf("lease of an app that is gone = %+v, %+v, want none", c, e)
	}
	rt.Replace(Route{App: "1", Name: "hello", Current: a}) // our own bug: it is draining
	if w := serveOnce(rt, "/"); w.Code != http.StatusServiceUnavailable {
		t.Errorf("a drained backend in the table: %d, want 503", w.Code)
	}
}
