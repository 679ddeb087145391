package api

import (
	"context"
	"slices"
	"time"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/router/ledger"
	"github.com/neutrino-local/neutrino-local/store"
	"github.com/neutrino-local/neutrino-local/web/apitype"
)

// usage is how far back the requests of an app are counted unless told otherwise.
const usage = 7 * 24 * time.Hour

// view returns app as clients see it.
func (s *Server) view(ctx context.Context, app store.App, since time.Time) (apitype.App, error) {
	if since.IsZero() {
		since = time.Now().Add(-usage)
	}
	serving := s.Serving(app.ID)
	total := s.Ledger.Totals(string(app.ID), since)
	v := apitype.App{
		ID:        string(app.ID),
		Name:      string(app.Name),
		Account:   account(app.Account),
		CreatedAt: app.CreatedAt.UTC(),
		URLs:      list(s.URLs(app)),
		Listeners: list(app.Listeners),
		Current:   int(app.Current),
		Previous:  int(app.Previous),
		Latest:    int(app.Latest),
		Health:    serving.Health,
		Problem:   serving.Problem,
		Requests:  total.Replies,
		Errors:    total.Failed,
		Routes:    []apitype.Route{},
	}
	last, err := s.Store.Deployments(ctx, app.ID, 1)
	if err != nil {
		return v, err
	}
	if len(last) > 0 {
		d := s.progress(last[0])
		v.Deployment = &d
	}
	if app.Current == 0 {
		return v, nil
	}
	rev, err := s.Store.Revision(ctx, app.ID, app.Current)
	if err != nil {
		return v, err
	}
	v.Digest = rev.Digest
	v.Routes = s.content(ctx, rev).routesAt(v.URLs)
	return v, nil
}

// revisionView returns rev as clients see it.
func (s *Server) revisionView(ctx context.Context, rev store.Revision, serving store.Serving) apitype.Revision {
	content := s.content(ctx, rev)
	v := apitype.Revision{
		Number:     int(rev.Number),
		Digest:     rev.Digest,
		Repository: rev.Repository,
		Size:       rev.Size,
		CreatedAt:  rev.CreatedAt.UTC(),
		Serving:    "none",
		Variables:  content.variablesOf(rev),
		Components: list(content.components),
	}
	i := slices.IndexFunc(serving.Revisions, func(b store.ServingRevision) bool { return b.Revision == rev.Number })
	if i >= 0 {
		b := serving.Revisions[i]
		v.Serving, v.Share, v.InFlight = b.Role, b.Share, b.InFlight
	}
	return v
}

// progress returns d, which comes from the store, as clients see it: as far as
// it is now if it is under way.
func (s *Server) progress(d store.Deployment) apitype.Deployment {
	if !d.Phase.Ended() {
		if p, ok := s.Rollout.Progress(d.ID); ok {
			return deploymentView(p)
		}
	}
	p := store.Progress{Deployment: d}
	if d.Phase == store.Live {
		p.Share = 100
	}
	return deploymentView(p)
}

func deploymentView(p store.Progress) apitype.Deployment {
	d := apitype.Deployment{
		ID:        string(p.ID),
		App:       string(p.App),
		Revision:  int(p.Revision),
		From:      int(p.From),
		Rollback:  p.Rollback,
		Policy:    string(p.Policy),
		WindowMS:  p.Window.Milliseconds(),
		Seed:      p.Seed,
		Phase:     string(p.Phase),
		FailedIn:  string(p.FailedIn),
		Reason:    p.Reason,
		Recovered: p.Recovered,
		Held:      p.Held,
		Share:     p.Share,
		Cut:       p.Cut,
		Warnings:  list(p.Warnings),
		Events:    make([]apitype.PhaseEvent, 0, len(p.Events)),
		StartedAt: p.StartedAt.UTC(),
	}
	for _, e := range p.Events {
		d.Events = append(d.Events, apitype.PhaseEvent{Phase: string(e.Phase), At: e.At.UTC(), Detail: e.Detail})
	}
	if !p.EndedAt.IsZero() {
		d.EndedAt = new(p.EndedAt.UTC())
	}
	return d
}

func recordView(r ledger.Record) apitype.Record {
	return apitype.Record{
		Sequence:   r.Sequence,
		Time:       r.Time.UTC(),
		App:        r.App,
		AppID:      r.AppID,
		Revision:   r.Revision,
		Deployment: r.Deployment,
		Phase:      r.Phase,
		Component:  r.Component,
		Route:      r.Route,
		Method:     r.Method,
		Path:       r.Path,
		Status:     r.Status,
		DurationUS: r.Duration.Microseconds(),
		QueuedUS:   r.Timing.Queued.Microseconds(),
		HeadUS:     r.Timing.Head.Microseconds(),
		RepliedUS:  r.Timing.Replied.Microseconds(),
		Bytes:      r.Bytes,
		Request:    r.Request,
		Outcome:    string(r.Outcome),
		Broken:     r.Broken,
	}
}

// account returns the account with a name. There is one so far.
func account(name string) apitype.Account {
	a := apitype.Account{Name: name}
	if name == store.LocalAccountName {
		a.ID = store.LocalAccountID
	}
	return a
}

// list returns s, and an empty list for nil: JSON of ours has no null lists.
func list[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

// route returns a trigger as clients see it, and false for one that no URL
// reaches.
func route(t artifact.HTTPTrigger, descriptions map[string]string) (apitype.Route, bool) {
	if t.Private {
		return apitype.Route{}, false
	}
	r := apitype.Route{Component: t.Component, Pattern: artifact.SanitizeRoute(t.Route), Description: descriptions[t.Component]}
	if t.Component == "" {
		r.Component = t.ID // it is static
	}
	if r.Pattern == "" {
		r.Pattern = "/"
	}
	if n := len(r.Pattern); n >= 4 && r.Pattern[n-4:] == "/..." || n >= 2 && r.Pattern[n-2:] == "/*" {
		r.Wildcard = true
	}
	return r, true
}
