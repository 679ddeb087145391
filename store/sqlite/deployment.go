package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/neutrino-local/neutrino-local/store"
)

const deploymentColumns = `id, app, revision, from_revision, rollback, policy, window, seed, health_path, readiness,
	drain_timeout, warnings, phase, failed_in, reason, recovered, cut, started_at, ended_at,
	(SELECT json_group_array(json_object('phase', p.phase, 'at', p.at, 'detail', p.detail) ORDER BY n) FROM phases p WHERE p.deployment = seq)`

func scanDeployment(r row) (d store.Deployment, err error) {
	var seed, started, ended int64
	var warnings, events string
	err = r.Scan(&d.ID, &d.App, &d.Revision, &d.From, &d.Rollback, &d.Policy, &d.Window, &seed, &d.HealthPath, &d.Readiness,
		&d.DrainTimeout, &warnings, &d.Phase, &d.FailedIn, &d.Reason, &d.Recovered, &d.Cut, &started, &ended, &events)
	if err != nil {
		return store.Deployment{}, err
	}
	d.Seed = uint64(seed)
	d.StartedAt, d.EndedAt = fromNanos(started), fromNanos(ended)
	if err := decode(warnings, &d.Warnings); err != nil {
		return store.Deployment{}, err
	}
	var list []struct {
		Phase  store.Phase
		At     int64
		Detail string
	}
	if err := decode(events, &list); err != nil {
		return store.Deployment{}, err
	}
	for _, e := range list {
		d.Events = append(d.Events, store.PhaseEvent{Phase: e.Phase, At: fromNanos(e.At), Detail: e.Detail})
	}
	return d, nil
}

func deploymentName(id store.DeploymentID) string { return fmt.Sprintf("deployment %s", id) }

// Deployment returns one deployment with its events.
func (db *DB) Deployment(ctx context.Context, id store.DeploymentID) (store.Deployment, error) {
	d, err := scanDeployment(db.read.QueryRowContext(ctx, `SELECT `+deploymentColumns+` FROM deployments WHERE id = ?`, id))
	return d, db.fail(deploymentName(id), err)
}

// Deployments returns the last deployments of an app, the newest first; all of
// them if limit is 0.
func (db *DB) Deployments(ctx context.Context, app store.AppID, limit int) ([]store.Deployment, error) {
	if limit <= 0 {
		limit = -1
	}
	rows, err := db.read.QueryContext(ctx, `SELECT `+deploymentColumns+` FROM deployments WHERE app = ? ORDER BY seq DESC LIMIT ?`, app, limit)
	all, err := collect(rows, err, scanDeployment)
	return all, db.fail(fmt.Sprintf("deployments of app %s", app), err)
}

// OpenDeployments returns the deployments of all apps that have not ended, the
// oldest first.
func (db *DB) OpenDeployments(ctx context.Context) ([]store.Deployment, error) {
	rows, err := db.read.QueryContext(ctx, `SELECT `+deploymentColumns+` FROM deployments INDEXED BY deployments_open WHERE ended_at = 0 ORDER BY seq`)
	all, err := collect(rows, err, scanDeployment)
	return all, db.fail("open deployments", err)
}

// CreateDeployment puts a deployment on record, and with it the revision rev,
// which gets the app's next number; without rev it is of dep.Revision, which
// must be there. It fills in From, and the id, the phase (Creating), the start
// and the event of the phase where dep has none. rev is left as it was.
func (db *DB) CreateDeployment(ctx context.Context, dep store.Deployment, rev *store.Revision) (store.Deployment, error) {
	if dep.ID == "" {
		dep.ID = store.DeploymentID(uuid.NewString())
	}
	if dep.Phase == "" {
		dep.Phase = store.Creating
	}
	if dep.StartedAt.IsZero() {
		dep.StartedAt = time.Now()
	}
	if n := len(dep.Events); n == 0 || dep.Events[n-1].Phase != dep.Phase {
		dep.Events = append(dep.Events[:n:n], store.PhaseEvent{Phase: dep.Phase, At: dep.StartedAt})
	}
	what := fmt.Sprintf("deployment of app %s", dep.App)
	if dep.Phase.Ended() || dep.Phase.Committed() || dep.Rollback && rev != nil {
		return store.Deployment{}, fmt.Errorf("%s in phase %s: %w", what, dep.Phase, store.ErrInvalid)
	}
	var made store.Deployment
	err := db.change(ctx, what, func(tx *sql.Tx) error {
		if err := numberDeployment(ctx, tx, &dep, rev); err != nil {
			return err
		}
		err := insertDeployment(ctx, tx, dep)
		if err != nil {
			return err
		}
		made, err = scanDeployment(tx.QueryRowContext(ctx, `SELECT `+deploymentColumns+` FROM deployments WHERE id = ?`, dep.ID))
		return err
	})
	if err != nil {
		return store.Deployment{}, err
	}
	return made, nil
}

// numberDeployment sets dep's From and Revision, and keeps rev if there is one.
func numberDeployment(ctx context.Context, tx *sql.Tx, dep *store.Deployment, rev *store.Revision) error {
	if rev == nil {
		if err := tx.QueryRowContext(ctx, `SELECT current FROM apps WHERE id = ?`, dep.App).Scan(&dep.From); err != nil {
			return err
		}
		return revisionThere(ctx, tx, dep.App, dep.Revision)
	}
	err := tx.QueryRowContext(ctx, `UPDATE apps SET latest = latest + 1 WHERE id = ? RETURNING latest, current`, dep.App).Scan(&dep.Revision, &dep.From)
	if err != nil {
		return err
	}
	r := *rev
	r.App, r.Number = dep.App, dep.Revision
	if r.CreatedAt.IsZero() {
		r.CreatedAt = dep.StartedAt
	}
	return addRevision(ctx, tx, r)
}

func revisionThere(ctx context.Context, tx *sql.Tx, app store.AppID, n store.RevisionNumber) error {
	err := tx.QueryRowContext(ctx, `SELECT number FROM revisions WHERE app = ? AND number = ?`, app, n).Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("revision %s: %w", n, store.ErrNotFound)
	}
	return err
}

func insertDeployment(ctx context.Context, tx *sql.Tx, d store.Deployment) error {
	warnings, err := encode(d.Warnings)
	if err != nil {
		return err
	}
	res, err := tx.ExecContext(ctx, `INSERT INTO deployments (id, app, revision, from_revision, rollback, policy, window, seed,
		health_path, readiness, drain_timeout, warnings, phase, started_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		d.ID, d.App, d.Revision, d.From, d.Rollback, d.Policy, d.Window, int64(d.Seed),
		d.HealthPath, d.Readiness, d.DrainTimeout, warnings, d.Phase, nanos(d.StartedAt))
	if taken(err) {
		return fmt.Errorf("id %s is taken: %w", d.ID, store.ErrConflict)
	}
	if err != nil {
		return err
	}
	seq, err := res.LastInsertId()
	if err != nil {
		return err
	}
	for _, e := range d.Events {
		if err := addEvent(ctx, tx, seq, e); err != nil {
			return err
		}
	}
	return nil
}
