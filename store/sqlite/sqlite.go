// Package sqlite keeps the nouns of package store in one SQLite file.
//
// What a method has acknowledged survives the death of the process; each method
// is one transaction, so nothing is ever half there. One connection writes and
// several read. A deployment's switch is CommitDeployment: until it returns the
// old revision is current, afterwards the new one is, also after a restart.
//
// Caveats: a power cut may lose the last second (synchronous is NORMAL), and
// never corrupts. The file must be on a disk of this machine.
package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	sqlite3 "modernc.org/sqlite"

	"github.com/neutrino-local/neutrino-local/store"
)

// A DB is an open database. Its methods may be called from any goroutine.
type DB struct {
	path  string
	write *sql.DB // one connection: writers wait here and not for a lock in the file
	read  *sql.DB // cannot write
	often often
	links links
}

// Pragmas die with their connection, so they are part of its name.
const (
	frozenDSN = "?mode=ro&immutable=1" // makes no -wal and no -shm, and does not see them
	roDSN     = "?mode=ro&_pragma=busy_timeout(5000)"
	readDSN   = "?_pragma=busy_timeout(5000)&_pragma=foreign_keys(1)&_pragma=query_only(1)"
	writeDSN  = "?_txlock=immediate&_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)" +
		"&_pragma=foreign_keys(1)&_pragma=synchronous(NORMAL)&_pragma=journal_size_limit(67108864)"
)

// Open opens the database at path, makes it if it is not there, and brings its
// schema up to date. The directory must exist. A database that a newer version
// has written, or another program, is refused and left as it is.
func Open(ctx context.Context, path string) (*DB, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("database %s: %w", path, err)
	}
	if err := touch(abs); err != nil {
		return nil, err
	}
	db := &DB{path: abs}
	from, err := db.inspect(ctx)
	if err != nil {
		return nil, err
	}
	if err := protect(abs); err != nil {
		return nil, err
	}
	if db.write, err = pool(abs, writeDSN, 1); err != nil {
		return nil, err
	}
	if db.read, err = pool(abs, readDSN, max(4, runtime.NumCPU())); err != nil {
		return nil, errors.Join(err, db.write.Close())
	}
	if err := db.migrate(ctx, from); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if db.often, err = prepare(ctx, db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// touch makes the file if it is not there, readable by its owner only; SQLite
// gives its -wal and -shm the same mode.
func touch(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return store.Hint(fmt.Errorf("database: %w", err), "the directory must exist and be writable")
	}
	return f.Close()
}

// protect takes the file away from everybody but its owner, and what a crash may
// have left beside it.
func protect(path string) error {
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		info, err := os.Stat(name)
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			err = os.Chmod(name, 0o600)
		}
		if err != nil && !(name != path && errors.Is(err, fs.ErrNotExist)) {
			return fmt.Errorf("database: %w", err)
		}
	}
	return nil
}

func pool(path, dsn string, size int) (*sql.DB, error) {
	u := url.URL{Scheme: "file", Path: path} // escapes ? and # in path
	c, err := sqlite3.NewConnector(u.String() + dsn)
	if err != nil {
		return nil, fmt.Errorf("database %s: %w", path, err)
	}
	p := sql.OpenDB(c)
	p.SetMaxOpenConns(size)
	p.SetMaxIdleConns(size)
	return p, nil
}

// Close ends all connections. What was acknowledged is in the file.
func (db *DB) Close() error {
	return db.fail("close", errors.Join(db.read.Close(), db.write.Close()))
}

// Check reads the whole database and returns what is wrong with it.
func (db *DB) Check(ctx context.Context) error {
	var wrong []string
	for _, q := range []string{
		`PRAGMA integrity_check`,
		`SELECT "table" || ' row ' || coalesce(rowid, '?') || ' lacks its ' || parent FROM pragma_foreign_key_check`,
	} {
		lines, err := strs(db.read.QueryContext(ctx, q))
		if err != nil {
			return db.fail("check", err)
		}
		wrong = append(wrong, lines...)
	}
	if len(wrong) == 1 && wrong[0] == "ok" {
		return nil
	}
	return fmt.Errorf("database %s is damaged: %s", db.path, strings.Join(wrong, "; "))
}

// change runs f in a transaction of the one writer. what names the thing for
// errors.
func (db *DB) change(ctx context.Context, what string, f func(tx *sql.Tx) error) error {
	defer db.links.empty()
	return db.transact(ctx, what, f)
}

// transact is change for what takes no blob away.
func (db *DB) transact(ctx context.Context, what string, f func(tx *sql.Tx) error) error {
	tx, err := db.write.BeginTx(ctx, nil)
	if err != nil {
		return db.fail(what, err)
	}
	if err := f(tx); err != nil {
		_ = tx.Rollback() // the connection rolls back by itself if this cannot
		return db.fail(what, err)
	}
	return db.fail(what, tx.Commit())
}

// changed returns sql.ErrNoRows unless a statement has changed a row.
func changed(res sql.Result, err error) error {
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n > 0 {
		return err
	}
	return sql.ErrNoRows
}

// collect scans each row with scan and closes rows.
func collect[T any](rows *sql.Rows, err error, scan func(row) (T, error)) ([]T, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rows.Err()
}

// strs collects rows of one text each.
func strs(rows *sql.Rows, err error) ([]string, error) {
	return collect(rows, err, func(r row) (s string, err error) { return s, r.Scan(&s) })
}

// A row is met by *sql.Row and *sql.Rows.
type row interface{ Scan(dest ...any) error }

// Nanoseconds since 1970 hold the times up to the year 2262. Clients send some
// of the times we keep, so what does not fit is moved to the end.
var lastTime = time.Unix(0, 1<<63-1)

func nanos(t time.Time) int64 {
	switch {
	case t.IsZero() || t.Unix() < 0:
		return 0
	case t.After(lastTime):
		return lastTime.UnixNano()
	}
	return t.UnixNano()
}

func fromNanos(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}

// encode returns v as the JSON that the database keeps.
func encode(v any) (string, error) {
	b, err := json.Marshal(v)
	return string(b), err
}

// decode is the inverse of encode; an empty list or map becomes nil.
func decode(s string, v any) error {
	switch s {
	case "", "[]", "{}", "null":
		return nil
	}
	return json.Unmarshal([]byte(s), v)
}
