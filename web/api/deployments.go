package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/store"
	"github.com/neutrino-local/neutrino-local/web/apitype"
)

// Bounds of what a deployment may ask for.
const (
	maxPage      = 200
	maxSpan      = 24 * time.Hour
	maxVariables = 1000
	maxText      = 2048
)

// Deploy asks for a deployment of an app.
func (s *Server) Deploy(ctx context.Context, ref string, in apitype.CreateDeployment) (d apitype.Deployment, err error) {
	app, err := s.Find(ctx, ref)
	if err != nil {
		return d, err
	}
	request, err := requestOf(app, in)
	if err != nil {
		return d, err
	}
	if in.Listen != "" {
		bound, added, e := s.AddListener(ctx, app.ID, in.Listen)
		if e != nil {
			return d, e
		}
		defer func() {
			if err != nil && added {
				err = errors.Join(err, s.RemoveListener(context.WithoutCancel(ctx), app.ID, bound))
			}
		}()
	}
	dropped := s.dropped(ctx, app, in)
	made, err := s.Rollout.Deploy(ctx, request)
	if errors.Is(err, store.ErrConflict) && s.Failover.Failover(app.ID).Held {
		err = store.Hint(fmt.Errorf("%w: %w", errHeld, err), "go on with: neutrino-local failover release "+string(app.Name))
	}
	if err != nil {
		return d, err
	}
	s.changes.send()
	d = s.progress(made)
	if dropped != "" && !slices.Contains(d.Warnings, dropped) {
		d.Warnings = append(d.Warnings, dropped)
	}
	return d, nil
}

// requestOf checks what a client asks for, as far as it can be checked here.
func requestOf(app store.App, in apitype.CreateDeployment) (store.Request, error) {
	r := store.Request{
		App: app.ID, Repository: in.Repository, Rollback: in.Rollback, Revision: store.RevisionNumber(in.Revision),
		Variables: in.Variables, Queue: in.Queue, Seed: in.Seed, HealthPath: in.HealthPath,
		Window: span(in.WindowMS), DrainTimeout: span(in.DrainTimeoutMS), Readiness: *span(&in.ReadinessMS),
	}
	invalid := func(format string, args ...any) (store.Request, error) {
		return store.Request{}, fmt.Errorf("deployment of %s is %w: "+format, append([]any{app.Name, store.ErrInvalid}, args...)...)
	}
	var err error
	if in.Policy != "" {
		if r.Policy, err = store.ParsePolicy(in.Policy); err != nil {
			return store.Request{}, err
		}
	}
	switch {
	case in.Rollback && (in.Repository != "" || in.Digest != "" || len(in.Variables) > 0):
		return invalid("a rollback has the artifact and the variables of its revision")
	case in.Rollback && in.Revision < 0, !in.Rollback && in.Revision != 0:
		return invalid("revision %d: only a rollback names one, from 1", in.Revision)
	case !in.Rollback && (in.Repository == "" || len(in.Repository) > 255):
		return invalid("repository %.300q: want the name of one in the registry", in.Repository)
	case outside(r.Window), outside(r.DrainTimeout), outside(&r.Readiness):
		return invalid("a time is below 0 or above %s", maxSpan)
	case !isPath(in.HealthPath):
		return invalid("health_path %.100q: want a path that begins with /", in.HealthPath)
	case len(in.Variables) > maxVariables:
		return invalid("%d variables: the limit is %d", len(in.Variables), maxVariables)
	case len(in.Events) > 8:
		return invalid("%d events of the client: the limit is 8", len(in.Events))
	}
	if !in.Rollback {
		if _, err := artifact.ParseDigest(in.Digest); err != nil {
			return invalid("%w", err)
		}
		r.Digest = in.Digest
	}
	for _, e := range in.Events {
		p := store.Phase(e.Phase)
		if p != store.Packaging && p != store.Pushing || len(e.Detail) > maxText {
			return invalid("event %.40q: a client tells of packaging and pushing, in short", e.Phase)
		}
		r.Events = append(r.Events, store.PhaseEvent{Phase: p, At: e.At, Detail: e.Detail})
	}
	return r, nil
}

func span(ms *int64) *time.Duration {
	if ms == nil {
		return nil
	}
	if *ms > maxSpan.Milliseconds() || *ms < 0 {
		return new(time.Duration(-1))
	}
	return new(time.Duration(*ms) * time.Millisecond)
}

func outside(d *time.Duration) bool { return d != nil && *d < 0 }

func isPath(s string) bool {
	return s == "" || s[0] == '/' && len(s) <= maxText && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f })
}

// dropped is a warning about variables that the current revision was given and
// the new one is not.
func (s *Server) dropped(ctx context.Context, app store.App, in apitype.CreateDeployment) string {
	if in.Rollback || app.Current == 0 {
		return ""
	}
	rev, err := s.Store.Revision(ctx, app.ID, app.Current)
	if err != nil {
		return "" // and the deployment goes on
	}
	var names []string
	for name := range rev.Variables {
		if _, ok := in.Variables[name]; !ok {
			names = append(names, name)
		}
	}
	if names == nil {
		return ""
	}
	slices.Sort(names)
	return fmt.Sprintf("%s set %s: the new revision has the manifest's defaults instead", rev.Number, strings.Join(names, ", "))
}

// Deployment returns one deployment.
func (s *Server) Deployment(ctx context.Context, id string) (apitype.Deployment, error) {
	d, err := s.Store.Deployment(ctx, store.DeploymentID(id))
	if err != nil {
		return apitype.Deployment{}, err
	}
	return s.progress(d), nil
}

// Deployments returns one page of the deployments of an app, newest first: those
// that are older than the one with the id cursor, if it is not "".
func (s *Server) Deployments(ctx context.Context, ref, cursor string, limit int) (apitype.DeploymentPage, error) {
	page := apitype.DeploymentPage{Deployments: []apitype.Deployment{}}
	app, err := s.Find(ctx, ref)
	if err != nil {
		return page, err
	}
	most := limit + 1 // one more tells whether there is a next page
	if cursor != "" {
		most = 0
	}
	all, err := s.Store.Deployments(ctx, app.ID, most)
	if err != nil {
		return page, err
	}
	if cursor != "" {
		i := slices.IndexFunc(all, func(d store.Deployment) bool { return string(d.ID) == cursor })
		if i < 0 {
			return page, fmt.Errorf("parameter cursor=%.80q is %w: no such deployment", cursor, store.ErrInvalid)
		}
		all = all[i+1:]
	}
	for _, d := range all[:min(limit, len(all))] {
		page.Deployments = append(page.Deployments, s.progress(d))
	}
	if len(all) > limit {
		page.Next = string(all[limit-1].ID)
	}
	return page, nil
}

func (s *Server) getDeployments(c echo.Context) error {
	q := queryOf(c)
	cursor, limit := q.text("cursor"), q.number("limit", 50, 1, maxPage)
	if err := q.end(); err != nil {
		return err
	}
	page, err := s.Deployments(c.Request().Context(), param(c, "app"), cursor, limit)
	if err != nil {
		return err
	}
	return reply(c, page)
}

func (s *Server) postDeployment(c echo.Context) error {
	var in apitype.CreateDeployment
	if err := decode(c, &in); err != nil {
		return err
	}
	d, err := s.Deploy(c.Request().Context(), param(c, "app"), in)
	if err != nil {
		return err
	}
	return writeJSON(c.Response(), http.StatusCreated, d)
}

func (s *Server) getDeployment(c echo.Context) error {
	d, err := s.Deployment(c.Request().Context(), param(c, "deployment"))
	if err != nil {
		return err
	}
	return reply(c, d)
}
