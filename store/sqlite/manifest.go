package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/neutrino-local/neutrino-local/store"
)

const manifestColumns = `repository, digest, media_type, size, subject, artifact_type, annotations, pushed_at,
	(SELECT json_group_array(b.digest) FROM manifest_blobs b WHERE b.repository = m.repository AND b.manifest = m.digest)`

func scanManifest(r row) (m store.Manifest, err error) {
	var pushed int64
	var annotations, blobs string
	err = r.Scan(&m.Repository, &m.Digest, &m.MediaType, &m.Size, &m.Subject, &m.ArtifactType, &annotations, &pushed, &blobs)
	if err != nil {
		return store.Manifest{}, err
	}
	m.PushedAt = fromNanos(pushed)
	if err := decode(annotations, &m.Annotations); err != nil {
		return store.Manifest{}, err
	}
	return m, decode(blobs, &m.Blobs)
}

// addRepository makes a repository known.
func addRepository(ctx context.Context, tx *sql.Tx, name string) error {
	_, err := tx.ExecContext(ctx, addRepositorySQL, name)
	return err
}

// PutManifest keeps a manifest, and a tag for it unless tag is "". All that
// m.Blobs names must be linked in the repository, or a manifest of it:
// ErrNotFound names what is not.
func (db *DB) PutManifest(ctx context.Context, m store.Manifest, tag string) error {
	if tag == "" {
		return db.PushManifest(ctx, m, m.Blobs)
	}
	return db.PushManifest(ctx, m, m.Blobs, tag)
}

// PushManifest keeps a manifest and points tags at it. Of m.Blobs only needs have
// to be there, as for PutManifest; the rest is kept once it comes.
func (db *DB) PushManifest(ctx context.Context, m store.Manifest, needs []string, tags ...string) error {
	if m.PushedAt.IsZero() {
		m.PushedAt = time.Now()
	}
	return db.change(ctx, fmt.Sprintf("manifest %s@%s", m.Repository, m.Digest), func(tx *sql.Tx) error {
		if err := putManifest(ctx, tx, m, needs); err != nil {
			return err
		}
		for _, tag := range tags {
			err := putTag(ctx, tx, store.Tag{Repository: m.Repository, Name: tag, Digest: m.Digest, UpdatedAt: m.PushedAt})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func putManifest(ctx context.Context, tx *sql.Tx, m store.Manifest, needs []string) error {
	annotations, err := encode(m.Annotations)
	if err != nil {
		return err
	}
	blobs, err := encode(append([]string{}, m.Blobs...)) // [] and not null
	if err != nil {
		return err
	}
	if err := addRepository(ctx, tx, m.Repository); err != nil {
		return err
	}
	if err := blobsThere(ctx, tx, m.Repository, needs); err != nil {
		return err
	}
	if err := touchBlob(ctx, tx, m.Digest, m.PushedAt); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO manifests (repository, digest, media_type, size, subject, artifact_type, annotations, pushed_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (repository, digest) DO UPDATE SET media_type = excluded.media_type, size = excluded.size, subject = excluded.subject,
			artifact_type = excluded.artifact_type, annotations = excluded.annotations, pushed_at = excluded.pushed_at`,
		m.Repository, m.Digest, m.MediaType, m.Size, m.Subject, m.ArtifactType, annotations, nanos(m.PushedAt))
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT OR IGNORE INTO manifest_blobs (repository, manifest, digest) SELECT ?, ?, value FROM json_each(?)`,
		m.Repository, m.Digest, blobs)
	return err
}

// blobsThere is asked inside the transaction that makes the blobs needed:
// whatever ForgetBlob forgot before is found missing here.
func blobsThere(ctx context.Context, tx *sql.Tx, repository string, needs []string) error {
	lacking, err := missing(ctx, tx, repository, needs, 10)
	if err != nil || len(lacking) == 0 {
		return err
	}
	return fmt.Errorf("it needs %s: %w", strings.Join(lacking, ", "), store.ErrNotFound)
}

// missing returns at most n of digests that a repository does not have.
func missing(ctx context.Context, from querier, repository string, digests []string, n int) ([]string, error) {
	list, err := encode(append([]string{}, digests...)) // [] and not null
	if err != nil {
		return nil, err
	}
	return strs(from.QueryContext(ctx, `SELECT value FROM json_each(?2)
		WHERE NOT EXISTS (SELECT 1 FROM blob_links l WHERE l.repository = ?1 AND l.digest = value)
		AND NOT EXISTS (SELECT 1 FROM manifests m WHERE m.repository = ?1 AND m.digest = value) LIMIT ?3`, repository, list, limit(n)))
}

// A querier is met by *sql.DB and *sql.Tx.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Missing returns those of digests that are neither linked in a repository nor a
// manifest of it.
func (db *DB) Missing(ctx context.Context, repository string, digests []string) ([]string, error) {
	lacking, err := missing(ctx, db.read, repository, digests, 0)
	return lacking, db.fail("blobs of repository "+repository, err)
}

// Manifest returns a manifest of a repository. Its Blobs are in order of their
// digests.
func (db *DB) Manifest(ctx context.Context, repository, digest string) (store.Manifest, error) {
	m, err := scanManifest(db.read.QueryRowContext(ctx, `SELECT `+manifestColumns+` FROM manifests m WHERE repository = ? AND digest = ?`, repository, digest))
	return m, db.fail(fmt.Sprintf("manifest %s@%s", repository, digest), err)
}

// DeleteManifest forgets a manifest and the tags that name it.
func (db *DB) DeleteManifest(ctx context.Context, repository, digest string) error {
	return db.change(ctx, fmt.Sprintf("manifest %s@%s", repository, digest), func(tx *sql.Tx) error {
		return changed(tx.ExecContext(ctx, `DELETE FROM manifests WHERE repository = ? AND digest = ?`, repository, digest))
	})
}

// Referrers returns the manifests of a repository whose subject is given, in
// order of their digests; only those of artifactType unless that is "". The
// subject itself need not be there.
func (db *DB) Referrers(ctx context.Context, repository, subject, artifactType string) ([]store.Manifest, error) {
	return db.ReferrersAfter(ctx, repository, subject, artifactType, "", 0)
}

// ReferrersAfter returns at most n of the referrers, from the one after last; all
// of them if n is 0.
func (db *DB) ReferrersAfter(ctx context.Context, repository, subject, artifactType, last string, n int) ([]store.Manifest, error) {
	rows, err := db.read.QueryContext(ctx, `SELECT `+manifestColumns+` FROM manifests m
		WHERE repository = ?1 AND subject = ?2 AND subject <> '' AND (?3 = '' OR artifact_type = ?3) AND digest > ?4
		ORDER BY digest LIMIT ?5`, repository, subject, artifactType, last, limit(n))
	all, err := collect(rows, err, scanManifest)
	return all, db.fail(fmt.Sprintf("referrers of %s@%s", repository, subject), err)
}
