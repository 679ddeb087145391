package keyvalue

import (
	"context"
	"errors"

	"github.com/neutrino-local/neutrino-local/runtime/component"
	"github.com/neutrino-local/neutrino-local/runtime/component/abi"
	pairs "github.com/neutrino-local/neutrino-local/store/keyvalue"
)

const (
	wasiStore   = "wasi:keyvalue/store@0.2.0-draft2"
	wasiBatch   = "wasi:keyvalue/batch@0.2.0-draft2"
	wasiAtomics = "wasi:keyvalue/atomics@0.2.0-draft2"
)

var (
	errCursor       = errors.New("list_keys: cursor not supported") // Spin's words
	errTooManySwaps = errors.New("too many compare_and_swaps opened")
)

// wasiError is the error of wasi:keyvalue/store, which has no case for a table
// that is full.
func wasiError(err error) abi.Value {
	for i, known := range []error{errNoStore, errDenied} {
		if err == known {
			return abi.Case(i)
		}
	}
	return abi.Variant(2, abi.String(err.Error()))
}

// linkWASI offers wasi:keyvalue but for its atomics.
func (h *Host) linkWASI(l *component.Linker) {
	h.buckets = component.NewResource(l, wasiStore, "bucket", closeBucket)
	l.Func(wasiStore, "open", func(c *component.Call, args []abi.Value) (abi.Value, error) {
		s := h.of(c)
		b, err := h.bucket(s, args[0].Text())
		if err != nil {
			return s.result(c, abi.Value{}, err, wasiError)
		}
		return abi.OK(h.buckets.Own(b)), nil
	})
	function := func(in, fn string, f storeFunc) { l.Func(in, fn, h.wasi(f)) }
	function(wasiStore, "[method]bucket.get", get)
	function(wasiStore, "[method]bucket.set", set)
	function(wasiStore, "[method]bucket.delete", remove)
	function(wasiStore, "[method]bucket.exists", exists)
	function(wasiStore, "[method]bucket.list-keys", listKeys)
	function(wasiBatch, "get-many", getMany)
	function(wasiBatch, "set-many", setMany)
	function(wasiBatch, "delete-many", deleteMany)
}

// wasi makes a function of a bucket of f.
func (h *Host) wasi(f storeFunc) component.HostFunc {
	return func(c *component.Call, args []abi.Value) (abi.Value, error) {
		b := h.buckets.Of(args[0])
		v, err := f(c, b, args[1:])
		return b.state.result(c, v, err, wasiError)
	}
}

// listKeys returns a key-response of all keys.
func listKeys(c *component.Call, b *bucket, args []abi.Value) (abi.Value, error) {
	if _, ok := args[0].Option(); ok {
		return abi.Value{}, errCursor
	}
	keys, err := b.keys(c.Context())
	return abi.Record(list(keys), abi.None()), err
}

// getMany returns the pairs that there are. Each key counts as a read.
func getMany(c *component.Call, b *bucket, args []abi.Value) (abi.Value, error) {
	keys := texts(args[0])
	if err := b.app().Read(len(keys)); err != nil {
		return abi.Value{}, err
	}
	found, err := b.app().GetMany(c.Context(), b.label, keys, maxBuffered)
	vs := make([]abi.Value, len(found))
	for i, p := range found {
		vs[i] = abi.Tuple(abi.String(p.Key), abi.Some(abi.Bytes(p.Value)))
	}
	return abi.List(vs...), err
}

// setMany sets all pairs or none. Each counts as a write.
func setMany(c *component.Call, b *bucket, args []abi.Value) (abi.Value, error) {
	all := make([]pairs.Pair, args[0].Len())
	for i, v := range args[0].Values() {
		all[i] = pairs.Pair{Key: v.At(0).Text(), Value: v.At(1).Bytes()}
	}
	if err := b.app().Write(len(all)); err != nil {
		return abi.Value{}, err
	}
	return abi.Value{}, b.app().SetMany(c.Context(), b.label, all)
}

func deleteMany(c *component.Call, b *bucket, args []abi.Value) (abi.Value, error) {
	keys := texts(args[0])
	if err := b.app().Write(len(keys)); err != nil {
		return abi.Value{}, err
	}
	return abi.Value{}, b.app().DeleteMany(c.Context(), b.label, keys)
}

func texts(list abi.Value) []string {
	all := make([]string, list.Len())
	for i, v := range list.Values() {
		all[i] = v.Text()
	}
	return all
}

// A swap is a cas: a value to be compared with what there is when it is swapped.
type swap struct {
	bucket *bucket
	key    string
	looked bool
	seen   pairs.Expected // if looked
}

// current looks at the value.
func (w *swap) current(ctx context.Context) ([]byte, bool, error) {
	value, ok, err := w.bucket.get(ctx, w.key)
	if err != nil {
		return nil, false, err
	}
	w.looked, w.seen = true, pairs.Expected{Value: value, Exists: ok}
	return value, ok, nil
}

// linkAtomics offers wasi:keyvalue/atomics.
func (h *Host) linkAtomics(l *component.Linker) {
	h.swaps = component.NewResource(l, wasiAtomics, "cas", func(_ context.Context, w *swap) error {
		w.bucket.state.swaps--
		return nil
	})
	l.Func(wasiAtomics, "increment", h.wasi(func(c *component.Call, b *bucket, args []abi.Value) (abi.Value, error) {
		if err := b.app().Write(1); err != nil {
			return abi.Value{}, err
		}
		sum, err := b.app().Increment(c.Context(), b.label, args[0].Text(), args[1].S64())
		return abi.S64(sum), err
	}))
	l.Func(wasiAtomics, "[static]cas.new", h.wasi(func(_ *component.Call, b *bucket, args []abi.Value) (abi.Value, error) {
		return h.newSwap(&swap{bucket: b, key: args[0].Text()})
	}))
	l.Func(wasiAtomics, "[method]cas.current", func(c *component.Call, args []abi.Value) (abi.Value, error) {
		w := h.swaps.Of(args[0])
		value, ok, err := w.current(c.Context())
		return w.bucket.state.result(c, option(value, ok), err, wasiError)
	})
	l.Func(wasiAtomics, "swap", func(c *component.Call, args []abi.Value) (abi.Value, error) {
		w := h.swaps.Of(args[0])
		w.bucket.state.swaps-- // the guest has given it away
		return h.swap(c, w, args[1].Bytes())
	})
}

func (h *Host) newSwap(w *swap) (abi.Value, error) {
	s := w.bucket.state
	if s.swaps >= maxOpen {
		return abi.Value{}, errTooManySwaps
	}
	s.swaps++
	return h.swaps.Own(w), nil
}

// swap swaps, or fails with a cas that has looked anew.
func (h *Host) swap(c *component.Call, w *swap, value []byte) (abi.Value, error) {
	b := w.bucket
	storeError := func(err error) abi.Value { return abi.Variant(0, wasiError(err)) }
	if err := b.app().Write(1); err != nil {
		return b.state.result(c, abi.Value{}, err, storeError)
	}
	if !w.looked {
		err := b.app().Set(c.Context(), b.label, w.key, value)
		return b.state.result(c, abi.Value{}, err, storeError)
	}
	done, err := b.app().Swap(c.Context(), b.label, w.key, w.seen, value)
	if err != nil || done {
		return b.state.result(c, abi.Value{}, err, storeError)
	}
	again := &swap{bucket: b, key: w.key}
	if _, _, err := again.current(c.Context()); err != nil {
		return b.state.result(c, abi.Value{}, err, storeError)
	}
	own, err := h.newSwap(again)
	if err != nil {
		return b.state.result(c, abi.Value{}, err, storeError)
	}
	return abi.Err(abi.Variant(1, own)), nil
}
