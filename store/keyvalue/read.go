package keyvalue

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/neutrino-local/neutrino-local/store"
)

// A Pair is a key and its value.
type Pair struct {
	Key   string
	Value []byte
}

// An Entry is a key and the size of its value.
type Entry struct {
	Key  string
	Size int64
}

// Get returns the value of a key, and whether there is one.
func (a *App) Get(ctx context.Context, label, key string) (value []byte, ok bool, err error) {
	if err := ctx.Err(); err != nil {
		return nil, false, context.Cause(ctx)
	}
	err = a.use(false, func(f *file) error {
		value, ok, err = f.value(ctx, label, key)
		return f.fail("get", err)
	})
	return value, ok, err
}

// value reads a value. One row takes so little time that ctx does not end it:
// that would cost more than the row.
func (f *file) value(ctx context.Context, label, key string) (value []byte, ok bool, err error) {
	err = f.get.QueryRowContext(context.WithoutCancel(ctx), label, []byte(key)).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	return value, err == nil, err
}

// Exists reports whether there is a key.
func (a *App) Exists(ctx context.Context, label, key string) (ok bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, context.Cause(ctx)
	}
	err = a.use(false, func(f *file) error {
		var one int
		err := f.has.QueryRowContext(context.WithoutCancel(ctx), label, []byte(key)).Scan(&one)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		ok = err == nil
		return f.fail("exists", err)
	})
	return ok, err
}

// GetMany returns the pairs of those keys that there are, in the order of keys,
// each once. Their size together may be no more than most.
func (a *App) GetMany(ctx context.Context, label string, keys []string, most int) (pairs []Pair, err error) {
	err = a.use(false, func(f *file) error {
		seen := make(map[string]bool, len(keys))
		size := 0
		for _, key := range keys {
			if seen[key] {
				continue
			}
			seen[key] = true
			if err := ctx.Err(); err != nil {
				return context.Cause(ctx)
			}
			value, ok, err := f.value(ctx, label, key)
			if err != nil {
				return f.fail("get", err)
			}
			if !ok {
				continue
			}
			if size += overhead + len(key) + len(value); size > most {
				return &tooMuch{most}
			}
			pairs = append(pairs, Pair{key, value})
		}
		return nil
	})
	return pairs, err
}

// overhead is what a key or a value takes in memory beside its bytes.
const overhead = 24

// A tooMuch is a result that is over a limit, in the words of Spin.
type tooMuch struct{ most int }

func (e *tooMuch) Error() string {
	return fmt.Sprintf("query result exceeds limit of %d bytes", e.most)
}
func (e *tooMuch) Unwrap() error { return store.ErrLimit }

// AllKeys returns all keys in byte order. They are read page by page, and their
// size together may be no more than most.
func (a *App) AllKeys(ctx context.Context, label string, most int) (all []string, err error) {
	err = a.use(false, func(f *file) error {
		left := most
		for from, more := "", true; more; {
			var page []string
			page, from, more, err = f.keysFrom(ctx, label, from, pageSize, &left)
			if err != nil {
				return err
			}
			if left < 0 {
				return &tooMuch{most}
			}
			all = append(all, page...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

const pageSize = 1000

// keysFrom returns a page of keys from one on, and where the next page begins.
// The keys of a page share their memory: keys are often shorter than what an
// allocation takes. left is how much they may take; it is below 0 if there was
// more.
func (f *file) keysFrom(ctx context.Context, label, from string, n int, left *int) (keys []string, next string, more bool, err error) {
	if err := ctx.Err(); err != nil {
		return nil, "", false, context.Cause(ctx)
	}
	rows, err := f.keys.QueryContext(ctx, label, []byte(from), n)
	if err != nil {
		return nil, "", false, f.fail("keys", err)
	}
	defer rows.Close()
	var text []byte
	var ends []int
	for rows.Next() {
		var key sql.RawBytes
		if err := rows.Scan(&key); err != nil {
			return nil, "", false, f.fail("keys", err)
		}
		if *left -= overhead + len(key); *left < 0 {
			return nil, "", false, nil
		}
		text = append(text, key...)
		ends = append(ends, len(text))
	}
	keys = make([]string, len(ends))
	for i, shared, begin := 0, string(text), 0; i < len(ends); i++ {
		keys[i], begin = shared[begin:ends[i]], ends[i]
	}
	if len(keys) == n {
		next, more = after(keys[n-1]), true
	}
	return keys, next, more, f.fail("keys", rows.Err())
}

// after returns the first key that comes after key.
func after(key string) string { return key + "\x00" }

// A Range is a part of a store's keys, which are in byte order.
type Range struct {
	Prefix string // that they begin with
	From   string // the first
	Max    int    // how many; at most 1000
}

// listBytes is how many bytes of keys List returns, or one key.
const listBytes = 4 << 20

// List returns the entries of a range, fewer if their keys are long, and, if
// there are more, the key from which to go on.
func (a *App) List(ctx context.Context, label string, r Range) (entries []Entry, next string, more bool, err error) {
	r.From = max(r.From, r.Prefix)
	n := min(max(r.Max, 1), pageSize)
	err = a.use(false, func(f *file) error {
		rows, err := f.pairs.QueryContext(ctx, label, []byte(r.From), n+1)
		if err != nil {
			return f.fail("list", err)
		}
		defer rows.Close()
		size := 0
		for rows.Next() {
			var key sql.RawBytes
			var e Entry
			if err := rows.Scan(&key, &e.Size); err != nil {
				return f.fail("list", err)
			}
			e.Key = string(key)
			if len(e.Key) < len(r.Prefix) || e.Key[:len(r.Prefix)] != r.Prefix {
				break
			}
			if size += len(e.Key); len(entries) == n || size > listBytes && len(entries) > 0 {
				next, more = e.Key, true
				break
			}
			entries = append(entries, e)
		}
		return f.fail("list", rows.Err())
	})
	return entries, next, more, err
}
