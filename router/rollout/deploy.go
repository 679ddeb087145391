package rollout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/neutrino-local/neutrino-local/store"
)

// Deploy begins a deployment, and returns when it is on record: in the phase
// Creating. The engine goes on with it, whatever becomes of ctx.
func (e *Engine) Deploy(ctx context.Context, r store.Request) (store.Deployment, error) {
	a, err := e.known(ctx, r.App)
	if err != nil {
		return store.Deployment{}, err
	}
	if err := e.takeTurn(ctx, a, r.Queue); err != nil {
		return store.Deployment{}, err
	}
	d, err := e.create(ctx, a, r)
	if err != nil {
		a.turn.Release(1)
		return store.Deployment{}, err
	}
	made := d.Deployment
	made.Events = slices.Clone(made.Events)
	if err := e.begin(d); err != nil { // it is on record, so it has to end there
		err = errors.Join(err, e.Store.EndDeployment(context.WithoutCancel(ctx), d.ID, store.Failed, d.Phase, store.Interrupted, time.Now()))
		a.turn.Release(1)
		return store.Deployment{}, err
	}
	return made, nil
}

// takeTurn waits, if queue says so, until no deployment of a is before its
// commit.
func (e *Engine) takeTurn(ctx context.Context, a *app, queue bool) error {
	if err := e.admits(a); err != nil {
		return err
	}
	if !a.turn.TryAcquire(1) {
		if !queue {
			return store.Hint(fmt.Errorf("%w: a deployment of %s is under way", store.ErrConflict, a.name), "wait for it, or deploy with --queue")
		}
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		defer context.AfterFunc(e.ctx, func() { cancel(errStopping) })()
		if a.turn.Acquire(ctx, 1) != nil {
			return fmt.Errorf("deployment of %s is waiting for another: %w", a.name, context.Cause(ctx))
		}
	}
	if err := e.admits(a); err != nil {
		a.turn.Release(1)
		return err
	}
	return nil
}

// admits returns why a deployment of a cannot begin now.
func (e *Engine) admits(a *app) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.admitsLocked(a)
}

// admitsLocked is admits for a caller that holds mu.
func (e *Engine) admitsLocked(a *app) error {
	switch {
	case e.closed:
		return errStopping
	case a.gone:
		return fmt.Errorf("app %s: %w", a.name, store.ErrNotFound)
	case a.open != nil && a.open.held:
		return heldError(a)
	}
	return nil
}

// heldError returns the error for what meets a held failover. The caller holds
// mu.
func heldError(a *app) error {
	err := fmt.Errorf("%w: %d%% of the requests to %s go to %s, the others to %s", ErrHeld, a.open.share, a.name, a.open.Revision, a.current.revision)
	return store.Hint(err, fmt.Sprintf("neutrino-local failover release %s", a.name))
}

// create puts a deployment on record. The caller has the turn.
func (e *Engine) create(ctx context.Context, a *app, r store.Request) (*deployment, error) {
	is, err := e.Store.App(ctx, r.App) // again: much may have happened while it was queued
	if err != nil {
		return nil, err
	}
	dep := e.deployment(r)
	of, rev, err := e.revision(ctx, a, is, r)
	if err != nil {
		return nil, err
	}
	dep.Revision = of.Number
	if dep, err = e.Store.CreateDeployment(ctx, dep, rev); err != nil {
		return nil, err
	}
	of.Number = dep.Revision
	return &deployment{app: a, of: of, Deployment: dep, ended: make(chan struct{}), note: make(chan struct{})}, nil
}

// revision returns the revision that r is about, and a new one if there is none
// yet.
func (e *Engine) revision(ctx context.Context, a *app, is store.App, r store.Request) (of store.Revision, made *store.Revision, err error) {
	if r.Rollback {
		to, err := e.rollbackTarget(a, is, r.Revision)
		if err != nil {
			return of, nil, err
		}
		of, err = e.Store.Revision(ctx, is.ID, to)
		if errors.Is(err, store.ErrNotFound) {
			err = store.Hint(fmt.Errorf("%w: %s has no revision %s", store.ErrNotFound, a.name, to),
				"those that are kept are in: neutrino-local app history")
		}
		return of, nil, err
	}
	if e.Refuse != nil {
		if err := e.Refuse(ctx, is, r); err != nil {
			return of, nil, err
		}
	}
	of = store.Revision{App: is.ID, Repository: r.Repository, Digest: r.Digest, Variables: r.Variables}
	return of, &of, nil
}

// rollbackTarget returns the revision that a rollback goes to.
func (e *Engine) rollbackTarget(a *app, is store.App, to store.RevisionNumber) (store.RevisionNumber, error) {
	if to == 0 {
		to = is.Previous
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case to == 0:
		return 0, store.Hint(fmt.Errorf("%w: %s has no revision to go back to", store.ErrConflict, a.name),
			"name one of those in: neutrino-local app history")
	case to == is.Current && a.current.ready():
		return 0, fmt.Errorf("%w: %s of %s is the current revision", store.ErrConflict, to, a.name)
	}
	return to, nil
}

// begin starts the goroutine of d.
func (e *Engine) begin(d *deployment) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.admitsLocked(d.app); err != nil {
		return err
	}
	d.ctx, d.cancel = context.WithCancelCause(e.ctx)
	d.app.deployments = append(d.app.deployments, d)
	e.deployments[d.ID] = d
	e.publish(d.app)
	e.work.Go(func() { e.run(d) })
	return nil
}

// run takes d through its phases.
func (e *Engine) run(d *deployment) {
	defer close(d.ended)
	defer d.cancel(nil)
	next, err := e.prepare(d)
	if err == nil {
		if err = e.commit(d, next); err != nil {
			e.closeLogged(d, next)
		}
	}
	if err != nil {
		e.fail(d, err)
		return
	}
	e.shift(d)
	e.retire(d)
	e.live(d)
}

// fail ends d before its commit.
func (e *Engine) fail(d *deployment, err error) {
	in, at, reason := d.Phase, time.Now(), inShort(err)
	e.log(d, store.Failed, "in", in, keyError, err)
	stored := e.Store.EndDeployment(context.WithoutCancel(d.ctx), d.ID, store.Failed, in, reason, at)
	if stored != nil {
		e.unnoted(d, stored)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	d.app.turn.Release(1) // before anybody hears of it and tries again
	d.FailedIn, d.Reason, d.EndedAt = in, reason, at
	e.owe(d, stored)
	e.forget(d)
	e.event(d, store.Failed, at, "")
}

// maxReason bounds what is kept of an error: an artifact may have had its say in
// it.
const maxReason = 2000

// inShort returns the text of err as one line.
func inShort(err error) string {
	s := strings.ToValidUTF8(strings.ReplaceAll(err.Error(), "\n", "; "), "?")
	if len(s) > maxReason {
		s = strings.ToValidUTF8(s[:maxReason], "") + "…"
	}
	return s
}

// log tells of a phase.
func (e *Engine) log(d *deployment, p store.Phase, more ...any) {
	e.Log.Info("deployment", append([]any{keyApp, d.app.name, keyRevision, d.Revision, keyDeployment, d.ID, keyPhase, p}, more...)...)
}

// forget takes d, which has ended, off the lists. The caller holds mu.
func (e *Engine) forget(d *deployment) {
	delete(e.deployments, d.ID)
	d.app.deployments = slices.DeleteFunc(d.app.deployments, func(o *deployment) bool { return o == d })
	e.publish(d.app)
}
