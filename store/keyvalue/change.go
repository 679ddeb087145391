package keyvalue

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/neutrino-local/neutrino-local/store"
)

// change has the writer make a change.
func (a *App) change(ctx context.Context, create bool, c *change) error {
	if create && a.stores.cfg.Limits.Total > 0 {
		if err := a.stores.measure(ctx); err != nil {
			return err
		}
	}
	return a.use(create, func(f *file) error { return f.do(ctx, c) })
}

// Set gives a key a value.
func (a *App) Set(ctx context.Context, label, key string, value []byte) error {
	limits := a.stores.cfg.Limits
	if err := limits.checkPair(key, value); err != nil {
		return err
	}
	return a.change(ctx, true, &change{bytes: len(key) + len(value), run: func(w *writer) error {
		return w.put(label, key, value, limits.Total)
	}})
}

// Delete removes a key, if it is there.
func (a *App) Delete(ctx context.Context, label, key string) error {
	return a.change(ctx, false, &change{run: func(w *writer) error { return w.drop(label, key) }})
}

// SetMany sets all pairs or none.
func (a *App) SetMany(ctx context.Context, label string, pairs []Pair) error {
	limits, size := a.stores.cfg.Limits, 0
	for _, p := range pairs {
		if err := limits.checkPair(p.Key, p.Value); err != nil {
			return err
		}
		size += len(p.Key) + len(p.Value)
	}
	if len(pairs) == 0 {
		return nil
	}
	return a.change(ctx, true, &change{bytes: size, run: func(w *writer) error {
		return w.whole(label, len(pairs), func(i int) error { return w.put(label, pairs[i].Key, pairs[i].Value, limits.Total) })
	}})
}

// DeleteMany removes all keys that are there.
func (a *App) DeleteMany(ctx context.Context, label string, keys []string) error {
	if len(keys) == 0 {
		return nil
	}
	return a.change(ctx, false, &change{run: func(w *writer) error {
		return w.whole(label, len(keys), func(i int) error { return w.drop(label, keys[i]) })
	}})
}

const counterSize = 8

// Increment adds to a counter, which is 0 if the key is not there, and returns
// it. A counter is a little-endian signed integer of 64 bits; a value that is
// none is an error, and so is one that would not fit.
func (a *App) Increment(ctx context.Context, label, key string, by int64) (int64, error) {
	limits := a.stores.cfg.Limits
	if err := limits.checkKey(key); err != nil {
		return 0, err
	}
	var sum int64 // belongs to the writer until change returns nil
	err := a.change(ctx, true, &change{bytes: len(key) + counterSize, run: func(w *writer) error {
		value, ok, err := w.value(label, key)
		if err != nil {
			return err
		}
		var n int64
		if ok {
			if len(value) != counterSize {
				return fmt.Errorf("value of %.100q is %w as a counter: it has %d bytes, a counter has %d", key, store.ErrInvalid, len(value), counterSize)
			}
			n = int64(binary.LittleEndian.Uint64(value))
		}
		if by > 0 && n > math.MaxInt64-by || by < 0 && n < math.MinInt64-by {
			return fmt.Errorf("counter %.100q: %d and %d together are %w: more than 64 bits", key, n, by, store.ErrInvalid)
		}
		sum = n + by
		return w.put(label, key, binary.LittleEndian.AppendUint64(nil, uint64(sum)), limits.Total)
	}})
	if err != nil {
		return 0, err
	}
	return sum, nil
}

// An Expected is what a key has to be for a swap.
type Expected struct {
	Value  []byte
	Exists bool
}

// Swap gives a key a value if it still is as expected, and reports whether it
// was.
func (a *App) Swap(ctx context.Context, label, key string, old Expected, value []byte) (bool, error) {
	limits := a.stores.cfg.Limits
	if err := limits.checkPair(key, value); err != nil {
		return false, err
	}
	var swapped bool // belongs to the writer until change returns nil
	err := a.change(ctx, true, &change{bytes: len(key) + len(value), run: func(w *writer) error {
		now, ok, err := w.value(label, key)
		if err != nil || ok != old.Exists || !bytes.Equal(now, old.Value) {
			return err
		}
		swapped = true
		return w.put(label, key, value, limits.Total)
	}})
	return err == nil && swapped, err
}
