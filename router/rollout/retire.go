package rollout

import (
	"context"
	"slices"
	"time"

	"github.com/neutrino-local/neutrino-local/router"
	"github.com/neutrino-local/neutrino-local/store"
)

// retire lets the revision that d has replaced finish what it has begun, cuts
// what outlives the drain, and closes it. The deployment has succeeded, so an
// error is logged and does not end it.
func (e *Engine) retire(d *deployment) {
	e.saved(d)
	old := d.old
	if old == nil {
		return
	}
	cut := 0
	if d.Policy == store.Instant {
		cut = old.backend.Cut()
	}
	cut += drain(d.ctx, old.backend, d.DrainTimeout)
	if cut > 0 {
		if err := e.Store.AddCut(context.WithoutCancel(d.ctx), d.ID, cut); err != nil {
			e.unnoted(d, err)
		}
	}
	e.mu.Lock()
	d.Cut = cut
	d.app.draining = slices.DeleteFunc(d.app.draining, func(r *running) bool { return r == old })
	e.publish(d.app)
	d.changed()
	e.mu.Unlock()
	e.closeLogged(d, old)
}

// drain waits until nothing is in flight, for timeout or until ctx ends, and
// returns how many requests it has cut then.
func drain(ctx context.Context, b *router.Backend, timeout time.Duration) int {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return b.Drain(ctx)
}

// live ends d after its commit.
func (e *Engine) live(d *deployment) {
	e.log(d, store.Live)
	ctx, at := context.WithoutCancel(d.ctx), time.Now()
	stored := e.Store.EndDeployment(ctx, d.ID, store.Live, "", "", at)
	if stored != nil {
		e.unnoted(d, stored)
	}
	e.mu.Lock()
	d.EndedAt = at
	e.owe(d, stored)
	e.forget(d)
	e.event(d, store.Live, at, "")
	e.mu.Unlock()
	if e.KeepRevisions <= 0 {
		return
	}
	pruned, err := e.Store.PruneRevisions(ctx, d.app.id, e.KeepRevisions)
	if err == nil && e.Forget != nil && len(pruned) > 0 {
		err = e.Forget(ctx, pruned)
	}
	if err != nil {
		e.Log.Warn("old revisions cannot be pruned", keyApp, d.app.name, keyError, err)
	}
	for _, rev := range pruned {
		e.Log.Info("revision pruned", keyApp, d.app.name, keyRevision, rev.Number)
	}
}
