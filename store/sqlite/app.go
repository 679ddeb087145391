package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/neutrino-local/neutrino-local/store"
)

const appColumns = `id, name, account, created_at, last_used, current, previous, latest,
	(SELECT json_group_array(address ORDER BY position) FROM listeners WHERE app = id)`

func scanApp(r row) (a store.App, err error) {
	var created, used int64
	var listeners string
	err = r.Scan(&a.ID, &a.Name, &a.Account, &created, &used, &a.Current, &a.Previous, &a.Latest, &listeners)
	if err != nil {
		return store.App{}, err
	}
	a.CreatedAt, a.LastUsed = fromNanos(created), fromNanos(used)
	return a, decode(listeners, &a.Listeners)
}

// CreateApp keeps a new app. Its name must be free in its account, and its
// listeners free altogether: ErrConflict if not. What a says about revisions is
// not heeded.
func (db *DB) CreateApp(ctx context.Context, a store.App) error {
	what := fmt.Sprintf("app %s", a.Name)
	if _, err := store.ParseAppName(string(a.Name)); err != nil {
		return err
	}
	if !store.IsAppID(string(a.ID)) || a.Account == "" {
		return fmt.Errorf("%s with id %.40q in account %.40q: %w", what, a.ID, a.Account, store.ErrInvalid)
	}
	return db.change(ctx, what, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO apps (id, name, account, created_at, last_used) VALUES (?, ?, ?, ?, ?)`,
			a.ID, a.Name, a.Account, nanos(a.CreatedAt), nanos(a.LastUsed))
		if taken(err) {
			return fmt.Errorf("the name is taken in account %s: %w", a.Account, store.ErrConflict)
		}
		if err != nil {
			return err
		}
		return setListeners(ctx, tx, a.ID, a.Listeners)
	})
}

// App returns an app by its id.
func (db *DB) App(ctx context.Context, id store.AppID) (store.App, error) {
	a, err := scanApp(db.read.QueryRowContext(ctx, `SELECT `+appColumns+` FROM apps WHERE id = ?`, id))
	return a, db.fail(fmt.Sprintf("app %s", id), err)
}

// AppNamed returns an app by the names of its account and its own.
func (db *DB) AppNamed(ctx context.Context, account string, name store.AppName) (store.App, error) {
	a, err := scanApp(db.read.QueryRowContext(ctx, `SELECT `+appColumns+` FROM apps WHERE account = ? AND name = ?`, account, name))
	return a, db.fail(fmt.Sprintf("app %s", name), err)
}

// Apps returns all apps, by account and name.
func (db *DB) Apps(ctx context.Context) ([]store.App, error) {
	rows, err := db.read.QueryContext(ctx, `SELECT `+appColumns+` FROM apps ORDER BY account, name`)
	all, err := collect(rows, err, scanApp)
	return all, db.fail("apps", err)
}

// DeleteApp forgets an app with its revisions, deployments and listeners. What
// the registry has in the app's repository stays: see DeleteRepository.
func (db *DB) DeleteApp(ctx context.Context, id store.AppID) error {
	return db.change(ctx, fmt.Sprintf("app %s", id), func(tx *sql.Tx) error {
		return changed(tx.ExecContext(ctx, `DELETE FROM apps WHERE id = ?`, id))
	})
}

// SetListeners replaces the listeners of an app. One that another app has is
// ErrConflict, and then nothing is replaced.
func (db *DB) SetListeners(ctx context.Context, id store.AppID, addresses []string) error {
	return db.change(ctx, fmt.Sprintf("app %s", id), func(tx *sql.Tx) error {
		if err := tx.QueryRowContext(ctx, `SELECT id FROM apps WHERE id = ?`, id).Scan(&id); err != nil {
			return err
		}
		return setListeners(ctx, tx, id, addresses)
	})
}

func setListeners(ctx context.Context, tx *sql.Tx, id store.AppID, addresses []string) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM listeners WHERE app = ?`, id); err != nil {
		return err
	}
	for i, address := range addresses {
		_, err := tx.ExecContext(ctx, `INSERT INTO listeners (app, position, address) VALUES (?, ?, ?)`, id, i, address)
		if taken(err) {
			return fmt.Errorf("listener %s is taken: %w", address, store.ErrConflict)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// TouchApps notes when apps were last used. A time before the one on record is
// not heeded, nor is an app that is no more.
func (db *DB) TouchApps(ctx context.Context, used map[store.AppID]time.Time) error {
	if len(used) == 0 {
		return nil
	}
	return db.change(ctx, "use of apps", func(tx *sql.Tx) error {
		s, err := tx.PrepareContext(ctx, `UPDATE apps SET last_used = ?1 WHERE id = ?2 AND last_used < ?1`)
		if err != nil {
			return err
		}
		defer s.Close()
		for id, at := range used {
			if _, err := s.ExecContext(ctx, nanos(at), id); err != nil {
				return err
			}
		}
		return nil
	})
}
