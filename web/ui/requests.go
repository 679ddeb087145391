package ui

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/neutrino-local/neutrino-local/router/ledger"
	"github.com/neutrino-local/neutrino-local/store"
	"github.com/neutrino-local/neutrino-local/store/applog"
	"github.com/neutrino-local/neutrino-local/web/api"
	"github.com/neutrino-local/neutrino-local/web/apitype"
)

const recordsShown = 100

var outcomes = []ledger.Outcome{
	ledger.OK, ledger.Trap, ledger.Timeout, ledger.Limit, ledger.Queue, ledger.Cut, ledger.NoRoute, ledger.ClientGone,
}

type requestsPage struct {
	frame
	Form     url.Values
	Apps     []apitype.App
	Outcomes []ledger.Outcome
	Ledger   apitype.Ledger // the newest first
	URL      string         // of this page, with the filter
	Filtered bool
	Back     bool // older ones than the newest: the page stands still
}

// Is reports whether an option of the form is chosen.
func (p requestsPage) Is(field, value string) bool { return p.Form.Get(field) == value }

func (p *Pages) requests(c echo.Context) error {
	ctx := c.Request().Context()
	page := requestsPage{frame: p.frame("requests", "Requests"), Form: url.Values{}, Outcomes: outcomes}
	for _, field := range []string{"app", "revision", "status", "path", "outcome"} {
		if v := strings.TrimSpace(c.QueryParam(field)); v != "" {
			page.Form.Set(field, v)
		}
	}
	page.Filtered = len(page.Form) > 0
	page.URL = "/_neutrino/requests?" + page.Form.Encode()
	page.Events = "/api/v1/events"
	var err error
	if page.Apps, err = p.api.Apps(ctx, time.Time{}); err != nil {
		return err
	}
	q := ledger.Query{Path: page.Form.Get("path"), Outcome: ledger.Outcome(page.Form.Get("outcome")), Limit: recordsShown, Newest: true}
	if q.Revision, err = whole("revision", strings.TrimPrefix(page.Form.Get("revision"), "r")); err != nil {
		return err
	}
	if q.Status, err = whole("status", strings.TrimSuffix(strings.ToLower(page.Form.Get("status")), "xx")); err != nil {
		return err
	}
	if ref := page.Form.Get("app"); ref != "" {
		app, err := p.api.Find(ctx, ref)
		if err != nil {
			return err
		}
		q.App, page.App = string(app.ID), string(app.Name)
		page.Events += "?app=" + url.QueryEscape(string(app.ID))
	}
	if before := c.QueryParam("before"); before != "" {
		if q.Before, err = strconv.ParseUint(before, 10, 64); err != nil || q.Before == 0 {
			return invalid("before %.40q: want a number of the ledger", before)
		}
		page.Back, page.Events = true, ""
	}
	page.Ledger = p.api.Records(q)
	slices.Reverse(page.Ledger.Records)
	return p.show(c, "requests", page)
}

// whole returns a field of a form that is empty or a positive number.
func whole(field, s string) (int, error) {
	if s == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > 1<<31-1 {
		return 0, invalid("%s %.40q: want a number", field, s)
	}
	return n, nil
}

type requestPage struct {
	frame
	apitype.RecordDetail
	Bar   []segment
	Lines []apitype.LogLine
	Gone  bool // the app, and its log with it
}

func (p *Pages) request(c echo.Context) error {
	ctx := c.Request().Context()
	seq, err := strconv.ParseUint(c.Param("seq"), 10, 64)
	if err != nil || seq == 0 {
		return invalid("request %.40q: want a number of the ledger", c.Param("seq"))
	}
	found, err := p.api.Detail(seq)
	if err != nil {
		return err
	}
	record := found.Record
	page := requestPage{frame: p.frame("requests", fmt.Sprintf("Request %d", seq)), RecordDetail: found, Bar: parts(record)}
	app, err := p.api.Find(ctx, record.AppID)
	if page.Gone = err != nil; page.Gone {
		return p.show(c, "request", page)
	}
	page.App = string(app.Name)
	page.Lines, err = p.api.Lines(ctx, app, api.LogQuery{
		Query:   applog.Query{Revision: store.RevisionNumber(record.Revision), Since: record.Time.Add(-time.Second), Max: linesShown},
		Request: record.Request,
	})
	if err != nil {
		return err
	}
	return p.show(c, "request", page)
}
