package rollout

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/neutrino-local/neutrino-local/router"
	"github.com/neutrino-local/neutrino-local/router/ledger"
	"github.com/neutrino-local/neutrino-local/store"
)

// A hundred upgrades under constant load, small replies and streams, lose not one
// request: each is answered in full by one revision that has been committed, and
// what handlers, clients and ledger say of it is the same.
func TestHundredUpgradesUnderLoad(t *testing.T) {
	c := newCloud(t, func(c *Config) { c.Window = 4 * time.Millisecond })
	var served, committed atomic.Int64
	c.store.onCommit = func() { committed.Add(1) }
	revision := fakeApp{serve: func(w http.ResponseWriter, r *http.Request) {
		rev := w.Header().Get("Revision")
		if n, _ := strconv.ParseInt(rev[1:], 10, 64); n > committed.Load() {
			t.Errorf("%s serves, and %d are committed", rev, committed.Load())
		}
		if r.URL.Path == "/stream" {
			for range 20 {
				fmt.Fprintln(w, rev)
				w.(http.Flusher).Flush()
				select {
				case <-time.After(100 * time.Microsecond):
				case <-r.Context().Done():
					t.Error("a stream was cut")
					return
				}
			}
		}
		fmt.Fprintln(w, rev)
		served.Add(1)
	}}
	c.first(revision)
	start := time.Now()
	stop := make(chan struct{})
	var clients sync.WaitGroup
	var mu sync.Mutex
	replies := make(map[string]string) // request to revision
	for i := range 6 {
		path, lines := "/", 1
		if i < 2 {
			path, lines = "/stream", 21
		}
		clients.Go(func() {
			for !over(stop) {
				w, r := httptest.NewRecorder(), httptest.NewRequest("GET", path, nil)
				r.Header.Set("Neutrino-Explain", "1")
				c.Router.Serve(w, r, router.Target{App: "hello"})
				rev := w.Header().Get("Neutrino-Revision")
				if w.Code != 200 || w.Body.String() != strings.Repeat(rev+"\n", lines) {
					t.Errorf("%s: %d %q", rev, w.Code, w.Body)
					return
				}
				mu.Lock()
				replies[w.Header().Get("Neutrino-Request")] = rev
				mu.Unlock()
				<-time.After(100 * time.Microsecond) // the ledger has to hold them all
			}
		})
	}
	for i := range 100 {
		d := c.deploy(revision, func(r *store.Request) {
			r.Queue = true
			r.Policy = []store.Policy{store.Mixed, store.Drain}[i%2]
		})
		if i%3 == 0 { // else the next one meets an open window
			c.end(d)
		}
	}
	close(stop)
	clients.Wait()
	c.close()
	page := c.ledger.Records(ledger.Query{})
	if n := len(page.Records); n != len(replies) || int64(n) != served.Load() {
		t.Errorf("%d replies, %d served, %d recorded", len(replies), served.Load(), n)
	}
	for _, r := range page.Records {
		if got := fmt.Sprint("r", r.Revision); got != replies[r.Request] {
			t.Errorf("request %s: the ledger says %s, the reply %s", r.Request, got, replies[r.Request])
		}
	}
	violations, err := ledger.Check(page.Records, ledger.Assertion{Since: start, No5xx: true, NoneLost: true, Evicted: page.Evicted})
	if err != nil || len(violations) != 0 {
		t.Errorf("ledger: %+v, %v", violations, err)
	}
	for _, d := range c.store.deployments {
		if d.Phase != store.Live || d.Cut != 0 {
			t.Errorf("%s ended %s, cut %d: %s", d.Revision, d.Phase, d.Cut, d.Reason)
		}
	}
}

func over(stop <-chan struct{}) bool {
	select {
	case <-stop:
		return true
	default:
		return false
	}
}

// All calls at once, from everywhere: nothing hangs, and the app ends whole.
func TestHammer(t *testing.T) {
	c := newCloud(t, func(c *Config) {
		c.Window, c.HealthInterval = time.Millisecond, time.Millisecond
	})
	c.first(fakeApp{})
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for i := range 8 {
		wg.Go(func() {
			for n := 0; !over(stop); n++ {
				switch (i + n) % 8 {
				case 0:
					_ = c.Hold(t.Context(), "1", fmt.Sprint(n%100))
				case 1:
					_ = c.Step(t.Context(), "1")
				case 2:
					_ = c.Release(t.Context(), "1")
				case 3:
					c.Serving("1")
					c.Failover("1")
				case 4, 5, 6:
					if got := c.get("/"); !strings.HasPrefix(got, "r") {
						t.Errorf("got %q", got)
					}
				case 7:
					w := httptest.NewRecorder()
					c.Router.Serve(w, httptest.NewRequest("GET", "/", nil), router.Target{App: "hello", Candidate: true})
					_, _ = io.Copy(io.Discard, w.Body)
				}
			}
		})
	}
	made := 0
	for i := range 200 {
		f := fakeApp{}
		if i%5 == 0 {
			f.start = errSick
		}
		if _, err := c.tryDeploy(f, func(r *store.Request) { r.Queue = i%2 == 0 }); err == nil {
			made++
		}
	}
	close(stop)
	wg.Wait()
	_ = c.Release(t.Context(), "1")
	c.close()
	if made == 0 {
		t.Error("no deployment was made")
	}
	for id, d := range c.store.deployments {
		if !d.Phase.Ended() {
			t.Errorf("%s is %s", id, d.Phase)
		}
	}
}
