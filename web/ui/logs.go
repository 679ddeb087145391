package ui

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/neutrino-local/neutrino-local/store"
	"github.com/neutrino-local/neutrino-local/store/applog"
	"github.com/neutrino-local/neutrino-local/web/api"
	"github.com/neutrino-local/neutrino-local/web/apitype"
)

const linesShown = 500

type logsPage struct {
	frame
	Form       url.Values
	Apps       []apitype.App
	Components []string // of the app's current revision
	Lines      []apitype.LogLine
	Stream     string // where the script gets what comes next
}

// Streams are what lines come from.
func (p logsPage) Streams() []string { return []string{"stdout", "stderr", applog.Host} }

// Is reports whether an option of the form is chosen.
func (p logsPage) Is(field, value string) bool { return p.Form.Get(field) == value }

func (p *Pages) logs(c echo.Context) error {
	ctx := c.Request().Context()
	page := logsPage{frame: p.frame("logs", "Logs"), Form: url.Values{}}
	for _, field := range []string{"component", "revision", "stream", "contains"} {
		if v := strings.TrimSpace(c.QueryParam(field)); v != "" {
			page.Form.Set(field, v)
		}
	}
	revision, err := whole("revision", strings.TrimPrefix(page.Form.Get("revision"), "r"))
	if err != nil {
		return err
	}
	if page.Apps, err = p.api.Apps(ctx, time.Time{}); err != nil {
		return err
	}
	ref := c.QueryParam("app")
	if ref == "" && len(page.Apps) > 0 {
		ref = page.Apps[0].Name
	}
	if ref == "" {
		return p.show(c, "logs", page)
	}
	app, err := p.api.Find(ctx, ref)
	if err != nil {
		return err
	}
	page.App = string(app.Name)
	if revs, err := p.api.Revisions(ctx, string(app.ID)); err == nil && len(revs) > 0 {
		for _, component := range revs[0].Components {
			page.Components = append(page.Components, component.ID)
		}
	}
	page.Lines, err = p.api.Lines(ctx, app, api.LogQuery{
		Query:    applog.Query{Component: page.Form.Get("component"), Revision: store.RevisionNumber(revision), Max: linesShown},
		Stream:   page.Form.Get("stream"),
		Contains: page.Form.Get("contains"),
	})
	if err != nil {
		return err
	}
	q := url.Values{}
	for field, v := range page.Form {
		q[field] = v
	}
	if revision > 0 {
		q.Set("revision", strconv.Itoa(revision))
	}
	if n := len(page.Lines); n > 0 {
		q.Set("after", strconv.FormatUint(page.Lines[n-1].Sequence, 10))
	}
	page.Stream = "/api/v1/apps/" + string(app.ID) + "/logs/events?" + q.Encode()
	return p.show(c, "logs", page)
}
