package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/neutrino-local/neutrino-local/store"
)

// Repositories returns the names of at most n repositories that have a manifest,
// in byte order, from the one after last; all of them if n is 0.
func (db *DB) Repositories(ctx context.Context, last string, n int) ([]string, error) {
	names, err := strs(db.read.QueryContext(ctx, `SELECT name FROM repositories
		WHERE name > ? AND EXISTS (SELECT 1 FROM manifests WHERE repository = name) ORDER BY name LIMIT ?`, last, limit(n)))
	return names, db.fail("repositories", err)
}

// limit is n for LIMIT, where a negative number means all.
func limit(n int) int {
	if n <= 0 {
		return -1
	}
	return n
}

// DeleteRepository forgets a repository with its manifests, tags and links. The
// blobs of revisions stay referenced.
func (db *DB) DeleteRepository(ctx context.Context, name string) error {
	return db.change(ctx, fmt.Sprintf("repository %s", name), func(tx *sql.Tx) error {
		return changed(tx.ExecContext(ctx, `DELETE FROM repositories WHERE name = ?`, name))
	})
}

// ForgetEmptyRepositories forgets the repositories that hold neither a manifest
// nor a blob.
func (db *DB) ForgetEmptyRepositories(ctx context.Context) error {
	return db.change(ctx, "empty repositories", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM repositories WHERE NOT EXISTS (SELECT 1 FROM manifests WHERE repository = name)
			AND NOT EXISTS (SELECT 1 FROM blob_links WHERE repository = name)`)
		return err
	})
}

// PutTag points a tag at a manifest of its repository, which must be there.
func (db *DB) PutTag(ctx context.Context, t store.Tag) error {
	if t.UpdatedAt.IsZero() {
		t.UpdatedAt = time.Now()
	}
	return db.change(ctx, fmt.Sprintf("tag %s:%s", t.Repository, t.Name), func(tx *sql.Tx) error {
		return putTag(ctx, tx, t)
	})
}

func putTag(ctx context.Context, tx *sql.Tx, t store.Tag) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO tags (repository, name, digest, updated_at) VALUES (?, ?, ?, ?)
		ON CONFLICT (repository, name) DO UPDATE SET digest = excluded.digest, updated_at = excluded.updated_at`,
		t.Repository, t.Name, t.Digest, nanos(t.UpdatedAt))
	if orphan(err) {
		return fmt.Errorf("manifest %s: %w", t.Digest, store.ErrNotFound)
	}
	return err
}

// Tag returns a tag of a repository.
func (db *DB) Tag(ctx context.Context, repository, name string) (store.Tag, error) {
	t := store.Tag{Repository: repository, Name: name}
	var updated int64
	err := db.read.QueryRowContext(ctx, `SELECT digest, updated_at FROM tags WHERE repository = ? AND name = ?`, repository, name).Scan(&t.Digest, &updated)
	if err != nil {
		return store.Tag{}, db.fail(fmt.Sprintf("tag %s:%s", repository, name), err)
	}
	t.UpdatedAt = fromNanos(updated)
	return t, nil
}

// DeleteTag forgets a tag; its manifest stays.
func (db *DB) DeleteTag(ctx context.Context, repository, name string) error {
	return db.change(ctx, fmt.Sprintf("tag %s:%s", repository, name), func(tx *sql.Tx) error {
		return changed(tx.ExecContext(ctx, `DELETE FROM tags WHERE repository = ? AND name = ?`, repository, name))
	})
}

// Tags returns at most n tags of a repository, in byte order, from the one after
// last; all of them if n is 0. A repository that nothing was ever pushed to is
// ErrNotFound.
func (db *DB) Tags(ctx context.Context, repository, last string, n int) ([]string, error) {
	what := fmt.Sprintf("repository %s", repository)
	if err := db.read.QueryRowContext(ctx, `SELECT name FROM repositories WHERE name = ?`, repository).Scan(&repository); err != nil {
		return nil, db.fail(what, err)
	}
	names, err := strs(db.read.QueryContext(ctx, `SELECT name FROM tags WHERE repository = ? AND name > ? ORDER BY name LIMIT ?`, repository, last, limit(n)))
	return names, db.fail(what, err)
}
