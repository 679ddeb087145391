package keyvalue

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	sqlite3 "modernc.org/sqlite"
)

// A file is the open database of one app.
//
// The index of (store, key) has all that a list of keys needs, so that values,
// which may be large, are only read when they are asked for.
type file struct {
	path  string
	read  *sql.DB // several connections, which cannot write
	write *sql.DB // one connection, which is the writer's
	get   *sql.Stmt
	has   *sql.Stmt
	keys  *sql.Stmt
	pairs *sql.Stmt
	*writer
	running sync.WaitGroup // the writer

	mu   sync.Mutex
	have map[string]Size // guarded by mu; by label, committed
}

// Pragmas die with their connection, so they are part of its name. The mode is
// that of package sqlite: a commit is in the hands of the system, which outlives
// the process, and waits for no disk.
const (
	writeDSN = "?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_pragma=journal_size_limit(16777216)"
	readDSN  = "?_pragma=busy_timeout(5000)&_pragma=query_only(1)"
	readers  = 4

	schemaVersion = 1
	schema        = `
CREATE TABLE pair (
	id    INTEGER PRIMARY KEY,
	store TEXT NOT NULL,
	key   BLOB NOT NULL, -- UTF-8
	value BLOB NOT NULL,
	UNIQUE (store, key)
);
CREATE TABLE size (
	store TEXT PRIMARY KEY,
	keys  INTEGER NOT NULL,
	bytes INTEGER NOT NULL -- of keys and values
);
PRAGMA user_version = 1;`
)

// openFile opens the database of an app and makes it if it is not there. What
// is written to it is added to total.
func openFile(path string, total *atomic.Int64) (_ *file, err error) {
	made, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := made.Close(); err != nil {
		return nil, err
	}
	f := &file{path: path, have: map[string]Size{}}
	defer func() {
		if err != nil {
			err = errors.Join(f.fail("open", err), f.closePools())
		}
	}()
	if f.write, err = pool(path, writeDSN, 1); err != nil {
		return nil, err
	}
	if f.read, err = pool(path, readDSN, readers); err != nil {
		return nil, err
	}
	if err := f.migrate(); err != nil {
		return nil, err
	}
	if err := f.prepare(); err != nil {
		return nil, err
	}
	if f.writer, err = newWriter(f, total); err != nil {
		return nil, err
	}
	f.running.Go(f.writer.run)
	return f, nil
}

func pool(path, dsn string, size int) (*sql.DB, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(abs)} // escapes ? and # in path
	c, err := sqlite3.NewConnector(u.String() + dsn)
	if err != nil {
		return nil, err
	}
	p := sql.OpenDB(c)
	p.SetMaxOpenConns(size)
	p.SetMaxIdleConns(size)
	return p, nil
}

// migrate makes the schema of a new file, and refuses one from a newer version.
func (f *file) migrate() error {
	ctx := context.Background()
	tx, err := f.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after the commit
	var version int
	if err := tx.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&version); err != nil {
		return err
	}
	switch {
	case version > schemaVersion:
		return fmt.Errorf("its schema is version %d, this program knows %d: a newer neutrino-local has written it", version, schemaVersion)
	case version == 0:
		if _, err := tx.ExecContext(ctx, schema); err != nil {
			return err
		}
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	return f.loadSizes(ctx)
}

func (f *file) loadSizes(ctx context.Context) error {
	rows, err := f.write.QueryContext(ctx, `SELECT store, keys, bytes FROM size`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var label string
		var s Size
		if err := rows.Scan(&label, &s.Keys, &s.Bytes); err != nil {
			return err
		}
		f.have[label] = s
	}
	return rows.Err()
}

func (f *file) prepare() error {
	for _, s := range []struct {
		stmt **sql.Stmt
		text string
	}{
		{&f.get, `SELECT value FROM pair WHERE store = ? AND key = ?`},
		{&f.has, `SELECT 1 FROM pair WHERE store = ? AND key = ?`},
		{&f.keys, `SELECT key FROM pair WHERE store = ? AND key >= ? ORDER BY key LIMIT ?`},
		{&f.pairs, `SELECT key, length(value) FROM pair WHERE store = ? AND key >= ? ORDER BY key LIMIT ?`},
	} {
		var err error
		if *s.stmt, err = f.read.Prepare(s.text); err != nil {
			return err
		}
	}
	return nil
}

// close lets the writer finish what it has and closes the file. Nobody may use
// it any more.
func (f *file) close() error {
	close(f.queue)
	f.running.Wait()
	return f.fail("close", f.closePools())
}

func (f *file) closePools() error {
	var errs []error
	for _, p := range []*sql.DB{f.read, f.write} {
		if p != nil {
			errs = append(errs, p.Close())
		}
	}
	return errors.Join(errs...)
}

// fail says which file an error is of.
func (f *file) fail(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %s: %w", filepath.Base(f.path), what, err)
}

// sizes returns how much is in each store.
func (f *file) sizes() map[string]Size {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.have)
}

// total returns how much is in all stores.
func (f *file) total() (all Size) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.have {
		all.Keys += s.Keys
		all.Bytes += s.Bytes
	}
	return all
}
