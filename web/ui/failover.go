package ui

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/neutrino-local/neutrino-local/store"
	"github.com/neutrino-local/neutrino-local/web/apitype"
)

// watched is how far back the chart goes.
const watched = 3 * time.Minute

type failoverPage struct {
	frame
	Is       apitype.App
	State    apitype.Failover
	Replies  []replies
	Bar      []segment
	Seconds  int    // that the chart shows
	HoldAt   string // preset of the form
	Progress int    // share of the new revision, or 100
}

// replies are those of one revision in the time that the chart shows.
type replies struct {
	Revision int
	Replies  int64
	Failed   int64
	Last     time.Time
}

func (p *Pages) failover(c echo.Context) error {
	ctx := c.Request().Context()
	app, err := p.api.App(ctx, ref(c), time.Time{})
	if err != nil {
		return err
	}
	page := failoverPage{frame: p.frame("failover", app.Name+" failover"), Is: app, Seconds: int(watched / time.Second)}
	page.App = app.Name
	page.Events = "/api/v1/events?app=" + url.QueryEscape(app.ID)
	if page.State, err = p.api.FailoverOf(ctx, app.ID); err != nil {
		return err
	}
	page.HoldAt = cmp.Or(page.State.Armed, "50")
	page.Replies = byRevision(p.api.Counts(store.AppID(app.ID), time.Now().Add(-watched)))
	if app.Deployment != nil {
		page.Bar = phases(*app.Deployment, time.Now())
	}
	return p.show(c, "failover", page)
}

func byRevision(counts []apitype.Count) []replies {
	var all []replies
	for _, c := range counts {
		i := slices.IndexFunc(all, func(r replies) bool { return r.Revision == c.Revision })
		if i < 0 {
			i, all = len(all), append(all, replies{Revision: c.Revision})
		}
		all[i].Replies += c.Replies
		all[i].Failed += c.Failed
		all[i].Last = c.Second
	}
	slices.SortFunc(all, func(a, b replies) int { return a.Revision - b.Revision })
	return all
}

func (p *Pages) hold(c echo.Context) error {
	if _, err := p.api.Hold(c.Request().Context(), ref(c), c.FormValue("at")); err != nil {
		return err
	}
	return back(c, "/failover")
}

func (p *Pages) step(c echo.Context) error {
	if _, err := p.api.Step(c.Request().Context(), ref(c)); err != nil {
		return err
	}
	return back(c, "/failover")
}

func (p *Pages) release(c echo.Context) error {
	if _, err := p.api.Release(c.Request().Context(), ref(c)); err != nil {
		return err
	}
	return back(c, "/failover")
}

// invalid is an error of kind store.ErrInvalid.
func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{store.ErrInvalid}, args...)...)
}
