// Package rollout makes a revision the current one of its app while the one
// before it serves.
//
// A deployment is one goroutine that goes through the phases of store.Phase. Up
// to the commit it changes nothing that serves; the commit is one transaction of
// the store, durable before the first request goes to the new revision; after it
// the deployment can only end live. At most two revisions of an app share its
// traffic, older ones only drain. Apps never wait for each other.
//
// The engine owns every goroutine and every running revision: Close waits for
// them. It knows no wasm and no registry: both are functions that it is given.
package rollout

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/router"
	"github.com/neutrino-local/neutrino-local/store"
)

// ErrHeld is the kind of error of what has to wait until a held failover is
// released. It is a conflict too.
var ErrHeld = fmt.Errorf("%w: held", store.ErrConflict)

var (
	errStopping = fmt.Errorf("%w: the server is stopping", store.ErrConflict)
	errClosing  = errors.New(store.Interrupted)
	errDeleted  = errors.New("the app was deleted")
	errReplaced = errors.New("another revision has replaced it")
	errNotReady = errors.New("not ready in time")
)

// A Store keeps what has to survive the process.
type Store interface {
	Apps(ctx context.Context) ([]store.App, error)
	App(ctx context.Context, id store.AppID) (store.App, error)
	DeleteApp(ctx context.Context, id store.AppID) error
	TouchApps(ctx context.Context, used map[store.AppID]time.Time) error
	Revisions
	Deployments
}

// Revisions is what the engine needs of revisions in a Store.
type Revisions interface {
	Revision(ctx context.Context, app store.AppID, n store.RevisionNumber) (store.Revision, error)
	SetRevisionBlobs(ctx context.Context, app store.AppID, n store.RevisionNumber, blobs []string, size int64) error
	PruneRevisions(ctx context.Context, app store.AppID, keep int) ([]store.Revision, error)
}

// Deployments is what the engine needs of deployments in a Store. CreateDeployment
// numbers rev, or takes the revision that dep names if rev is nil.
// CommitDeployment is the switch; it notes the phase Switching itself, as
// EndDeployment notes the last one.
type Deployments interface {
	CreateDeployment(ctx context.Context, dep store.Deployment, rev *store.Revision) (store.Deployment, error)
	Deployment(ctx context.Context, id store.DeploymentID) (store.Deployment, error)
	AddPhase(ctx context.Context, id store.DeploymentID, e store.PhaseEvent) error
	CommitDeployment(ctx context.Context, id store.DeploymentID, at time.Time) error
	AddCut(ctx context.Context, id store.DeploymentID, n int) error
	EndDeployment(ctx context.Context, id store.DeploymentID, phase, failedIn store.Phase, reason string, at time.Time) error
	Recover(ctx context.Context, at time.Time) ([]store.Deployment, error)
}

// An Artifact is what a revision is made of.
type Artifact struct {
	Lock  artifact.Lock
	Blobs []string // digests of the manifest, the config and all content
	Size  int64    // bytes, sum of the distinct layers
}

// A Spec is what a revision runs from.
type Spec struct {
	App       store.AppID
	Name      store.AppName
	Revision  store.RevisionNumber
	Digest    artifact.Digest // of the manifest
	Lock      artifact.Lock
	Variables map[string]string
	// Progress is told how far compiling has come, until it is done with a
	// component; then comes the next one. Nil: nobody is.
	Progress func(detail string, done bool)
}

// Running is a compiled revision. Start makes it ready to serve; Close ends it,
// when nothing is in flight any more.
type Running interface {
	http.Handler
	Start(ctx context.Context) error
	Close(ctx context.Context) error
}

// A Config is what an Engine is made of and the defaults of its deployments.
type Config struct {
	Store  Store
	Router *router.Router
	Log    *slog.Logger

	// Pull makes an artifact local and returns it; without a repository it is one
	// that a revision keeps, whatever was deleted from its repository since.
	Pull func(ctx context.Context, repository string, digest artifact.Digest) (Artifact, error)
	// Compile makes a revision that can be started.
	Compile func(ctx context.Context, s Spec) (Running, error)
	// Refuse returns why a request can never succeed, before anything is on
	// record. It may be nil.
	Refuse func(ctx context.Context, app store.App, r store.Request) error
	// Forget lets go of the artifacts of revisions that are gone. It may be nil.
	Forget func(ctx context.Context, gone []store.Revision) error
	// Host returns the Host of requests to an app; it may be nil.
	Host func(name store.AppName) string

	Policy         store.Policy
	Window         time.Duration // of the policy mixed
	Seed           uint64
	Readiness      time.Duration
	HealthInterval time.Duration
	DrainTimeout   time.Duration
	KeepRevisions  int // 0 keeps all
}

// An Engine runs deployments. Make one with New, then Restore.
type Engine struct {
	Config

	ctx  context.Context // ends with Close: the life of the goroutines that the engine owns
	stop context.CancelCauseFunc
	work sync.WaitGroup

	mu          sync.Mutex // never held across a call that waits
	closed      bool       // guarded by mu
	apps        map[store.AppID]*app
	deployments map[store.DeploymentID]*deployment // those under way
	owed        map[store.DeploymentID]*deployment // ended, and the store does not know yet; guarded by mu
	loads       []*load                            // guarded by mu; waiting, the next one first
}

// New returns an engine. Close it to end what it has begun.
func New(c Config) *Engine {
	e := &Engine{
		Config:      c,
		apps:        make(map[store.AppID]*app),
		deployments: make(map[store.DeploymentID]*deployment),
		owed:        make(map[store.DeploymentID]*deployment),
	}
	e.ctx, e.stop = context.WithCancelCause(context.Background())
	e.work.Go(e.touch)
	return e
}

// start runs f in a goroutine that Close waits for, or returns errStopping.
func (e *Engine) start(f func()) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return errStopping
	}
	e.work.Go(f)
	return nil
}

// Close ends all deployments, before their commit as failed and after it as live,
// and waits for them; then it lets requests in flight finish until ctx ends, and
// closes every running revision.
func (e *Engine) Close(ctx context.Context) error {
	e.mu.Lock()
	again := e.closed
	e.closed = true
	e.mu.Unlock()
	e.stop(errClosing)
	ended := make(chan struct{})
	go func() {
		e.work.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-ctx.Done():
		return fmt.Errorf("deployments are still ending: %w", context.Cause(ctx))
	}
	if again {
		return nil
	}
	return e.closeAll(ctx)
}

// closeAll drains and closes the current revisions of all apps.
func (e *Engine) closeAll(ctx context.Context) error {
	e.mu.Lock()
	var left []*running
	for _, a := range e.apps {
		if a.current != nil {
			left = append(left, a.current)
		}
	}
	e.mu.Unlock()
	errs := make([]error, len(left))
	var closing sync.WaitGroup
	for i, r := range left {
		closing.Go(func() {
			r.backend.Drain(ctx)
			errs[i] = e.close(r)
		})
	}
	closing.Wait()
	return errors.Join(errs...)
}

// Keys of log records.
const (
	keyApp        = "app"
	keyRevision   = "rev"
	keyDeployment = "deploy"
	keyPhase      = "phase"
	keyError      = "err"
)
