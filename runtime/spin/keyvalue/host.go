// Package keyvalue gives components the key-value stores of their app:
// fermyon:spin/key-value in both versions, and wasi:keyvalue.
//
// A component opens the stores whose labels its manifest lists, and no others;
// which app they are of it cannot choose. What goes wrong is one of the errors
// that the interfaces have, and a limit's names the limit; only a handle that
// was never given, or was given back, ends the guest. Semantics are Spin's, also
// where the interfaces leave it open: get-many leaves out what is not there,
// list-keys has no cursor, a counter is eight bytes, little-endian, and a swap
// without a look before it takes place whatever there is.
package keyvalue

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/neutrino-local/neutrino-local/runtime/component"
	"github.com/neutrino-local/neutrino-local/runtime/component/abi"
	"github.com/neutrino-local/neutrino-local/store"
	pairs "github.com/neutrino-local/neutrino-local/store/keyvalue"
)

// Bounds of one instance, as in Spin.
const (
	maxOpen     = 256       // stores, and swaps under way, at once
	maxBuffered = 128 << 20 // bytes of one result
)

// Lists of keys that are long are made by few guests at a time: the host has
// them in memory before a guest does.
const (
	longList  = 50_000 // keys
	longLists = 4
)

// A State is what an instance may use. The zero value may use nothing.
type State struct {
	App    *pairs.App
	Labels []string // that the component may open
	// Log writes a line into the app's log: of what no guest should have to
	// know. It may be nil.
	Log func(line string)

	open   int // stores
	swaps  int
	legacy map[uint32]*bucket // by handle, of the first version
	next   uint32             // handle
}

// A Host has the interfaces.
type Host struct {
	states  component.Slot[*State]
	stores  component.Resource[*bucket] // of fermyon:spin
	buckets component.Resource[*bucket] // of wasi:keyvalue
	swaps   component.Resource[*swap]
	lists   chan struct{} // has one for each long list that is being made
}

// Link offers the interfaces to components that l links. wasi:keyvalue/atomics
// is one of them only if atomics is true.
func Link(l *component.Linker, atomics bool) *Host {
	l.MustDeclare(interfaces)
	h := &Host{states: component.NewSlot[*State](l), lists: make(chan struct{}, longLists)}
	h.linkSpin(l)
	h.linkLegacy(l)
	h.linkWASI(l)
	if atomics {
		h.linkAtomics(l)
	}
	return h
}

// Set gives in its state, which must be its own.
func (h *Host) Set(in *component.Instance, s *State) { h.states.Set(in, s) }

func (h *Host) of(c *component.Call) *State {
	if s := h.states.Get(c); s != nil {
		return s
	}
	return &State{}
}

// A bucket is an open store.
type bucket struct {
	host  *Host
	state *State
	label string
}

func (b *bucket) app() *pairs.App { return b.state.App }

func closeBucket(_ context.Context, b *bucket) error {
	b.state.open--
	return nil
}

// Errors that the interfaces have. What is none of them is their "other".
var (
	errTableFull = errors.New("store table full")
	errNoStore   = errors.New("no such store")
	errDenied    = errors.New("access denied")
	errNoKey     = errors.New("no such key")
)

// bucket opens the store of a label.
func (h *Host) bucket(s *State, label string) (*bucket, error) {
	switch {
	case !slices.Contains(s.Labels, label):
		return nil, errDenied
	case s.App == nil:
		return nil, errNoStore
	case s.open >= maxOpen:
		return nil, errTableFull
	}
	s.open++
	return &bucket{h, s, label}, nil
}

func (b *bucket) get(ctx context.Context, key string) ([]byte, bool, error) {
	if err := b.app().Read(1); err != nil {
		return nil, false, err
	}
	return b.app().Get(ctx, b.label, key)
}

func (b *bucket) set(ctx context.Context, key string, value []byte) error {
	if err := b.app().Write(1); err != nil {
		return err
	}
	return b.app().Set(ctx, b.label, key, value)
}

func (b *bucket) delete(ctx context.Context, key string) error {
	if err := b.app().Write(1); err != nil {
		return err
	}
	return b.app().Delete(ctx, b.label, key)
}

func (b *bucket) exists(ctx context.Context, key string) (bool, error) {
	if err := b.app().Read(1); err != nil {
		return false, err
	}
	return b.app().Exists(ctx, b.label, key)
}

func (b *bucket) keys(ctx context.Context) ([]string, error) {
	if err := b.app().Read(1); err != nil {
		return nil, err
	}
	sizes, err := b.app().Sizes()
	if err != nil {
		return nil, err
	}
	if sizes[b.label].Keys > longList {
		select {
		case b.host.lists <- struct{}{}:
			defer func() { <-b.host.lists }()
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	return b.app().AllKeys(ctx, b.label, maxBuffered)
}

// result is a result<T, error>, with the cases of one version's error. What
// only says that the guest has to end is no result.
func (s *State) result(c *component.Call, v abi.Value, err error, failure func(error) abi.Value) (abi.Value, error) {
	if err == nil {
		return abi.OK(v), nil
	}
	if c.Context().Err() != nil {
		return abi.Value{}, err
	}
	return abi.Err(failure(s.told(err))), nil
}

// told returns what a guest is told of err: of what it can do nothing about, no
// more than that.
func (s *State) told(err error) error {
	for _, known := range []error{errTableFull, errNoStore, errDenied, errNoKey, errTooManySwaps, errCursor, store.ErrLimit, store.ErrInvalid} {
		if errors.Is(err, known) {
			return err
		}
	}
	if s.Log != nil {
		s.Log(fmt.Sprintf("key-value: %v", err))
	}
	return errors.New("the key-value store cannot be used now")
}

// list returns keys as a list of strings.
func list(keys []string) abi.Value {
	vs := make([]abi.Value, len(keys))
	for i, key := range keys {
		vs[i] = abi.String(key)
	}
	return abi.List(vs...)
}

// option returns a value, or none.
func option(value []byte, ok bool) abi.Value {
	if !ok {
		return abi.None()
	}
	return abi.Some(abi.Bytes(value))
}
