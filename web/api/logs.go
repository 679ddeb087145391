package api

import (
	"context"
	"iter"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/neutrino-local/neutrino-local/store"
	"github.com/neutrino-local/neutrino-local/store/applog"
	"github.com/neutrino-local/neutrino-local/web/apitype"
)

// Logs keep the lines that guests write.
type Logs interface {
	Tail(ctx context.Context, q applog.Query) ([]applog.Line, error)
	Follow(ctx context.Context, q applog.Query) iter.Seq2[applog.Line, error]
}

// A LogQuery says which lines of an app's log. Zero values do not filter.
type LogQuery struct {
	applog.Query
	Stream   string
	Request  string
	Contains string
}

func (q LogQuery) matches(l applog.Line) bool {
	return (q.Stream == "" || q.Stream == l.Stream) && (q.Request == "" || q.Request == l.Request) &&
		strings.Contains(l.Message, q.Contains)
}

// Lines returns the newest lines of an app that match, oldest first.
func (s *Server) Lines(ctx context.Context, app store.App, q LogQuery) ([]apitype.LogLine, error) {
	most := q.Max
	q.App, q.Max = app.ID, applog.MaxLines
	if (LogQuery{Query: q.Query}) == q {
		q.Max = most
	}
	lines, err := s.Logs.Tail(ctx, q.Query)
	if err != nil {
		return nil, err
	}
	views := []apitype.LogLine{}
	for _, l := range lines {
		if q.matches(l) {
			views = append(views, lineView(app, l))
		}
	}
	return views[max(0, len(views)-most):], nil
}

func lineView(app store.App, l applog.Line) apitype.LogLine {
	return apitype.LogLine{
		Sequence: l.Sequence, Time: l.Time.UTC(), App: string(app.Name), Revision: int(l.Revision),
		Component: l.Component, Request: l.Request, Stream: l.Stream, Message: l.Message,
	}
}

func (s *Server) logQuery(c echo.Context) (store.App, LogQuery, error) {
	q := queryOf(c)
	want := LogQuery{
		Query: applog.Query{
			Component: q.text("component"),
			Revision:  store.RevisionNumber(q.number("revision", 0, 1, 1<<31-1)),
			Since:     q.time("since"),
			After:     q.sequence("after"),
			Max:       q.number("max", 100, 1, applog.MaxLines),
		},
		Stream:   q.text("stream"),
		Request:  q.text("request"),
		Contains: q.text("contains"),
	}
	if err := q.end(); err != nil {
		return store.App{}, want, err
	}
	app, err := s.Find(c.Request().Context(), param(c, "app"))
	return app, want, err
}

func (s *Server) getLogs(c echo.Context) error {
	app, q, err := s.logQuery(c)
	if err != nil {
		return err
	}
	lines, err := s.Lines(c.Request().Context(), app, q)
	if err != nil {
		return err
	}
	return reply(c, lines)
}
