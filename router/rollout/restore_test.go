package rollout

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/router"
	"github.com/neutrino-local/neutrino-local/router/ledger"
	"github.com/neutrino-local/neutrino-local/store"
)

// had makes the store have an app with a revision n of it, last used so many
// minutes ago; its artifact does what f says.
func (c *cloud) had(name string, n store.RevisionNumber, minutes int, f fakeApp) {
	id := store.AppID(name)
	digest := artifact.SHA256([]byte(name))
	c.fakes[digest] = f
	c.store.apps[id] = &store.App{ID: id, Name: store.AppName(name), Current: n, LastUsed: time.Now().Add(-time.Duration(minutes) * time.Minute)}
	c.store.revisions[key(id, n)] = store.Revision{App: id, Number: n, Digest: string(digest), Blobs: []string{"kept"}}
}

func (c *cloud) restore() {
	c.t.Helper()
	if err := c.Restore(c.t.Context()); err != nil {
		c.t.Fatal(err)
	}
}

func TestRestore(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cloud) {
		for i, name := range []string{"c", "a", "d", "e", "b"} { // by last use
			c.had(name, store.RevisionNumber(i+1), i, fakeApp{compiling: 10 * time.Second})
		}
		start := time.Now()
		c.restore()
		if got := c.get("/"); !strings.HasPrefix(got, "503") {
			t.Errorf("an app without a revision: %q", got)
		}
		if got := c.Serving("a").Health; got != "loading" {
			t.Errorf("health of a = %s, want loading", got)
		}
		got := make(chan string)
		synctest.Wait()
		go func() { got <- c.getAt(router.Target{App: "b"}, "/") }() // last in the queue
		if answer := <-got; answer != "r5" || time.Since(start) != 20*time.Second {
			t.Errorf("b answers %q after %s, want r5 after 20s: first of those that had not begun", answer, time.Since(start))
		}
		time.Sleep(time.Minute)
		want := []string{"recover", "compile r1", "compile r2", "start r1", "start r2", "compile r3", "compile r5", "start r3", "start r5", "compile r4", "start r4"}
		if calls := c.calls(); !cmp.Equal(sorted(want[1:3]), sorted(calls[1:3])) || !cmp.Equal(sorted(want), sorted(calls)) || calls[len(calls)-1] != "start r4" {
			t.Errorf("calls = %q, want about %q", calls, want)
		}
		for i, name := range []string{"c", "a", "d", "e", "b"} {
			if got, want := c.getAt(router.Target{App: name}, "/"), fmt.Sprint("r", i+1); got != want {
				t.Errorf("%s answers %q, want %s", name, got, want)
			}
		}
		if got := c.Serving("a"); got.Health != "healthy" {
			t.Errorf("Serving(a) = %+v", got)
		}
	})
}

func sorted(s []string) []string { return slices.Sorted(slices.Values(s)) }

func TestRevisionThatNoLongerLoads(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cloud) {
		c.had("a", 1, 0, fakeApp{compile: errSick})
		c.had("b", 1, 0, fakeApp{start: errSick})
		c.had("late", 1, 0, fakeApp{compiling: time.Hour})
		c.had("gone", 1, 0, fakeApp{})
		delete(c.store.revisions, key("gone", 1))
		c.restore()
		time.Sleep(2 * time.Minute)
		for name, reason := range map[string]string{"a": "sick", "b": "sick", "gone": "not found", "late": "not ready after 1m0s"} {
			got := c.getAt(router.Target{App: name}, "/")
			if !strings.HasPrefix(got, "503 r1 of "+name+" does not load: ") || !strings.Contains(got, reason) {
				t.Errorf("%s: %q", name, got)
			}
			if s := c.Serving(store.AppID(name)); s.Health != "failed" || !strings.Contains(s.Problem, reason) {
				t.Errorf("Serving(%s) = %+v", name, s)
			}
		}
		if r := c.ledger.Records(ledger.Query{App: "a"}).Records[0]; r.Outcome != ledger.NoRoute || r.Status != 503 || r.Revision != 1 {
			t.Errorf("record: %+v", r)
		}
		// There is nobody to share traffic with: no window.
		start := time.Now()
		got := c.end(c.deploy(fakeApp{}, func(r *store.Request) { r.App = "a" }))
		if got.Phase != store.Live || !got.EndedAt.Equal(start) || c.getAt(router.Target{App: "a"}, "/") != "r1" {
			t.Errorf("deployed again: %s after %s", got.Phase, got.EndedAt.Sub(start))
		}
		// The same revision again is an attempt worth making, too.
		got = c.end(c.deploy(fakeApp{}, func(r *store.Request) { *r = store.Request{App: "b", Rollback: true, Revision: 1} }))
		if got.Phase != store.Failed || got.Reason != "sick" {
			t.Errorf("rollback to the revision that does not load: %s %s", got.Phase, got.Reason)
		}
	})
}

func TestDeployWhileTheOldRevisionIsLoading(t *testing.T) {
	for _, name := range []string{"it has begun", "it waits"} {
		inBubble(t, func(t *testing.T, c *cloud) {
			if name == "it waits" {
				c.had("x", 1, -9, fakeApp{compiling: time.Minute})
				c.had("y", 1, -8, fakeApp{compiling: time.Minute})
			}
			c.had("a", 1, 0, fakeApp{compiling: 50 * time.Second})
			c.Readiness = time.Hour
			c.restore()
			synctest.Wait()
			waiting := make(chan string)
			go func() { waiting <- c.getAt(router.Target{App: "a"}, "/") }()
			synctest.Wait()
			c.store.apps["a"].Latest = 1
			d := c.deploy(fakeApp{}, func(r *store.Request) { r.App, r.DrainTimeout = "a", new(2*time.Minute) })
			synctest.Wait()
			if got := c.getAt(router.Target{App: "a"}, "/"); got != "r2" {
				t.Errorf("%s: new requests get %q, want r2 at once", name, got)
			}
			if got := <-waiting; got != "r1" {
				t.Errorf("%s: who waited for r1 got %q", name, got)
			}
			if got := c.end(d); got.Phase != store.Live || got.Cut != 0 {
				t.Errorf("%s: %s, cut %d", name, got.Phase, got.Cut)
			}
		})
	}
}
