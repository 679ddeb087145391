package api

import (
	"context"
	"fmt"
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/neutrino-local/neutrino-local/store"
	"github.com/neutrino-local/neutrino-local/web/apitype"
)

const holdAt = "50" // unless told otherwise

// FailoverOf returns the state of switching of an app.
func (s *Server) FailoverOf(ctx context.Context, ref string) (apitype.Failover, error) {
	app, err := s.Find(ctx, ref)
	if err != nil {
		return apitype.Failover{}, err
	}
	return s.failoverView(ctx, app)
}

func (s *Server) failoverView(ctx context.Context, app store.App) (apitype.Failover, error) {
	last, err := s.Store.Deployments(ctx, app.ID, 1)
	if err != nil {
		return apitype.Failover{}, err
	}
	f := s.Failover.Failover(app.ID)
	v := apitype.Failover{
		App:        string(app.ID),
		Policy:     string(f.Policy),
		WindowMS:   f.Window.Milliseconds(),
		Seed:       f.Seed,
		Deployment: string(f.Deployment),
		Phase:      string(f.Phase),
		From:       int(f.From),
		To:         int(f.To),
		Share:      f.Share,
		Held:       f.Held,
		Armed:      f.Armed,
	}
	if len(last) > 0 {
		v.Tally = new(s.tally(last[0]))
	}
	return v, nil
}

// Hold makes the failover of an app hold: the one that is under way or the next.
func (s *Server) Hold(ctx context.Context, ref, at string) (apitype.Failover, error) {
	if at == "" {
		at = holdAt
	}
	if n, err := strconv.Atoi(at); at != "start" && (err != nil || n < 0 || n > 99) {
		return apitype.Failover{}, fmt.Errorf("hold at %.40q is %w: want start, or a percentage from 0 to 99", at, store.ErrInvalid)
	}
	return s.move(ctx, ref, func(ctx context.Context, app store.AppID) error { return s.Failover.Hold(ctx, app, at) })
}

// Step moves a held failover one step on.
func (s *Server) Step(ctx context.Context, ref string) (apitype.Failover, error) {
	return s.move(ctx, ref, s.Failover.Step)
}

// Release lets a held failover go on, or disarms a hold.
func (s *Server) Release(ctx context.Context, ref string) (apitype.Failover, error) {
	return s.move(ctx, ref, s.Failover.Release)
}

func (s *Server) move(ctx context.Context, ref string, do func(context.Context, store.AppID) error) (apitype.Failover, error) {
	app, err := s.Find(ctx, ref)
	if err != nil {
		return apitype.Failover{}, err
	}
	if err := do(ctx, app.ID); err != nil {
		return apitype.Failover{}, err
	}
	s.changes.send()
	return s.failoverView(ctx, app)
}

func (s *Server) getFailover(c echo.Context) error {
	f, err := s.FailoverOf(c.Request().Context(), param(c, "app"))
	return replyFailover(c, f, err)
}

func (s *Server) putHold(c echo.Context) error {
	var in apitype.Hold
	if err := decode(c, &in); err != nil {
		return err
	}
	f, err := s.Hold(c.Request().Context(), param(c, "app"), in.At)
	return replyFailover(c, f, err)
}

func (s *Server) postStep(c echo.Context) error {
	f, err := s.Step(c.Request().Context(), param(c, "app"))
	return replyFailover(c, f, err)
}

func (s *Server) postRelease(c echo.Context) error {
	f, err := s.Release(c.Request().Context(), param(c, "app"))
	return replyFailover(c, f, err)
}

func replyFailover(c echo.Context, f apitype.Failover, err error) error {
	if err != nil {
		return err
	}
	return reply(c, f)
}
