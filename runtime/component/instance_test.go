package component

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/neutrino-local/neutrino-local/runtime/component/abi"
	"github.com/neutrino-local/neutrino-local/runtime/memory"
)

// A shop is a host for testdata/shop.wat that counts.
type shop struct {
	linker  *Linker
	baskets Resource[string]
	dropped atomic.Int64
	add     HostFunc
}

var errMerge = errors.New("baskets do not merge")

const shopIface = "test:shop/basket@0.2"

func newShop() *shop {
	s := &shop{linker: NewLinker()}
	s.baskets = NewResource(s.linker, shopIface, "basket", func(context.Context, string) error {
		s.dropped.Add(1)
		return nil
	})
	s.linker.Func(shopIface, "[constructor]basket", func(_ *Call, args []Value) (Value, error) {
		return s.baskets.Own(args[0].Text()), nil
	})
	s.add = func(_ *Call, args []Value) (Value, error) {
		price, _ := args[2].Option()
		return abi.OK(abi.U32(uint32(price.U64()) + uint32(len(args[1].Bytes())))), nil
	}
	s.linker.Func(shopIface, "[method]basket.add", func(c *Call, args []Value) (Value, error) { return s.add(c, args) })
	s.linker.Func(shopIface, "merge", func(*Call, []Value) (Value, error) { return Value{}, errMerge })
	return s
}

func (s *shop) compile(t testing.TB) *Component {
	t.Helper()
	ctx := context.Background()
	engine, err := NewEngine(ctx, Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := engine.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	wasm, err := os.ReadFile("testdata/shop.wasm")
	if err != nil {
		t.Fatal(err)
	}
	c, err := engine.Compile(ctx, wasm, s.linker)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (s *shop) instance(t testing.TB) *Instance {
	t.Helper()
	in, err := s.compile(t).Instantiate(context.Background(), InstanceConfig{})
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func fn(t testing.TB, in *Instance, name string) *Func {
	t.Helper()
	f, ok := in.component.Func("test:shop/api@0.2.9", name)
	if !ok {
		t.Fatalf("no function %s", name)
	}
	return f
}

// TestCall calls through all of it: a string, bytes, an option and a borrow go
// to the host, a result comes back.
func TestCall(t *testing.T) {
	s := newShop()
	in := s.instance(t)
	v, err := in.Call(t.Context(), fn(t, in, "buy"), abi.U64(37))
	if err != nil {
		t.Fatal(err)
	}
	if n, ok := v.Result(); !ok || n.U32() != 42 {
		t.Errorf("buy = %v, %v, want 42", format(v), ok)
	}
	if s.dropped.Load() != 1 {
		t.Errorf("%d baskets were dropped, want 1", s.dropped.Load())
	}
	v, err = in.Call(t.Context(), fn(t, in, "greet"), abi.String("grüß dich"))
	if err != nil || v.Text() != "grüß dich" {
		t.Errorf("greet = %v, %v", format(v), err)
	}
	if err := in.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestCloseDrops has the guest keep its handles: each resource is dropped
// once, when the instance is closed.
func TestCloseDrops(t *testing.T) {
	s := newShop()
	in := s.instance(t)
	if _, err := in.Call(t.Context(), fn(t, in, "keep"), abi.U32(1000)); err != nil {
		t.Fatal(err)
	}
	if n := s.dropped.Load(); n != 0 {
		t.Errorf("%d baskets were dropped before the end", n)
	}
	for range 2 {
		if err := in.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if n := s.dropped.Load(); n != 1000 {
		t.Errorf("%d baskets were dropped, want 1000", n)
	}
	if _, err := in.Call(t.Context(), fn(t, in, "keep"), abi.U32(1)); err == nil {
		t.Error("a closed instance can be called")
	}
}

// TestTraps has a call end in each kind of fault: the instance is of no use
// afterwards, and the error tells what happened and where.
func TestTraps(t *testing.T) {
	tests := []struct {
		name, fn string
		add      HostFunc
		is       error
		want     []string
	}{
		{name: "handle given away and lent", fn: "self", want: []string{"merge", "unknown handle index 1", "wasm stack trace", "self()"}},
		{name: "host error", fn: "buy", add: func(*Call, []Value) (Value, error) { return Value{}, errMerge }, is: errMerge, want: []string{"basket.add", "buy("}},
		{name: "host returns another type", fn: "buy", add: func(*Call, []Value) (Value, error) { return abi.U32(1), nil }, want: []string{"host error"}},
		{name: "host returns nothing", fn: "buy", add: func(*Call, []Value) (Value, error) { return Value{}, nil }, want: []string{"host error"}},
		{name: "host takes a value for another", fn: "buy", add: func(_ *Call, args []Value) (Value, error) { return args[1].Payload(), nil }, want: []string{"value is list, not a variant"}},
		{name: "host panics", fn: "buy", add: func(_ *Call, args []Value) (Value, error) { return args[7], nil }, want: []string{"index out of range"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newShop()
			if test.add != nil {
				s.add = test.add
			}
			in := s.instance(t)
			f := fn(t, in, test.fn)
			_, err := in.Call(t.Context(), f, []Value{abi.U64(1)}[:len(f.Type.Params)]...)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error lacks %q:\n%v", want, err)
				}
			}
			if test.is != nil && !errors.Is(err, test.is) {
				t.Errorf("%v is not %v", err, test.is)
			}
			if _, err := in.Call(t.Context(), fn(t, in, "greet"), abi.String("x")); !errors.Is(err, ErrTrapped) {
				t.Errorf("call after a trap = %v, want ErrTrapped", err)
			}
			if err := in.Close(t.Context()); err != nil {
				t.Error(err)
			}
			if n := s.dropped.Load(); n != 1 {
				t.Errorf("%d baskets were dropped, there was one", n)
			}
		})
	}
}

// TestReenter has a host function call the instance that calls it.
func TestReenter(t *testing.T) {
	s := newShop()
	in := s.instance(t)
	s.add = func(c *Call, _ []Value) (Value, error) {
		_, err := c.Instance().Call(c.Context(), fn(t, in, "greet"), abi.String("x"))
		return Value{}, err
	}
	if _, err := in.Call(t.Context(), fn(t, in, "buy"), abi.U64(1)); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("call = %v, want that the instance is in use", err)
	}
	if err := in.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestMissing links with a host that offers another version, and one that
// offers less.
func TestMissing(t *testing.T) {
	engine, err := NewEngine(t.Context(), Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close(t.Context())
	wasm, err := os.ReadFile("testdata/shop.wasm")
	if err != nil {
		t.Fatal(err)
	}
	nothing := func(*Call, []Value) (Value, error) { return Value{}, nil }
	l := NewLinker()
	NewResource[int](l, "test:shop/basket@0.2.0-rc-1", "basket", nil)
	l.Func("test:shop/basket@0.3.0", "merge", nothing)
	l.Func("test:shop/basket@0.2.9", "[constructor]basket", nothing)
	_, err = engine.Compile(t.Context(), wasm, l)
	var link *LinkError
	if !errors.As(err, &link) {
		t.Fatalf("Compile = %v, want a LinkError", err)
	}
	var got []string
	for _, m := range link.Missing {
		got = append(got, m.Instance+" "+m.Name)
	}
	slices.Sort(got)
	const iface = "test:shop/basket@0.2.3 "
	if diff := cmp.Diff([]string{iface + "[method]basket.add", iface + "basket", iface + "merge"}, got); diff != "" {
		t.Errorf("missing (-want +got):\n%s", diff)
	}
	want := "component cannot run here: test:shop/basket@0.2.3: no basket, [method]basket.add, merge"
	if err.Error() != want {
		t.Errorf("error = %s, want %s", err, want)
	}
}

func TestMemoryLimit(t *testing.T) {
	c := newShop().compile(t)
	if _, err := c.Instantiate(t.Context(), InstanceConfig{MemoryLimit: 1000}); err == nil || !strings.Contains(err.Error(), "1000") {
		t.Errorf("Instantiate with less than a page = %v", err)
	}
	in, err := c.Instantiate(t.Context(), InstanceConfig{MemoryLimit: 2 << 16})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close(t.Context())
	memory := in.cores[0].ExportedMemory("mem")
	if _, ok := memory.Grow(1); !ok {
		t.Error("grow to the limit is refused")
	}
	if _, ok := memory.Grow(1); ok {
		t.Error("grow beyond the limit is not refused")
	}
}

// TestInitFails closes what a host opened for an instance that is never made.
func TestInitFails(t *testing.T) {
	c := newShop().compile(t)
	closed := false
	_, err := c.Instantiate(t.Context(), InstanceConfig{Init: func(in *Instance) error {
		in.OnClose(func(context.Context) error { closed = true; return nil })
		return errMerge
	}})
	if !errors.Is(err, errMerge) || !closed {
		t.Errorf("Instantiate = %v, closed %v", err, closed)
	}
}

// TestInitPanics gives back what an instance took that is never made.
func TestInitPanics(t *testing.T) {
	space := newSpace(t, memory.Auto)
	c := compileFile(t, space, "secret.wasm")
	before := space.Stats()
	closed := false
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic is gone")
			}
		}()
		_, _ = c.Instantiate(t.Context(), InstanceConfig{Init: func(in *Instance) error {
			in.OnClose(func(context.Context) error { closed = true; return nil })
			panic("a host")
		}})
	}()
	if after := space.Stats(); after.InUse != before.InUse || after.Used != before.Used || !closed {
		t.Errorf("%d instances of %d bytes are left, closed %v", after.InUse-before.InUse, after.Used-before.Used, closed)
	}
}

// TestParallel has many instances of one component at work at once.
func TestParallel(t *testing.T) {
	s := newShop()
	c := s.compile(t)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 50 {
				in, err := c.Instantiate(t.Context(), InstanceConfig{})
				if err != nil {
					t.Error(err)
					return
				}
				price := uint64(g*1000 + i)
				v, err := in.Call(t.Context(), fn(t, in, "buy"), abi.U64(price))
				if n, _ := v.Result(); err != nil || uint64(n.U32()) != price+5 {
					t.Errorf("buy = %s, %v, want %d", format(v), err, price+5)
				}
				if err := in.Close(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n := s.dropped.Load(); n != 8*50 {
		t.Errorf("%d baskets were dropped, want 400", n)
	}
}
