package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/router/ledger"
	"github.com/neutrino-local/neutrino-local/store"
	"github.com/neutrino-local/neutrino-local/store/applog"
	"github.com/neutrino-local/neutrino-local/store/keyvalue"
	"github.com/neutrino-local/neutrino-local/web/apitype"
)

// A fakeCloud is a Store, a Rollout and a Failover in memory.
type fakeCloud struct {
	mu          sync.Mutex
	apps        []store.App
	revisions   []store.Revision
	deployments []store.Deployment
	failover    store.Switch
	listening   []string
	watching    chan store.Progress // of who watches next
	asked       []store.Request
	err         error // of Deploy, Delete, Hold, Step, Release and Listen
	admitted    []store.AppName
	stopped     bool
}

func (f *fakeCloud) CreateApp(_ context.Context, app store.App) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if slices.ContainsFunc(f.apps, func(a store.App) bool { return a.Name == app.Name }) {
		return fmt.Errorf("app %s: %w", app.Name, store.ErrConflict)
	}
	f.apps = append(f.apps, app)
	return nil
}

func (f *fakeCloud) find(is func(store.App) bool) (store.App, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if i := slices.IndexFunc(f.apps, is); i >= 0 {
		return f.apps[i], nil
	}
	return store.App{}, store.ErrNotFound
}

func (f *fakeCloud) App(_ context.Context, id store.AppID) (store.App, error) {
	return f.find(func(a store.App) bool { return a.ID == id })
}

func (f *fakeCloud) AppNamed(_ context.Context, _ string, name store.AppName) (store.App, error) {
	return f.find(func(a store.App) bool { return a.Name == name })
}

func (f *fakeCloud) Apps(context.Context) ([]store.App, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.apps), nil
}

func (f *fakeCloud) SetListeners(_ context.Context, id store.AppID, addresses []string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.apps {
		if f.apps[i].ID == id {
			f.apps[i].Listeners = slices.Clone(addresses)
		}
	}
	return nil
}

func (f *fakeCloud) Revisions(context.Context, store.AppID) ([]store.Revision, error) {
	return slices.Clone(f.revisions), nil
}

func (f *fakeCloud) Revision(_ context.Context, _ store.AppID, n store.RevisionNumber) (store.Revision, error) {
	for _, r := range f.revisions {
		if r.Number == n {
			return r, nil
		}
	}
	return store.Revision{}, store.ErrNotFound
}

func (f *fakeCloud) Deployment(_ context.Context, id store.DeploymentID) (store.Deployment, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, d := range f.deployments {
		if d.ID == id {
			return d, nil
		}
	}
	return store.Deployment{}, fmt.Errorf("deployment %s: %w", id, store.ErrNotFound)
}

func (f *fakeCloud) Deployments(_ context.Context, _ store.AppID, limit int) ([]store.Deployment, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := slices.Clone(f.deployments)
	slices.Reverse(all)
	if limit > 0 && len(all) > limit {
		all = all[:limit]
	}
	return all, nil
}

func (f *fakeCloud) Deploy(_ context.Context, r store.Request) (store.Deployment, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, r)
	if f.err != nil {
		return store.Deployment{}, f.err
	}
	d := store.Deployment{ID: store.DeploymentID(fmt.Sprintf("d%d", len(f.deployments)+1)), App: r.App, Phase: store.Creating, StartedAt: time.Now()}
	f.deployments = append(f.deployments, d)
	return d, nil
}

func (f *fakeCloud) Admit(app store.App) error {
	f.admitted = append(f.admitted, app.Name)
	return nil
}

func (f *fakeCloud) Progress(store.DeploymentID) (store.Progress, bool) {
	return store.Progress{}, false
}

func (f *fakeCloud) Watch(context.Context, store.DeploymentID) (<-chan store.Progress, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.watching, nil
}

// watch returns what the next watcher is told by. One that is about to end takes
// nothing of it.
func (f *fakeCloud) watch() chan<- store.Progress {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.watching = make(chan store.Progress, 10)
	return f.watching
}

func (f *fakeCloud) Delete(_ context.Context, id store.AppID) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.apps = slices.DeleteFunc(f.apps, func(a store.App) bool { return a.ID == id && f.err == nil })
	return f.err
}

func (f *fakeCloud) Failover(store.AppID) store.Switch { return f.failover }

func (f *fakeCloud) Hold(_ context.Context, _ store.AppID, at string) error {
	f.failover.Armed = at
	return f.err
}

func (f *fakeCloud) Step(context.Context, store.AppID) error { f.failover.Share = 50; return f.err }

func (f *fakeCloud) Release(context.Context, store.AppID) error {
	f.failover.Armed, f.failover.Held = "", false
	return f.err
}

func (f *fakeCloud) listen(_ context.Context, _ store.AppID, address string) (string, error) {
	f.listening = append(f.listening, address)
	return "bound:" + address, f.err
}

func (f *fakeCloud) unlisten(_ context.Context, _ store.AppID, address string) error {
	f.listening = append(f.listening, "-"+address)
	return nil
}

func (f *fakeCloud) Usage(context.Context) (Usage, error) {
	return Usage{Blobs: 3, Bytes: 300, Limit: 1000, Uploads: 1, UploadBytes: 20}, f.err
}

func (f *fakeCloud) GC(context.Context) (Freed, error) { return Freed{Blobs: 2, Bytes: 200}, f.err }

const helloID = "11111111-2222-4333-8444-555555555555"

var digest = string(artifact.SHA256([]byte("manifest")))

// A fixture is an API over HTTP with the app hello, which runs its revision 2.
type fixture struct {
	*Server
	cloud *fakeCloud
	logs  *applog.Logs
	log   bytes.Buffer
	http  *httptest.Server
	spec  *spec
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	cloud := &fakeCloud{
		apps: []store.App{{ID: helloID, Name: "hello", Account: "local", CreatedAt: start, Current: 2, Previous: 1, Latest: 2}},
		revisions: []store.Revision{
			{App: helloID, Number: 2, Repository: "local/hello", Digest: digest, Size: 10, CreatedAt: start,
				Variables: map[string]string{"color": "red", "password": "hunter2", "stray": "hunter3"}},
			{App: helloID, Number: 1, Repository: "local/hello", Digest: digest, CreatedAt: start},
		},
		deployments: []store.Deployment{
			{ID: "d1", App: helloID, Revision: 1, Phase: store.Live, Policy: store.Mixed, StartedAt: start, EndedAt: start},
			{ID: "d2", App: helloID, Revision: 2, From: 1, Phase: store.Live, Policy: store.Mixed, StartedAt: start, EndedAt: start,
				Events: []store.PhaseEvent{{Phase: store.Creating, At: start}}},
		},
		failover: store.Switch{Policy: store.Mixed, Window: 2 * time.Second},
	}
	logs, err := applog.Open(t.TempDir(), applog.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := logs.Close(); err != nil {
			t.Error(err)
		}
	})
	kv, err := keyvalue.Open(keyvalue.Config{Dir: t.TempDir(), Limits: keyvalue.Limits{Value: 1000, Total: 1 << 20, Reads: 10, Writes: 2}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := kv.Close(); err != nil {
			t.Error(err)
		}
	})
	f := &fixture{cloud: cloud, logs: logs, spec: readSpec(t)}
	f.Server = &Server{
		Store: cloud, Rollout: cloud, Failover: cloud, Ledger: ledger.New(100), Logs: logs, KeyValue: kv,
		Log:   slog.New(slog.NewTextHandler(&f.log, &slog.HandlerOptions{Level: slog.LevelInfo})),
		About: func() apitype.Server { return apitype.Server{Schema: 1, Version: "1.2.3", Token: "sesame"} },
		URLs:  func(a store.App) []string { return []string{"http://" + string(a.Name) + ".localhost:7733/"} },
		Serving: func(store.AppID) store.Serving {
			return store.Serving{Health: "healthy", Revisions: []store.ServingRevision{{Revision: 2, Role: "current", Share: 100, InFlight: 3}}}
		},
		Content:   fakeContent,
		Toolchain: func(context.Context, artifact.Digest) ([]string, error) { return []string{"Rust 1.90.0"}, nil },
		Registry:  cloud,
		Listen:    cloud.listen,
		Unlisten:  cloud.unlisten,
		Stop:      func() { cloud.stopped = true },
	}
	e := echo.New()
	e.HTTPErrorHandler = func(err error, c echo.Context) {
		if !c.Response().Committed {
			WriteError(f.Log, c.Response(), c.Request(), err)
		}
	}
	f.Register(e.Group("/api/v1"))
	f.spec.routes(t, e)
	f.http = httptest.NewServer(e)
	t.Cleanup(f.http.Close)
	t.Cleanup(f.Server.Close)
	return f
}

func fakeContent(context.Context, store.Revision) (artifact.Manifest, artifact.Lock, error) {
	secret, blue := "s3cret", "blue"
	return artifact.Manifest{}, artifact.Lock{
		Variables: map[string]artifact.Variable{"color": {Default: &blue}, "password": {Secret: true}, "key": {Secret: true, Default: &secret}},
		Triggers: []artifact.Trigger{
			{ID: "t1", Type: "http", Config: json.RawMessage(`{"component":"front","route":"/..."}`)},
			{ID: "t2", Type: "http", Config: json.RawMessage(`{"component":"front","route":"/about"}`)},
			{ID: "t3", Type: "http", Config: json.RawMessage(`{"component":"back","route":{"private":true}}`)},
		},
		Components: []artifact.Component{{ID: "front", Metadata: artifact.ComponentMetadata{Description: "the front"}}},
	}, nil
}

// do sends a request and checks that the reply is as the API is described.
func (f *fixture) do(t *testing.T, method, path, body string) (status int, reply string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, f.http.URL+"/api/v1"+path, bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	return f.send(t, req)
}

// send is do for a request that is made.
func (f *fixture) send(t *testing.T, req *http.Request) (status int, reply string) {
	t.Helper()
	resp, err := f.http.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	f.spec.check(t, req, resp, text)
	return resp.StatusCode, string(bytes.TrimSpace(text))
}

// get reads the reply to a GET into v.
func (f *fixture) get(t *testing.T, path string, v any) {
	t.Helper()
	status, text := f.do(t, "GET", path, "")
	if err := json.Unmarshal([]byte(text), v); err != nil || status != http.StatusOK {
		t.Fatalf("GET %s = %d %s (%v)", path, status, text, err)
	}
}

// put writes a record into the ledger.
func (f *fixture) put(r ledger.Record, status int) {
	r.App, r.AppID = "hello", helloID
	e := f.Ledger.Begin(r)
	e.End(ledger.OK)
	e.Finish(ledger.Reply{Status: status})
}
