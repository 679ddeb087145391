package memory

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// module has a memory of min to max pages, exported as "m", with functions to
// grow it by a number of pages ("g"), and to write (address, value: "w") and read
// ("r") a word.
func module(min, max byte) []byte {
	return []byte("\x00asm\x01\x00\x00\x00" +
		"\x01\x0b\x02\x60\x01\x7f\x01\x7f\x60\x02\x7f\x7f\x00" +
		"\x03\x04\x03\x00\x01\x00" +
		"\x05\x04\x01\x01" + string([]byte{min, max}) +
		"\x07\x11\x04\x01m\x02\x00\x01g\x00\x00\x01w\x00\x01\x01r\x00\x02" +
		"\x0a\x1a\x03" + "\x06\x00\x20\x00\x40\x00\x0b" + "\x09\x00\x20\x00\x20\x01\x36\x02\x00\x0b" + "\x07\x00\x20\x00\x28\x02\x00\x0b")
}

// importer imports that memory, and nothing else.
var importer = []byte("\x00asm\x01\x00\x00\x00" + "\x02\x08\x01\x01o\x01m\x02\x00\x00")

func instantiate(t *testing.T, ctx context.Context, r wazero.Runtime, wasm []byte) api.Module {
	t.Helper()
	in, err := r.InstantiateWithConfig(ctx, wasm, wazero.NewModuleConfig().WithName(""))
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// TestEngine has the engine itself grow and shrink memories, in both of its ways
// to run code.
func TestEngine(t *testing.T) {
	for name, config := range map[string]wazero.RuntimeConfig{"compiler": wazero.NewRuntimeConfig(), "interpreter": wazero.NewRuntimeConfigInterpreter()} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, method Method) {
				s := newSpace(t, Config{Method: method})
				m := newImage(t, s, ImageConfig{Segments: []Segment{{8, []byte{1, 2, 3, 4}}}, Min: wasmPage, Max: 3 * wasmPage})
				r := wazero.NewRuntimeWithConfig(t.Context(), config)
				defer r.Close(t.Context())
				set, err := s.Reserve([]*Image{m}, 0)
				if err != nil {
					t.Fatal(err)
				}
				ctx := experimental.WithMemoryAllocator(t.Context(), set)
				owner := instantiate(t, ctx, r, module(1, 4)) // a page more than the image has
				ctx = experimental.WithImportResolver(ctx, func(string) api.Module { return owner })
				user := instantiate(t, ctx, r, importer)
				call := func(name string, args ...uint64) uint64 {
					t.Helper()
					stack := append(args, 0)
					if err := owner.ExportedFunction(name).CallWithStack(t.Context(), stack); err != nil {
						t.Fatal(err)
					}
					return stack[0]
				}
				const refused = 1<<32 - 1
				for range 3 {
					if got := call("r", 8); got != 0x04030201 {
						t.Fatalf("memory begins with %#x", got)
					}
					call("w", 8, 0xdead)
					if got := call("g", 2); got != 1 {
						t.Fatalf("memory.grow = %d, want 1", got)
					}
					if got := call("r", 3*wasmPage-4); got != 0 {
						t.Fatalf("memory that was grown has %#x", got)
					}
					call("w", 3*wasmPage-4, 0xbeef)
					if got := uint32(call("g", 1)); got != refused {
						t.Fatalf("memory.grow = %d at the maximum", got)
					}
					if got, n := set.Refused(); n != 1 || got.Limit != LimitModule {
						t.Errorf("refused %d times: %v", n, got)
					}
					if _, err := set.Reset([]Memory{owner.Memory()}); err != nil {
						t.Fatal(err)
					}
					if got := owner.Memory().Size(); got != wasmPage {
						t.Errorf("size = %d after reset", got)
					}
					if got := user.Memory().Size(); got != wasmPage {
						t.Errorf("size = %d after reset, for the module that imports it", got)
					}
					f := owner.ExportedFunction("r")
					if err := f.CallWithStack(t.Context(), []uint64{wasmPage}); err == nil {
						t.Fatal("memory that was given back can be read")
					}
				}
				if err := errors.Join(user.Close(t.Context()), owner.Close(t.Context()), set.Release()); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestStuck has a memory that the engine does not let grow any more.
func TestStuck(t *testing.T) {
	each(t, func(t *testing.T, method Method) {
		s := newSpace(t, Config{Method: method})
		m := newImage(t, s, ImageConfig{Min: wasmPage, Max: 3 * wasmPage})
		r := wazero.NewRuntime(t.Context())
		defer r.Close(t.Context())
		set, err := s.Reserve([]*Image{m}, 0)
		if err != nil {
			t.Fatal(err)
		}
		in := instantiate(t, experimental.WithMemoryAllocator(t.Context(), set), r, module(1, 3))
		reset := func() error {
			_, err := set.Reset([]Memory{in.Memory()})
			return err
		}
		if _, ok := in.Memory().Grow(1); !ok {
			t.Error("grow refused")
		}
		if err := reset(); err != nil {
			t.Errorf("Reset = %v below the maximum", err)
		}
		if _, ok := in.Memory().Grow(2); !ok {
			t.Error("grow refused")
		}
		if err := reset(); !errors.Is(err, ErrStuck) {
			t.Errorf("Reset = %v, want %v", err, ErrStuck)
		}
		if err := errors.Join(in.Close(t.Context()), set.Release()); err != nil {
			t.Error(err)
		}
		again := newGuest(t, s, 0, m)
		if _, ok := again.Grow(2); !ok || !zero(again.b) {
			t.Error("the next instance does not begin anew")
		}
		again.release(t)
	})
}

// TestMinimum has an instance whose minimum takes all there is, and the next one
// that is refused before the engine could panic.
func TestMinimum(t *testing.T) {
	each(t, func(t *testing.T, method Method) {
		s := newSpace(t, Config{Method: method, Budget: 4 * wasmPage})
		m := newImage(t, s, ImageConfig{Min: 2 * wasmPage, Max: 3 * wasmPage})
		set, err := s.Reserve([]*Image{m, m}, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Reserve([]*Image{m}, 0); err == nil {
			t.Error("more is reserved than there is")
		}
		r := wazero.NewRuntime(t.Context())
		defer r.Close(t.Context())
		ctx := experimental.WithMemoryAllocator(t.Context(), set)
		one, two := instantiate(t, ctx, r, module(2, 4)), instantiate(t, ctx, r, module(2, 4))
		one.Memory().Write(0, bytes.Repeat([]byte{1}, 2*wasmPage))
		if b, _ := two.Memory().Read(0, 2*wasmPage); !zero(b) {
			t.Error("two memories share their bytes")
		}
		if _, err := set.Reset([]Memory{one.Memory(), two.Memory()}); err != nil {
			t.Error(err)
		}
		if b, _ := one.Memory().Read(0, 2*wasmPage); !zero(b) {
			t.Error("the first memory is not reset")
		}
		if err := errors.Join(one.Close(t.Context()), two.Close(t.Context()), set.Release()); err != nil {
			t.Error(err)
		}
	})
}
