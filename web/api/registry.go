package api

import (
	"context"

	"github.com/labstack/echo/v4"

	"github.com/neutrino-local/neutrino-local/web/apitype"
)

// Usage is what the registry takes.
type Usage struct {
	Blobs       int
	Bytes       int64
	Limit       int64 // of Bytes and UploadBytes together; 0 if there is none
	Uploads     int   // under way
	UploadBytes int64
}

// Freed is what a collection of garbage has removed.
type Freed struct {
	Blobs int
	Bytes int64
}

// UsageOf returns what the registry takes.
func (s *Server) UsageOf(ctx context.Context) (apitype.RegistryUsage, error) {
	u, err := s.Registry.Usage(ctx)
	return apitype.RegistryUsage{
		Blobs: u.Blobs, Bytes: u.Bytes, LimitBytes: u.Limit, Uploads: u.Uploads, UploadBytes: u.UploadBytes,
	}, err
}

func (s *Server) getUsage(c echo.Context) error {
	if err := queryOf(c).end(); err != nil {
		return err
	}
	u, err := s.UsageOf(c.Request().Context())
	if err != nil {
		return err
	}
	return reply(c, u)
}

// postGC collects once and answers when that is done.
func (s *Server) postGC(c echo.Context) error {
	freed, err := s.Registry.GC(c.Request().Context())
	if err != nil {
		return err
	}
	return reply(c, apitype.RegistryFreed(freed))
}
