package rollout

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/neutrino-local/neutrino-local/store"
)

// Whatever goes wrong before the commit, the old revision goes on and the next
// deployment succeeds.
func TestFailureBeforeTheCommitChangesNothing(t *testing.T) {
	never := func(w http.ResponseWriter) { w.WriteHeader(500) }
	asks := func(r *store.Request) { r.HealthPath, r.Readiness = "/healthz?deep=1", 2500*time.Millisecond }
	tests := []struct {
		name   string
		app    fakeApp
		change func(*store.Request)
		fail   string // a method of the store that does
		in     store.Phase
		reason string
		after  time.Duration
		closed bool
	}{
		{"pull", fakeApp{pull: errSick}, nil, "", store.Pulling, "sick", 0, false},
		{"compile", fakeApp{compile: errSick}, nil, "", store.Compiling, "sick", 0, false},
		{"compile for ever", fakeApp{compiling: time.Hour}, nil, "", store.Compiling, "not ready after 1m0s of compiling", time.Minute, false},
		{"start", fakeApp{start: errSick}, nil, "", store.Starting, "sick", 0, true},
		{"start and close", fakeApp{start: errSick, close: errSick}, nil, "", store.Starting, "sick", 0, true},
		{"a wrong digest", fakeApp{digest: "sha256:0"}, nil, "", store.Checking, "unhealthy after 1m0s: GET /.well-known/spin/info: oci_image_digest is \"sha256:0\"", time.Minute, true},
		{"a sick handler", fakeApp{health: never}, asks, "", store.Checking, "unhealthy after 2.5s: GET /healthz?deep=1 = 500", 2500 * time.Millisecond, true},
		{"a handler that breaks off", fakeApp{health: func(w http.ResponseWriter) {
			_, _ = io.WriteString(w, "begin")
			panic(http.ErrAbortHandler)
		}}, asks, "", store.Checking, "unhealthy after 2.5s: GET /healthz?deep=1 = 200, and its body breaks off", 2500 * time.Millisecond, true},
		{"a handler that says nothing", fakeApp{health: func(http.ResponseWriter) { panic(http.ErrAbortHandler) }}, asks, "", store.Checking,
			"unhealthy after 2.5s: GET /healthz?deep=1: no reply", 2500 * time.Millisecond, true},
		{"the store at a phase", fakeApp{}, nil, "starting", store.Starting, "sick", 0, true},
		{"the store at the blobs", fakeApp{}, nil, "blobs", store.Pulling, "sick", 0, false},
		{"the store at the commit", fakeApp{}, nil, "commit", store.Checking, "commit: sick", 0, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, c *cloud) {
				c.first(fakeApp{})
				if tt.fail != "" {
					c.store.fail[tt.fail] = errSick
				}
				change := func(r *store.Request) {
					if tt.change != nil {
						tt.change(r)
					}
				}
				d := c.deploy(tt.app, change)
				got := c.end(d)
				if got.Phase != store.Failed || got.FailedIn != tt.in || !strings.HasPrefix(got.Reason, tt.reason) || got.EndedAt.Sub(got.StartedAt) != tt.after {
					t.Errorf("%s in %s after %s: %q, want %s after %s: %q", got.Phase, got.FailedIn, got.EndedAt.Sub(got.StartedAt), got.Reason, tt.in, tt.after, tt.reason)
				}
				kept, _ := c.store.Deployment(t.Context(), d.ID)
				if kept.Phase != store.Failed || kept.Reason != got.Reason {
					t.Errorf("the store has %s: %q", kept.Phase, kept.Reason)
				}
				if got := c.mix(5); got != "11111" {
					t.Errorf("the app answers %s, want 11111", got)
				}
				if closed := strings.Contains(fmt.Sprint(c.calls()), "close r2"); closed != tt.closed {
					t.Errorf("closed: %t, want %t", closed, tt.closed)
				}
				clear(c.store.fail)
				if got := c.end(c.deploy(fakeApp{})); got.Phase != store.Live || got.Revision != 3 || got.From != 1 {
					t.Errorf("the next one: %s of %s from %s: %s", got.Phase, got.Revision, got.From, got.Reason)
				}
			})
		})
	}
}

func TestReasonsAreShort(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cloud) {
		long := errors.New("line\nline " + strings.Repeat("é", 1<<20) + "\xff")
		got := c.end(c.deploy(fakeApp{compile: long}))
		if len(got.Reason) > maxReason+3 || !strings.HasPrefix(got.Reason, "line; line é") || !utf8.ValidString(got.Reason) {
			t.Errorf("reason of %d bytes: %.50q", len(got.Reason), got.Reason)
		}
	})
}

// The store has committed, whatever it says: so the new revision serves.
func TestCommitThatOnlySeemsToFail(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cloud) {
		c.first(fakeApp{})
		c.store.fail["commit"] = errUnsaid
		if got := c.end(c.deploy(fakeApp{})); got.Phase != store.Live || c.mix(3) != "222" {
			t.Errorf("%s: %s", got.Phase, got.Reason)
		}
	})
}

func TestFirstDeploymentThatFails(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cloud) {
		c.end(c.deploy(fakeApp{compile: errSick}))
		if got := c.get("/"); !strings.HasPrefix(got, "503 hello has no revision") {
			t.Errorf("got %q, want 503", got)
		}
		if got := c.Serving("1"); got.Health != "none" {
			t.Errorf("Serving = %+v", got)
		}
		c.end(c.deploy(fakeApp{}))
		if got := c.get("/"); got != "r2" {
			t.Errorf("got %q, want r2", got)
		}
	})
}

func TestHealthPathIsAskedUntilItIsReady(t *testing.T) {
	for _, status := range []int{200, 204, 301, 399} {
		inBubble(t, func(t *testing.T, c *cloud) {
			asked := 0
			d := c.deploy(fakeApp{health: func(w http.ResponseWriter) {
				if asked++; asked < 4 {
					w.WriteHeader(404)
					return
				}
				w.WriteHeader(status)
			}}, func(r *store.Request) { r.HealthPath = "/healthz" })
			got := c.end(d)
			if got.Phase != store.Live || got.EndedAt.Sub(got.StartedAt) != 3*time.Second {
				t.Errorf("%d: %s after %s: %s", status, got.Phase, got.EndedAt.Sub(got.StartedAt), got.Reason)
			}
			var asks []string
			for _, call := range c.calls() {
				if strings.HasPrefix(call, "GET") {
					asks = append(asks, call)
				}
			}
			if want := strings.Repeat("GET http://hello.localhost:7733/healthz;", 4); strings.Join(asks, ";")+";" != want {
				t.Errorf("asked %q", asks)
			}
		}, func(c *Config) { c.Host = func(n store.AppName) string { return string(n) + ".localhost:7733" } })
	}
}

func TestChecksAreNotInTheLedger(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cloud) {
		c.end(c.deploy(fakeApp{}, func(r *store.Request) { r.HealthPath = "/healthz" }))
		if got := c.ledger.Totals("1", time.Time{}); got.Replies != 0 {
			t.Errorf("the ledger has %d replies, want none", got.Replies)
		}
	})
}

func TestRefusedRequests(t *testing.T) {
	refuse := func(c *Config) {
		c.Refuse = func(_ context.Context, app store.App, r store.Request) error {
			if r.Repository == "local/big" {
				return fmt.Errorf("artifact of %s: %w", app.Name, store.ErrLimit)
			}
			return nil
		}
	}
	inBubble(t, func(t *testing.T, c *cloud) {
		tests := []struct {
			name   string
			change func(*store.Request)
			kind   error
		}{
			{"an app that is not there", func(r *store.Request) { r.App = "nope" }, store.ErrNotFound},
			{"over a limit", func(r *store.Request) { r.Repository = "local/big" }, store.ErrLimit},
			{"rollback without a revision", func(r *store.Request) { r.Rollback = true }, store.ErrConflict},
			{"rollback to one that is not there", func(r *store.Request) { r.Rollback, r.Revision = true, 7 }, store.ErrNotFound},
		}
		for _, tt := range tests {
			if d, err := c.tryDeploy(fakeApp{}, tt.change); !errors.Is(err, tt.kind) {
				t.Errorf("%s: %+v, %v, want %v", tt.name, d, err, tt.kind)
			}
		}
		if diff := cmp.Diff([]string(nil), c.calls()); diff != "" {
			t.Errorf("something was put on record: %s", diff)
		}
		if got := c.end(c.deploy(fakeApp{})); got.Phase != store.Live {
			t.Errorf("a good one afterwards: %s", got.Reason)
		}
	}, refuse)
}

func TestRollback(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cloud) {
		back := func(to store.RevisionNumber) func(*store.Request) {
			return func(r *store.Request) { *r = store.Request{App: "1", Rollback: true, Revision: to} }
		}
		variables := make(map[store.RevisionNumber]map[string]string)
		compile := c.Compile
		c.Compile = func(ctx context.Context, s Spec) (Running, error) {
			variables[s.Revision] = s.Variables
			return compile(ctx, s)
		}
		c.end(c.deploy(fakeApp{}, func(r *store.Request) { r.Variables = map[string]string{"a": "1"} }))
		_, err := c.tryDeploy(fakeApp{}, back(0))
		if !errors.Is(err, store.ErrConflict) || store.HintOf(err) == "" {
			t.Errorf("rollback of a first revision: %v, want a conflict with a hint", err)
		}
		if _, err := c.tryDeploy(fakeApp{}, back(1)); !errors.Is(err, store.ErrConflict) {
			t.Errorf("rollback to the current revision: %v, want a conflict", err)
		}
		c.end(c.deploy(fakeApp{}, func(r *store.Request) { r.Variables = map[string]string{"a": "2"} }))
		clear(variables)
		got := c.end(c.deploy(fakeApp{}, back(0)))
		if got.Phase != store.Live || got.Revision != 1 || got.From != 2 || !got.Rollback {
			t.Errorf("rollback: %+v", got.Deployment)
		}
		if diff := cmp.Diff(map[store.RevisionNumber]map[string]string{1: {"a": "1"}}, variables); diff != "" {
			t.Errorf("variables: %s", diff)
		}
		if got := c.mix(3); got != "111" {
			t.Errorf("after the rollback: %s", got)
		}
		if got := c.end(c.deploy(fakeApp{}, back(0))); got.Revision != 2 {
			t.Errorf("rollback of the rollback went to %s, want r2", got.Revision)
		}
		if got := c.end(c.deploy(fakeApp{}, back(1))); got.Revision != 1 || got.Phase != store.Live {
			t.Errorf("rollback by number: %+v", got.Deployment)
		}
	})
}

func TestSecondDeploymentBeforeTheSwitch(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cloud) {
		c.first(fakeApp{})
		d2 := c.deploy(fakeApp{compiling: 10 * time.Second})
		_, err := c.tryDeploy(fakeApp{})
		if !errors.Is(err, store.ErrConflict) || errors.Is(err, ErrHeld) || store.HintOf(err) == "" {
			t.Errorf("a second one: %v, want a conflict with a hint", err)
		}
		queued := func(r *store.Request) { r.Queue = true }
		start := time.Now()
		third, fourth := make(chan store.Deployment), make(chan error)
		go func() { third <- c.deploy(fakeApp{}, queued) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		go func() {
			_, err := c.Deploy(ctx, store.Request{App: "1", Repository: "x", Queue: true})
			fourth <- err
		}()
		if err := <-fourth; !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 5*time.Second {
			t.Errorf("one that waits too long: %v after %s", err, time.Since(start))
		}
		d3 := <-third
		if got := time.Since(start); got != 10*time.Second || d3.From != 2 {
			t.Errorf("the queued one begins after %s from %s, want 10s and r2", got, d3.From)
		}
		if got := c.end(d2); got.Phase != store.Live {
			t.Errorf("r2: %s", got.Reason)
		}
		if got := c.end(d3); got.Phase != store.Live || c.mix(3) != "333" {
			t.Errorf("r3: %s %s", got.Phase, got.Reason)
		}
	})
}

func TestSecondDeploymentCompletesAnOpenWindow(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cloud) {
		c.first(fakeApp{serve: slow(time.Minute)})
		go c.get("/") // keeps r1 draining
		synctest.Wait()
		d2 := c.deploy(fakeApp{})
		synctest.Wait()
		time.Sleep(500 * time.Millisecond)
		d3 := c.deploy(fakeApp{compiling: time.Second})
		time.Sleep(999 * time.Millisecond) // 1.499s into the window of d2
		if p, _ := c.Progress(d2.ID); p.Share != 25 || p.Phase != store.Switching {
			t.Errorf("d2 before: %s at %d%%", p.Phase, p.Share)
		}
		time.Sleep(time.Millisecond)
		synctest.Wait()
		p2, _ := c.Progress(d2.ID)
		p3, _ := c.Progress(d3.ID)
		if p2.Share != 100 || p2.Phase != store.Draining || p3.Share != 10 || p3.Phase != store.Switching {
			t.Errorf("d2 is %s at %d%%, d3 %s at %d%%", p2.Phase, p2.Share, p3.Phase, p3.Share)
		}
		if got := c.mix(50); strings.Contains(got, "1") || !strings.Contains(got, "2") || !strings.Contains(got, "3") {
			t.Errorf("%s: want r2 and r3 only", got)
		}
		want := []store.ServingRevision{{Revision: 3, Role: "candidate", Share: 10, InFlight: 0}, {Revision: 2, Role: "current", Share: 90, InFlight: 0}, {Revision: 1, Role: "draining", Share: 0, InFlight: 1}}
		if diff := cmp.Diff(want, c.Serving("1").Revisions); diff != "" {
			t.Error(diff)
		}
		if got := c.end(d3); got.Phase != store.Live {
			t.Errorf("d3: %s", got.Reason)
		}
		if got := c.end(d2); got.Phase != store.Live || got.Cut != 1 {
			t.Errorf("d2: %s, cut %d", got.Phase, got.Cut)
		}
		want = []store.ServingRevision{{Revision: 3, Role: "current", Share: 100, InFlight: 0}}
		if diff := cmp.Diff(want, c.Serving("1").Revisions); diff != "" {
			t.Error(diff)
		}
	})
}

// A store that does not take the end of a deployment, as on a full disk, is told
// later; until then the engine tells who asks.
func TestTheStoreIsToldLater(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cloud) {
		c.store.mu.Lock()
		c.store.fail = map[string]error{"end": errSick}
		c.store.mu.Unlock()
		d := c.deploy(fakeApp{pull: errSick})
		synctest.Wait()
		states, err := c.Watch(t.Context(), d.ID)
		if err != nil {
			t.Fatal(err)
		}
		if p := <-states; p.Phase != store.Failed || p.Reason != "sick" {
			t.Errorf("while the store is sick: %s, %q", p.Phase, p.Reason)
		}
		c.store.mu.Lock()
		c.store.fail = nil
		c.store.mu.Unlock()
		time.Sleep(2 * touchEvery) // fake time
		if kept, err := c.store.Deployment(t.Context(), d.ID); err != nil || kept.Phase != store.Failed || kept.Reason != "sick" {
			t.Errorf("afterwards the store has %s, %q, %v", kept.Phase, kept.Reason, err)
		}
		if _, ok := c.Progress(d.ID); ok {
			t.Error("the engine still keeps it")
		}
	})
}
