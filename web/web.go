// Package web puts the control API, the page, the health check and the metrics
// of a server together, behind one guard.
//
// No request passes the guard from a page of another origin, and none without
// the token if there is one; the health check and the way to log in need none.
// The guard trusts that the front door has checked the Host of the request: that
// is what keeps DNS rebinding out.
package web

import (
	"log/slog"
	"net/http"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/neutrino-local/neutrino-local/web/api"
	"github.com/neutrino-local/neutrino-local/web/ui"
)

// Config has what the parts are made of.
type Config struct {
	API   *api.Server
	UI    *ui.Pages
	Token string // "" on loopback: none is needed
	// Ready reports whether the server has restored its apps.
	Ready func() bool
	// Guests tells of the runtime on /metrics; nil: nothing.
	Guests prometheus.Collector
	Log    *slog.Logger
}

// New returns the handler of /api/v1/, /_neutrino/ and /metrics.
func New(cfg Config) http.Handler {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = errorHandler(cfg)
	cfg.API.Register(e.Group("/api/v1"))
	g := guard{token: cfg.Token, log: cfg.Log}
	cfg.UI.Register(e.Group("/_neutrino"))
	e.GET("/_neutrino/health", health(cfg, &g))
	e.GET("/_neutrino/login", g.loginPage(cfg.UI))
	e.POST("/_neutrino/login", g.login(cfg.UI))
	e.GET("/metrics", echo.WrapHandler(metrics(cfg)))
	g.next = e
	return &g
}

// errorHandler answers with JSON below /api/v1 and with a page elsewhere.
func errorHandler(cfg Config) echo.HTTPErrorHandler {
	return func(err error, c echo.Context) {
		switch {
		case c.Response().Committed:
			cfg.Log.DebugContext(c.Request().Context(), "reply broken off", "path", c.Request().URL.Path, "err", err)
		case isPage(c.Request()):
			cfg.UI.Error(c.Response(), c.Request(), err)
		default:
			api.WriteError(cfg.Log, c.Response(), c.Request(), err)
		}
	}
}
