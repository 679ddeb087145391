package api

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

func (s *Server) getServer(c echo.Context) error {
	about := s.About()
	about.Token = "" // whoever asks has it
	return reply(c, about)
}

func (s *Server) postStop(c echo.Context) error {
	if err := c.NoContent(http.StatusAccepted); err != nil {
		return err
	}
	s.Stop()
	return nil
}
