package sqlite

import (
	"database/sql"
	"errors"
	"fmt"

	sqlite3 "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/neutrino-local/neutrino-local/store"
)

// faults says in words what the file or its disk can do to us, by SQLite's primary
// code, and what to do about it.
var faults = map[int]struct{ text, hint string }{
	lib.SQLITE_FULL:     {"the disk is full", "free some space; what was there before is unharmed"},
	lib.SQLITE_READONLY: {"it is read-only", "make the file and its directory writable"},
	lib.SQLITE_PERM:     {"access is denied", "make the file and its directory writable"},
	lib.SQLITE_CANTOPEN: {"it cannot be opened", "the directory must exist and be writable"},
	lib.SQLITE_CORRUPT:  {"it is damaged", "move the file away to start anew, or restore a copy"},
	lib.SQLITE_NOTADB:   {"it is damaged or not a SQLite database", "move the file away to start anew, or restore a copy"},
	lib.SQLITE_IOERR:    {"the disk reports an error", "look into the system's log"},
	lib.SQLITE_BUSY:     {"another process is using it", "stop the other process that uses this state directory"},
	lib.SQLITE_LOCKED:   {"another process is using it", "stop the other process that uses this state directory"},
}

// fail gives err the name of the thing, and the kind of store if it has one.
func (db *DB) fail(what string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, sql.ErrNoRows) {
		err = store.ErrNotFound
	}
	e, ok := errors.AsType[*sqlite3.Error](err)
	if !ok {
		return fmt.Errorf("%s: %w", what, err)
	}
	if f, ok := faults[e.Code()&0xff]; ok {
		return store.Hint(fmt.Errorf("%s: database %s: %s: %w", what, db.path, f.text, err), f.hint)
	}
	return fmt.Errorf("%s: database %s: %w", what, db.path, err)
}

// taken reports whether err says that a row with this key is there already.
func taken(err error) bool {
	e, ok := errors.AsType[*sqlite3.Error](err)
	return ok && (e.Code() == lib.SQLITE_CONSTRAINT_UNIQUE || e.Code() == lib.SQLITE_CONSTRAINT_PRIMARYKEY)
}

// orphan reports whether err says that the row which a row belongs to is not
// there.
func orphan(err error) bool {
	e, ok := errors.AsType[*sqlite3.Error](err)
	return ok && e.Code() == lib.SQLITE_CONSTRAINT_FOREIGNKEY
}

// busy reports whether err says that another connection was in the way.
func busy(err error) bool {
	e, ok := errors.AsType[*sqlite3.Error](err)
	return ok && e.Code()&0xff == lib.SQLITE_BUSY
}
