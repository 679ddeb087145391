package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"github.com/neutrino-local/neutrino-local/store"
	"github.com/neutrino-local/neutrino-local/web/apitype"
)

const maxListeners = 16 // of one app

// AddListener opens an address that is only the app's and returns the bound one,
// which the app keeps over restarts. added is false if the app had it before.
func (s *Server) AddListener(ctx context.Context, id store.AppID, address string) (bound string, added bool, err error) {
	s.listening.Lock()
	defer s.listening.Unlock()
	app, err := s.Store.App(ctx, id)
	if err != nil {
		return "", false, err
	}
	if slices.Contains(app.Listeners, address) {
		return address, false, nil
	}
	if len(app.Listeners) >= maxListeners {
		return "", false, fmt.Errorf("app %s has %d listeners: %w", app.Name, maxListeners, store.ErrLimit)
	}
	if bound, err = s.Listen(ctx, id, address); err != nil {
		return "", false, err
	}
	if slices.Contains(app.Listeners, bound) { // the same by another name
		return bound, false, nil
	}
	if err := s.Store.SetListeners(ctx, id, append(app.Listeners, bound)); err != nil {
		return "", false, errors.Join(err, s.Unlisten(ctx, id, bound))
	}
	s.changes.send()
	return bound, true, nil
}

// RemoveListener closes an address of an app.
func (s *Server) RemoveListener(ctx context.Context, id store.AppID, address string) error {
	s.listening.Lock()
	defer s.listening.Unlock()
	app, err := s.Store.App(ctx, id)
	if err != nil {
		return err
	}
	i := slices.Index(app.Listeners, address)
	if i < 0 {
		return fmt.Errorf("listener %.100q of app %s: %w", address, app.Name, store.ErrNotFound)
	}
	if err := s.Store.SetListeners(ctx, id, slices.Delete(app.Listeners, i, i+1)); err != nil {
		return err
	}
	s.changes.send()
	return s.Unlisten(ctx, id, address)
}

func (s *Server) postListener(c echo.Context) error {
	ctx := c.Request().Context()
	var in apitype.Listener
	if err := decode(c, &in); err != nil {
		return err
	}
	app, err := s.Find(ctx, param(c, "app"))
	if err != nil {
		return err
	}
	bound, _, err := s.AddListener(ctx, app.ID, in.Address)
	if err != nil {
		return err
	}
	return writeJSON(c.Response(), http.StatusCreated, apitype.Listener{Address: bound})
}

func (s *Server) deleteListener(c echo.Context) error {
	ctx := c.Request().Context()
	app, err := s.Find(ctx, param(c, "app"))
	if err != nil {
		return err
	}
	if err := s.RemoveListener(ctx, app.ID, param(c, "address")); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}
