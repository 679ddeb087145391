package keyvalue

import (
	"fmt"

	"github.com/neutrino-local/neutrino-local/runtime/component"
	"github.com/neutrino-local/neutrino-local/runtime/component/abi"
)

// spinError is the error of fermyon:spin/key-value@2.0.0.
func spinError(err error) abi.Value {
	for i, known := range []error{errTableFull, errNoStore, errDenied} {
		if err == known {
			return abi.Case(i)
		}
	}
	return abi.Variant(3, abi.String(err.Error()))
}

// linkSpin offers fermyon:spin/key-value@2.0.0.
func (h *Host) linkSpin(l *component.Linker) {
	const name = "fermyon:spin/key-value@2.0.0"
	h.stores = component.NewResource(l, name, "store", closeBucket)
	l.Func(name, "[static]store.open", func(c *component.Call, args []abi.Value) (abi.Value, error) {
		s := h.of(c)
		b, err := h.bucket(s, args[0].Text())
		if err != nil {
			return s.result(c, abi.Value{}, err, spinError)
		}
		return abi.OK(h.stores.Own(b)), nil
	})
	method := func(name string, f storeFunc) {
		l.Func("fermyon:spin/key-value@2.0.0", "[method]store."+name, func(c *component.Call, args []abi.Value) (abi.Value, error) {
			b := h.stores.Of(args[0])
			v, err := f(c, b, args[1:])
			return b.state.result(c, v, err, spinError)
		})
	}
	method("get", get)
	method("set", set)
	method("delete", remove)
	method("exists", exists)
	method("get-keys", getKeys)
}

// A storeFunc is a function of a store; args are those after the store.
type storeFunc func(c *component.Call, b *bucket, args []abi.Value) (abi.Value, error)

func get(c *component.Call, b *bucket, args []abi.Value) (abi.Value, error) {
	value, ok, err := b.get(c.Context(), args[0].Text())
	return option(value, ok), err
}

func set(c *component.Call, b *bucket, args []abi.Value) (abi.Value, error) {
	return abi.Value{}, b.set(c.Context(), args[0].Text(), args[1].Bytes())
}

func remove(c *component.Call, b *bucket, args []abi.Value) (abi.Value, error) {
	return abi.Value{}, b.delete(c.Context(), args[0].Text())
}

func exists(c *component.Call, b *bucket, args []abi.Value) (abi.Value, error) {
	ok, err := b.exists(c.Context(), args[0].Text())
	return abi.Bool(ok), err
}

func getKeys(c *component.Call, b *bucket, _ []abi.Value) (abi.Value, error) {
	keys, err := b.keys(c.Context())
	return list(keys), err
}

// legacyError is the error of the first version. invalid-store, its case 3, does
// not occur: Spin ends a guest that uses a handle which is none.
func legacyError(err error) abi.Value {
	const noKey, io = 4, 5
	for i, known := range []error{errTableFull, errNoStore, errDenied} {
		if err == known {
			return abi.Case(i)
		}
	}
	if err == errNoKey {
		return abi.Case(noKey)
	}
	return abi.Variant(io, abi.String(err.Error()))
}

// linkLegacy offers fermyon:spin/key-value of Spin 1, where stores are numbers.
func (h *Host) linkLegacy(l *component.Linker) {
	const name = "fermyon:spin/key-value"
	l.Func(name, "open", func(c *component.Call, args []abi.Value) (abi.Value, error) {
		s := h.of(c)
		b, err := h.bucket(s, args[0].Text())
		if err != nil {
			return s.result(c, abi.Value{}, err, legacyError)
		}
		return abi.OK(abi.U32(s.number(b))), nil
	})
	l.Func(name, "close", func(c *component.Call, args []abi.Value) (abi.Value, error) {
		s, i := h.of(c), args[0].U32()
		if s.legacy[i] != nil {
			delete(s.legacy, i)
			s.open--
		}
		return abi.Value{}, nil
	})
	function := func(fn string, f storeFunc) {
		l.Func(name, fn, func(c *component.Call, args []abi.Value) (abi.Value, error) {
			b := h.of(c).legacy[args[0].U32()]
			if b == nil {
				return abi.Value{}, fmt.Errorf("key-value store %d is not open", args[0].U32())
			}
			v, err := f(c, b, args[1:])
			return b.state.result(c, v, err, legacyError)
		})
	}
	function("get", func(c *component.Call, b *bucket, args []abi.Value) (abi.Value, error) {
		value, ok, err := b.get(c.Context(), args[0].Text())
		if err == nil && !ok {
			err = errNoKey
		}
		return abi.Bytes(value), err
	})
	function("set", set)
	function("delete", remove)
	function("exists", exists)
	function("get-keys", getKeys)
}

// number gives a store a handle that no other has.
func (s *State) number(b *bucket) uint32 {
	if s.legacy == nil {
		s.legacy = map[uint32]*bucket{}
	}
	for s.legacy[s.next] != nil {
		s.next++
	}
	i := s.next
	s.legacy[i] = b
	s.next++
	return i
}
