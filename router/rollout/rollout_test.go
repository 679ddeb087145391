package rollout

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/neutrino-local/neutrino-local/router/ledger"
	"github.com/neutrino-local/neutrino-local/store"
)

// timeline is the events of a deployment with their times after its start.
func timeline(d store.Deployment) []string {
	var s []string
	for _, e := range d.Events {
		s = append(s, strings.TrimSpace(fmt.Sprintf("%s %s %s", e.At.Sub(d.StartedAt), e.Phase, e.Detail)))
	}
	return s
}

func TestFirstDeployment(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cloud) {
		if got := c.get("/"); !strings.HasPrefix(got, "404") {
			t.Errorf("before: %q, want 404", got)
		}
		d := c.deploy(fakeApp{compiling: time.Second})
		if d.Phase != store.Creating || d.Revision != 1 {
			t.Errorf("Deploy = %+v", d)
		}
		synctest.Wait()
		if got := c.get("/"); !strings.HasPrefix(got, "503") {
			t.Errorf("while it compiles: %q, want 503", got)
		}
		got := c.end(d)
		synctest.Wait()
		if got.Phase != store.Live || got.Share != 100 || got.EndedAt.IsZero() {
			t.Errorf("ended as %+v", got)
		}
		want := []string{"create r1", "pulling", "blobs r1 2", "compiling", "compile r1", "starting", "start r1", "checking", "commit", "live"}
		if diff := cmp.Diff(want, c.calls()); diff != "" {
			t.Error(diff)
		}
		kept, _ := c.store.Deployment(t.Context(), d.ID)
		want = []string{"0s creating", "0s pulling", "0s compiling", "1s starting", "1s checking", "1s switching", "1s live"}
		if diff := cmp.Diff(want, timeline(kept)); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(kept.Events, got.Events); diff != "" {
			t.Errorf("the store's events and the engine's differ: %s", diff)
		}
		if got := c.get("/"); got != "r1" {
			t.Errorf("after: %q, want r1", got)
		}
	})
}

func TestUpgradeMixed(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cloud) {
		c.KeepRevisions = 20
		c.first(fakeApp{})
		c.store.onCommit = func() {
			if got := c.mix(4); got != "1111" {
				t.Errorf("before the commit: %s, want r1 only", got)
			}
		}
		start := time.Now()
		d := c.deploy(fakeApp{}, func(r *store.Request) {
			r.Events = []store.PhaseEvent{{Phase: store.Packaging, At: start.Add(-time.Second)}, {Phase: store.Pushing, At: start}}
		})
		var mixes []string
		for range 5 {
			synctest.Wait()
			mixes = append(mixes, c.mix(20))
			time.Sleep(time.Second)
		}
		synctest.Wait()
		for i, share := range []int{10, 25, 50, 75, 100} {
			if got := strings.Count(mixes[i], "2"); got < share/5-4 || got > share/5+4 || share == 100 && got != 20 {
				t.Errorf("at %d%%: %s", share, mixes[i])
			}
		}
		kept, _ := c.store.Deployment(t.Context(), d.ID)
		got := store.Progress{Deployment: kept}
		wantEvents := []string{"-1s packaging", "0s pushing", "0s creating", "0s pulling", "0s compiling", "0s starting", "0s checking",
			"0s switching", "0s switching 10%", "1s switching 25%", "2s switching 50%", "3s switching 75%", "4s draining", "4s live"}
		if diff := cmp.Diff(wantEvents, timeline(got.Deployment)); diff != "" {
			t.Error(diff)
		}
		wantCalls := []string{"create r2", "pulling", "blobs r2 2", "compiling", "compile r2", "starting", "start r2", "checking", "commit",
			"switching 10%", "switching 25%", "switching 50%", "switching 75%", "draining", "close r1", "live", "prune 20"}
		if diff := cmp.Diff(wantCalls, c.calls()); diff != "" {
			t.Error(diff)
		}
		records := c.ledger.Records(ledger.Query{App: "hello", Since: start}).Records
		zero := 4 * time.Second
		violations, err := ledger.Check(records, ledger.Assertion{Since: start, Old: 1, New: 2, No5xx: true, NoneLost: true, BothSeen: true, MaxOverlap: &zero})
		if err != nil || len(violations) != 0 {
			t.Errorf("ledger: %+v, %v", violations, err)
		}
		if first := records[4]; first.Phase != "switching" || first.Deployment != string(d.ID) {
			t.Errorf("a record of the window has phase %q, deployment %q", first.Phase, first.Deployment)
		}
	})
}

func TestTheSameSeedGivesTheSameMix(t *testing.T) {
	run := func(seed uint64) (mixes []string) {
		inBubble(t, func(t *testing.T, c *cloud) {
			c.first(fakeApp{})
			d := c.deploy(fakeApp{}, func(r *store.Request) { r.Seed = &seed })
			for range 4 {
				synctest.Wait()
				mixes = append(mixes, c.mix(50))
				time.Sleep(time.Second)
			}
			c.end(d)
		})
		return mixes
	}
	a, b, other := run(3), run(3), run(4)
	if diff := cmp.Diff(a, b); diff != "" {
		t.Errorf("the same seed: %s", diff)
	}
	if cmp.Equal(a, other) {
		t.Error("another seed gave the same mix")
	}
}

func TestPoliciesWithoutAWindow(t *testing.T) {
	tests := []struct {
		name    string
		change  func(*store.Request)
		want    []string
		cut     int
		outcome ledger.Outcome
	}{
		{"drain", func(r *store.Request) { r.Policy = store.Drain }, []string{"0s switching", "0s draining", "5s live"}, 0, ledger.OK},
		{"mixed without a window", func(r *store.Request) { r.Window = new(time.Duration) }, []string{"0s switching", "0s draining", "5s live"}, 0, ledger.OK},
		{"drain with a short timeout", func(r *store.Request) { r.Policy, r.DrainTimeout = store.Drain, new(2*time.Second) }, []string{"0s switching", "0s draining", "2s live"}, 1, ledger.Cut},
		{"drain without any time", func(r *store.Request) { r.Policy, r.DrainTimeout = store.Drain, new(time.Duration) }, []string{"0s switching", "0s draining", "0s live"}, 1, ledger.Cut},
		{"instant", func(r *store.Request) { r.Policy = store.Instant }, []string{"0s switching", "0s draining", "0s live"}, 1, ledger.Cut},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, c *cloud) {
				c.first(fakeApp{serve: slow(5 * time.Second)})
				reply := make(chan string)
				go func() { reply <- c.get("/slow") }()
				synctest.Wait()
				d := c.deploy(fakeApp{}, tt.change)
				synctest.Wait()
				if got := c.mix(3); got != "222" {
					t.Errorf("after the switch: %s, want 222", got)
				}
				whole := strings.HasPrefix(<-reply, "slow")
				got := c.end(d)
				if events := timeline(got.Deployment); !cmp.Equal(tt.want, events[len(events)-3:]) {
					t.Errorf("events: %q, want at the end %q", events, tt.want)
				}
				if got.Cut != tt.cut || whole != (tt.cut == 0) {
					t.Errorf("cut %d, the reply is whole: %t; want %d", got.Cut, whole, tt.cut)
				}
				if kept, _ := c.store.Deployment(t.Context(), d.ID); kept.Cut != tt.cut {
					t.Errorf("the store has cut %d, want %d", kept.Cut, tt.cut)
				}
				if r := c.ledger.Records(ledger.Query{Path: "/slow"}).Records[0]; r.Outcome != tt.outcome || r.Revision != 1 {
					t.Errorf("record: %s of r%d, want %s of r1", r.Outcome, r.Revision, tt.outcome)
				}
			})
		})
	}
}

// A reply that outlives the old revision's window keeps it running, and not the
// next deployment from beginning.
func TestOldRevisionsDrainWhileNewOnesSwitch(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cloud) {
		c.first(fakeApp{serve: slow(20 * time.Second)})
		reply := make(chan string)
		go func() { reply <- c.get("/") }()
		synctest.Wait()
		d2 := c.deploy(fakeApp{}, func(r *store.Request) { r.Policy = store.Drain })
		synctest.Wait()
		d3 := c.deploy(fakeApp{}, func(r *store.Request) { r.Policy = store.Drain })
		if got := c.end(d3); got.Phase != store.Live || !got.EndedAt.Equal(got.StartedAt) {
			t.Errorf("r3: %s after %s, want live at once", got.Phase, got.EndedAt.Sub(got.StartedAt))
		}
		s := c.Serving("1")
		want := store.Serving{Health: "healthy", Revisions: []store.ServingRevision{{Revision: 3, Role: "current", Share: 100, InFlight: 0}, {Revision: 1, Role: "draining", Share: 0, InFlight: 1}}}
		if diff := cmp.Diff(want, s); diff != "" {
			t.Error(diff)
		}
		if got := <-reply; got != "slow" {
			t.Errorf("the reply of r1: %q", got)
		}
		if got := c.end(d2); got.Phase != store.Live || got.Cut != 0 {
			t.Errorf("r2 ended %s, cut %d", got.Phase, got.Cut)
		}
	})
}

func TestManyAppsAtOnceDoNotWaitForEachOther(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cloud) {
		for i := range 50 {
			id := store.AppID(fmt.Sprint("app", i))
			c.store.apps[id] = &store.App{ID: id, Name: store.AppName(id)}
		}
		start := time.Now()
		var all []store.Deployment
		for i := range 50 {
			all = append(all, c.deploy(fakeApp{compiling: 10 * time.Second}, func(r *store.Request) { r.App = store.AppID(fmt.Sprint("app", i)) }))
		}
		for _, d := range all {
			if got := c.end(d); got.Phase != store.Live {
				t.Errorf("%s: %s", d.App, got.Reason)
			}
		}
		if got := time.Since(start); got != 10*time.Second {
			t.Errorf("50 deployments of 10s took %s", got)
		}
	})
}
