package component_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/neutrino-local/neutrino-local/runtime/component"
	"github.com/neutrino-local/neutrino-local/runtime/component/abi"
)

// A basket is a host's resource: any Go value.
type basket struct {
	owner string
	items map[string]uint64
}

// audit is a host's state in one instance.
type audit struct{ lines []string }

// offer is how a host offers an interface: resources and functions, in a
// linker that is made once.
func offer(l *component.Linker) component.Slot[*audit] {
	const iface = "test:shop/basket@0.2" // any 0.2 version
	state := component.NewSlot[*audit](l)
	baskets := component.NewResource(l, iface, "basket", func(_ context.Context, b *basket) error {
		fmt.Println("dropped the basket of", b.owner)
		return nil
	})
	l.Func(iface, "[constructor]basket", func(_ *component.Call, args []abi.Value) (abi.Value, error) {
		return baskets.Own(&basket{owner: args[0].Text(), items: map[string]uint64{}}), nil
	})
	l.Func(iface, "[method]basket.add", func(c *component.Call, args []abi.Value) (abi.Value, error) {
		b := baskets.Of(args[0])
		item := string(args[1].Bytes())
		price, ok := args[2].Option()
		if !ok || price.U64() == 0 {
			return abi.Err(abi.String(item + " is not for free")), nil // an error the guest sees
		}
		b.items[item] = price.U64()
		a := state.Get(c)
		a.lines = append(a.lines, b.owner+" takes "+item)
		return abi.OK(abi.U32(uint32(len(b.items)))), nil
	})
	l.Func(iface, "merge", func(*component.Call, []abi.Value) (abi.Value, error) {
		return abi.Value{}, errors.New("merge: this ends the guest") // a trap
	})
	return state
}

func Example() {
	ctx := context.Background()
	engine, err := component.NewEngine(ctx, component.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer engine.Close(ctx)
	linker := component.NewLinker()
	state := offer(linker)

	wasm, err := os.ReadFile("testdata/shop.wasm")
	if err != nil {
		log.Fatal(err)
	}
	shop, err := engine.Compile(ctx, wasm, linker) // once
	if err != nil {
		log.Fatal(err)
	}
	buy, _ := shop.Func("test:shop/api@0.2", "buy")

	a := new(audit)
	in, err := shop.Instantiate(ctx, component.InstanceConfig{Init: func(in *component.Instance) error { // each request
		state.Set(in, a)
		return nil
	}})
	if err != nil {
		log.Fatal(err)
	}
	defer in.Close(ctx)
	for _, price := range []uint64{3, 0} {
		v, err := in.Call(ctx, buy, abi.U64(price))
		if err != nil {
			log.Fatal(err)
		}
		if n, ok := v.Result(); ok {
			fmt.Println("items:", n.U32())
		} else {
			fmt.Println("error:", n.Text())
		}
	}
	fmt.Println(a.lines)
	// Output:
	// dropped the basket of alice
	// items: 1
	// dropped the basket of alice
	// error: apple is not for free
	// [alice takes apple]
}
