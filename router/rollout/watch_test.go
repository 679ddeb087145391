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
