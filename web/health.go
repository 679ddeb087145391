package web

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
)

// A healthReply is what GET /_neutrino/health answers.
type healthReply struct {
	Status  string               `json:"status"` // ok or starting
	Version string               `json:"version"`
	Apps    map[string]appHealth `json:"apps,omitzero"` // not for strangers
}

type appHealth struct {
	Version int    `json:"version"`
	Health  string `json:"health"`
	Phase   string `json:"phase,omitempty"` // of the last deployment
}

// health answers 503 until the server has restored its apps.
func health(cfg Config, g *guard) echo.HandlerFunc {
	return func(c echo.Context) error {
		c.Response().Header().Set("Cache-Control", "no-store")
		body := healthReply{Status: "starting", Version: cfg.API.About().Version}
		if !cfg.Ready() {
			return c.JSON(http.StatusServiceUnavailable, body)
		}
		body.Status = "ok"
		if g.checkToken(c.Request()) == nil {
			apps, err := cfg.API.Apps(c.Request().Context(), time.Time{})
			if err != nil {
				return err
			}
			body.Apps = map[string]appHealth{}
			for _, app := range apps {
				h := appHealth{Version: app.Current, Health: app.Health}
				if app.Deployment != nil {
					h.Phase = app.Deployment.Phase
				}
				body.Apps[app.Name] = h
			}
		}
		return c.JSON(http.StatusOK, body)
	}
}
