package rollout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/router"
	"github.com/neutrino-local/neutrino-local/store"
)

// closeBudget is how long a revision that does not serve any more may take to
// close.
const closeBudget = 10 * time.Second

// prepare goes from Pulling through Checking: it returns the deployment's
// revision, ready to serve. Nothing that serves has changed.
func (e *Engine) prepare(d *deployment) (*running, error) {
	ctx := d.ctx
	if d.Readiness > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, d.Readiness, errNotReady)
		defer cancel()
	}
	r, err := e.bringUp(ctx, d)
	if err == nil {
		if err = e.check(ctx, d, r.handler); err == nil {
			return r, nil
		}
	}
	if r != nil {
		e.closeLogged(d, r)
	}
	return nil, d.explain(ctx, err)
}

// explain returns err, or why it came about if that is the end of ctx.
func (d *deployment) explain(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	unhealthy, checked := errors.AsType[*unhealthyError](err)
	switch {
	case cause == nil:
		return err
	case cause == errNotReady && checked:
		return fmt.Errorf("unhealthy after %s: %w", d.Readiness, unhealthy.last)
	case cause == errNotReady:
		return fmt.Errorf("not ready after %s of %s: %w", d.Readiness, d.Phase, err)
	}
	return cause
}

// bringUp goes from Pulling through Starting. What it returns has to be closed,
// also beside an error.
func (e *Engine) bringUp(ctx context.Context, d *deployment) (*running, error) {
	if err := e.enter(d, store.Pulling); err != nil {
		return nil, err
	}
	spec, err := e.pull(ctx, d.app, d.of)
	if err != nil {
		return nil, err
	}
	if err := e.enter(d, store.Compiling); err != nil {
		return nil, err
	}
	spec.Progress = func(detail string, done bool) { e.compiling(d, detail, done) }
	h, err := e.Compile(ctx, spec)
	if err != nil {
		return nil, err
	}
	r := &running{app: d.app, revision: d.Revision, backend: router.NewBackend(d.Revision, h), handler: h}
	if err := e.enter(d, store.Starting); err != nil {
		return r, err
	}
	return r, h.Start(ctx)
}

// pull makes the artifact of a revision local and returns what the revision runs
// from.
func (e *Engine) pull(ctx context.Context, a *app, of store.Revision) (Spec, error) {
	repository := of.Repository
	if len(of.Blobs) > 0 {
		repository = "" // the revision keeps it
	}
	art, err := e.Pull(ctx, repository, artifact.Digest(of.Digest))
	if err != nil {
		return Spec{}, err
	}
	if len(of.Blobs) == 0 { // until now nobody knew them
		if err := e.Store.SetRevisionBlobs(ctx, a.id, of.Number, art.Blobs, art.Size); err != nil {
			return Spec{}, err
		}
	}
	return Spec{
		App: a.id, Name: a.name, Revision: of.Number,
		Digest: artifact.Digest(of.Digest), Lock: art.Lock, Variables: of.Variables,
	}, nil
}

// close ends a revision that nobody is served by any more.
func (e *Engine) close(r *running) error {
	if r.load != nil {
		e.dequeue(r.load)
		<-r.load.done
	}
	if r.handler == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeBudget)
	defer cancel()
	if err := r.handler.Close(ctx); err != nil {
		return fmt.Errorf("close %s of %s: %w", r.revision, r.app.name, err)
	}
	return nil
}

// closeLogged is close where nobody is there to be told of an error.
func (e *Engine) closeLogged(d *deployment, r *running) {
	if err := e.close(r); err != nil {
		e.Log.Warn("revision does not close", keyApp, d.app.name, keyRevision, r.revision, keyDeployment, d.ID, keyError, err)
	}
}
