package keyvalue

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"
)

// Bounds of what is committed together.
const (
	maxBatch      = 512     // changes
	maxBatchBytes = 8 << 20 // of keys and values
)

// A change is one call that changes pairs.
type change struct {
	bytes int // of keys and values that it brings
	run   func(*writer) error
	err   error      // of run
	done  chan error // has room for one
}

// A writer commits the changes of all callers, as many together as there are.
// Its fields belong to its goroutine.
type writer struct {
	queue chan *change

	file  *file
	grown *atomic.Int64 // of all apps
	conn  *sql.Conn
	find, get, insert, update, remove, resize,
	begin, commit, rollback, save, restore, keep *sql.Stmt

	batch   []*change
	delta   map[string]Size // of the batch so far, by label
	grownBy int64           // what the batch has added to grown
}

func newWriter(f *file, grown *atomic.Int64) (*writer, error) {
	ctx := context.Background()
	conn, err := f.write.Conn(ctx)
	if err != nil {
		return nil, err
	}
	w := &writer{queue: make(chan *change, maxBatch), file: f, grown: grown, conn: conn, delta: map[string]Size{}}
	for _, s := range []struct {
		stmt **sql.Stmt
		text string
	}{
		{&w.find, `SELECT id, length(value) FROM pair WHERE store = ? AND key = ?`},
		{&w.get, `SELECT value FROM pair WHERE store = ? AND key = ?`},
		{&w.insert, `INSERT INTO pair (store, key, value) VALUES (?, ?, ?)`},
		{&w.update, `UPDATE pair SET value = ? WHERE id = ?`},
		{&w.remove, `DELETE FROM pair WHERE id = ?`},
		{&w.resize, `INSERT INTO size (store, keys, bytes) VALUES (?, ?, ?)
			ON CONFLICT (store) DO UPDATE SET keys = keys + excluded.keys, bytes = bytes + excluded.bytes`},
		{&w.begin, `BEGIN IMMEDIATE`},
		{&w.commit, `COMMIT`},
		{&w.rollback, `ROLLBACK`},
		{&w.save, `SAVEPOINT one`},
		{&w.restore, `ROLLBACK TO one`},
		{&w.keep, `RELEASE one`},
	} {
		if *s.stmt, err = conn.PrepareContext(ctx, s.text); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
	}
	return w, nil
}

// do hands a change to the writer and waits until it is committed. If ctx ends
// before that, the change may still be made.
func (w *writer) do(ctx context.Context, c *change) error {
	c.done = make(chan error, 1)
	select {
	case w.queue <- c:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case err := <-c.done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// run commits batches until the queue is closed.
func (w *writer) run() {
	for c := range w.queue {
		w.collect(c)
		err := w.write()
		for _, c := range w.batch {
			c.done <- errors.Join(err, c.err)
		}
		clear(w.batch)
		w.batch = w.batch[:0]
	}
	_ = w.conn.Close() // its pool is closed next, which tells
}

// collect takes what else is in the queue into the batch of first.
func (w *writer) collect(first *change) {
	w.batch = append(w.batch, first)
	bytes := first.bytes
	for len(w.batch) < maxBatch && bytes < maxBatchBytes {
		select {
		case c, ok := <-w.queue:
			if !ok {
				return
			}
			w.batch = append(w.batch, c)
			bytes += c.bytes
		default:
			return
		}
	}
}

// write makes the changes of the batch in one transaction. A change that is
// refused has its own error and changes nothing; an error of the database is
// that of all.
func (w *writer) write() error {
	clear(w.delta)
	w.grownBy = 0
	err := w.transact()
	if err == nil {
		w.apply()
		return nil
	}
	w.grown.Add(-w.grownBy)
	return w.file.fail("write", err)
}

func (w *writer) transact() error {
	if err := w.exec(w.begin); err != nil {
		return err
	}
	for _, c := range w.batch {
		c.err = c.run(w)
		if broken, ok := errors.AsType[*brokenError](c.err); ok {
			c.err = nil // it is that of all
			return w.undo(broken.err)
		}
	}
	for label, d := range w.delta {
		if d == (Size{}) {
			continue
		}
		if err := w.exec(w.resize, label, d.Keys, d.Bytes); err != nil {
			return w.undo(err)
		}
	}
	if err := w.exec(w.commit); err != nil {
		return w.undo(err)
	}
	return nil
}

// undo ends the transaction after err. SQLite may have done so itself, of a full
// disk for example, and then says that there is none.
func (w *writer) undo(err error) error {
	_ = w.exec(w.rollback)
	return err
}

// apply tells the readers of sizes what was committed.
func (w *writer) apply() {
	w.file.mu.Lock()
	defer w.file.mu.Unlock()
	for label, d := range w.delta {
		s := w.file.have[label]
		s.Keys += d.Keys
		s.Bytes += d.Bytes
		w.file.have[label] = s
		if s == (Size{}) {
			delete(w.file.have, label)
		}
	}
}

func (w *writer) exec(s *sql.Stmt, args ...any) error {
	_, err := s.ExecContext(context.Background(), args...)
	return err
}

// A brokenError is one of the database: the transaction cannot go on.
type brokenError struct{ err error }

func (e *brokenError) Error() string { return e.err.Error() }

func broken(err error) error {
	if err == nil {
		return nil
	}
	return &brokenError{err}
}

// row finds a pair; id is 0 if there is none.
func (w *writer) row(label, key string) (id, length int64, err error) {
	err = w.find.QueryRowContext(context.Background(), label, []byte(key)).Scan(&id, &length)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, 0, nil
	}
	return id, length, broken(err)
}

// value returns the value of a pair.
func (w *writer) value(label, key string) (value []byte, ok bool, err error) {
	err = w.get.QueryRowContext(context.Background(), label, []byte(key)).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	return value, err == nil, broken(err)
}

// put sets a pair, unless that would be more than all apps may have.
func (w *writer) put(label, key string, value []byte, limit int64) error {
	id, length, err := w.row(label, key)
	if err != nil {
		return err
	}
	d := Size{Bytes: int64(len(value)) - length}
	if id == 0 {
		d = Size{Keys: 1, Bytes: int64(len(key) + len(value))}
	}
	if err := w.grow(label, d, limit); err != nil {
		return err
	}
	if value == nil {
		value = []byte{} // nil would be NULL
	}
	if id == 0 {
		return broken(w.exec(w.insert, label, []byte(key), value))
	}
	return broken(w.exec(w.update, value, id))
}

// grow counts what a change adds, if there is room for it.
func (w *writer) grow(label string, d Size, limit int64) error {
	now := w.grown.Add(d.Bytes)
	if limit > 0 && d.Bytes > 0 && now > limit {
		w.grown.Add(-d.Bytes)
		return limitError(fmt.Sprintf("key-value stores with %d bytes", now), bytesText(limit)+" for all stores of the account")
	}
	w.grownBy += d.Bytes
	w.count(label, d)
	return nil
}

func (w *writer) count(label string, d Size) {
	s := w.delta[label]
	w.delta[label] = Size{s.Keys + d.Keys, s.Bytes + d.Bytes}
}

// drop removes a pair if it is there.
func (w *writer) drop(label, key string) error {
	id, length, err := w.row(label, key)
	if err != nil || id == 0 {
		return err
	}
	if err := w.grow(label, Size{Keys: -1, Bytes: -int64(len(key)) - length}, 0); err != nil {
		return err
	}
	return broken(w.exec(w.remove, id))
}

// whole calls f for each of n parts of a change, and undoes all of them if one is
// refused.
func (w *writer) whole(label string, n int, f func(i int) error) error {
	before, grownBefore := w.delta[label], w.grownBy
	if err := w.exec(w.save); err != nil {
		return broken(err)
	}
	for i := range n {
		err := f(i)
		if err == nil {
			continue
		}
		w.delta[label] = before
		w.grown.Add(grownBefore - w.grownBy)
		w.grownBy = grownBefore
		return errors.Join(err, broken(w.exec(w.restore)), broken(w.exec(w.keep)))
	}
	return broken(w.exec(w.keep))
}
