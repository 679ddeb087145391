package rollout

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/neutrino-local/neutrino-local/router"
	"github.com/neutrino-local/neutrino-local/store"
)

// during is the events from the switch on.
func during(p store.Progress) []string {
	events := timeline(p.Deployment)
	for i, e := range events {
		if strings.HasSuffix(e, " switching") {
			return events[i+1:]
		}
	}
	return nil
}

func TestHold(t *testing.T) {
	type do func(c *cloud) error
	hold := func(at string) do { return func(c *cloud) error { return c.Hold(c.t.Context(), "1", at) } }
	step := func(c *cloud) error { return c.Step(c.t.Context(), "1") }
	release := func(c *cloud) error { return c.Release(c.t.Context(), "1") }
	nothing := func(*cloud) error { return nil }
	tests := []struct {
		name   string
		policy store.Policy
		before do
		after  map[int]do // seconds from the switch
		want   []string
	}{
		{"at 50", store.Mixed, hold("50"), map[int]do{60: release},
			[]string{"0s 10%", "1s 25%", "2s held at 50%", "1m0s 75%", "1m1s draining", "1m1s live"}},
		{"at the start", store.Mixed, hold("start"), map[int]do{60: release},
			[]string{"0s held at 0%", "1m0s 10%", "1m1s 25%", "1m2s 50%", "1m3s 75%", "1m4s draining", "1m4s live"}},
		{"between two steps", store.Mixed, hold("60"), map[int]do{60: release},
			[]string{"0s 10%", "1s 25%", "2s 50%", "3s held at 60%", "1m0s 75%", "1m1s draining", "1m1s live"}},
		{"near the end", store.Mixed, hold("99"), map[int]do{60: release},
			[]string{"0s 10%", "1s 25%", "2s 50%", "3s 75%", "4s held at 99%", "1m0s draining", "1m0s live"}},
		{"armed during the window", store.Mixed, nothing, map[int]do{1: hold("50"), 60: release},
			[]string{"0s 10%", "1s 25%", "2s held at 50%", "1m0s 75%", "1m1s draining", "1m1s live"}},
		{"where it is already", store.Mixed, nothing, map[int]do{2: hold("50"), 60: release},
			[]string{"0s 10%", "1s 25%", "2s 50%", "2s held at 50%", "1m0s 75%", "1m1s draining", "1m1s live"}},
		{"below where it is already", store.Mixed, nothing, map[int]do{3: hold("start"), 60: release},
			[]string{"0s 10%", "1s 25%", "2s 50%", "3s 75%", "3s held at 75%", "1m0s draining", "1m0s live"}},
		{"twice", store.Mixed, hold("10"), map[int]do{5: hold("75"), 60: release},
			[]string{"0s held at 10%", "5s 25%", "6s 50%", "7s held at 75%", "1m0s draining", "1m0s live"}},
		{"again where it is held", store.Mixed, hold("10"), map[int]do{5: hold("10"), 60: release},
			[]string{"0s held at 10%", "1m0s 25%", "1m1s 50%", "1m2s 75%", "1m3s draining", "1m3s live"}},
		{"steps", store.Mixed, hold("start"), map[int]do{10: step, 20: step, 30: step, 40: step, 50: step},
			[]string{"0s held at 0%", "10s held at 10%", "20s held at 25%", "30s held at 50%", "40s held at 75%", "50s draining", "50s live"}},
		{"a step and a release", store.Mixed, hold("start"), map[int]do{10: step, 20: release},
			[]string{"0s held at 0%", "10s held at 10%", "20s 25%", "21s 50%", "22s 75%", "23s draining", "23s live"}},
		{"drain", store.Drain, hold("start"), map[int]do{60: release},
			[]string{"0s held at 0%", "1m0s draining", "1m0s live"}},
		{"drain at a percentage", store.Drain, hold("50"), map[int]do{60: step},
			[]string{"0s held at 50%", "1m0s draining", "1m0s live"}},
		{"taken back", store.Mixed, hold("50"), map[int]do{1: release},
			[]string{"0s 10%", "1s 25%", "2s 50%", "3s 75%", "4s draining", "4s live"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, c *cloud) {
				c.first(fakeApp{})
				if err := tt.before(c); err != nil {
					t.Fatal(err)
				}
				start := time.Now()
				d := c.deploy(fakeApp{}, func(r *store.Request) { r.Policy = tt.policy })
				for at := 1; at <= 60; at++ {
					time.Sleep(time.Until(start.Add(time.Duration(at) * time.Second)))
					synctest.Wait()
					if f := tt.after[at]; f != nil {
						if err := f(c); err != nil {
							t.Errorf("at %ds: %v", at, err)
						}
					}
				}
				c.end(d)
				kept, _ := c.store.Deployment(t.Context(), d.ID)
				var got []string
				for _, e := range during(store.Progress{Deployment: kept}) {
					got = append(got, strings.Replace(e, "switching ", "", 1))
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

func TestWhileHeld(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cloud) {
		c.first(fakeApp{})
		ctx := t.Context()
		if got := c.Failover("1"); got.Armed != "" || got.To != 1 || got.Share != 100 || got.Policy != store.Mixed {
			t.Errorf("before: %+v", got)
		}
		if err := c.Hold(ctx, "1", "50"); err != nil {
			t.Fatal(err)
		}
		if got := c.Failover("1").Armed; got != "50" {
			t.Errorf("armed at %q, want 50", got)
		}
		d := c.deploy(fakeApp{})
		time.Sleep(time.Hour)
		want := store.Switch{Policy: store.Mixed, Window: 4 * time.Second, Seed: 7, Deployment: d.ID, Phase: store.Switching, From: 1, To: 2, Share: 50, Held: true}
		if diff := cmp.Diff(want, c.Failover("1")); diff != "" {
			t.Error(diff)
		}
		if p, ok := c.Progress(d.ID); !ok || !p.Held || p.Share != 50 {
			t.Errorf("Progress = %+v, %t", p, ok)
		}
		if app, _ := c.store.App(ctx, "1"); app.Current != 2 || app.Previous != 1 {
			t.Errorf("the store has current %s, previous %s: the switch is committed", app.Current, app.Previous)
		}
		if got := c.mix(50); !strings.Contains(got, "1") || !strings.Contains(got, "2") {
			t.Errorf("held: %s, want both", got)
		}
		if got := c.getAt(router.Target{App: "hello", Candidate: true}, "/"); got != "r2" {
			t.Errorf("candidate--hello: %q", got)
		}
		for _, queue := range []bool{false, true} {
			_, err := c.tryDeploy(fakeApp{}, func(r *store.Request) { r.Queue = queue })
			if !errors.Is(err, ErrHeld) || !errors.Is(err, store.ErrConflict) || !strings.HasPrefix(err.Error(), "conflict: held") || store.HintOf(err) == "" {
				t.Errorf("a second deployment, queue %t: %v", queue, err)
			}
		}
		if err := c.Release(ctx, "1"); err != nil {
			t.Error(err)
		}
		c.end(d)
		if got := c.mix(20); strings.Contains(got, "1") {
			t.Errorf("released: %s, want r2 only", got)
		}
	})
}

// A deployment that began before the hold was reached finds it when it wants to
// switch, and is refused: the window is somebody's.
func TestHeldWhileTheNextGetsReady(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cloud) {
		c.first(fakeApp{})
		if err := c.Hold(t.Context(), "1", "50"); err != nil {
			t.Fatal(err)
		}
		d2 := c.deploy(fakeApp{})
		synctest.Wait()
		d3 := c.deploy(fakeApp{compiling: 10 * time.Second})
		got := c.end(d3)
		if got.Phase != store.Failed || got.FailedIn != store.Checking || !strings.HasPrefix(got.Reason, "conflict: held") {
			t.Errorf("r3: %s in %s: %s", got.Phase, got.FailedIn, got.Reason)
		}
		if p, _ := c.Progress(d2.ID); !p.Held || p.Share != 50 {
			t.Errorf("r2: %+v", p)
		}
	})
}

func TestHoldRefusesNonsense(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cloud) {
		ctx := t.Context()
		for _, at := range []string{"", "end", "-1", "100", "50%", "1e1", strings.Repeat("9", 1000)} {
			if err := c.Hold(ctx, "1", at); !errors.Is(err, store.ErrInvalid) || len(err.Error()) > 200 {
				t.Errorf("Hold(%.20q) = %v, want invalid", at, err)
			}
		}
		for name, err := range map[string]error{"step": c.Step(ctx, "1"), "release": c.Release(ctx, "1")} {
			if !errors.Is(err, store.ErrConflict) || store.HintOf(err) == "" {
				t.Errorf("%s of what is not held: %v, want a conflict with a hint", name, err)
			}
		}
		for name, err := range map[string]error{"hold": c.Hold(ctx, "9", "50"), "step": c.Step(ctx, "9"), "release": c.Release(ctx, "9")} {
			if !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s of no app: %v, want not found", name, err)
			}
		}
	})
}

// Nobody is there to share with: the hold waits for a deployment that replaces
// something.
func TestHoldDoesNotStopAFirstDeployment(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cloud) {
		if err := c.Hold(t.Context(), "1", "start"); err != nil {
			t.Fatal(err)
		}
		if got := c.end(c.deploy(fakeApp{})); got.Phase != store.Live {
			t.Errorf("r1: %s", got.Phase)
		}
		if got := c.Failover("1").Armed; got != "start" {
			t.Errorf("armed at %q, want start", got)
		}
		d := c.deploy(fakeApp{})
		time.Sleep(time.Hour)
		if p, _ := c.Progress(d.ID); !p.Held || p.Share != 0 || c.mix(10) != "1111111111" {
			t.Errorf("r2: %+v", p)
		}
	})
}
