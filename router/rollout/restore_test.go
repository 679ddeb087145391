package rollout

import (
	"context"
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
		got := c.end(c.deploy(fakeApp{}, func(r *Request) { r.App = "a" }))
		if got.Phase != store.Live || !got.EndedAt.Equal(start) || c.getAt(router.Target{App: "a"}, "/") != "r1" {
			t.Errorf("deployed again: %s after %s", got.Phase, got.EndedAt.Sub(start))
		}
		// The same revision again is an attempt worth making, too.
		got = c.end(c.deploy(fakeApp{}, func(r *Request) { *r = Request{App: "b", Rollback: true, Revision: 1} }))
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
			d := c.deploy(fakeApp{}, func(r *Request) { r.App, r.DrainTimeout = "a", new(2*time.Minute) })
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

func TestDelete(t *testing.T) {
	tests := []struct {
		name  string
		begin func(c *cloud)
		want  time.Duration
	}{
		{"at rest", func(c *cloud) {}, 0},
		{"compiling", func(c *cloud) { c.deploy(fakeApp{compiling: time.Hour}) }, 0},
		{"held", func(c *cloud) { _ = c.Hold(c.t.Context(), "1", "start"); c.deploy(fakeApp{}) }, 0},
		{"in its window", func(c *cloud) { c.deploy(fakeApp{}) }, 0},
		{"draining", func(c *cloud) {
			go c.get("/slow")
			synctest.Wait()
			c.deploy(fakeApp{}, func(r *Request) { r.Policy = store.Drain })
		}, 0},
		{"with a request in flight", func(c *cloud) { go c.get("/slow") }, deleteBudget},
		{"with a queue", func(c *cloud) {
			c.deploy(fakeApp{compiling: time.Hour})
			go func() {
				if _, err := c.tryDeploy(fakeApp{}, func(r *Request) { r.Queue = true }); err == nil {
					c.t.Error("a queued deployment of an app that is gone began")
				}
			}()
		}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, c *cloud) {
				c.first(fakeApp{serve: slow(time.Hour)})
				tt.begin(c)
				synctest.Wait()
				start := time.Now()
				if err := c.Delete(t.Context(), "1"); err != nil {
					t.Error(err)
				}
				if got := time.Since(start); got != tt.want {
					t.Errorf("Delete took %s, want %s", got, tt.want)
				}
				synctest.Wait()
				if got := c.get("/"); !strings.HasPrefix(got, "404") {
					t.Errorf("afterwards: %q, want 404", got)
				}
				calls := c.calls()
				starts, closes := 1, 0 // r1 has started before
				for _, call := range calls {
					if strings.HasPrefix(call, "start r") {
						starts++
					}
					if strings.HasPrefix(call, "close r") {
						closes++
					}
				}
				if starts != closes {
					t.Errorf("%d revisions started, %d closed: %q", starts, closes, calls)
				}
				if _, err := c.tryDeploy(fakeApp{}); err == nil {
					t.Error("an app that is gone can be deployed")
				}
				if err := c.Delete(t.Context(), "1"); err == nil {
					t.Error("an app that is gone can be deleted")
				}
				if got := c.Serving("1").Health; got != "none" {
					t.Errorf("health = %s", got)
				}
			})
		})
	}
}

func TestDeleteThatTheStoreRefuses(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cloud) {
		c.first(fakeApp{})
		c.store.fail["delete"] = errSick
		if err := c.Delete(t.Context(), "1"); err != errSick {
			t.Errorf("Delete = %v, want sick", err)
		}
		if got := c.get("/"); got != "r1" {
			t.Errorf("afterwards: %q, want r1", got)
		}
		clear(c.store.fail)
		if got := c.end(c.deploy(fakeApp{})); got.Phase != store.Live {
			t.Errorf("a deployment afterwards: %s", got.Reason)
		}
	})
}

func TestClose(t *testing.T) {
	tests := []struct {
		name  string
		begin func(c *cloud) store.Deployment
		want  store.Phase
		calls []string // the end of them
	}{
		{"compiling", func(c *cloud) store.Deployment { return c.deploy(fakeApp{compiling: time.Hour}) }, store.Failed,
			[]string{"compile r2", "failed compiling", "close r1"}},
		{"unhealthy", func(c *cloud) store.Deployment { return c.deploy(fakeApp{digest: "x"}) }, store.Failed,
			[]string{"checking", "close r2", "failed checking", "close r1"}},
		{"in its window", func(c *cloud) store.Deployment { return c.deploy(fakeApp{}) }, store.Live,
			[]string{"commit", "switching 10%", "draining", "close r1", "live", "close r2"}},
		{"held", func(c *cloud) store.Deployment {
			_ = c.Hold(c.t.Context(), "1", "start")
			return c.deploy(fakeApp{})
		}, store.Live, []string{"commit", "switching held at 0%", "draining", "close r1", "live", "close r2"}},
		{"draining", func(c *cloud) store.Deployment {
			go c.get("/slow")
			synctest.Wait()
			return c.deploy(fakeApp{}, func(r *Request) { r.Policy = store.Drain })
		}, store.Live, []string{"commit", "draining", "cut 1", "close r1", "live", "close r2"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCloud(t)
				c.first(fakeApp{serve: slow(10 * time.Hour)})
				d := tt.begin(c)
				synctest.Wait()
				c.close()
				kept, _ := c.store.Deployment(t.Context(), d.ID)
				if kept.Phase != tt.want || tt.want == store.Failed && kept.Reason != store.Interrupted {
					t.Errorf("%s: %q, want %s", kept.Phase, kept.Reason, tt.want)
				}
				calls := c.calls()
				if got := calls[max(0, len(calls)-len(tt.calls)):]; !cmp.Equal(tt.calls, got) {
					t.Errorf("calls = %q, want at the end %q", calls, tt.calls)
				}
				if _, err := c.tryDeploy(fakeApp{}); err == nil {
					t.Error("a closed engine deploys")
				}
			})
		})
	}
}

func TestCloseDoesNotWaitForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCloud(t)
		c.Compile = func(context.Context, Spec) (Running, error) { // does not heed its context
			<-time.After(time.Hour)
			return nil, errSick
		}
		c.deploy(fakeApp{})
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := c.Close(ctx); err == nil {
			t.Error("Close has waited for a compiler that does not heed its context")
		}
		time.Sleep(2 * time.Hour)
	})
}

func TestCloseEndsLoading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCloud(t)
		for i := range 5 {
			c.had(fmt.Sprint("a", i), 1, i, fakeApp{compiling: time.Hour})
		}
		c.restore()
		waiting := make(chan string)
		go func() { waiting <- c.getAt(router.Target{App: "a4"}, "/") }()
		synctest.Wait()
		start := time.Now()
		c.close()
		if got := <-waiting; !strings.HasPrefix(got, "503") || time.Since(start) != 0 {
			t.Errorf("who waits gets %q after %s", got, time.Since(start))
		}
	})
}

func TestWatch(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cloud) {
		c.first(fakeApp{})
		d := c.deploy(fakeApp{compiling: time.Second})
		ctx, leave := context.WithCancel(t.Context())
		left, err := c.Watch(ctx, d.ID)
		if err != nil {
			t.Fatal(err)
		}
		all, err := c.Watch(t.Context(), d.ID)
		if err != nil {
			t.Fatal(err)
		}
		slow, _ := c.Watch(t.Context(), d.ID)
		first := <-all
		if first.Phase.Ended() || len(first.Events) == 0 {
			t.Errorf("first = %+v", first)
		}
		leave()
		synctest.Wait()
		if _, ok := <-left; ok {
			t.Error("a watcher that has left is sent more")
		}
		shares := []int{first.Share}
		last := first
		for last = range all {
			if shares[len(shares)-1] != last.Share {
				shares = append(shares, last.Share)
			}
		}
		if diff := cmp.Diff([]int{0, 10, 25, 50, 75, 100}, shares); diff != "" {
			t.Errorf("shares: %s", diff)
		}
		synctest.Wait()
		if p := <-slow; p.Phase != store.Live || len(p.Events) != len(last.Events) {
			t.Errorf("who reads late gets %s first, want the last state", p.Phase)
		}
		if p := c.end(d); p.Phase != store.Live || p.Share != 100 {
			t.Errorf("Watch of what has ended: %+v", p)
		}
		if _, ok := c.Progress(d.ID); ok {
			t.Error("Progress of what has ended")
		}
		if _, err := c.Watch(t.Context(), "nope"); err == nil {
			t.Error("Watch of no deployment")
		}
	})
}

func TestTouch(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cloud) {
		c.first(fakeApp{})
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := len(c.store.touches()); n != 0 {
			t.Errorf("%d touches of apps that nobody used", n)
		}
		start := time.Now()
		for range 1000 {
			c.get("/")
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := c.store.touches(); len(got) != 1 || !got[0]["1"].Equal(start) {
			t.Errorf("touches for 1000 requests: %v, want one", got)
		}
		c.get("/")
		c.close()
		if n := len(c.store.touches()); n != 2 {
			t.Errorf("%d touches after Close, want 2", n)
		}
	})
}
