package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"

	"github.com/pressly/goose/v3"

	"github.com/neutrino-local/neutrino-local/store"
)

// Numbered files, one transaction each, never edited once released.
//
//go:embed migrations/*.sql
var migrations embed.FS

// latest is the schema that this program writes: the number of its last
// migration. TestLatest holds it to the files.
const latest = 2

// inspect returns the schema's number, 0 for a new file, without writing to
// the file: one that we cannot use stays as it is.
func (db *DB) inspect(ctx context.Context) (int, error) {
	p, err := pool(db.path, roDSN, 1)
	if err != nil {
		return 0, err
	}
	defer p.Close()
	tables, err := strs(p.QueryContext(ctx, `SELECT name FROM sqlite_schema WHERE type = 'table'`))
	if err != nil {
		return 0, db.fail("open", err)
	}
	if len(tables) == 0 {
		return 0, nil
	}
	if !slices.Contains(tables, goose.DefaultTablename) {
		err := fmt.Errorf("database %s is of another program: %w", db.path, store.ErrInvalid)
		return 0, store.Hint(err, "use another --state-dir, or move the file away")
	}
	n, err := version(ctx, p)
	if err != nil {
		return 0, db.fail("open", err)
	}
	if n > latest {
		err := fmt.Errorf("database %s was written by a newer neutrino-local (schema %d, this one knows %d): %w", db.path, n, latest, store.ErrInvalid)
		return 0, store.Hint(err, "use the newer neutrino-local, or another --state-dir")
	}
	return n, nil
}

func version(ctx context.Context, p *sql.DB) (n int, err error) {
	err = p.QueryRowContext(ctx, `SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied = 1`).Scan(&n)
	return n, err
}

// migrate brings the schema from a number to the latest.
func (db *DB) migrate(ctx context.Context, from int) error {
	if from == latest {
		return db.fail("open", db.write.PingContext(ctx))
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	g, err := goose.NewProvider(goose.DialectSQLite3, db.write, files,
		goose.WithDisableGlobalRegistry(true), goose.WithSlog(slog.New(slog.DiscardHandler)))
	if err != nil {
		return db.fail("migrate", err)
	}
	for {
		_, err := g.Up(ctx)
		if err == nil {
			return nil
		}
		// Someone who opened the same new file with us may have been faster: if
		// the schema has moved, what is left is for us.
		n, again := version(ctx, db.write)
		if again != nil || n <= from {
			return db.fail("migrate", err)
		}
		from = n
	}
}
