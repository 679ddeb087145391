// Package api is the control API under /api/v1: what the command line, the page
// and other tools ask of a running server.
//
// Its methods with plain results are the answers, as the page shows them too;
// the handlers only read requests and write replies. A handler returns its
// error, and one table gives it a status and a code. Whatever a client sends is
// bounded before it is read, and whatever it asks for is bounded before it is
// made. The value of a secret variable never leaves this package.
package api

import (
	"context"
	"log/slog"
	"sync"

	"github.com/labstack/echo/v4"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/router/ledger"
	"github.com/neutrino-local/neutrino-local/store"
	"github.com/neutrino-local/neutrino-local/store/keyvalue"
	"github.com/neutrino-local/neutrino-local/web/apitype"
)

// A Store keeps apps and what happened to them.
type Store interface {
	CreateApp(ctx context.Context, app store.App) error
	App(ctx context.Context, id store.AppID) (store.App, error)
	AppNamed(ctx context.Context, account string, name store.AppName) (store.App, error)
	Apps(ctx context.Context) ([]store.App, error)
	SetListeners(ctx context.Context, id store.AppID, addresses []string) error
	History
}

// History is what a Store knows of revisions and deployments, newest first.
type History interface {
	Revisions(ctx context.Context, app store.AppID) ([]store.Revision, error)
	Revision(ctx context.Context, app store.AppID, n store.RevisionNumber) (store.Revision, error)
	Deployment(ctx context.Context, id store.DeploymentID) (store.Deployment, error)
	Deployments(ctx context.Context, app store.AppID, limit int) ([]store.Deployment, error) // all if limit is 0
}

// A Rollout makes revisions current, and apps go away.
type Rollout interface {
	// Admit gives a new app its addresses.
	Admit(app store.App) error
	// Deploy returns as soon as the deployment is on record.
	Deploy(ctx context.Context, r store.Request) (store.Deployment, error)
	// Progress returns a deployment that is under way as it is now, and false
	// for any other.
	Progress(id store.DeploymentID) (store.Progress, bool)
	// Watch sends the deployment as it is now and each time it changes. It may
	// skip states that a newer one replaced. It closes the channel after the
	// last state, or when ctx ends.
	Watch(ctx context.Context, id store.DeploymentID) (<-chan store.Progress, error)
	// Delete removes an app with its revisions, its listeners and its log.
	Delete(ctx context.Context, app store.AppID) error
}

// A Failover is who holds, steps and releases the switch of an app.
type Failover interface {
	Failover(app store.AppID) store.Switch
	Hold(ctx context.Context, app store.AppID, at string) error
	Step(ctx context.Context, app store.AppID) error
	Release(ctx context.Context, app store.AppID) error
}

// A Registry says what it takes, and frees what nothing needs.
type Registry interface {
	Usage(ctx context.Context) (Usage, error)
	GC(ctx context.Context) (Freed, error)
}

// A Server answers for the API. Its fields are set before it is used.
type Server struct {
	Store    Store
	Rollout  Rollout
	Failover Failover
	Ledger   *ledger.Ledger
	Registry Registry
	Logs     Logs
	KeyValue *keyvalue.Stores
	Log      *slog.Logger

	// About returns the running server without its token.
	About func() apitype.Server
	// URLs returns the addresses of an app; the first is the one to show.
	URLs func(store.App) []string
	// Serving returns how an app is served.
	Serving func(store.AppID) store.Serving
	// Content returns what a revision runs from.
	Content func(context.Context, store.Revision) (artifact.Manifest, artifact.Lock, error)
	// Toolchain returns the tools that made a wasm layer, as it tells itself.
	Toolchain func(context.Context, artifact.Digest) ([]string, error)
	// Guests returns the instances of the guests of an app.
	Guests func(store.AppID) apitype.Instances
	// Listen opens an address for an app and returns the bound one; Unlisten
	// closes it again.
	Listen   func(ctx context.Context, app store.AppID, address string) (string, error)
	Unlisten func(ctx context.Context, app store.AppID, address string) error
	// Stop makes the server drain and exit. It does not wait for that.
	Stop func()

	listening sync.Mutex // held while the listeners of any app change
	changes   broadcast  // of what this API was asked to change
	contents  contents
	tallies   tallies
	streams   streams
}

// Close ends all event streams: they would keep the server from draining.
func (s *Server) Close() { s.streams.close() }

// Register adds the routes of the API to a group that has /api/v1 as its prefix.
func (s *Server) Register(g *echo.Group) {
	g.GET("/openapi.json", openAPI)
	g.GET("/server", s.getServer)
	g.POST("/server/stop", s.postStop)
	g.GET("/events", s.getEvents)

	g.GET("/apps", s.getApps)
	g.POST("/apps", s.postApp)
	g.GET("/apps/:app", s.getApp)
	g.DELETE("/apps/:app", s.deleteApp)
	g.GET("/apps/:app/revisions", s.getRevisions)
	g.GET("/apps/:app/instances", s.getInstances)
	g.POST("/apps/:app/listeners", s.postListener)
	g.DELETE("/apps/:app/listeners/:address", s.deleteListener)

	g.GET("/apps/:app/deployments", s.getDeployments)
	g.POST("/apps/:app/deployments", s.postDeployment)
	g.GET("/deployments/:deployment", s.getDeployment)
	g.GET("/deployments/:deployment/events", s.getDeploymentEvents)

	g.GET("/apps/:app/variables", s.getVariables)
	g.POST("/apps/:app/variables", s.postVariables)

	g.GET("/apps/:app/failover", s.getFailover)
	g.PUT("/apps/:app/failover/hold", s.putHold)
	g.POST("/apps/:app/failover/step", s.postStep)
	g.POST("/apps/:app/failover/release", s.postRelease)

	g.GET("/apps/:app/logs", s.getLogs)
	g.GET("/apps/:app/logs/events", s.getLogEvents)

	g.GET("/apps/:app/kv", s.getKeyValue)
	g.GET("/apps/:app/kv/:store/keys", s.getKeys)
	g.GET("/apps/:app/kv/:store/value", s.getValue)
	g.PUT("/apps/:app/kv/:store/value", s.putValue)
	g.DELETE("/apps/:app/kv/:store/value", s.deleteValue)
	g.GET("/apps/:app/kv/:store/pairs", s.getPairs)
	g.POST("/apps/:app/kv/:store/pairs", s.postPairs)

	g.GET("/registry/usage", s.getUsage)
	g.POST("/registry/gc", s.postGC)

	g.GET("/ledger", s.getLedger)
	g.GET("/ledger/:seq", s.getDetail)
	g.GET("/ledger/counts", s.getCounts)
	g.POST("/apps/:app/ledger/assert", s.postAssert)
}
