package api

import (
	"context"
	"fmt"
	"maps"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/neutrino-local/neutrino-local/store"
	"github.com/neutrino-local/neutrino-local/web/apitype"
)

// Variables returns the variables of an app's current revision.
func (s *Server) Variables(ctx context.Context, ref string) ([]apitype.Variable, error) {
	_, rev, err := s.current(ctx, ref)
	if err != nil {
		return nil, err
	}
	return s.content(ctx, rev).variablesOf(rev), nil
}

// ChangeVariables deploys the artifact of the current revision with other values:
// those that it has, but for what in changes.
func (s *Server) ChangeVariables(ctx context.Context, ref string, in apitype.ChangeVariables) (d apitype.Deployment, err error) {
	app, rev, err := s.current(ctx, ref)
	if err != nil {
		return d, err
	}
	if len(in.Set) == 0 && len(in.Unset) == 0 {
		return d, fmt.Errorf("a change of no variables is %w", store.ErrInvalid)
	}
	values := maps.Clone(rev.Variables)
	if values == nil {
		values = map[string]string{}
	}
	for _, name := range in.Unset {
		if _, ok := values[name]; !ok {
			return d, fmt.Errorf("variable %.100q of %s/%s: %w: it is not set", name, app.Name, rev.Number, store.ErrNotFound)
		}
		delete(values, name)
	}
	for name, value := range in.Set {
		values[name] = value
	}
	return s.Deploy(ctx, string(app.ID), apitype.CreateDeployment{
		Repository: rev.Repository, Digest: rev.Digest, Variables: values, Queue: in.Queue,
	})
}

// current returns an app and its current revision.
func (s *Server) current(ctx context.Context, ref string) (store.App, store.Revision, error) {
	app, err := s.Find(ctx, ref)
	if err != nil {
		return app, store.Revision{}, err
	}
	if app.Current == 0 {
		return app, store.Revision{}, fmt.Errorf("%w: app %s has no current revision", store.ErrConflict, app.Name)
	}
	rev, err := s.Store.Revision(ctx, app.ID, app.Current)
	return app, rev, err
}

func (s *Server) getVariables(c echo.Context) error {
	all, err := s.Variables(c.Request().Context(), param(c, "app"))
	if err != nil {
		return err
	}
	return reply(c, all)
}

func (s *Server) postVariables(c echo.Context) error {
	var in apitype.ChangeVariables
	if err := decode(c, &in); err != nil {
		return err
	}
	d, err := s.ChangeVariables(c.Request().Context(), param(c, "app"), in)
	if err != nil {
		return err
	}
	return writeJSON(c.Response(), http.StatusCreated, d)
}
