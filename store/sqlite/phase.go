package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/neutrino-local/neutrino-local/store"
)

// An attempt is what the transactions below need of an open deployment.
type attempt struct {
	seq      int64
	app      store.AppID
	revision store.RevisionNumber
	phase    store.Phase
}

// open returns the deployment id, or ErrConflict if it has ended.
func open(ctx context.Context, tx *sql.Tx, id store.DeploymentID) (attempt, error) {
	var a attempt
	var ended int64
	err := tx.QueryRowContext(ctx, `SELECT seq, app, revision, phase, ended_at FROM deployments WHERE id = ?`, id).
		Scan(&a.seq, &a.app, &a.revision, &a.phase, &ended)
	if err == nil && ended != 0 {
		return a, fmt.Errorf("it has ended, %s: %w", a.phase, store.ErrConflict)
	}
	return a, err
}

func addEvent(ctx context.Context, tx *sql.Tx, seq int64, e store.PhaseEvent) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO phases (deployment, n, phase, at, detail)
		VALUES (?1, (SELECT coalesce(max(n), 0) + 1 FROM phases WHERE deployment = ?1), ?2, ?3, ?4)`,
		seq, e.Phase, nanos(e.At), e.Detail)
	return err
}

// AddPhase notes that a deployment has entered a phase, or something about the
// phase that it is in. The commit and the end have methods of their own:
// CommitDeployment and EndDeployment.
func (db *DB) AddPhase(ctx context.Context, id store.DeploymentID, e store.PhaseEvent) error {
	return db.change(ctx, deploymentName(id), func(tx *sql.Tx) error {
		a, err := open(ctx, tx, id)
		if err != nil {
			return err
		}
		if e.Phase.Ended() || e.Phase.Committed() != a.phase.Committed() {
			return fmt.Errorf("phase %s cannot follow %s like this: %w", e.Phase, a.phase, store.ErrConflict)
		}
		if _, err := tx.ExecContext(ctx, `UPDATE deployments SET phase = ? WHERE seq = ?`, e.Phase, a.seq); err != nil {
			return err
		}
		return addEvent(ctx, tx, a.seq, e)
	})
}

// CommitDeployment is the switch: the deployment's revision becomes the app's
// current one, the one before it the previous one, and the phase Switching. It
// is durable when CommitDeployment returns. A deployment commits once.
func (db *DB) CommitDeployment(ctx context.Context, id store.DeploymentID, at time.Time) error {
	return db.change(ctx, deploymentName(id), func(tx *sql.Tx) error {
		a, err := open(ctx, tx, id)
		if err != nil {
			return err
		}
		if a.phase.Committed() {
			return fmt.Errorf("it is committed already: %w", store.ErrConflict)
		}
		if err := revisionThere(ctx, tx, a.app, a.revision); err != nil {
			return err
		}
		// The right sides see the row as it was before.
		_, err = tx.ExecContext(ctx, `UPDATE apps SET current = ?1, previous = iif(current = ?1, previous, current) WHERE id = ?2`, a.revision, a.app)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE deployments SET phase = ? WHERE seq = ?`, store.Switching, a.seq); err != nil {
			return err
		}
		return addEvent(ctx, tx, a.seq, store.PhaseEvent{Phase: store.Switching, At: at})
	})
}

// AddCut adds n to the requests that a deployment's drain has cut.
func (db *DB) AddCut(ctx context.Context, id store.DeploymentID, n int) error {
	return db.change(ctx, deploymentName(id), func(tx *sql.Tx) error {
		return changed(tx.ExecContext(ctx, `UPDATE deployments SET cut = cut + ? WHERE id = ?`, n, id))
	})
}

// EndDeployment ends a deployment: Live if it has committed, otherwise Failed,
// with the phase in which it failed and the reason.
func (db *DB) EndDeployment(ctx context.Context, id store.DeploymentID, phase, failedIn store.Phase, reason string, at time.Time) error {
	return db.change(ctx, deploymentName(id), func(tx *sql.Tx) error {
		a, err := open(ctx, tx, id)
		if err != nil {
			return err
		}
		if !phase.Ended() || phase.Committed() != a.phase.Committed() {
			return fmt.Errorf("%s cannot follow %s: %w", phase, a.phase, store.ErrConflict)
		}
		return end(ctx, tx, a, phase, failedIn, reason, false, at)
	})
}

func end(ctx context.Context, tx *sql.Tx, a attempt, phase, failedIn store.Phase, reason string, recovered bool, at time.Time) error {
	if phase == store.Live {
		failedIn, reason = "", ""
	}
	if at.IsZero() {
		at = time.Now()
	}
	_, err := tx.ExecContext(ctx, `UPDATE deployments SET phase = ?, failed_in = ?, reason = ?, recovered = ?, ended_at = ? WHERE seq = ?`,
		phase, failedIn, reason, recovered, nanos(at), a.seq)
	if err != nil {
		return err
	}
	return addEvent(ctx, tx, a.seq, store.PhaseEvent{Phase: phase, At: at})
}

// Recover ends the deployments that a dead server has left open: those that
// have committed are Live and Recovered, the others Failed and Interrupted. It
// returns them as they are now, the oldest first.
func (db *DB) Recover(ctx context.Context, at time.Time) ([]store.Deployment, error) {
	var all []store.Deployment
	err := db.change(ctx, "recover deployments", func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT seq, app, revision, phase FROM deployments INDEXED BY deployments_open WHERE ended_at = 0 ORDER BY seq`)
		left, err := collect(rows, err, func(r row) (a attempt, err error) {
			return a, r.Scan(&a.seq, &a.app, &a.revision, &a.phase)
		})
		if err != nil {
			return err
		}
		for _, a := range left {
			phase, reason := store.Failed, store.Interrupted
			if a.phase.Committed() {
				phase, reason = store.Live, ""
			}
			if err := end(ctx, tx, a, phase, a.phase, reason, phase == store.Live, at); err != nil {
				return err
			}
			d, err := scanDeployment(tx.QueryRowContext(ctx, `SELECT `+deploymentColumns+` FROM deployments WHERE seq = ?`, a.seq))
			if err != nil {
				return err
			}
			all = append(all, d)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}
