package rewrite

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

const features = api.CoreFeaturesV2 | experimental.CoreFeaturesExtendedConst | experimental.CoreFeaturesTailCall | experimental.CoreFeaturesExceptionHandling

// slice is the fuel that tests and benchmarks give at once.
const slice = 5_000_000

// A meter gives fuel and counts it.
type meter struct {
	slice   int64
	ticks   int64
	given   int64
	deepest int64 // the least that was left
	stop    error // after that many ticks
	after   int64
}

var errExhausted = errors.New("call stack exhausted")

func (m *meter) tick(_ context.Context, stack []uint64) {
	left := int64(stack[0])
	if left == StackExhausted {
		panic(errExhausted)
	}
	if m.ticks++; m.ticks > m.after && m.stop != nil {
		panic(m.stop)
	}
	m.given += m.slice - left
	m.deepest = min(m.deepest, left)
	stack[0] = uint64(m.slice)
}

// instantiate runs a module, rewritten or as it is.
func instantiate(tb testing.TB, cfg wazero.RuntimeConfig, wasm []byte, m *meter) api.Module {
	tb.Helper()
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, cfg.WithCoreFeatures(features))
	tb.Cleanup(func() { r.Close(ctx) })
	wasi_snapshot_preview1.MustInstantiate(ctx, r)
	if m != nil {
		hostMeter(tb, r, m)
	}
	mod, err := r.InstantiateWithConfig(ctx, wasm, wazero.NewModuleConfig().WithStartFunctions("_initialize").WithSysWalltime().WithSysNanotime())
	if err != nil {
		tb.Fatal(err)
	}
	return mod
}

func hostMeter(tb testing.TB, r wazero.Runtime, m *meter) {
	tb.Helper()
	_, err := r.NewHostModuleBuilder("meter").NewFunctionBuilder().
		WithGoFunction(api.GoFunc(m.tick), []api.ValueType{api.ValueTypeI64}, []api.ValueType{api.ValueTypeI64}).Export("tick").
		Instantiate(context.Background())
	if err != nil {
		tb.Fatal(err)
	}
}

func fueled(tb testing.TB, wasm []byte, f Fuel) *Output {
	tb.Helper()
	m, err := Parse(wasm)
	if err != nil {
		tb.Fatal(err)
	}
	f.Module, f.Name = "meter", "tick"
	out, err := m.Apply(Options{Fuel: &f})
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

type kernel struct {
	name string
	wasm []byte
	arg  uint64
}

func kernels(b *testing.B) []kernel {
	c, err := os.ReadFile("testdata/kernels.wasm")
	if err != nil {
		b.Fatal(err)
	}
	return []kernel{
		{"fib", c, 25}, {"sieve", c, 1}, {"matmul", c, 1}, {"sha256", c, 1 << 11}, {"sort", c, 2},
		{"run", goKernel(b), 1},
	}
}

// goKernel builds the kernel in Go.
func goKernel(b *testing.B) []byte {
	path := filepath.Join(b.TempDir(), "json.wasm")
	cmd := exec.Command("go", "build", "-buildmode=c-shared", "-o", path, "./testdata/json")
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	wasm, err := os.ReadFile(path)
	if err != nil {
		b.Fatal(err)
	}
	return wasm
}

// BenchmarkFuel runs kernels plainly, with fuel, with fuel and a bounded stack,
// and as the engine itself can interrupt them, in turns. It reports the times
// in relation to the first: of each the best of all turns, since other load on
// the machine only adds to them, and the median of several instances, since
// where their globals and stacks lie makes a difference.
func BenchmarkFuel(b *testing.B) {
	const interrupted = 3
	plain := wazero.NewRuntimeConfigCompiler()
	for _, k := range kernels(b) {
		b.Run(k.name, func(b *testing.B) {
			m := meter{slice: slice}
			all := [][]api.Function{
				instances(b, plain, k, k.wasm, nil),
				instances(b, plain, k, fueled(b, k.wasm, Fuel{}).Wasm, &m),
				instances(b, plain, k, fueled(b, k.wasm, Fuel{Stack: 8 << 20}).Wasm, &m),
				interrupted: instances(b, plain.WithCloseOnContextDone(true), k, k.wasm, nil)[:1],
			}
			times := make([][]time.Duration, len(all))
			for i := range all {
				times[i] = slices.Repeat([]time.Duration{time.Hour}, len(all[i]))
			}
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			rounds := 0
			for b.Loop() {
				for i, f := range all {
					if rounds > 0 && i == interrupted {
						continue // it is so slow that the others would have no time left
					}
					at := rounds % len(f)
					start := time.Now()
					if _, err := f[at].Call(ctx, k.arg); err != nil {
						b.Fatal(err)
					}
					times[i][at] = min(times[i][at], time.Since(start))
				}
				rounds++
			}
			typical := func(i int) float64 {
				slices.Sort(times[i])
				return float64(times[i][(len(times[i])-1)/2])
			}
			b.ReportMetric(typical(0)/1e6, "plain-ms")
			b.ReportMetric(typical(1)/typical(0), "fuel")
			b.ReportMetric(typical(2)/typical(0), "fuel+stack")
			b.ReportMetric(typical(3)/typical(0), "close-on-done")
			b.ReportMetric(typical(2)*float64(rounds*2)/float64(m.ticks)/1e6, "ms/tick")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// instances makes several, at places that differ.
func instances(b *testing.B, cfg wazero.RuntimeConfig, k kernel, wasm []byte, m *meter) []api.Function {
	all := make([]api.Function, 7)
	for i := range all {
		all[i] = instantiate(b, cfg, wasm, m).ExportedFunction(k.name)
		between = append(between, make([]byte, 1<<10*(i%7+1)+16*i))
	}
	return all
}

// between is what lies between instances on the heap.
var between [][]byte

// BenchmarkApply makes all changes to a module, in one pass: the Go kernel, or
// the file that NEUTRINO_TEST_MODULE names.
func BenchmarkApply(b *testing.B) {
	path := os.Getenv("NEUTRINO_TEST_MODULE")
	var wasm []byte
	if path == "" {
		wasm = goKernel(b)
	} else {
		var err error
		if wasm, err = os.ReadFile(path); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(len(wasm)))
	b.ReportAllocs()
	size := 0
	for b.Loop() {
		m, err := Parse(wasm)
		if err != nil {
			b.Fatal(err)
		}
		out, err := m.Apply(Options{
			Fuel: &Fuel{Module: "meter", Name: "tick", Stack: 8 << 20}, StripData: true, ExportGlobals: true, MoveStart: true, RaiseMemory: true,
		})
		if err != nil {
			b.Fatal(err)
		}
		size = len(out.Wasm)
		for _, s := range out.Image {
			size += len(s.Bytes)
		}
	}
	b.ReportMetric(float64(size)/float64(len(wasm)), "growth")
}
