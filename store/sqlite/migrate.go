package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
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

// inspect returns the schema's number, 0 for a new file, without writing
// anything: a database that we cannot use stays as it is.
func (db *DB) inspect(ctx context.Context) (int, error) {
	if wal, err := os.Stat(db.path + "-wal"); errors.Is(err, fs.ErrNotExist) || err == nil && wal.Size() == 0 {
		n, err := db.inspectAs(ctx, frozenDSN)
		if err == nil || errors.Is(err, store.ErrInvalid) {
			return n, err
		} // otherwise someone may be writing after all
	}
	return db.inspectAs(ctx, roDSN)
}

func (db *DB) inspectAs(ctx context.Context, dsn string) (int, error) {
	p, err := pool(db.path, dsn, 1)
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
	for try := 1; ; try++ {
		_, err := g.Up(ctx)
		if err == nil {
			return nil
		}
		// Someone who opens the same new file with us may be in between. We wait
		// for the end of what they write, and do what is left.
		turn := db.change(ctx, "migrate", func(*sql.Tx) error { return nil })
		n, again := version(ctx, db.write)
		if turn != nil || try == tries || again == nil && n <= from && !busy(err) {
			return db.fail("migrate", err)
		}
		if again == nil {
			from = n
		}
	}
}

// tries is more than there are steps to meet at.
const tries = 20
