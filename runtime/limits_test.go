package runtime

import (
	"context"
	"os"
	goruntime "runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/neutrino-local/neutrino-local/e2e/guests/components"
	"github.com/neutrino-local/neutrino-local/router/ledger"
	"github.com/neutrino-local/neutrino-local/runtime/component"
	"github.com/neutrino-local/neutrino-local/runtime/pool"
)

// TestGuestMemory has a server with room for one instance: another app closes
// the idle one of the first, and waits while it is at work.
func TestGuestMemory(t *testing.T) {
	limits := akamai
	limits.Handler, limits.Queue = time.Second, 100*time.Millisecond
	h := newHost(t, limits)
	probe := newApp(t, h, componentSpec(components.CHTTP))
	ask(probe, "GET /")
	limits.GuestMemory = h.space.Stats().Peak + 1<<14 // a page or so more than one instance takes
	closeApp(t, probe)

	h = newHost(t, limits)
	first, second := serve(t, h, componentSpec(components.CHTTP)), serve(t, h, componentSpec(components.CHTTP))
	for range 3 {
		for _, v := range []*service{first, second} {
			if a := v.get("/"); a.StatusCode != 200 || v.outcome() != ledger.OK {
				t.Errorf("one after the other: %d %q", a.StatusCode, a.body)
			}
		}
	}
	var busy sync.WaitGroup
	busy.Go(func() { first.get("/l") })
	for end := time.Now().Add(20 * time.Second); first.app.Stats().Pool.InUse == 0 && time.Now().Before(end); {
		goruntime.Gosched()
	}
	a := second.get("/")
	if a.StatusCode != 503 || a.Header.Get("Retry-After") == "" || !strings.HasPrefix(a.body, "guest memory of the server: limit ") {
		t.Errorf("no room: %d %v %q", a.StatusCode, a.Header, a.body)
	}
	if o := second.outcome(); o != ledger.Queue {
		t.Errorf("outcome %s, want queue", o)
	}
	busy.Wait()
}

// TestQueueTimeout has more requests than an app may work on.
func TestQueueTimeout(t *testing.T) {
	limits := akamai
	limits.Handler, limits.Queue, limits.Instances = time.Second, 100*time.Millisecond, 1
	v := serve(t, newHost(t, limits), componentSpec(components.CHTTP))
	var busy sync.WaitGroup
	busy.Go(func() { v.get("/l") })
	for len(v.app.gates[0].room) == 0 {
		goruntime.Gosched()
	}
	a := v.get("/")
	if a.StatusCode != 503 || a.Header.Get("Retry-After") == "" || !strings.HasPrefix(a.body, "instances of an app at once: limit 1, ") {
		t.Errorf("%d %v %q", a.StatusCode, a.Header, a.body)
	}
	busy.Wait()
}

// TestGrowIsLogged has a guest that wants more memory than it may have: that is
// said once.
func TestGrowIsLogged(t *testing.T) {
	h := newHost(t, akamai)
	wasm, err := os.ReadFile("component/testdata/busy.wasm")
	if err != nil {
		t.Fatal(err)
	}
	c, err := h.components.Compile(t.Context(), wasm, component.NewLinker())
	if err != nil {
		t.Fatal(err)
	}
	in, err := c.Instantiate(t.Context(), component.InstanceConfig{MemoryLimit: 8 << 20})
	if err != nil {
		t.Fatal(err)
	}
	grow, _ := c.Func("", "grow")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err = in.Call(ctx, grow) // by 1000 pages, for ever
	var said []string
	l := &lent{Instance: in, fresh: true, lease: noLease{}, count: new(traps), log: func(line string) { said = append(said, line) }}
	if _, fault := l.end(ctx, err); fault != nil || err == nil {
		t.Errorf("end = %v, call = %v", fault, err)
	}
	want := []string{"memory of an instance: limit 8388608 bytes (8 MiB), and the guest wanted 72089600 bytes"}
	if diff := cmp.Diff(want, said); diff != "" {
		t.Error(diff)
	}
	if n := l.count.stops.Load(); n != 1 {
		t.Errorf("%d guests were stopped, want 1", n)
	}
}

type noLease struct{}

func (noLease) Return() func()      { return nil }
func (noLease) Discard(pool.Reason) {}
