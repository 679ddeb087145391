package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// touchBlob notes that someone was told that the blob is here.
func touchBlob(ctx context.Context, tx *sql.Tx, digest string, at time.Time) error {
	_, err := tx.ExecContext(ctx, touchBlobSQL, digest, nanos(at))
	return err
}

func (db *DB) linkBlob(ctx context.Context, tx *sql.Tx, repository, digest string, now time.Time) error {
	if _, err := tx.StmtContext(ctx, db.often.addRepository).ExecContext(ctx, repository); err != nil {
		return err
	}
	if _, err := tx.StmtContext(ctx, db.often.touchBlob).ExecContext(ctx, digest, nanos(now)); err != nil {
		return err
	}
	_, err := tx.StmtContext(ctx, db.often.linkBlob).ExecContext(ctx, repository, digest, nanos(now))
	return err
}

func blobName(repository, digest string) string { return fmt.Sprintf("blob %s@%s", repository, digest) }

// LinkBlob makes a blob part of a repository, as of now.
func (db *DB) LinkBlob(ctx context.Context, repository, digest string) error {
	return db.link(ctx, link{repository, digest}, blobName(repository, digest), func(*sql.Tx) error { return nil })
}

// BlobLinked reports whether a blob is part of a repository.
func (db *DB) BlobLinked(ctx context.Context, repository, digest string) (bool, error) {
	return db.yes(ctx, blobName(repository, digest), `SELECT EXISTS (SELECT 1 FROM blob_links WHERE repository = ? AND digest = ?)`, repository, digest)
}

// BlobTouched returns when someone was last told of a blob of a repository.
func (db *DB) BlobTouched(ctx context.Context, repository, digest string) (time.Time, error) {
	of := link{repository, digest}
	touched, ok, epoch := db.links.touched(of)
	if ok {
		return touched, nil
	}
	var at int64
	if err := db.often.blobTouched.QueryRowContext(ctx, repository, digest).Scan(&at); err != nil {
		return time.Time{}, db.fail(blobName(repository, digest), err)
	}
	db.links.remember(of, fromNanos(at), epoch)
	return fromNanos(at), nil
}

// BlobSource returns a repository of an account that a blob is part of. The
// account of a repository is the first segment of its name.
func (db *DB) BlobSource(ctx context.Context, account, digest string) (repository string, err error) {
	// '0' is the byte after '/'.
	err = db.read.QueryRowContext(ctx, `SELECT repository FROM blob_links
		WHERE digest = ?2 AND (repository = ?1 OR repository > ?1 || '/' AND repository < ?1 || '0') LIMIT 1`, account, digest).Scan(&repository)
	return repository, db.fail(blobName(account, digest), err)
}

// UnknownBlobs returns those of digests that were never acknowledged, or have
// been forgotten.
func (db *DB) UnknownBlobs(ctx context.Context, digests []string) ([]string, error) {
	list, err := encode(append([]string{}, digests...)) // [] and not null
	if err != nil {
		return nil, err
	}
	unknown, err := strs(db.read.QueryContext(ctx, `SELECT value FROM json_each(?)
		WHERE NOT EXISTS (SELECT 1 FROM blobs WHERE digest = value)`, list))
	return unknown, db.fail("unknown blobs", err)
}

// BlobKnown reports whether a blob has been acknowledged in any repository, as a
// blob or as a manifest, and not been forgotten since.
func (db *DB) BlobKnown(ctx context.Context, digest string) (bool, error) {
	return db.yes(ctx, "blob "+digest, `SELECT EXISTS (SELECT 1 FROM blobs WHERE digest = ?)`, digest)
}

func (db *DB) yes(ctx context.Context, what, query string, args ...any) (yes bool, err error) {
	err = db.read.QueryRowContext(ctx, query, args...).Scan(&yes)
	return yes, db.fail(what, err)
}

// MountBlob makes a blob of repository from part of repository to as well. If
// from is "" any repository may have it. ErrNotFound if none does.
func (db *DB) MountBlob(ctx context.Context, from, to, digest string) error {
	return db.link(ctx, link{to, digest}, blobName(from, digest), func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, `SELECT digest FROM blob_links WHERE digest = ?1 AND (?2 = '' OR repository = ?2) LIMIT 1`, digest, from).Scan(&digest)
	})
}

// link makes a blob part of a repository as of now, if check does not fail.
func (db *DB) link(ctx context.Context, of link, what string, check func(tx *sql.Tx) error) error {
	_, _, epoch := db.links.touched(of)
	var now time.Time
	err := db.transact(ctx, what, func(tx *sql.Tx) error {
		if err := check(tx); err != nil {
			return err
		}
		now = time.Now()
		return db.linkBlob(ctx, tx, of.repository, of.digest, now)
	})
	if err == nil {
		db.links.remember(of, fromNanos(nanos(now)), epoch)
	}
	return err
}

// UnlinkBlob takes a blob out of a repository. What needs it still keeps it from
// being collected.
func (db *DB) UnlinkBlob(ctx context.Context, repository, digest string) error {
	return db.change(ctx, blobName(repository, digest), func(tx *sql.Tx) error {
		return changed(tx.ExecContext(ctx, `DELETE FROM blob_links WHERE repository = ? AND digest = ?`, repository, digest))
	})
}

// unreferenced is the condition on a row of blobs that nothing needs it: no
// manifest is it or names it, no revision has it as a root, and nobody was told
// of it since the time that is its parameter.
const unreferenced = ` touched_at < ?
	AND NOT EXISTS (SELECT 1 FROM manifests m WHERE m.digest = blobs.digest)
	AND NOT EXISTS (SELECT 1 FROM manifest_blobs n WHERE n.digest = blobs.digest)
	AND NOT EXISTS (SELECT 1 FROM revision_blobs r WHERE r.digest = blobs.digest)`

// UnreferencedBlobs returns at most n digests that nothing needs and that were
// last linked, mounted or pushed before a time; all of them if n is 0. Each is
// only a candidate: ForgetBlob decides.
func (db *DB) UnreferencedBlobs(ctx context.Context, before time.Time, n int) ([]string, error) {
	digests, err := strs(db.read.QueryContext(ctx, `SELECT digest FROM blobs WHERE`+unreferenced+` LIMIT ?`, nanos(before), limit(n)))
	return digests, db.fail("blobs without reference", err)
}

// ForgetBlob takes a blob out of all repositories, and reports whether it did: a
// blob that something needs, or that was touched at a time or later, stays. Once
// it is true, the content may be removed, unless it is pushed again meanwhile:
// who removes it must keep that from happening at the same time.
func (db *DB) ForgetBlob(ctx context.Context, digest string, before time.Time) (forgotten bool, err error) {
	err = db.change(ctx, "blob "+digest, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `DELETE FROM blobs WHERE digest = ? AND`+unreferenced, digest, nanos(before))
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		forgotten = n > 0
		return err
	})
	return forgotten && err == nil, err
}

// BlobReferenced reports whether a manifest or a revision needs a blob.
func (db *DB) BlobReferenced(ctx context.Context, digest string) (bool, error) {
	return db.yes(ctx, "blob "+digest, `SELECT EXISTS (SELECT 1 FROM manifests WHERE digest = ?1)
		OR EXISTS (SELECT 1 FROM manifest_blobs WHERE digest = ?1)
		OR EXISTS (SELECT 1 FROM revision_blobs WHERE digest = ?1)`, digest)
}

// ReferencedBlobs returns all digests that manifests or revisions need, in their
// order.
func (db *DB) ReferencedBlobs(ctx context.Context) ([]string, error) {
	digests, err := strs(db.read.QueryContext(ctx, `SELECT digest FROM manifests
		UNION SELECT digest FROM manifest_blobs UNION SELECT digest FROM revision_blobs ORDER BY 1`))
	return digests, db.fail("blobs with reference", err)
}
