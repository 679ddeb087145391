package rollout

import (
	"context"
	"time"

	"github.com/neutrino-local/neutrino-local/store"
)

// touchEvery is how often the store hears which apps have been used.
const touchEvery = 5 * time.Second

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
		e.settle(context.WithoutCancel(e.ctx))
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
