package rollout

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/sync/semaphore"

	"github.com/neutrino-local/neutrino-local/router"
	"github.com/neutrino-local/neutrino-local/store"
)

// An app is what the engine knows of an app. Engine.mu guards its fields.
type app struct {
	id   store.AppID
	name store.AppName

	turn *semaphore.Weighted // of the deployment that has not committed; first come, first served
	gone bool                // being deleted: nothing new begins

	current     *running      // gets what next does not; nil before the first revision
	next        *running      // gains traffic; nil unless open is not
	draining    []*running    // finish what they have begun
	open        *deployment   // its window is open
	deployments []*deployment // under way, the oldest first
	armed       *int          // share at which a window holds
}

// A running is a revision that serves, or will when it is loaded.
type running struct {
	app      *app
	revision store.RevisionNumber
	backend  *router.Backend
	load     *load   // of a revision that was restored
	handler  Running // nil as long as load has not succeeded
}

// app returns the state of an app. An app that is new to the engine gets its
// addresses.
func (e *Engine) app(is store.App) (*app, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	a := e.apps[is.ID]
	switch {
	case e.closed:
		return nil, errStopping
	case a == nil:
		a = &app{id: is.ID, name: is.Name, turn: semaphore.NewWeighted(1)}
		e.apps[is.ID] = a
		e.publish(a)
	case a.gone:
		return nil, fmt.Errorf("app %s: %w", is.Name, store.ErrNotFound)
	}
	return a, nil
}

// Admit gives an app its addresses. It is for apps that have been made since
// Restore; the first deployment does it too.
func (e *Engine) Admit(is store.App) error {
	_, err := e.app(is)
	return err
}

// known returns the state of an app that is in the store.
func (e *Engine) known(ctx context.Context, id store.AppID) (*app, error) {
	is, err := e.Store.App(ctx, id)
	if err != nil {
		return nil, err
	}
	return e.app(is)
}

// publish makes the router go by the state of a. The caller holds mu.
func (e *Engine) publish(a *app) {
	if a.gone && e.apps[a.id] != a {
		return
	}
	route := router.Route{App: a.id, Name: a.name, Current: a.current.back(), Candidate: a.next.back()}
	for _, r := range a.draining {
		route.Draining = append(route.Draining, r.backend)
	}
	if d := a.shown(); d != nil {
		route.Deployment, route.Phase = d.ID, d.Phase
	}
	if d := a.open; d != nil {
		route.Share, route.Step, route.Seed = d.share, d.step, d.Seed
	}
	e.Router.Replace(route)
}

func (r *running) back() *router.Backend {
	if r == nil {
		return nil
	}
	return r.backend
}

// shown returns the deployment whose phase requests are recorded with: the one
// that moves traffic, else the latest that has, else the one that will.
func (a *app) shown() *deployment {
	if a.open != nil || len(a.deployments) == 0 {
		return a.open
	}
	for _, d := range slices.Backward(a.deployments) {
		if d.Phase.Committed() {
			return d
		}
	}
	return a.deployments[0]
}

// Serving returns how the addresses of an app are answered now.
func (e *Engine) Serving(id store.AppID) store.Serving {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := store.Serving{Health: "none"}
	a := e.apps[id]
	if a == nil {
		return s
	}
	add := func(r *running, role string, share int) {
		s.Revisions = append(s.Revisions, store.ServingRevision{Revision: r.revision, Role: role, Share: share, InFlight: r.backend.InFlight()})
	}
	best, share := a.current, 100
	if a.next != nil {
		best, share = a.next, 100-a.open.share
		add(a.next, "candidate", a.open.share)
	}
	if a.current != nil {
		add(a.current, "current", share)
	}
	for _, r := range a.draining {
		add(r, "draining", 0)
	}
	if best != nil {
		s.Health, s.Problem = best.health()
	}
	return s
}

// health returns how a revision is, and what is wrong with it.
func (r *running) health() (health, problem string) {
	if r.load == nil {
		return "healthy", ""
	}
	select {
	case <-r.load.done:
	default:
		return "loading", ""
	}
	if r.load.err != nil {
		return "failed", inShort(r.load.err)
	}
	return "healthy", ""
}

// ready reports whether r can answer.
func (r *running) ready() bool {
	if r == nil {
		return false
	}
	health, _ := r.health()
	return health == "healthy"
}
