package rollout

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/router"
	"github.com/neutrino-local/neutrino-local/router/ledger"
	"github.com/neutrino-local/neutrino-local/store"
)

// A fakeApp is what an artifact does: it stands for the runtime.
type fakeApp struct {
	pull, compile, start, close error
	compiling                   time.Duration
	digest                      string                    // what /info says; "" the right one
	serve                       http.HandlerFunc          // nil: says its name
	health                      func(http.ResponseWriter) // of /healthz; nil: 200
}

// A fakeRunning is a running fakeApp.
type fakeRunning struct {
	fakeApp
	cloud *cloud
	spec  Spec
}

func (f *fakeRunning) Start(context.Context) error {
	f.cloud.note("start " + f.spec.Revision.String())
	return f.start
}
func (f *fakeRunning) Close(context.Context) error {
	f.cloud.note("close " + f.spec.Revision.String())
	return f.close
}

func (f *fakeRunning) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == healthRoute:
		_, _ = io.WriteString(w, "OK")
	case r.URL.Path == infoRoute:
		digest := f.digest
		if digest == "" {
			digest = string(f.spec.Digest)
		}
		fmt.Fprintf(w, "{\"name\": %q, \"oci_image_digest\": %q}", f.spec.Name, digest)
	case r.URL.Path == "/healthz":
		f.cloud.note("GET http://" + r.Host + r.RequestURI)
		if f.health != nil {
			f.health(w)
		}
	case f.serve != nil:
		w.Header().Set("Revision", f.spec.Revision.String())
		f.serve(w, r)
	default:
		_, _ = io.WriteString(w, f.spec.Revision.String())
	}
}

// A cloud is an engine with fakes around it.
type cloud struct {
	*Engine
	t      testing.TB
	store  *fakeStore
	ledger *ledger.Ledger
	mu     sync.Mutex
	fakes  map[artifact.Digest]fakeApp
}

func (c *cloud) note(s string) {
	unlock, _ := c.store.call(s, "")
	unlock()
}

// newCloud returns a cloud with the apps "hello" and "shop", whose ids are "1"
// and "2".
func newCloud(t testing.TB, change ...func(*Config)) *cloud {
	c := &cloud{
		t: t, ledger: ledger.New(100000), fakes: make(map[artifact.Digest]fakeApp),
		store: &fakeStore{
			apps:        map[store.AppID]*store.App{"1": {ID: "1", Name: "hello"}, "2": {ID: "2", Name: "shop"}},
			revisions:   make(map[string]store.Revision),
			deployments: make(map[store.DeploymentID]*store.Deployment),
			fail:        make(map[string]error),
		},
	}
	config := Config{
		Store: c.store, Router: router.New(c.ledger), Log: slog.New(slog.DiscardHandler),
		Pull: func(_ context.Context, _ string, d artifact.Digest) (Artifact, error) {
			return Artifact{Blobs: []string{"config", "layer"}, Size: 10}, c.fake(d).pull
		},
		Compile: func(ctx context.Context, s Spec) (Running, error) {
			f := c.fake(s.Digest)
			c.note("compile " + s.Revision.String())
			select {
			case <-time.After(f.compiling):
			case <-ctx.Done():
				return nil, ctx.Err()
			}
			if f.compile != nil {
				return nil, f.compile
			}
			return &fakeRunning{f, c, s}, nil
		},
		Policy: store.Mixed, Window: 4 * time.Second, Seed: 7,
		Readiness: time.Minute, HealthInterval: time.Second, DrainTimeout: 30 * time.Second,
	}
	for _, f := range change {
		f(&config)
	}
	c.Engine = New(config)
	return c
}

func (c *cloud) fake(d artifact.Digest) fakeApp {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.fakes[d]
}

func (c *cloud) close() {
	c.t.Helper()
	if err := c.Close(context.Background()); err != nil {
		c.t.Error(err)
	}
}

// deploy begins a deployment of hello, of an artifact that does what f says.
func (c *cloud) deploy(f fakeApp, change ...func(*store.Request)) store.Deployment {
	c.t.Helper()
	d, err := c.tryDeploy(f, change...)
	if err != nil {
		c.t.Fatal(err)
	}
	return d
}

func (c *cloud) tryDeploy(f fakeApp, change ...func(*store.Request)) (store.Deployment, error) {
	c.mu.Lock()
	digest := artifact.SHA256(fmt.Append(nil, len(c.fakes)))
	c.fakes[digest] = f
	c.mu.Unlock()
	r := store.Request{App: "1", Repository: "local/hello", Digest: string(digest)}
	for _, f := range change {
		f(&r)
	}
	return c.Deploy(context.Background(), r)
}

// first makes r1 of hello live, and forgets the calls.
func (c *cloud) first(f fakeApp) {
	c.t.Helper()
	if d := c.end(c.deploy(f)); d.Phase != store.Live {
		c.t.Fatalf("the first deployment has failed: %s", d.Reason)
	}
	c.calls()
}

// end waits until a deployment has ended.
func (c *cloud) end(d store.Deployment) store.Progress {
	c.t.Helper()
	states, err := c.Watch(context.Background(), d.ID)
	if err != nil {
		c.t.Fatal(err)
	}
	var last store.Progress
	for last = range states {
	}
	return last
}

// calls returns what has been called since the last time.
func (c *cloud) calls() []string {
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	calls := c.store.calls
	c.store.calls = nil
	return calls
}

// get returns what hello answers, with the status if that is not 200.
func (c *cloud) get(path string) string { return c.getAt(router.Target{App: "hello"}, path) }

func (c *cloud) getAt(t router.Target, path string) string {
	w := httptest.NewRecorder()
	c.Router.Serve(w, httptest.NewRequest("GET", path, nil), t)
	if w.Code != http.StatusOK {
		return fmt.Sprintf("%d %s", w.Code, w.Body)
	}
	return w.Body.String()
}

// mix returns who answers n requests: a digit for each.
func (c *cloud) mix(n int) string {
	s := ""
	for range n {
		s += strings.TrimPrefix(c.get("/"), "r")
	}
	return s
}

// inBubble runs a test in fake time, and ends its cloud.
func inBubble(t *testing.T, f func(t *testing.T, c *cloud), change ...func(*Config)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := newCloud(t, change...)
		defer c.close()
		f(t, c)
	})
}

// slow answers after d, or when it is cut.
func slow(d time.Duration) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(d):
			_, _ = io.WriteString(w, "slow")
		case <-r.Context().Done():
		}
	}
}

var (
	errSick   = errors.New("sick")
	errUnsaid = errors.New("committed, and an error") // only of a commit
)
