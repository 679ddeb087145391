package rollout

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/neutrino-local/neutrino-local/store"
)

// deleteBudget is how long requests in flight of an app that is deleted may take.
const deleteBudget = 2 * time.Second

// Delete ends what is under way for an app, takes its addresses away, and forgets
// it. Requests in flight have a moment to finish.
func (e *Engine) Delete(ctx context.Context, id store.AppID) error {
	a, err := e.known(ctx, id)
	if err != nil {
		return err
	}
	e.mu.Lock()
	if a.gone {
		e.mu.Unlock()
		return fmt.Errorf("app %s: %w", a.name, store.ErrNotFound)
	}
	a.gone = true // nothing begins from here on
	under := slices.Clone(a.deployments)
	e.mu.Unlock()
	for _, d := range under {
		d.cancel(errDeleted)
	}
	err = ended(ctx, under)
	if err == nil {
		err = e.Store.DeleteApp(context.WithoutCancel(ctx), id)
	}
	if err != nil {
		e.mu.Lock()
		a.gone = false
		e.mu.Unlock()
		return err
	}
	e.mu.Lock()
	delete(e.apps, id)
	current := a.current
	e.Router.Remove(id)
	e.mu.Unlock()
	e.Log.Info("app deleted", keyApp, a.name)
	if current == nil {
		return nil
	}
	drain(context.WithoutCancel(ctx), current.backend, deleteBudget)
	return e.close(current)
}

// ended waits for deployments that have been told to end.
func ended(ctx context.Context, under []*deployment) error {
	for _, d := range under {
		select {
		case <-d.ended:
		case <-ctx.Done():
			return fmt.Errorf("deployment of %s is still ending: %w", d.app.name, context.Cause(ctx))
		}
	}
	return nil
}
