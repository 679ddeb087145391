package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/neutrino-local/neutrino-local/store"
	"github.com/neutrino-local/neutrino-local/web/apitype"
)

// Find returns the app that ref names: an id or a name.
func (s *Server) Find(ctx context.Context, ref string) (store.App, error) {
	var app store.App
	var err error
	if store.IsAppID(ref) {
		app, err = s.Store.App(ctx, store.AppID(strings.ToLower(ref)))
	} else if name, invalid := store.ParseAppName(ref); invalid == nil {
		app, err = s.Store.AppNamed(ctx, store.LocalAccountName, name)
	} else {
		err = store.ErrNotFound // no app can have this name
	}
	if errors.Is(err, store.ErrNotFound) {
		return store.App{}, store.Hint(fmt.Errorf("app %.80q: %w", ref, store.ErrNotFound), "see what is there with: neutrino-local app list")
	}
	return app, err
}

// Apps returns all apps by name, with their requests since a time.
func (s *Server) Apps(ctx context.Context, since time.Time) ([]apitype.App, error) {
	apps, err := s.Store.Apps(ctx)
	if err != nil {
		return nil, err
	}
	views := make([]apitype.App, 0, len(apps))
	for _, app := range apps {
		v, err := s.view(ctx, app, since)
		if errors.Is(err, store.ErrNotFound) {
			continue // deleted meanwhile
		}
		if err != nil {
			return nil, err
		}
		views = append(views, v)
	}
	slices.SortFunc(views, func(a, b apitype.App) int { return strings.Compare(a.Name, b.Name) })
	return views, nil
}

// App returns one app, with its requests since a time.
func (s *Server) App(ctx context.Context, ref string, since time.Time) (apitype.App, error) {
	app, err := s.Find(ctx, ref)
	if err != nil {
		return apitype.App{}, err
	}
	return s.view(ctx, app, since)
}

// Revisions returns the revisions of an app that are kept, newest first.
func (s *Server) Revisions(ctx context.Context, ref string) ([]apitype.Revision, error) {
	app, err := s.Find(ctx, ref)
	if err != nil {
		return nil, err
	}
	revs, err := s.Store.Revisions(ctx, app.ID)
	if err != nil {
		return nil, err
	}
	serving := s.Serving(app.ID)
	views := make([]apitype.Revision, 0, len(revs))
	for _, rev := range revs {
		views = append(views, s.revisionView(ctx, rev, serving))
	}
	slices.SortFunc(views, func(a, b apitype.Revision) int { return b.Number - a.Number })
	return views, nil
}

// Delete removes an app with all that is its.
func (s *Server) Delete(ctx context.Context, ref string) error {
	app, err := s.Find(ctx, ref)
	if err != nil {
		return err
	}
	s.listening.Lock() // no listener is added meanwhile
	defer s.listening.Unlock()
	if err := s.Rollout.Delete(ctx, app.ID); err != nil {
		return err
	}
	s.Ledger.Forget(string(app.ID))
	s.changes.send()
	return nil
}

// Create makes an app without a revision.
func (s *Server) Create(ctx context.Context, in apitype.CreateApp) (apitype.App, error) {
	name, err := store.ParseAppName(in.Name)
	if err != nil {
		return apitype.App{}, err
	}
	switch in.Account {
	case "", store.LocalAccountName, store.LocalAccountID:
	default:
		return apitype.App{}, fmt.Errorf("account %.80q is %w: there is %q only", in.Account, store.ErrInvalid, store.LocalAccountName)
	}
	app := store.App{ID: store.NewAppID(), Name: name, Account: store.LocalAccountName, CreatedAt: time.Now()}
	if err := s.Store.CreateApp(ctx, app); err != nil {
		return apitype.App{}, err
	}
	if err := s.Rollout.Admit(app); err != nil {
		return apitype.App{}, err
	}
	s.changes.send()
	return s.view(ctx, app, time.Time{})
}

func (s *Server) getApps(c echo.Context) error {
	q := queryOf(c)
	since := q.time("since")
	if err := q.end(); err != nil {
		return err
	}
	apps, err := s.Apps(c.Request().Context(), since)
	if err != nil {
		return err
	}
	return reply(c, apps)
}

func (s *Server) getApp(c echo.Context) error {
	q := queryOf(c)
	since := q.time("since")
	if err := q.end(); err != nil {
		return err
	}
	app, err := s.App(c.Request().Context(), param(c, "app"), since)
	if err != nil {
		return err
	}
	return reply(c, app)
}

func (s *Server) postApp(c echo.Context) error {
	var in apitype.CreateApp
	if err := decode(c, &in); err != nil {
		return err
	}
	app, err := s.Create(c.Request().Context(), in)
	if err != nil {
		return err
	}
	return writeJSON(c.Response(), http.StatusCreated, app)
}

func (s *Server) deleteApp(c echo.Context) error {
	if err := s.Delete(c.Request().Context(), param(c, "app")); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

func (s *Server) getRevisions(c echo.Context) error {
	revs, err := s.Revisions(c.Request().Context(), param(c, "app"))
	if err != nil {
		return err
	}
	return reply(c, revs)
}

// Backends returns the running revisions of an app.
func (s *Server) Backends(id string) []store.ServingRevision {
	return s.Serving(store.AppID(id)).Revisions
}
