package sqlite

import (
	"context"
	"database/sql"
	"fmt"
)

const (
	addRepositorySQL = `INSERT OR IGNORE INTO repositories (name) VALUES (?)`
	touchBlobSQL     = `INSERT INTO blobs (digest, touched_at) VALUES (?, ?)
		ON CONFLICT (digest) DO UPDATE SET touched_at = max(touched_at, excluded.touched_at)`
	linkBlobSQL = `INSERT INTO blob_links (repository, digest, linked_at) VALUES (?, ?, ?)
		ON CONFLICT (repository, digest) DO UPDATE SET linked_at = excluded.linked_at`
	blobTouchedSQL = `SELECT b.touched_at FROM blob_links l JOIN blobs b ON b.digest = l.digest
		WHERE l.repository = ? AND l.digest = ?`
)

// often are the statements that every push and pull of a blob runs. They are
// parsed once, since parsing takes longer than running them. They end with their
// connections.
type often struct {
	addRepository, touchBlob, linkBlob *sql.Stmt // of the writer
	blobTouched                        *sql.Stmt // of the readers
}

func prepare(ctx context.Context, db *DB) (o often, err error) {
	for _, s := range []struct {
		into **sql.Stmt
		pool *sql.DB
		text string
	}{
		{&o.addRepository, db.write, addRepositorySQL},
		{&o.touchBlob, db.write, touchBlobSQL},
		{&o.linkBlob, db.write, linkBlobSQL},
		{&o.blobTouched, db.read, blobTouchedSQL},
	} {
		if *s.into, err = s.pool.PrepareContext(ctx, s.text); err != nil {
			return o, fmt.Errorf("database %s: %w", db.path, err)
		}
	}
	return o, nil
}
