package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"

	"github.com/neutrino-local/neutrino-local/store"
)

const revisionColumns = `app, number, repository, digest, size, variables, created_at,
	(SELECT json_group_array(b.digest) FROM revision_blobs b WHERE b.app = r.app AND b.number = r.number)`

func scanRevision(r row) (rev store.Revision, err error) {
	var created int64
	var variables, blobs string
	err = r.Scan(&rev.App, &rev.Number, &rev.Repository, &rev.Digest, &rev.Size, &variables, &created, &blobs)
	if err != nil {
		return store.Revision{}, err
	}
	rev.CreatedAt = fromNanos(created)
	if err := decode(variables, &rev.Variables); err != nil {
		return store.Revision{}, err
	}
	return rev, decode(blobs, &rev.Blobs)
}

func revisionName(app store.AppID, n store.RevisionNumber) string {
	return fmt.Sprintf("revision %s/%s", app, n)
}

// Revision returns one revision of an app. Its Blobs are in order of their
// digests.
func (db *DB) Revision(ctx context.Context, app store.AppID, n store.RevisionNumber) (store.Revision, error) {
	rev, err := scanRevision(db.read.QueryRowContext(ctx, `SELECT `+revisionColumns+` FROM revisions r WHERE app = ? AND number = ?`, app, n))
	return rev, db.fail(revisionName(app, n), err)
}

// Revisions returns the revisions of an app, the newest first.
func (db *DB) Revisions(ctx context.Context, app store.AppID) ([]store.Revision, error) {
	rows, err := db.read.QueryContext(ctx, `SELECT `+revisionColumns+` FROM revisions r WHERE app = ? ORDER BY number DESC`, app)
	all, err := collect(rows, err, scanRevision)
	return all, db.fail(fmt.Sprintf("revisions of app %s", app), err)
}

// addRevision keeps rev under the number that it has. Its manifest is a root
// even if Blobs does not name it.
func addRevision(ctx context.Context, tx *sql.Tx, rev store.Revision) error {
	variables, err := encode(rev.Variables)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO revisions (app, number, repository, digest, size, variables, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		rev.App, rev.Number, rev.Repository, rev.Digest, rev.Size, variables, nanos(rev.CreatedAt))
	if err != nil {
		return err
	}
	return addRoots(ctx, tx, rev.App, rev.Number, append([]string{rev.Digest}, rev.Blobs...))
}

func addRoots(ctx context.Context, tx *sql.Tx, app store.AppID, n store.RevisionNumber, digests []string) error {
	list, err := encode(digests)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT OR IGNORE INTO revision_blobs (app, number, digest) SELECT ?, ?, value FROM json_each(?)`, app, n, list)
	return err
}

// SetRevisionBlobs makes blobs the roots of a revision, besides its manifest,
// and notes its size: both are known only after pulling.
func (db *DB) SetRevisionBlobs(ctx context.Context, app store.AppID, n store.RevisionNumber, blobs []string, size int64) error {
	return db.change(ctx, revisionName(app, n), func(tx *sql.Tx) error {
		var manifest string
		err := tx.QueryRowContext(ctx, `UPDATE revisions SET size = ? WHERE app = ? AND number = ? RETURNING digest`, size, app, n).Scan(&manifest)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM revision_blobs WHERE app = ? AND number = ?`, app, n); err != nil {
			return err
		}
		return addRoots(ctx, tx, app, n, append([]string{manifest}, blobs...))
	})
}

// RevisionBlobs returns the digests that revisions of any app need, each once.
func (db *DB) RevisionBlobs(ctx context.Context) ([]string, error) {
	all, err := strs(db.read.QueryContext(ctx, `SELECT DISTINCT digest FROM revision_blobs ORDER BY digest`))
	return all, db.fail("blobs of revisions", err)
}

// PruneRevisions forgets the revisions of an app that are older than its newest
// keep ones, and returns them. The current one, the previous one and those that
// an open deployment goes to or comes from stay in any case.
func (db *DB) PruneRevisions(ctx context.Context, app store.AppID, keep int) ([]store.Revision, error) {
	var pruned []store.Revision
	err := db.change(ctx, fmt.Sprintf("old revisions of app %s", app), func(tx *sql.Tx) error {
		needed, err := neededRevisions(ctx, tx, app)
		if err != nil {
			return err
		}
		list, err := encode(needed)
		if err != nil {
			return err
		}
		rows, err := tx.QueryContext(ctx, `SELECT `+revisionColumns+` FROM revisions r
			WHERE app = ?1 AND number NOT IN (SELECT value FROM json_each(?2))
			AND number IN (SELECT number FROM revisions WHERE app = ?1 ORDER BY number DESC LIMIT -1 OFFSET ?3)
			ORDER BY number`, app, list, max(keep, 0))
		if pruned, err = collect(rows, err, scanRevision); err != nil {
			return err
		}
		for _, rev := range pruned {
			if _, err := tx.ExecContext(ctx, `DELETE FROM revisions WHERE app = ? AND number = ?`, app, rev.Number); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return pruned, nil
}

// neededRevisions returns the revisions of an app that serve or may have to.
func neededRevisions(ctx context.Context, tx *sql.Tx, app store.AppID) ([]store.RevisionNumber, error) {
	needed := make(map[store.RevisionNumber]bool)
	var a, b store.RevisionNumber
	if err := tx.QueryRowContext(ctx, `SELECT current, previous FROM apps WHERE id = ?`, app).Scan(&a, &b); err != nil {
		return nil, err
	}
	needed[a], needed[b] = true, true
	rows, err := tx.QueryContext(ctx, `SELECT revision, from_revision FROM deployments WHERE app = ? AND ended_at = 0`, app)
	_, err = collect(rows, err, func(r row) (struct{}, error) {
		err := r.Scan(&a, &b)
		needed[a], needed[b] = true, true
		return struct{}{}, err
	})
	return slices.Sorted(maps.Keys(needed)), err
}
