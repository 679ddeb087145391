package api

import (
	"context"
	"slices"

	"github.com/labstack/echo/v4"

	"github.com/neutrino-local/neutrino-local/web/apitype"
)

// Instances returns the instances of the guests of an app that run.
func (s *Server) Instances(ctx context.Context, ref string) (apitype.Instances, error) {
	app, err := s.Find(ctx, ref)
	if err != nil {
		return apitype.Instances{}, err
	}
	all := s.Guests(app.ID)
	all.Revisions = list(all.Revisions)
	slices.SortFunc(all.Revisions, func(a, b apitype.RevisionInstances) int { return b.Revision - a.Revision })
	return all, nil
}

func (s *Server) getInstances(c echo.Context) error {
	all, err := s.Instances(c.Request().Context(), param(c, "app"))
	if err != nil {
		return err
	}
	return reply(c, all)
}
