package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/neutrino-local/neutrino-local/store"
	"github.com/neutrino-local/neutrino-local/store/applog"
	"github.com/neutrino-local/neutrino-local/web/apitype"
)

// getDeploymentEvents sends a deployment as it is, and each time it changes until
// it has ended. The id of an event is of its content, so a client that resumes,
// even after a restart of the server, is not sent again what it has.
func (s *Server) getDeploymentEvents(c echo.Context) error {
	seen := c.Request().Header.Get("Last-Event-ID")
	id := store.DeploymentID(param(c, "deployment"))
	return s.stream(c, func(ctx context.Context, e *eventWriter) error {
		kept, err := s.Store.Deployment(ctx, id)
		if err != nil {
			return err
		}
		var states <-chan store.Progress
		if !kept.Phase.Ended() {
			if states, err = s.Rollout.Watch(ctx, id); err != nil {
				return err
			}
		}
		if err := e.begin(); err != nil {
			return err
		}
		send := func(d apitype.Deployment) error {
			id := fingerprint(d)
			if id == seen {
				return nil
			}
			seen = id
			return e.event("", id, d)
		}
		ended, err := relay(ctx, e, states, func(p store.Progress) (bool, error) { return p.Phase.Ended(), send(deploymentView(p)) })
		if err != nil || ended || ctx.Err() != nil {
			return err
		}
		d, err := s.Deployment(ctx, string(id)) // it ended between the two looks, or before
		if err != nil {
			return err
		}
		return send(d)
	})
}

// relay hands each value of a channel to send until send says that it was the
// last or the channel is closed. In between it keeps the stream alive.
func relay[T any](ctx context.Context, e *eventWriter, values <-chan T, send func(T) (last bool, err error)) (ended bool, err error) {
	if values == nil {
		return false, nil
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		select {
		case v, ok := <-values:
			if !ok {
				return false, nil
			}
			if last, err := send(v); last || err != nil {
				return true, err
			}
		case <-beat.C:
			if err := e.beat(); err != nil {
				return false, err
			}
		case <-ctx.Done():
			return false, context.Cause(ctx)
		}
	}
}

func fingerprint(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// getLogEvents sends the newest lines that match and then each new one. The id
// of an event is the number of its line.
func (s *Server) getLogEvents(c echo.Context) error {
	app, q, err := s.logQuery(c)
	if err != nil {
		return err
	}
	return s.stream(c, func(ctx context.Context, e *eventWriter) error {
		var before []apitype.LogLine
		if q.After = max(q.After, lastID(c)); q.After == 0 {
			newest, err := s.Logs.Tail(ctx, applog.Query{App: app.ID, Max: 1})
			if err != nil {
				return err
			}
			if before, err = s.Lines(ctx, app, q); err != nil {
				return err
			}
			if len(newest) > 0 {
				q.After = newest[0].Sequence
			}
		}
		if err := e.begin(); err != nil {
			return err
		}
		for _, line := range before {
			if err := e.event("", number(line.Sequence), line); err != nil {
				return err
			}
			q.After = max(q.After, line.Sequence)
		}
		return s.newLines(ctx, e, app, q)
	})
}

// newLines sends the lines after q.After. The last event says that the log is
// gone, and not to ask again.
func (s *Server) newLines(ctx context.Context, e *eventWriter, app store.App, q LogQuery) error {
	ctx, cancel := context.WithCancel(ctx)
	q.App, q.Max = app.ID, 0
	lines := make(chan applog.Line)
	failed := make(chan error, 1)
	go func() { // ends with ctx; we wait for it below
		defer close(failed)
		defer close(lines)
		for line, err := range s.Logs.Follow(ctx, q.Query) {
			if err != nil {
				failed <- err
				return
			}
			select {
			case lines <- line:
			case <-ctx.Done():
				return
			}
		}
	}()
	_, err := relay(ctx, e, lines, func(l applog.Line) (bool, error) {
		if !q.matches(l) {
			return false, nil
		}
		return false, e.event("", number(l.Sequence), lineView(app, l))
	})
	gone := ctx.Err() != nil
	cancel()
	broken := <-failed
	switch {
	case err != nil:
		return err
	case broken != nil && !gone:
		return broken
	case gone:
		return nil
	}
	return e.event("end", "", struct{}{})
}
