package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/neutrino-local/neutrino-local/registry"
	"github.com/neutrino-local/neutrino-local/registry/blob"
	"github.com/neutrino-local/neutrino-local/router"
	"github.com/neutrino-local/neutrino-local/router/ledger"
	"github.com/neutrino-local/neutrino-local/router/rollout"
	"github.com/neutrino-local/neutrino-local/runtime"
	spinsqlite "github.com/neutrino-local/neutrino-local/runtime/spin/sqlite"
	"github.com/neutrino-local/neutrino-local/store/applog"
	"github.com/neutrino-local/neutrino-local/store/keyvalue"
	"github.com/neutrino-local/neutrino-local/store/sqlite"
	"github.com/neutrino-local/neutrino-local/web"
	"github.com/neutrino-local/neutrino-local/web/api"
	"github.com/neutrino-local/neutrino-local/web/apitype"
	"github.com/neutrino-local/neutrino-local/web/ui"
)

// closeTimeout bounds what ends after the last request has.
const closeTimeout = 10 * time.Second

// serve is the cloud: it opens the parts, puts them together, serves until ctx
// ends or a client says stop, and closes them in reverse. It is the one function
// that knows them all.
func serve(ctx context.Context, cfg config, log *slog.Logger, std stdio) (err error) {
	started := time.Now()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	closing := func(what string, close func() error) {
		if e := close(); e != nil {
			err = errors.Join(err, fmt.Errorf("close %s: %w", what, e))
		}
	}

	state, err := cfg.openState()
	if err != nil {
		return err
	}
	defer closing("state", state.close)
	if state.stale != 0 {
		log.Warn("the last server on this state directory ended without stopping", "pid", state.stale)
	}
	ln, err := listen(ctx, cfg.listen)
	if err != nil {
		return err
	}
	defer ln.Close() // a second time, if the server has run
	place := newPlace(cfg, state, ln.Addr(), started)

	db, err := sqlite.Open(ctx, state.file("neutrino.db"))
	if err != nil {
		return err
	}
	defer closing("database", db.Close)
	blobs, err := blob.OpenDisk(state.file("blobs"), log)
	if err != nil {
		return err
	}
	defer closing("blobs", blobs.Close)
	logs, err := applog.Open(state.file("logs"), applog.Limits{})
	if err != nil {
		return err
	}
	defer closing("logs", logs.Close)
	kv, err := keyvalue.Open(keyvalue.Config{Dir: state.file("kv"), Limits: cfg.profile.keyValue})
	if err != nil {
		return err
	}
	defer closing("key-value stores", kv.Close)
	databases := spinsqlite.NewStore(state.file("sqlite"))
	host, err := runtime.New(ctx, cfg.runtime(kv, databases, log))
	if err != nil {
		return err
	}
	defer closing("host", func() error { return host.Close(context.Background()) })
	reg, err := registry.New(registry.Config{
		Blobs: blobs, Index: db, Log: log,
		Limits: cfg.registryLimits(),
		Grace:  cfg.registry.grace, UploadTTL: cfg.registry.uploadTTL,
		Auth: place.registryAuth(cfg.registry.auth),
	})
	if err != nil {
		return err
	}
	defer closing("registry", func() error { return reg.Close(context.Background()) })

	replies := ledger.New(cfg.ledgerSize)
	apps := router.New(replies)
	engine := rollout.New(cfg.rollout(db, apps, reg, log, compiler{host: host, registry: reg, logs: logs}.compile))
	newServer := func(h http.Handler) *http.Server { return cfg.httpServer(h, log) }
	exposed := &listeners{Scheme: cfg.scheme(), Apps: apps, Server: newServer, Log: log}
	control := &api.Server{
		Store: db, Rollout: deployments{engine, db, exposed, logs, reg, kv, databases}, Failover: engine,
		Ledger: replies, Logs: logs, KeyValue: kv, Log: log,
		About: place.about, URLs: place.appURLs, Serving: engine.Serving, Content: content(reg), Toolchain: toolchain(reg), Guests: guests(host),
		Registry: usage{reg}, Listen: exposed.listen, Unlisten: exposed.remove, Stop: stop,
	}
	pages, err := ui.New(control, reg, log)
	if err != nil {
		return err
	}
	var ready atomic.Bool
	door := &frontDoor{
		Domains: cfg.allDomains(), Scheme: cfg.scheme(), Apps: apps,
		Registry: web.SameOrigin(reg, log),
		Control:  web.New(web.Config{API: control, UI: pages, Token: place.token, Ready: ready.Load, Guests: host, Log: log}),
	}
	server := newServer(door)
	if err := forgetStores(ctx, db, kv, databases); err != nil {
		return err
	}

	var g errgroup.Group
	g.Go(func() error { return cfg.serveOn(server, ln, stop) })
	defer func() { // requests end first, then what they use
		err = errors.Join(err, cfg.drain(server, exposed, engine, control), g.Wait())
	}()
	if err := restore(ctx, engine, db, exposed, log); err != nil {
		return err
	}
	ready.Store(true)
	unpublish, err := place.publish(cfg.readyFile)
	if err != nil {
		return err
	}
	defer closing("ready file", unpublish)
	place.banner(std.Out, cfg)
	if cfg.demo {
		g.Go(func() error { return cfg.runDemo(ctx, place, std, stop) })
	}
	<-ctx.Done()
	log.Info("stopping: requests under way are finished first")
	return nil
}

// listen opens the one listener.
func listen(ctx context.Context, address string) (net.Listener, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("--listen %s: %w", address, listenHint(err))
	}
	return ln, nil
}

// restore brings back the apps and their listeners. A listener that cannot be
// opened any more is logged and stays on record: its port may be free next time.
func restore(ctx context.Context, engine *rollout.Engine, db *sqlite.DB, exposed *listeners, log *slog.Logger) error {
	if err := engine.Restore(ctx); err != nil {
		return fmt.Errorf("restore apps: %w", err)
	}
	all, err := db.Apps(ctx)
	if err != nil {
		return err
	}
	for _, app := range all {
		for _, address := range app.Listeners {
			if _, err := exposed.listen(ctx, app.ID, address); err != nil {
				log.Error("listener of an app does not open", "app", app.Name, "addr", address, "err", err)
			}
		}
	}
	return nil
}

// runDemo runs the demo beside the server. If it fails, so does the server.
func (cfg config) runDemo(ctx context.Context, p *place, std stdio, stop func()) error {
	err := demo(ctx, p.about(), p.token, std)
	switch {
	case ctx.Err() != nil:
		return nil
	case err != nil:
		stop()
		return fmt.Errorf("demo: %w", err)
	}
	return nil
}

// drain ends the servers: event streams at once, requests when they are done or
// the drain timeout is over, then the deployments and the running revisions.
func (cfg config) drain(server *http.Server, exposed *listeners, engine *rollout.Engine, control *api.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), cfg.profile.drain)
	defer cancel()
	control.Close()
	exposed.close(ctx)
	shutdown(ctx, server)
	ctx, cancel = context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	return engine.Close(ctx)
}

// about returns what the API says of the running server.
func (p *place) about() apitype.Server { return p.server }
