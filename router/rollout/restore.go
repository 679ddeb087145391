package rollout

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/neutrino-local/neutrino-local/router"
	"github.com/neutrino-local/neutrino-local/router/ledger"
	"github.com/neutrino-local/neutrino-local/store"
)

// loaders is how many revisions are loaded at a time after a restart.
const loaders = 2

// A load is a revision that was current when the server ended and is to run
// again. One that fails is not tried again: the next deployment of the app, or
// the next start, is the next attempt.
type load struct {
	engine *Engine
	r      *running
	of     store.Revision
	done   chan struct{} // closed when r.handler or err is set
	err    error
}

// Restore ends the deployments that a dead server has left open and gives every
// app its addresses. Code loads in the background, of the app last used first;
// a request waits for its own app and brings it to the front.
func (e *Engine) Restore(ctx context.Context) error {
	recovered, err := e.Store.Recover(ctx, time.Now())
	if err != nil {
		return err
	}
	for _, d := range recovered {
		e.Log.Info("deployment recovered", keyApp, d.App, keyRevision, d.Revision, keyDeployment, d.ID, keyPhase, d.Phase)
	}
	apps, err := e.Store.Apps(ctx)
	if err != nil {
		return err
	}
	slices.SortStableFunc(apps, func(a, b store.App) int { return b.LastUsed.Compare(a.LastUsed) })
	for _, is := range apps {
		if err := e.restore(ctx, is); err != nil {
			return err
		}
	}
	for range loaders {
		if err := e.start(e.loadAll); err != nil {
			return err
		}
	}
	return nil
}

// restore gives one app its addresses.
func (e *Engine) restore(ctx context.Context, is store.App) error {
	a, err := e.app(is)
	if err != nil || is.Current == 0 {
		return err
	}
	of, err := e.Store.Revision(ctx, is.ID, is.Current)
	l := &load{engine: e, of: of, done: make(chan struct{})}
	l.r = &running{app: a, revision: is.Current, backend: router.NewBackend(is.Current, l), load: l}
	if err != nil {
		l.err = err
		close(l.done)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	a.current = l.r
	if l.err == nil {
		e.loads = append(e.loads, l)
	}
	e.publish(a)
	return nil
}

// loadAll loads what waits to be loaded.
func (e *Engine) loadAll() {
	for {
		e.mu.Lock()
		if len(e.loads) == 0 {
			e.mu.Unlock()
			return
		}
		l := e.loads[0]
		e.loads = e.loads[1:]
		e.mu.Unlock()
		l.run()
	}
}

// run loads the revision, or notes why it could not.
func (l *load) run() {
	defer close(l.done)
	e, ctx := l.engine, l.engine.ctx
	if e.Readiness > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, e.Readiness, errNotReady)
		defer cancel()
	}
	h, err := l.bringUp(ctx)
	switch {
	case err == nil:
		l.r.handler = h
		return
	case context.Cause(ctx) == errNotReady:
		err = fmt.Errorf("not ready after %s: %w", e.Readiness, err)
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	}
	l.err = err
	e.Log.Error("revision does not load", keyApp, l.r.app.name, keyRevision, l.r.revision, keyError, err)
	if h == nil {
		return
	}
	cleanup, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeBudget)
	defer cancel()
	if err := h.Close(cleanup); err != nil {
		e.Log.Warn("revision does not close", keyApp, l.r.app.name, keyRevision, l.r.revision, keyError, err)
	}
}

// bringUp compiles and starts the revision. What it returns has to be closed,
// also beside an error.
func (l *load) bringUp(ctx context.Context) (Running, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	spec, err := l.engine.pull(ctx, l.r.app, l.of)
	if err != nil {
		return nil, err
	}
	h, err := l.engine.Compile(ctx, spec)
	if err != nil {
		return nil, err
	}
	return h, h.Start(ctx)
}

// ServeHTTP serves when the revision is loaded, or says why it is not.
func (l *load) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	select {
	case <-l.done:
	default:
		l.engine.hurry(l)
		select {
		case <-l.done:
		case <-r.Context().Done(): // cut, or the client is gone: the router knows
			return
		}
	}
	if l.err == nil {
		l.r.handler.ServeHTTP(w, r)
		return
	}
	ledger.From(r.Context()).End(ledger.NoRoute)
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(http.StatusServiceUnavailable)
	fmt.Fprintf(w, "%s of %s does not load: %s. Deploy it again: neutrino-local deploy\n", l.r.revision, l.r.app.name, inShort(l.err))
}

// hurry brings l to the front of those that wait.
func (e *Engine) hurry(l *load) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if i := slices.Index(e.loads, l); i > 0 {
		e.loads = slices.Insert(slices.Delete(e.loads, i, i+1), 0, l)
	}
}

// dequeue ends l if it has not begun.
func (e *Engine) dequeue(l *load) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if i := slices.Index(e.loads, l); i >= 0 {
		e.loads = slices.Delete(e.loads, i, i+1)
		l.err = errReplaced
		close(l.done)
	}
}
