package api

import (
	"context"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/neutrino-local/neutrino-local/store"
	"github.com/neutrino-local/neutrino-local/web/apitype"
)

// The pace of the general stream. Counts are summed up by the ledger, so a
// thousand replies a second are a few numbers ten times a second.
const (
	frame   = 100 * time.Millisecond // least time between two looks
	busy    = 200 * time.Millisecond // between looks at deployments under way
	idle    = time.Second            // between looks otherwise: health changes by itself
	longest = time.Hour              // that counts go back
)

// getEvents sends what happens to all apps or to one: "app" and "app_deleted"
// when an app has changed, "deployment" when its last deployment has, "counts"
// with the replies by revision and second. The ids are seconds: a client that
// resumes gets the counts since then, and the rest as it is.
func (s *Server) getEvents(c echo.Context) error {
	q := queryOf(c)
	ref, since := q.text("app"), q.time("since")
	if err := q.end(); err != nil {
		return err
	}
	w := watcher{server: s, apps: map[string]string{}, deployments: map[string]string{}, counts: map[countKey]apitype.Count{}}
	if ref != "" {
		app, err := s.Find(c.Request().Context(), ref)
		if err != nil {
			return err
		}
		w.only = app.ID
	}
	w.from = time.Now().Truncate(time.Second)
	if last := lastID(c); last > 0 {
		since = time.Unix(int64(min(last, 1<<40)), 0)
	}
	if !since.IsZero() {
		w.from = since
	}
	if oldest := time.Now().Add(-longest); w.from.Before(oldest) {
		w.from = oldest
	}
	return s.stream(c, w.run)
}

type countKey struct {
	app      string
	revision int
	second   int64
}

// A watcher is one client of the general stream, and what it has been sent.
type watcher struct {
	server      *Server
	only        store.AppID // or all apps if ""
	events      *eventWriter
	apps        map[string]string // fingerprints by id
	deployments map[string]string // fingerprints by the app's id
	counts      map[countKey]apitype.Count
	from        time.Time // counts before it have been sent
	look        time.Time // when to look at the apps again
}

func (w *watcher) run(ctx context.Context, e *eventWriter) error {
	if err := e.begin(); err != nil {
		return err
	}
	w.events = e
	pace := time.NewTicker(frame)
	defer pace.Stop()
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		changed, replied := w.server.changes.next(), w.server.Ledger.Changed() // before looking
		if err := w.sendCounts(); err != nil {
			return err
		}
		if time.Until(w.look) <= 0 {
			if err := w.sendApps(ctx); err != nil {
				return err
			}
		}
		timer := time.NewTimer(time.Until(w.look))
		select {
		case <-changed:
			w.look = time.Time{}
		case <-replied:
		case <-timer.C:
		case <-beat.C:
			if err := e.beat(); err != nil {
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		timer.Stop()
		select {
		case <-pace.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// sendCounts sends the seconds that have changed. The last second is looked at
// again, since it may not be over.
func (w *watcher) sendCounts() error {
	var news []apitype.Count
	for _, c := range w.server.Counts(w.only, w.from) {
		key := countKey{c.App, c.Revision, c.Second.Unix()}
		if w.counts[key] != c {
			w.counts[key] = c
			news = append(news, c)
		}
	}
	if len(news) == 0 {
		return nil
	}
	w.from = news[len(news)-1].Second
	for key := range w.counts {
		if key.second < w.from.Unix() {
			delete(w.counts, key)
		}
	}
	return w.events.event("counts", number(uint64(w.from.Unix())), news)
}

// sendApps sends the apps and deployments that have changed.
func (w *watcher) sendApps(ctx context.Context) error {
	apps, err := w.current(ctx)
	if err != nil {
		return err
	}
	wait := idle
	here := map[string]bool{}
	for _, app := range apps {
		here[app.ID] = true
		if d := app.Deployment; d != nil {
			if d.EndedAt == nil {
				wait = busy
			}
			if err := w.send("deployment", w.deployments, app.ID, *d, *d); err != nil {
				return err
			}
		}
		same := app // without what changes with each request
		same.Requests, same.Errors = 0, 0
		if err := w.send("app", w.apps, app.ID, same, app); err != nil {
			return err
		}
	}
	for id := range w.apps {
		if !here[id] {
			delete(w.apps, id)
			delete(w.deployments, id)
			if err := w.events.event("app_deleted", "", map[string]string{"id": id}); err != nil {
				return err
			}
		}
	}
	w.look = time.Now().Add(wait)
	return nil
}

func (w *watcher) current(ctx context.Context) ([]apitype.App, error) {
	apps, err := w.server.Apps(ctx, time.Time{})
	if err != nil || w.only == "" {
		return apps, err
	}
	for _, app := range apps {
		if app.ID == string(w.only) {
			return []apitype.App{app}, nil
		}
	}
	return nil, nil
}

func (w *watcher) send(name string, sent map[string]string, id string, compare, v any) error {
	f := fingerprint(compare)
	if sent[id] == f {
		return nil
	}
	sent[id] = f
	return w.events.event(name, "", v)
}

func number(n uint64) string { return strconv.FormatUint(n, 10) }
