package ui

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/neutrino-local/neutrino-local/web/apitype"
)

const deploymentsShown = 20

type appPage struct {
	frame
	Is          apitype.App
	Revisions   []apitype.Revision
	Current     *apitype.Revision // of Revisions, if it is there
	Instances   apitype.Instances
	Deployments []deploymentRow
	Older       string // cursor
}

type deploymentRow struct {
	apitype.Deployment
	Bar []segment
}

func (p *Pages) app(c echo.Context) error {
	ctx, ref := c.Request().Context(), ref(c)
	app, err := p.api.App(ctx, ref, time.Time{})
	if err != nil {
		return err
	}
	page := appPage{frame: p.frame("app", app.Name), Is: app}
	page.App = app.Name
	page.Events = "/api/v1/events?app=" + url.QueryEscape(app.ID)
	if page.Revisions, err = p.api.Revisions(ctx, app.ID); err != nil {
		return err
	}
	for i := range page.Revisions {
		if page.Revisions[i].Number == app.Current {
			page.Current = &page.Revisions[i]
		}
	}
	if page.Instances, err = p.api.Instances(ctx, app.ID); err != nil {
		return err
	}
	deployments, err := p.api.Deployments(ctx, app.ID, c.QueryParam("older"), deploymentsShown)
	if err != nil {
		return err
	}
	for _, d := range deployments.Deployments {
		page.Deployments = append(page.Deployments, deploymentRow{d, phases(d, time.Now())})
	}
	page.Older = deployments.Next
	return p.show(c, "app", page)
}

type deletePage struct {
	frame
	Is apitype.App
}

func (p *Pages) confirmDelete(c echo.Context) error {
	app, err := p.api.App(c.Request().Context(), ref(c), time.Time{})
	if err != nil {
		return err
	}
	page := deletePage{p.frame("app", "Delete "+app.Name), app}
	page.App = app.Name
	return p.show(c, "delete", page)
}

// ref returns the app that a path names.
func ref(c echo.Context) string {
	s := c.Param("app")
	if plain, err := url.PathUnescape(s); err == nil && c.Request().URL.RawPath != "" {
		return plain
	}
	return s
}

// back sends the browser to a page of the app.
func back(c echo.Context, page string) error {
	return c.Redirect(http.StatusSeeOther, "/_neutrino/apps/"+url.PathEscape(ref(c))+page)
}

func (p *Pages) rollback(c echo.Context) error {
	n, err := strconv.Atoi(c.FormValue("revision"))
	if err != nil || n < 1 {
		return invalid("revision %.40q: want a number", c.FormValue("revision"))
	}
	if _, err := p.api.Deploy(c.Request().Context(), ref(c), apitype.CreateDeployment{Rollback: true, Revision: n}); err != nil {
		return err
	}
	return back(c, "/failover")
}

func (p *Pages) delete(c echo.Context) error {
	ctx := c.Request().Context()
	app, err := p.api.Find(ctx, ref(c))
	if err != nil {
		return err
	}
	if typed := strings.TrimSpace(c.FormValue("name")); typed != string(app.Name) {
		return invalid("%.80q is not the name of the app: nothing was deleted", typed)
	}
	if err := p.api.Delete(ctx, string(app.ID)); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, "/_neutrino/")
}
