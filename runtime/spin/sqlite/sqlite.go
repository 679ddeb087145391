// Package sqlite gives components SQLite databases: fermyon:spin/sqlite in its
// two forms, and spin:sqlite.
//
// Each database of an app is a file that only this app's components reach, by a
// label that their manifest grants. A statement sees no other file and changes
// nothing outside of its database. What a query returns and how large a database
// gets is bounded, and a statement ends with the request that it runs for.
package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// A Store has the databases of apps, each in a file under one directory.
type Store struct {
	dir string

	mu    sync.Mutex
	conns int // guarded by mu; open ones
}

// NewStore returns the databases that are kept in dir, which is made when the
// first is opened.
func NewStore(dir string) *Store { return &Store{dir: dir} }

// maxConnections is how many connections the databases have at most at once: as
// many as Spin allows to one.
const maxConnections = 256

var errTooMany = fmt.Errorf("too many connections: limit %d", maxConnections)

// folder returns where the databases of an app are.
func (s *Store) folder(app string) (string, error) {
	if app == "" || strings.ContainsAny(app, `/\`) || app[0] == '.' {
		return "", fmt.Errorf("app %q cannot have databases", app)
	}
	return filepath.Join(s.dir, app), nil
}

// connect opens a connection to a database of an app. A database that is not
// there is made.
func (s *Store) connect(ctx context.Context, app, label string) (*connection, error) {
	dir, err := s.folder(app)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := s.take(); err != nil {
		return nil, err
	}
	// Labels are anything, so a name is what a URL would have for one.
	c, err := open(ctx, filepath.Join(dir, "db-"+url.PathEscape(label)+".sqlite"))
	if err != nil {
		s.giveBack()
		return nil, err
	}
	c.closed = s.giveBack
	return c, nil
}

func (s *Store) take() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conns == maxConnections {
		return errTooMany
	}
	s.conns++
	return nil
}

func (s *Store) giveBack() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns--
}

// Delete deletes the databases of an app, which must not run any more.
func (s *Store) Delete(app string) error {
	dir, err := s.folder(app)
	if err != nil {
		return nil // it has none
	}
	return os.RemoveAll(dir)
}

// Retain deletes the databases of all apps but these.
func (s *Store) Retain(apps []string) error {
	all, err := os.ReadDir(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	errs := []error{err}
	for _, e := range all {
		if !slices.Contains(apps, e.Name()) {
			errs = append(errs, s.Delete(e.Name()))
		}
	}
	return errors.Join(errs...)
}

// An Error is what SQLite says of a statement.
type Error struct {
	Code int // SQLite's primary result code
	Text string
}

func (e *Error) Error() string { return e.Text }

// isFull reports whether a database has no more room.
func isFull(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Code == codeFull
}
