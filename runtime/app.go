package runtime

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/runtime/pool"
	"github.com/neutrino-local/neutrino-local/runtime/route"
	"github.com/neutrino-local/neutrino-local/runtime/spin/variables"
	"github.com/neutrino-local/neutrino-local/store"
)

// A Spec is what a revision runs from.
type Spec struct {
	App       string // name, for logs
	AppID     string
	Revision  int
	Digest    artifact.Digest // of the OCI manifest: /.well-known/spin/info tells it
	Lock      artifact.Lock
	Blobs     Blobs
	Variables map[string]string // over the lock's defaults

	// Output takes a line of guest output: of stream stderr, or host for what the
	// runtime says about a guest. Lines have at most 64 KiB. It is called while a
	// guest waits. Nil drops them.
	Output func(component, request, stream, line string)
	// Progress is told about a compilation every second or so while Compile waits
	// for it, and at its end. Nil drops it.
	Progress func(Progress)
}

// Blobs has the content of an app by digest.
type Blobs interface {
	Open(ctx context.Context, d artifact.Digest) (Blob, error)
}

// A Blob is open content. ReadAt may be called by several goroutines at once.
type Blob interface {
	io.ReadSeekCloser
	io.ReaderAt
	Size() int64
}

// An App is one revision, ready to answer requests. It is an http.Handler.
type App struct {
	host      *Host
	spec      Spec
	variables *variables.App
	table     *route.Table
	triggers  map[string]*trigger // by key of the table
	routes    []Route
	uses      map[string]*use // of compiled modules, by component
	pool      *pool.App
	count     traps

	gates gates
	calls atomic.Int64 // requests of guests under way

	mu     sync.Mutex
	users  int           // guarded by mu; requests
	closed bool          // guarded by mu
	idle   chan struct{} // closed when closed is set and users is 0
}

// A trigger is what answers the requests of a key.
type trigger struct {
	component string // "" for a static response
	executor
}

// An executor answers requests in one of the ways that triggers may ask for.
type executor interface {
	// start shows that a guest can be linked and made.
	start(ctx context.Context) error
	// serve answers q on w. An error says what went wrong with the guest or its
	// reply; if the head was not sent by then, the caller answers.
	serve(ctx context.Context, w http.ResponseWriter, q *request) error
}

// A Route is one trigger route, for people.
type Route struct {
	Component   string
	Pattern     string // as written
	Path        string // without the wildcard at its end
	Wildcard    bool
	Description string
}

// Compile checks a lock and makes an app of it: its routes, its files, the code
// of each component that a trigger leads to. Errors are of the kinds
// store.ErrInvalid and store.ErrLimit, name what is wrong and where, or come from
// Blobs or ctx.
func (h *Host) Compile(ctx context.Context, s Spec) (_ *App, err error) {
	if s.Output == nil {
		s.Output = func(_, _, _, _ string) {}
	}
	if s.Progress == nil {
		s.Progress = func(Progress) {}
	}
	a := &App{host: h, spec: s, triggers: map[string]*trigger{}, uses: map[string]*use{}, idle: make(chan struct{})}
	a.gates.limit(h.limits.Instances)
	// The gates bound who is at work; the pool also has instances that are reset.
	a.pool = h.pool.App(pool.AppConfig{Name: s.App, Instances: h.limits.Instances * (maxDepth + 2), Wait: h.limits.Queue})
	defer func() {
		if err != nil {
			a.release()
		}
	}()
	if err := checkLock(&s.Lock); err != nil {
		return nil, invalid(err)
	}
	if err := a.bindVariables(); err != nil {
		return nil, invalid(err)
	}
	triggers, err := httpTriggers(&s.Lock)
	if err != nil {
		return nil, invalid(err)
	}
	if err := a.buildTable(ctx, triggers); err != nil {
		return nil, invalid(err)
	}
	last := lastByKey(triggers)
	keys := slices.Sorted(maps.Keys(last))
	for _, key := range keys { // so that some are compiled while others are awaited
		a.begin(ctx, last[key])
	}
	for _, key := range keys {
		if a.triggers[key], err = a.compile(ctx, last[key]); err != nil {
			return nil, err
		}
	}
	a.listRoutes()
	h.count.add(a)
	return a, nil
}

// invalid makes err a store.ErrInvalid unless it has a kind already.
func invalid(err error) error {
	if errors.Is(err, store.ErrLimit) || errors.Is(err, store.ErrInvalid) {
		return err
	}
	return kindError{err, store.ErrInvalid}
}

// A kindError is an error with a kind that its text does not tell.
type kindError struct{ err, kind error }

func (e kindError) Error() string   { return e.err.Error() }
func (e kindError) Unwrap() []error { return []error{e.err, e.kind} }

func (a *App) buildTable(ctx context.Context, triggers []*httpTrigger) error {
	var targets []route.Target
	for _, t := range triggers {
		if !t.private {
			targets = append(targets, route.Target{Pattern: t.pattern, Key: t.key()})
		}
	}
	var err error
	if a.table, err = route.New(targets); err != nil {
		return err
	}
	for _, d := range a.table.Duplicates {
		a.host.log.WarnContext(ctx, "route declared twice", keyApp, a.spec.App, "route", d.Pattern, "unused", d.Replaced, "used", d.By)
	}
	for _, r := range a.table.Routes() {
		if r.Reserved() {
			a.host.log.WarnContext(ctx, "route is reserved and never reached", keyApp, a.spec.App, "route", r.Raw)
		}
	}
	return nil
}

// lastByKey returns the triggers that count: two that name one component share
// the configuration of the last, as in Spin.
func lastByKey(triggers []*httpTrigger) map[string]*httpTrigger {
	last := make(map[string]*httpTrigger, len(triggers))
	for _, t := range triggers {
		last[t.key()] = t
	}
	return last
}

func (a *App) listRoutes() {
	descriptions := map[string]string{}
	for _, c := range a.spec.Lock.Components {
		descriptions[c.ID] = c.Metadata.Description
	}
	for _, r := range a.table.Routes() {
		name := strings.TrimPrefix(r.Key, "trigger ")
		a.routes = append(a.routes, Route{
			Component: name, Pattern: r.Raw, Path: r.Path(), Wildcard: r.Wildcard(), Description: descriptions[r.Key],
		})
	}
}

// Routes returns the routes of the app in the order in which they are tried.
func (a *App) Routes() []Route { return slices.Clone(a.routes) }
