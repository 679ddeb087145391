package rollout

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/neutrino-local/neutrino-local/store"
)

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

// TestCompilingIsTold has a component that takes three looks to compile and one
// that is there at once: of the first only the end stays on record.
func TestCompilingIsTold(t *testing.T) {
	tell := func(cfg *Config) {
		compile := cfg.Compile
		cfg.Compile = func(ctx context.Context, s Spec) (Running, error) {
			for i, detail := range []string{"web: 1 s", "web: 2 s", "web: done", "api: done"} {
				<-time.After(time.Second)
				s.Progress(detail, i >= 2)
			}
			return compile(ctx, s)
		}
	}
	inBubble(t, func(t *testing.T, c *cloud) {
		d := c.deploy(fakeApp{compiling: time.Second})
		details := func(events []store.PhaseEvent) (all []string) {
			for _, e := range events {
				if e.Phase == store.Compiling {
					all = append(all, e.Detail)
				}
			}
			return all
		}
		var seen [][]string
		for range 5 {
			synctest.Wait()
			p, _ := c.Progress(d.ID)
			seen = append(seen, details(p.Events))
			<-time.After(time.Second)
		}
		want := [][]string{{""}, {"", "web: 1 s"}, {"", "web: 2 s"}, {"", "web: done"}, {"", "web: done", "api: done"}}
		if diff := cmp.Diff(want, seen); diff != "" {
			t.Error(diff)
		}
		c.end(d)
		kept, err := c.store.Deployment(t.Context(), d.ID)
		if diff := cmp.Diff(want[4], details(kept.Events)); diff != "" || err != nil {
			t.Errorf("kept: %s, %v", diff, err)
		}
	}, tell)
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
