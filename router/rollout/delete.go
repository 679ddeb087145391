package rollout

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/neutrino-local/neutrino-local/store"
)

const (
	deleteBudget = 2 * time.Second // for requests in flight of an app that is deleted
	touchEvery   = 5 * time.Second
)

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
	for _, d := range under {
		<-d.ended // soon: a deployment heeds its context
	}
	if err := e.Store.DeleteApp(context.WithoutCancel(ctx), id); err != nil {
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

// touch notes every few seconds which apps have been used since.
func (e *Engine) touch() {
	tick := time.NewTicker(touchEvery)
	defer tick.Stop()
	noted := make(map[store.AppID]time.Time)
	for ending := false; !ending; {
		select {
		case <-tick.C:
		case <-e.ctx.Done():
			ending = true
		}
		used := e.Router.LastUsed()
		news := make(map[store.AppID]time.Time)
		for id, at := range used {
			if !at.Equal(noted[id]) {
				news[id] = at
			}
		}
		if len(news) == 0 {
			continue
		}
		if err := e.Store.TouchApps(context.WithoutCancel(e.ctx), news); err != nil {
			e.Log.Warn("use of apps cannot be noted", keyError, err)
			continue
		}
		noted = used
	}
}
