package main

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/neutrino-local/neutrino-local/registry"
	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/router"
	"github.com/neutrino-local/neutrino-local/router/rollout"
	"github.com/neutrino-local/neutrino-local/runtime"
	spinsqlite "github.com/neutrino-local/neutrino-local/runtime/spin/sqlite"
	"github.com/neutrino-local/neutrino-local/store"
	"github.com/neutrino-local/neutrino-local/store/applog"
	"github.com/neutrino-local/neutrino-local/store/keyvalue"
	"github.com/neutrino-local/neutrino-local/store/sqlite"
	"github.com/neutrino-local/neutrino-local/web/api"
)

// This file makes the parts fit each other: each asks for what it needs in its
// own words, and here one's words become another's.

func (cfg config) openState() (*stateDir, error) {
	if cfg.ephemeral {
		return openEphemeral()
	}
	return openState(cfg.stateDir)
}

func (cfg config) runtime(kv *keyvalue.Stores, databases *spinsqlite.Store, log *slog.Logger) runtime.Config {
	return runtime.Config{
		CacheDir: cacheDir(), Instances: runtime.Reuse(cfg.instances), Limits: cfg.runtimeLimits(), Features: cfg.profile.features(), KeyValue: kv, SQLite: databases, Log: log,
		Environment: cfg.profile.environment(), Offline: cfg.outbound.offline, Roots: cfg.outbound.roots,
	}
}

func (cfg config) runtimeLimits() runtime.Limits {
	instances := cfg.maxInstances
	if instances == 0 {
		instances = defaultInstances
	}
	p := cfg.profile
	return runtime.Limits{
		Memory: uint64(p.memory), Handler: p.handler, Request: p.request, Response: p.response, Instances: instances,
		GuestMemory: uint64(cfg.guestMemory), Queue: queueTimeout,
	}
}

// queueTimeout is how long a request waits for an instance, before it is told to
// come again.
const queueTimeout = 10 * time.Second

// defaultInstances is how many instances an app may have at once. With the
// memory that the profile allows to each, that is what a laptop can bear.
const defaultInstances = 64

func (cfg config) rollout(db *sqlite.DB, apps *router.Router, reg *registry.Server, log *slog.Logger,
	compile func(context.Context, rollout.Spec) (rollout.Running, error)) rollout.Config {
	return rollout.Config{
		Store: db, Router: apps, Log: log,
		Compile: compile,
		Pull: func(ctx context.Context, repository string, d artifact.Digest) (rollout.Artifact, error) {
			app, err := reg.App(ctx, repository, d)
			return rollout.Artifact{Lock: app.Lock, Blobs: app.Blobs, Size: app.Size}, err
		},
		Refuse: func(ctx context.Context, _ store.App, r store.Request) error {
			app, err := reg.App(ctx, r.Repository, artifact.Digest(r.Digest))
			if err != nil {
				return err
			}
			return cfg.profile.checkValues(app.Lock, r.Variables)
		},
		Forget: func(ctx context.Context, gone []store.Revision) error { return forget(ctx, db, reg, gone) },
		Host:   func(name store.AppName) string { return string(name) + "." + cfg.allDomains()[0] },
		Policy: cfg.policy, Window: cfg.window, Seed: cfg.seed,
		Readiness: cfg.readiness, HealthInterval: cfg.healthInterval,
		DrainTimeout: cfg.profile.drain, KeepRevisions: cfg.keepRevisions,
	}
}

// forget deletes the manifests of revisions that were pruned from the registry,
// but for those that another revision of the app has too.
func forget(ctx context.Context, db *sqlite.DB, reg *registry.Server, gone []store.Revision) error {
	left, err := db.Revisions(ctx, gone[0].App)
	if err != nil {
		return err
	}
	kept := map[string]bool{}
	for _, r := range left {
		kept[r.Digest] = true
	}
	for _, r := range gone {
		if kept[r.Digest] {
			continue
		}
		err := reg.DeleteManifest(ctx, r.Repository, artifact.Digest(r.Digest))
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	return nil
}

// A compiler makes running revisions of artifacts.
type compiler struct {
	host     *runtime.Host
	registry *registry.Server
	logs     *applog.Logs
}

func (c compiler) compile(ctx context.Context, s rollout.Spec) (rollout.Running, error) {
	var progress func(runtime.Progress)
	if s.Progress != nil {
		progress = func(p runtime.Progress) { s.Progress(p.String(), p.Ended) }
	}
	app, err := c.host.Compile(ctx, runtime.Spec{
		App: string(s.Name), AppID: string(s.App), Revision: int(s.Revision),
		Digest: s.Digest, Lock: s.Lock, Blobs: blobs{c.registry}, Variables: s.Variables,
		Output: func(component, request, stream, line string) {
			c.logs.Append(applog.Line{
				Time: time.Now(), App: s.App, Revision: s.Revision,
				Component: component, Request: request, Stream: stream, Message: line,
			})
		},
		Progress: progress,
	})
	if err != nil {
		return nil, err // not a nil *runtime.App in an interface
	}
	return app, nil
}

// blobs gives the runtime the content that a revision keeps.
type blobs struct{ registry *registry.Server }

func (b blobs) Open(ctx context.Context, d artifact.Digest) (runtime.Blob, error) {
	return b.registry.OpenBlob(ctx, "", d)
}

// content tells the API what a revision runs from.
func content(reg *registry.Server) func(context.Context, store.Revision) (artifact.Manifest, artifact.Lock, error) {
	return func(ctx context.Context, r store.Revision) (artifact.Manifest, artifact.Lock, error) {
		repository := r.Repository
		if len(r.Blobs) > 0 {
			repository = ""
		}
		app, err := reg.App(ctx, repository, artifact.Digest(r.Digest))
		return app.Manifest, app.Lock, err
	}
}

// usage is the registry as the API asks for it.
type usage struct{ registry *registry.Server }

func (u usage) Usage(context.Context) (api.Usage, error) {
	used, err := u.registry.Usage()
	return api.Usage(used), err
}

func (u usage) GC(ctx context.Context) (api.Freed, error) {
	freed, err := u.registry.GC(ctx)
	return api.Freed(freed), err
}

// deployments is the engine as the API asks for it. An app that goes takes its
// listeners, its log, its stores and databases, and its repository with it.
type deployments struct {
	*rollout.Engine
	db       *sqlite.DB
	exposed  *listeners
	logs     *applog.Logs
	registry *registry.Server
	kv       *keyvalue.Stores
	sqlite   *spinsqlite.Store
}

func (d deployments) Delete(ctx context.Context, id store.AppID) error {
	app, err := d.db.App(ctx, id)
	if err != nil {
		return err
	}
	if err := d.Engine.Delete(ctx, id); err != nil {
		return err
	}
	err = d.registry.DeleteRepository(ctx, app.Account+"/"+string(app.Name))
	if errors.Is(err, store.ErrNotFound) {
		err = nil
	}
	return errors.Join(err, d.exposed.removeApp(ctx, id), d.logs.Delete(id), d.kv.Delete(id), d.sqlite.Delete(string(id)))
}

// forgetStores deletes the stores and databases of apps that are not there: a
// crash came between the two.
func forgetStores(ctx context.Context, db *sqlite.DB, kv *keyvalue.Stores, databases *spinsqlite.Store) error {
	all, err := db.Apps(ctx)
	if err != nil {
		return err
	}
	var ids []store.AppID
	var names []string
	for _, app := range all {
		ids, names = append(ids, app.ID), append(names, string(app.ID))
	}
	return errors.Join(kv.Retain(ids), databases.Retain(names))
}

// Bounds of what a client may do to a connection before a handler has it.
const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	maxHeader     = 256 << 10
)

// httpServer returns a server for HTTP/1.1 and HTTP/2, also without TLS.
func (cfg config) httpServer(h http.Handler, log *slog.Logger) *http.Server {
	s := &http.Server{
		Handler: h, Protocols: new(http.Protocols),
		ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	s.Protocols.SetHTTP1(true)
	s.Protocols.SetHTTP2(true)
	s.Protocols.SetUnencryptedHTTP2(true)
	return s
}

// serveOn serves until the server is shut down. If it ends for another reason,
// everything does.
func (cfg config) serveOn(s *http.Server, ln net.Listener, stop func()) error {
	defer stop()
	serve := func() error { return s.Serve(ln) }
	if cfg.tlsCert != "" {
		s.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
		serve = func() error { return s.ServeTLS(ln, cfg.tlsCert, cfg.tlsKey) }
	}
	if err := serve(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// listenHint adds what to do about an address that cannot be had.
func listenHint(err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return store.Hint(err, "another program has the port: give --listen 127.0.0.1:0, or stop a server with 'neutrino-local stop'")
	}
	return err
}
