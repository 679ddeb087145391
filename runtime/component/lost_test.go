package component

import (
	"context"
	"testing"

	"github.com/neutrino-local/neutrino-local/runtime/component/abi"
)

// TestLost has guests trap while a resource of the host is on its way: however
// it ends, it is dropped once.
func TestLost(t *testing.T) {
	for _, name := range []string{"open", "pass", "back"} {
		t.Run(name, func(t *testing.T) {
			const instance = "test:lost/things@1.0.0"
			made, dropped := 0, 0
			l := NewLinker()
			things := NewResource(l, instance, "thing", func(context.Context, int) error {
				dropped++
				return nil
			})
			l.Func(instance, "make", func(*Call, []Value) (Value, error) {
				made++
				return things.Own(made), nil
			})
			l.Func(instance, "open", func(*Call, []Value) (Value, error) {
				made++
				return abi.Tuple(things.Own(made), abi.U32(0)), nil
			})
			c := compileFileWith(t, l, "lost.wasm")
			in, err := c.Instantiate(t.Context(), InstanceConfig{})
			if err != nil {
				t.Fatal(err)
			}
			f, ok := c.Func("", name)
			if !ok {
				t.Fatal("no such function")
			}
			if _, err := in.Call(t.Context(), f); err == nil {
				t.Error("no trap")
			}
			if err := in.Close(t.Context()); err != nil {
				t.Error(err)
			}
			if made != 1 || dropped != 1 {
				t.Errorf("%d were made, and dropped %d times", made, dropped)
			}
		})
	}
}
