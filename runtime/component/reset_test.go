package component

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/neutrino-local/neutrino-local/runtime/component/abi"
	"github.com/neutrino-local/neutrino-local/runtime/memory"
)

// newSpace returns a space with a method, or skips where that does not work.
func newSpace(t testing.TB, m memory.Method) *memory.Space {
	t.Helper()
	s, err := memory.New(memory.Config{Method: m})
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func compileFile(t testing.TB, s *memory.Space, file string) *Component {
	t.Helper()
	engine, err := NewEngine(t.Context(), Config{Space: s})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := engine.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	wasm, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	c, err := engine.Compile(t.Context(), wasm, NewLinker())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func newInstanceOf(t testing.TB, c *Component) *Instance {
	t.Helper()
	in, err := c.Instantiate(t.Context(), InstanceConfig{MemoryLimit: 20 << 16})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := in.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return in
}

func call(t testing.TB, in *Instance, name string, args ...abi.Value) abi.Value {
	t.Helper()
	f, ok := in.component.Func("", name)
	if !ok {
		t.Fatalf("no function %s", name)
	}
	v, err := in.Call(t.Context(), f, args...)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return v
}

// resetting are the methods by which memories are reset.
var resetting = []memory.Method{memory.Scan, memory.Pagemap, memory.Discard, memory.Copy}

// TestResetLeavesNothing has a guest leave a secret in all that it can write,
// and the next look for it.
func TestResetLeavesNothing(t *testing.T) {
	for _, m := range resetting {
		t.Run(m.String(), func(t *testing.T) {
			in := newInstanceOf(t, compileFile(t, newSpace(t, m), "secret.wasm"))
			call(t, in, "plant", abi.U32(3))
			if found := call(t, in, "look").U32(); found != 1<<10-1 { // everywhere; the start function has run once
				t.Fatalf("without a reset the secret is found at %b", found)
			}
			random := rand.New(rand.NewPCG(1, 2))
			for n := range 300 {
				if _, err := in.Reset(t.Context(), nil); err != nil {
					t.Fatal(err)
				}
				if random.IntN(2) == 0 {
					if found := call(t, in, "look").U32(); found != 0 {
						t.Fatalf("reset %d: something is left: %b", n, found)
					}
				} else {
					call(t, in, "plant", abi.U32(uint32(random.IntN(25)))) // up to its maximum, and beyond
				}
			}
		})
	}
}

// TestNotResettable has a guest whose tables change.
func TestNotResettable(t *testing.T) {
	c := compileFile(t, newSpace(t, memory.Auto), "tables.wasm")
	in := newInstanceOf(t, c)
	call(t, in, "plant")
	if call(t, in, "look").U32() != 1 {
		t.Error("the table does not change")
	}
	if _, err := in.Reset(t.Context(), nil); err == nil || c.Resettable() == nil || !strings.Contains(err.Error(), "tables") {
		t.Errorf("Reset = %v, Resettable = %v", err, c.Resettable())
	}
	if _, ok := c.Func("", "look"); !ok || in.Trapped() == nil {
		t.Error("an instance that could not be reset can be used")
	}
}

// TestResetHosts has hosts with something for an instance: it is ended, and made
// anew.
func TestResetHosts(t *testing.T) {
	c := compileFile(t, newSpace(t, memory.Auto), "secret.wasm")
	made, ended := 0, 0
	in, err := c.Instantiate(t.Context(), InstanceConfig{Init: func(in *Instance) error {
		made++
		in.OnClose(func(context.Context) error { ended++; return nil })
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	const times = 5
	for n := range times {
		if found := call(t, in, "look").U32(); found != 0 {
			t.Errorf("call %d finds %b", n, found)
		}
		if _, err := in.Reset(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := in.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if made != times+1 || ended != times+1 {
		t.Errorf("made %d times, ended %d times, want %d", made, ended, times+1)
	}
}

// TestBusyGuests has guests that run for ever in each place where guest code
// runs: they end with their context.
func TestBusyGuests(t *testing.T) {
	c := compileFile(t, newSpace(t, memory.Auto), "busy.wasm")
	for name, args := range map[string][]abi.Value{
		"loop": nil, "fill": nil, "copy": nil, "calls": nil, "grow": nil, "drop": nil, "post": nil, "text": {abi.String("text")},
	} {
		in, err := c.Instantiate(t.Context(), InstanceConfig{MemoryLimit: 100 << 16})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		f, _ := c.Func("", name)
		began := time.Now()
		_, err = in.Call(ctx, f, args...)
		if !errors.Is(err, context.DeadlineExceeded) || !in.Stopped() {
			t.Errorf("%s: %v, want that its deadline has ended it", name, err)
		}
		if took := time.Since(began); took > 20*time.Second { // it should be 51 ms
			t.Errorf("%s: ended after %v", name, took)
		}
		cancel()
		if err := in.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	in := newInstanceOfLimit(t, c, 100<<16)
	f, _ := c.Func("", "deep")
	if _, err := in.Call(t.Context(), f); !errors.Is(err, ErrStack) {
		t.Errorf("deep: %v, want ErrStack", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := compileFile(t, newSpace(t, memory.Auto), "start.wasm").Instantiate(ctx, InstanceConfig{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("start: %v", err)
	}
}

func newInstanceOfLimit(t *testing.T, c *Component, limit uint64) *Instance {
	t.Helper()
	in, err := c.Instantiate(t.Context(), InstanceConfig{MemoryLimit: limit})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(context.Background()) })
	return in
}
