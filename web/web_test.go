package web

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/router/ledger"
	"github.com/neutrino-local/neutrino-local/store"
	"github.com/neutrino-local/neutrino-local/store/applog"
	"github.com/neutrino-local/neutrino-local/store/keyvalue"
	"github.com/neutrino-local/neutrino-local/web/api"
	"github.com/neutrino-local/neutrino-local/web/apitype"
	"github.com/neutrino-local/neutrino-local/web/ui"
)

const (
	helloID = "11111111-2222-4333-8444-555555555555"
	token   = "sesame-open"
)

// A cloud is what the API asks of, in memory: the app hello with two revisions,
// the newer of which is being deployed and held. It notes what it is asked to do.
type cloud struct {
	compiling string // what the deployment says, which is not as far as switching then
	apps      []store.App
	asked     []string
	err       error
	idle      bool
	digest    string
}

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func (c *cloud) CreateApp(_ context.Context, app store.App) error {
	c.asked = append(c.asked, "create "+string(app.Name))
	c.apps = append(c.apps, app)
	return c.err
}

func (c *cloud) find(is func(store.App) bool) (store.App, error) {
	if i := slices.IndexFunc(c.apps, is); i >= 0 {
		return c.apps[i], nil
	}
	return store.App{}, store.ErrNotFound
}

func (c *cloud) App(_ context.Context, id store.AppID) (store.App, error) {
	return c.find(func(a store.App) bool { return a.ID == id })
}

func (c *cloud) AppNamed(_ context.Context, _ string, name store.AppName) (store.App, error) {
	return c.find(func(a store.App) bool { return a.Name == name })
}

func (c *cloud) Apps(context.Context) ([]store.App, error) { return slices.Clone(c.apps), nil }

func (c *cloud) SetListeners(context.Context, store.AppID, []string) error { return c.err }

func (c *cloud) Revisions(context.Context, store.AppID) ([]store.Revision, error) {
	return []store.Revision{c.revision(2), c.revision(1)}, nil
}

func (c *cloud) Revision(_ context.Context, _ store.AppID, n store.RevisionNumber) (store.Revision, error) {
	return c.revision(n), nil
}

func (c *cloud) revision(n store.RevisionNumber) store.Revision {
	return store.Revision{App: helloID, Number: n, Repository: "local/hello", Digest: c.digest, Size: 2048, CreatedAt: start,
		Variables: map[string]string{"color": "red", "password": "hunter2"}}
}

func (c *cloud) deployment() store.Deployment {
	if c.compiling != "" {
		return store.Deployment{
			ID: "d2", App: helloID, Revision: 2, From: 1, Policy: store.Mixed, Phase: store.Compiling, StartedAt: start,
			Events: []store.PhaseEvent{{Phase: store.Compiling, At: start}, {Phase: store.Compiling, At: start.Add(time.Second), Detail: c.compiling}},
		}
	}
	return store.Deployment{
		ID: "d2", App: helloID, Revision: 2, From: 1, Policy: store.Mixed, Phase: store.Switching, StartedAt: start,
		Events: []store.PhaseEvent{{Phase: store.Creating, At: start}, {Phase: store.Switching, At: start.Add(2 * time.Second)}},
	}
}

func (c *cloud) Deployment(context.Context, store.DeploymentID) (store.Deployment, error) {
	return c.deployment(), nil
}

func (c *cloud) Deployments(context.Context, store.AppID, int) ([]store.Deployment, error) {
	if len(c.apps) == 0 {
		return nil, nil
	}
	return []store.Deployment{c.deployment()}, nil
}

func (c *cloud) Admit(store.App) error { return nil }

func (c *cloud) Deploy(_ context.Context, r store.Request) (store.Deployment, error) {
	c.asked = append(c.asked, "deploy "+r.Revision.String())
	return c.deployment(), c.err
}

func (c *cloud) Progress(store.DeploymentID) (store.Progress, bool) {
	return store.Progress{Deployment: c.deployment(), Held: true, Share: 50}, true
}

func (c *cloud) Watch(context.Context, store.DeploymentID) (<-chan store.Progress, error) {
	return make(chan store.Progress), nil
}

func (c *cloud) Delete(_ context.Context, app store.AppID) error {
	c.asked = append(c.asked, "delete "+string(app))
	c.apps = nil
	return c.err
}

func (c *cloud) Failover(store.AppID) store.Switch {
	if c.idle {
		return store.Switch{Policy: store.Drain}
	}
	return store.Switch{Policy: store.Mixed, Window: 2 * time.Second, Deployment: "d2", Phase: store.Switching, From: 1, To: 2, Share: 50, Held: true}
}

func (c *cloud) Hold(_ context.Context, _ store.AppID, at string) error {
	c.asked = append(c.asked, "hold "+at)
	return c.err
}

func (c *cloud) Step(context.Context, store.AppID) error {
	c.asked = append(c.asked, "step")
	return c.err
}

func (c *cloud) Release(context.Context, store.AppID) error {
	c.asked = append(c.asked, "release")
	return c.err
}

// images is a registry with one repository.
type images struct{ manifest artifact.Manifest }

func (r images) Repositories(context.Context, string, int) ([]string, error) {
	return []string{"local/hello"}, nil
}

func (r images) Tags(_ context.Context, repository, _ string, _ int) ([]string, error) {
	if repository != "local/hello" {
		return nil, store.ErrNotFound
	}
	return []string{"1", "latest"}, nil
}

func (r images) Manifest(_ context.Context, repository, ref string) (store.Manifest, []byte, error) {
	if ref == "index" { // which revision 2 has, for once
		raw := fmt.Sprintf(`{"schemaVersion":2,"manifests":[{"mediaType":"application/x.child","digest":%q,"size":7}]}`, artifact.SHA256(nil))
		return store.Manifest{Repository: repository, Digest: string(artifact.SHA256([]byte("m"))), PushedAt: start}, []byte(raw), nil
	}
	raw, err := r.manifest.JSON()
	return store.Manifest{
		Repository: repository, Digest: string(artifact.SHA256(raw)), MediaType: artifact.ManifestType, Size: int64(len(raw)), PushedAt: start,
	}, raw, err
}

func (r images) Referrers(_ context.Context, repository string, subject artifact.Digest, _ int) ([]store.Manifest, error) {
	return []store.Manifest{{Repository: repository, Digest: string(artifact.SHA256([]byte("signature"))), ArtifactType: "application/x.signature", Subject: string(subject)}}, nil
}

func (r images) Usage(context.Context) (api.Usage, error) {
	return api.Usage{Blobs: 1234, Bytes: 5 << 20, Limit: 8 << 30, Uploads: 2, UploadBytes: 1 << 20}, nil
}

func (r images) GC(context.Context) (api.Freed, error) { return api.Freed{}, nil }

// A site is the whole control plane over HTTP.
type site struct {
	*httptest.Server
	cloud  *cloud
	api    *api.Server
	ledger *ledger.Ledger
	logs   *applog.Logs
	ready  bool
}

func newSite(t *testing.T, token string) *site {
	t.Helper()
	logs, err := applog.Open(t.TempDir(), applog.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { logs.Close() })
	c := &cloud{
		apps:   []store.App{{ID: helloID, Name: "hello", Account: "local", CreatedAt: start, Current: 2, Previous: 1, Latest: 2}},
		digest: string(artifact.SHA256([]byte("m"))),
	}
	kv, err := keyvalue.Open(keyvalue.Config{Dir: t.TempDir(), Limits: keyvalue.Limits{Value: 1 << 20, Reads: 100}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kv.Close() })
	s := &site{cloud: c, ledger: ledger.New(1000), logs: logs, ready: true}
	log := slog.New(slog.DiscardHandler)
	s.api = &api.Server{
		Store: c, Rollout: c, Failover: c, Ledger: s.ledger, Logs: logs, KeyValue: kv, Log: log,
		About: func() apitype.Server {
			return apitype.Server{Schema: 1, Version: "1.2.3", PID: 7, StartedAt: start, Profile: "akamai-functions", Token: token,
				State: apitype.State{Mode: "dir", Path: "/state"}, URLs: apitype.URLs{Base: "http://127.0.0.1:7733", Registry: "127.0.0.1:7733"}}
		},
		URLs: func(a store.App) []string { return []string{"http://" + string(a.Name) + ".localhost:7733/"} },
		Serving: func(store.AppID) store.Serving {
			return store.Serving{Health: "healthy", Revisions: []store.ServingRevision{{Revision: 2, Role: "current", Share: 100, InFlight: 3}}}
		},
		Content: func(context.Context, store.Revision) (artifact.Manifest, artifact.Lock, error) {
			return artifact.Manifest{}, artifact.Lock{
				Variables:  map[string]artifact.Variable{"color": {}, "password": {Secret: true}},
				Triggers:   []artifact.Trigger{{ID: "t", Type: "http", Config: json.RawMessage(`{"component":"front","route":"/shop/..."}`)}},
				Components: []artifact.Component{{ID: "front"}},
			}, nil
		},
		Toolchain: func(context.Context, artifact.Digest) ([]string, error) { return []string{"Rust 1.90.0"}, nil },
		Guests:    guests,
		Listen:    func(_ context.Context, _ store.AppID, a string) (string, error) { return a, nil },
		Unlisten:  func(context.Context, store.AppID, string) error { return nil },
		Stop:      func() { c.asked = append(c.asked, "stop") },
	}
	registry := images{artifact.Manifest{SchemaVersion: 2,
		Config: artifact.Descriptor{MediaType: artifact.ConfigType, Digest: artifact.SHA256(nil)},
		Layers: []artifact.Descriptor{{MediaType: artifact.WasmType, Digest: artifact.SHA256([]byte("wasm")), Size: 3 << 20}}}}
	s.api.Registry = registry
	pages, err := ui.New(s.api, registry, log)
	if err != nil {
		t.Fatal(err)
	}
	s.Server = httptest.NewServer(New(Config{API: s.api, UI: pages, Token: token, Ready: func() bool { return s.ready }, Log: log}))
	t.Cleanup(s.Server.Close)
	t.Cleanup(s.api.Close)
	return s
}

// put writes a reply into the ledger.
func (s *site) put(r ledger.Record, status int) {
	r.App, r.AppID = "hello", helloID
	e := s.ledger.Begin(r)
	e.End(ledger.OK)
	e.Finish(ledger.Reply{Status: status})
}

// A call is one request; header has "Name: value" lines.
type call struct {
	method, path string
	header       []string
	form         url.Values
	body         string // JSON
}

func (s *site) do(t *testing.T, c call) (*http.Response, string) {
	t.Helper()
	body := c.body
	if c.form != nil {
		body = c.form.Encode()
	}
	req, err := http.NewRequestWithContext(t.Context(), c.method, s.URL+c.path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if c.form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	} else if c.body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, line := range c.header {
		name, value, _ := strings.Cut(line, ": ")
		value = strings.ReplaceAll(value, "SELF", s.URL)
		if req.Header.Add(name, value); name == "Host" {
			req.Host = value
		}
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(text)
}
