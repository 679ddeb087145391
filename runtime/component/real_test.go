package component

import (
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/neutrino-local/neutrino-local/runtime/component/abi"
	"github.com/neutrino-local/neutrino-local/runtime/component/binary"
	"github.com/neutrino-local/neutrino-local/runtime/component/plan"
	"github.com/neutrino-local/neutrino-local/runtime/component/types"
	"github.com/neutrino-local/neutrino-local/runtime/component/validate"
)

var componentFiles = flag.String("components", "", "compile and instantiate the components in these `files`, separated by commas, on a host that traps")

// TestComponents links real components with a host that has all they import
// and traps when it is called.
func TestComponents(t *testing.T) {
	if *componentFiles == "" {
		t.Skip("no -components")
	}
	ctx := t.Context()
	engine, err := NewEngine(ctx, Config{Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close(ctx)
	for _, file := range strings.Split(*componentFiles, ",") {
		wasm, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		def, err := binary.Decode(wasm)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		decoded := time.Since(begin)
		info, err := validate.Component(def)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		validated := time.Since(begin)
		l := trapping(t, def, info)
		begin = time.Now()
		c, err := engine.Compile(ctx, wasm, l)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		compiled := time.Since(begin)
		begin = time.Now()
		in, err := c.Instantiate(ctx, InstanceConfig{})
		t.Logf("%s: %d bytes: decode %v, validate %v, compile %v, instantiate %v (%v); %d imports, %d host functions, %d core instances",
			file, len(wasm), decoded, validated-decoded, compiled, time.Since(begin), err, len(c.plan.Imports), len(c.plan.Hosts), len(c.plan.Cores))
		if err == nil {
			in.Close(ctx)
		}
		c.Close(ctx)
	}
}

func trapping(t *testing.T, def *binary.Component, info *validate.Info) *Linker {
	l := NewLinker()
	p, err := plan.Build(def, info, l.resolve)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range p.Borrowed {
		if l.resolve(f.Instance, f.Name) == nil {
			NewResource[any](l, f.Instance, f.Name, nil)
		}
	}
	for _, i := range p.Imports {
		key := itemName{types.Track(i.Instance), i.Name}
		if _, ok := l.funcs[key]; !ok {
			l.Func(i.Instance, i.Name, func(*Call, []Value) (Value, error) { return Value{}, abi.Trapf("%s is called", key) })
		}
	}
	return l
}
