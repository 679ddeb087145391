package rollout

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/neutrino-local/neutrino-local/router"
	"github.com/neutrino-local/neutrino-local/store"
)

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
			c.deploy(fakeApp{}, func(r *store.Request) { r.Policy = store.Drain })
		}, 0},
		{"with a request in flight", func(c *cloud) { go c.get("/slow") }, deleteBudget},
		{"with a queue", func(c *cloud) {
			c.deploy(fakeApp{compiling: time.Hour})
			go func() {
				if _, err := c.tryDeploy(fakeApp{}, func(r *store.Request) { r.Queue = true }); err == nil {
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
			return c.deploy(fakeApp{}, func(r *store.Request) { r.Policy = store.Drain })
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
