package api

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/neutrino-local/neutrino-local/router/ledger"
	"github.com/neutrino-local/neutrino-local/store"
	"github.com/neutrino-local/neutrino-local/web/apitype"
)

const (
	maxRecords = 10_000 // of one reply
	maxShown   = 100    // records that show one failure
)

// Records returns the records that q selects.
func (s *Server) Records(q ledger.Query) apitype.Ledger {
	page := s.Ledger.Records(q)
	l := apitype.Ledger{
		Records: recordViews(page.Records), Next: page.Next, Older: page.Older,
		Dropped: page.Dropped, Kept: page.Kept, Size: page.Size,
	}
	return l
}

// Detail returns one record with its headers.
func (s *Server) Detail(seq uint64) (apitype.RecordDetail, error) {
	d, ok := s.Ledger.Detail(seq)
	if !ok {
		err := fmt.Errorf("request %d: %w: it is not in the ledger", seq, store.ErrNotFound)
		return apitype.RecordDetail{}, store.Hint(err, "keep more of them with: neutrino-local up --ledger-size N")
	}
	return apitype.RecordDetail{
		Record: recordView(d.Record), HeadersKept: d.Asked != nil,
		RequestHeader: headerViews(d.Asked), ResponseHeader: headerViews(d.Answered),
	}, nil
}

func headerViews(lines []ledger.Header) []apitype.HeaderLine {
	views := make([]apitype.HeaderLine, 0, len(lines))
	for _, h := range lines {
		views = append(views, apitype.HeaderLine{Name: h.Name, Value: h.Value, Secret: h.Secret, Bytes: h.Bytes})
	}
	return views
}

func recordViews(records []ledger.Record) []apitype.Record {
	views := make([]apitype.Record, 0, len(records))
	for _, r := range records {
		views = append(views, recordView(r))
	}
	return views
}

// Counts returns replies by revision and second, of all apps if app is "".
func (s *Server) Counts(app store.AppID, since time.Time) []apitype.Count {
	return countViews(s.Ledger.Counts(string(app), since))
}

func countViews(counts []ledger.Count) []apitype.Count {
	views := make([]apitype.Count, 0, len(counts))
	for _, c := range counts {
		views = append(views, apitype.Count{
			Second: c.Second.UTC(), App: c.AppID, Revision: c.Revision, Replies: c.Replies, Failed: c.Failed,
		})
	}
	return views
}

// Assert says how far in is true of the replies of an app.
func (s *Server) Assert(ctx context.Context, ref string, in apitype.Assertion) (apitype.Verdict, error) {
	v := apitype.Verdict{Failures: []apitype.Failure{}}
	app, err := s.Find(ctx, ref)
	if err != nil {
		return v, err
	}
	a := ledger.Assertion{No5xx: in.No5xx, NoneLost: in.NoneLost, BothSeen: in.BothSeen}
	if in.MaxOverlapMS != nil {
		a.MaxOverlap = new(time.Duration(*in.MaxOverlapMS) * time.Millisecond)
	}
	if in.Since != nil {
		a.Since = *in.Since
	}
	last, err := s.Store.Deployments(ctx, app.ID, 1)
	switch {
	case err != nil:
		return v, err
	case len(last) > 0:
		a.Old, a.New = int(last[0].From), int(last[0].Revision)
		if in.SinceDeploy {
			a.Since = last[0].StartedAt
		}
	case in.SinceDeploy || in.BothSeen || in.MaxOverlapMS != nil:
		return v, fmt.Errorf("assertion on %s: no deployment is there: %w", app.Name, store.ErrConflict)
	}
	if began := s.About().StartedAt; !a.Since.IsZero() && a.Since.Before(began) {
		v.Failures = append(v.Failures, unknown(fmt.Errorf("%w: the ledger began with the server at %s, and the replies since %s are asked for",
			ledger.ErrUnknown, began.UTC().Format(time.RFC3339), a.Since.UTC().Format(time.RFC3339))))
		return v, nil
	}
	page := s.Ledger.Records(ledger.Query{App: string(app.ID), Since: a.Since})
	a.Evicted = page.Evicted
	overlap, _, _ := ledger.Overlap(page.Records, a.Old, a.New)
	v.Replies, v.OverlapMS = len(page.Records), overlap.Milliseconds()
	violations, err := ledger.Check(page.Records, a)
	if errors.Is(err, ledger.ErrUnknown) {
		v.Failures = append(v.Failures, unknown(err))
		return v, nil
	}
	if err != nil {
		return v, err
	}
	for _, x := range violations {
		shown := x.Records[:min(len(x.Records), maxShown)]
		v.Failures = append(v.Failures, apitype.Failure{
			Assertion: x.Rule, Message: x.Reason, Records: recordViews(shown), More: len(x.Records) - len(shown),
		})
	}
	v.Pass = len(v.Failures) == 0
	return v, nil
}

// unknown is the failure of an assertion that cannot be decided.
func unknown(err error) apitype.Failure {
	return apitype.Failure{Assertion: "unknown", Message: err.Error(), Records: []apitype.Record{}}
}

// selection reads what records a URL asks for: those after a sequence number,
// oldest first, or else the newest, before a sequence number if there is one.
func (s *Server) selection(ctx context.Context, q *query) (ledger.Query, error) {
	sel := ledger.Query{
		Revision: q.number("revision", 0, 1, 1<<31-1),
		Status:   q.number("status", 0, 1, 999),
		Path:     q.text("path"),
		Outcome:  ledger.Outcome(q.text("outcome")),
		Since:    q.time("since"),
		After:    q.sequence("after"),
		Before:   q.sequence("before"),
		Limit:    q.number("limit", 100, 1, maxRecords),
	}
	sel.Newest = !q.values.Has("after")
	ref := q.text("app")
	if err := q.end(); err != nil {
		return sel, err
	}
	if sel.Before > 0 && !sel.Newest {
		return sel, fmt.Errorf("after and before: %w: they are of different ways to page", store.ErrInvalid)
	}
	if ref == "" {
		return sel, nil
	}
	app, err := s.Find(ctx, ref)
	sel.App = string(app.ID)
	return sel, err
}

func (s *Server) getLedger(c echo.Context) error {
	sel, err := s.selection(c.Request().Context(), queryOf(c))
	if err != nil {
		return err
	}
	return reply(c, s.Records(sel))
}

func (s *Server) getDetail(c echo.Context) error {
	seq, err := strconv.ParseUint(param(c, "seq"), 10, 64)
	if err != nil {
		return fmt.Errorf("request %.40q: %w: want a number of the ledger", param(c, "seq"), store.ErrInvalid)
	}
	d, err := s.Detail(seq)
	if err != nil {
		return err
	}
	return reply(c, d)
}

func (s *Server) getCounts(c echo.Context) error {
	q := queryOf(c)
	ref, since := q.text("app"), q.time("since")
	if err := q.end(); err != nil {
		return err
	}
	var id store.AppID
	if ref != "" {
		app, err := s.Find(c.Request().Context(), ref)
		if err != nil {
			return err
		}
		id = app.ID
	}
	if since.IsZero() {
		since = time.Now().Add(-10 * time.Minute)
	}
	return reply(c, s.Counts(id, since))
}

func (s *Server) postAssert(c echo.Context) error {
	var in apitype.Assertion
	if err := decode(c, &in); err != nil {
		return err
	}
	v, err := s.Assert(c.Request().Context(), param(c, "app"), in)
	if err != nil {
		return err
	}
	return reply(c, v)
}
