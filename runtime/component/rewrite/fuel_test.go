package rewrite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/neutrino-local/neutrino-local/runtime/component/types"
)

func fixture(tb testing.TB, name string) []byte {
	tb.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// A call is one step of a guest.
type call struct {
	name string
	args []uint64
}

// steps use all that the guest can do, in an order that shows what each leaves
// behind.
var steps = []call{
	{"leaf", []uint64{14}}, {"divide", []uint64{10000}}, {"count", []uint64{10000}}, {"nested", []uint64{40}}, {"carry", []uint64{1000}},
	{"swap", []uint64{8, 9}}, {"swap", []uint64{100, 3}}, {"fib", []uint64{18}}, {"even", []uint64{1000}}, {"even", []uint64{1001}},
	{"down", []uint64{10000}}, {"downIndirect", []uint64{10}}, {"downIndirect", []uint64{11}},
	{"catch", []uint64{30, 300}}, {"catchAll", []uint64{30, 300}}, {"catchLoop", []uint64{300}}, {"uncaught", nil},
	{"ramp", []uint64{200000}},
	{"fill", []uint64{1000, 7, 300}}, {"fill", []uint64{100, 300, 200001}}, {"fill", []uint64{0, 1, 1 << 18}}, {"fill", []uint64{0, 2, 1<<18 + 1}},
	{"fill", []uint64{1 << 18, 1, 0}}, {"fill", []uint64{1<<18 + 1, 1, 0}}, {"fill", []uint64{0xfffffff0, 1, 100}}, {"fill", []uint64{0xfffffff0, 1, 1 << 17}},
	{"fill100", []uint64{5}}, {"fill100", []uint64{1<<18 - 99}}, {"ramp", []uint64{200000}},
	{"copy", []uint64{10, 20, 100}}, {"copy", []uint64{1, 0, 150000}}, {"copy", []uint64{70000, 3, 190000}}, {"copy", []uint64{3, 70000, 190000}},
	{"copy", []uint64{0, 0, 1 << 18}}, {"copy", []uint64{1, 0, 1 << 18}}, {"copy", []uint64{0, 1, 1 << 18}}, {"copy", []uint64{1 << 18, 0, 0}},
	{"init", []uint64{1000, 2, 7}}, {"init", []uint64{1000, 2, 70}}, {"dropData", nil}, {"init", []uint64{1000, 0, 0}}, {"init", []uint64{1000, 0, 1}},
	{"size", nil}, {"grow", []uint64{2}}, {"grow", []uint64{100}}, {"grow", []uint64{0xffffffff}}, {"grow", []uint64{0}}, {"grow", []uint64{14}}, {"grow", []uint64{1}}, {"size", nil},
	{"fill", []uint64{0, 3, 20 << 16}}, {"copy", []uint64{1 << 16, 0, 19 << 16}},
	{"tableNulls", nil}, {"tableFill", []uint64{5, 1, 3}}, {"tableFill", []uint64{5, 1, 60}}, {"tableNulls", nil},
	{"tableGrow", []uint64{900}}, {"tableGrow", []uint64{900}}, {"tableGrow", []uint64{0xffffffff}}, {"tableNulls", nil},
	{"tableFill", []uint64{100, 3, 800}}, {"tableCopy", []uint64{3, 1, 900}}, {"tableCopy", []uint64{0, 4, 900}}, {"tableCopy", []uint64{1, 0, 964}}, {"tableNulls", nil},
	{"tableCross", []uint64{0, 0, 16}}, {"tableCross", []uint64{0, 0, 17}}, {"tableInit", []uint64{0, 1, 3}}, {"tableInit", []uint64{0, 1, 4}}, {"dropElem", nil}, {"tableInit", []uint64{0, 0, 1}},
	{"externGrow", []uint64{20000}}, {"externFill", []uint64{0, 20008}}, {"externFill", []uint64{1, 20008}},
	{"trap", []uint64{1}}, {"trap", []uint64{2}}, {"trap", []uint64{3}}, {"trap", []uint64{4}}, {"trap", []uint64{5}}, {"trap", []uint64{0}},
	{"vector", []uint64{7}}, {"globals", []uint64{7}}, {"globals", []uint64{7}},
}

// run makes the steps and tells what each returns and leaves.
func run(mod api.Module, steps []call) []string {
	var out []string
	for _, s := range steps {
		results, err := mod.ExportedFunction(s.name).Call(context.Background(), s.args...)
		text := fmt.Sprintf("%s %v = %v", s.name, s.args, results)
		if err != nil {
			text += " " + kind(err)
		}
		memory, _ := mod.Memory().Read(0, mod.Memory().Size())
		text += fmt.Sprintf(", %d bytes %x", len(memory), crc32.ChecksumIEEE(memory))
		out = append(out, text)
	}
	return out
}

// kind is the first line of a trap: the rest is the backtrace.
func kind(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// TestSame holds that fuel changes nothing that a guest can see.
func TestSame(t *testing.T) {
	wasm := fixture(t, "guest.wasm")
	for _, engine := range []struct {
		name   string
		config wazero.RuntimeConfig
	}{{"compiler", wazero.NewRuntimeConfig()}, {"interpreter", wazero.NewRuntimeConfigInterpreter()}} {
		t.Run(engine.name, func(t *testing.T) {
			steps := steps
			if engine.name == "interpreter" { // tail calls take stack there
				steps = slices.DeleteFunc(slices.Clone(steps), func(c call) bool { return c.name == "down" })
			}
			want := run(instantiate(t, engine.config, wasm, nil), steps)
			for _, f := range []Fuel{{}, {Stack: 1 << 20}} {
				for _, each := range []int64{slice, 1} {
					got := run(instantiate(t, engine.config, fueled(t, wasm, f).Wasm, &meter{slice: each}), steps)
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("stack %d, slices of %d (-plain +fuel):\n%s", f.Stack, each, diff)
					}
				}
			}
		})
	}
}

// TestCharges holds that what code does is paid for, and in pieces.
func TestCharges(t *testing.T) {
	m := meter{slice: 1000}
	out := fueled(t, fixture(t, "guest.wasm"), Fuel{Stack: 1 << 20})
	mod := instantiate(t, wazero.NewRuntimeConfig(), out.Wasm, &m)
	counter := mod.ExportedGlobal(out.Fuel)
	tests := []struct {
		name     string
		args     []uint64
		min, max int64
	}{
		{"even", []uint64{1000}, 1000 * 5, 1000 * 50},
		{"divide", []uint64{100_000}, 4_000_000, 8_000_000},
		{"divide", []uint64{200_000}, 8_000_000, 16_000_000},
		{"count", []uint64{100_000}, 300_000, 900_000},
		{"fill", []uint64{0, 1, 1 << 18}, 1 << 14, 1<<14 + 5000},
		{"fill", []uint64{0, 1, 1 << 10}, 1 << 6, 5000},
		{"copy", []uint64{0, 1, 1<<18 - 1}, 1<<14 - 1, 1<<14 + 5000},
		{"copy", []uint64{1, 0, 1<<18 - 1}, 1<<14 - 1, 1<<14 + 5000},
		{"grow", []uint64{10}, 1000 + 5120, 15000},
		{"grow", []uint64{0xffffffff}, 1000, 5000},
		{"tableGrow", []uint64{900}, 1900, 8000},
		{"tableGrow", []uint64{0xffffffff}, 1000, 8000},
		{"tableFill", []uint64{0, 0, 964}, 900, 5000},
		{"tableCopy", []uint64{0, 1, 900}, 900, 5000},
		{"externGrow", []uint64{100_000}, 100_000, 110_000},
		{"externFill", []uint64{0, 100_000}, 100_000, 110_000},
		{"fib", []uint64{20}, 21891 * 10, 21891 * 60},
		{"down", []uint64{10_000}, 10_000 * 5, 10_000 * 30},
		{"catch", []uint64{30, 10}, 10 * 1000, 10*1000 + 30_000},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m.deepest = 0
			before := m.given - int64(counter.Get())
			if _, err := mod.ExportedFunction(test.name).Call(context.Background(), test.args...); err != nil {
				t.Fatal(err)
			}
			if used := m.given - int64(counter.Get()) - before; used < test.min || used > test.max {
				t.Errorf("%s%v used %d, want %d to %d", test.name, test.args, used, test.min, test.max)
			}
			if m.deepest < -2*chunk {
				if !strings.HasSuffix(test.name, "Grow") && test.name != "grow" { // which cannot be divided
					t.Errorf("%s%v ran %d beyond its fuel", test.name, test.args, -m.deepest)
				}
			}
		})
	}
}

// TestStraight has long code without loops, with ways through it of unequal
// length: it is checked on the way.
func TestStraight(t *testing.T) {
	division := code{}.get(0).i32(3).op(0x6e).set(0)
	repeat := func(c code, n int) code { return bytes.Repeat(c, n) }
	branch := func(then, other code) code {
		c := append(code{}.get(0).op(opIf, opEmpty), then...)
		return append(append(c.op(opElse), other...), opEnd)
	}
	nop := code{}.get(0).set(0)
	tests := []struct {
		name string
		body code
	}{
		{"divisions", repeat(division, 20_000)},
		{"branches of the same length", repeat(branch(repeat(division, 50), repeat(division, 50)), 400)},
		{"branches of unequal length", repeat(branch(repeat(division, 700), repeat(nop, 4000)), 10)},
		{"one long branch", append(branch(repeat(division, 10_000), nil), repeat(nop, 100_000)...)},
		{"blocks left early", repeat(append(append(code{}.op(opBlock, opEmpty).get(0).op(opBrIf, 0), repeat(division, 300)...), opEnd), 100)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, arg := range []uint64{0, 1, 1 << 31} {
				// The cost without fuel is that of the way that was taken.
				m := meter{slice: 100}
				out := fueled(t, oneFunction(test.body), Fuel{})
				mod := instantiate(t, wazero.NewRuntimeConfigInterpreter(), out.Wasm, &m)
				if _, err := mod.ExportedFunction("run").Call(context.Background(), arg); err != nil {
					t.Fatal(err)
				}
				if m.deepest < -2*chunk {
					t.Errorf("argument %d: %d beyond the fuel", arg, -m.deepest)
				}
				if m.ticks < 2 {
					t.Errorf("argument %d: %d ticks", arg, m.ticks)
				}
			}
		})
	}
}

// TestDispatch has a loop that goes to one of many places in each round, as Go
// makes of every function: a round must not be charged for all of them, nor for
// much less than it does.
func TestDispatch(t *testing.T) {
	const places, rounds, work = 50, 1000, 20
	division := code{}.get(1).i32(3).op(0x6e).set(1)
	body := code{}.op(opLoop, opEmpty)
	for range places + 1 {
		body = body.op(opBlock, opEmpty)
	}
	body = body.get(0).i32(places).op(0x70).op(opBrTable).u32(places - 1) // rem_u
	for i := range uint32(places) {
		body = body.u32(i)
	}
	body = body.op(opEnd)
	for i := range uint32(places) { // the next round, from the block that is left after places-i others
		body = append(body, bytes.Repeat(division, work)...)
		body = body.get(0).i32(1).op(opI32Sub).index(opLocalTee, 0).index(opBrIf, places-i).op(opReturn, opEnd)
	}
	body = body.op(opEnd)
	m := meter{slice: slice}
	out := fueled(t, oneFunctionOf(body, 1), Fuel{})
	mod := instantiate(t, wazero.NewRuntimeConfigInterpreter(), out.Wasm, &m)
	if _, err := mod.ExportedFunction("run").Call(context.Background(), rounds); err != nil {
		t.Fatal(err)
	}
	const round = int64(work * 22)
	if used := m.given - int64(mod.ExportedGlobal(out.Fuel).Get()); used < rounds*round/doubt || used > 8*rounds*round {
		t.Errorf("%d rounds of %d used %d", rounds, round, used)
	}
}

// oneFunction is a module with a function of one parameter.
func oneFunction(body code) []byte { return oneFunctionOf(body, 0) }

// oneFunctionOf has some locals beside.
func oneFunctionOf(body code, locals byte) []byte {
	section := func(id byte, b []byte) []byte { return appendSection(nil, id, b) }
	f := append(append([]byte{1, locals, byte(types.I32)}, body...), opEnd)
	return slices.Concat([]byte(preamble),
		section(sectionType, []byte("\x01\x60\x01\x7f\x00")), section(sectionFunc, []byte("\x01\x00")),
		section(sectionMemory, []byte("\x01\x00\x01")), section(sectionExport, []byte("\x01\x03run\x00\x00")),
		section(sectionCode, append(appendU32([]byte{1}, uint32(len(f))), f...)))
}

// TestStack has recursion of every kind, without an end that it would live to
// see.
func TestStack(t *testing.T) {
	const deep = 1 << 30
	for _, c := range []call{{"fib", []uint64{deep}}, {"even", []uint64{deep}}, {"catch", []uint64{deep, 1}}, {"catchAll", []uint64{deep, 1}}} {
		t.Run(c.name, func(t *testing.T) {
			mod := instantiate(t, wazero.NewRuntimeConfig(), fueled(t, fixture(t, "guest.wasm"), Fuel{Stack: 1 << 20}).Wasm, &meter{slice: slice})
			if _, err := mod.ExportedFunction(c.name).Call(context.Background(), c.args...); !errors.Is(err, errExhausted) {
				t.Errorf("error = %v, want %v", err, errExhausted)
			}
		})
	}
}

// TestStackStaysSmall recurses with small and large frames: the engine doubles
// its stack, so what it allocates is up to four times what is in use.
func TestStackStaysSmall(t *testing.T) {
	values := append(code{}.get(0), bytes.Repeat(code{}.get(0).op(0x28, 2, 0), 300)...) // all are kept across the call
	values = values.get(0).index(opCall, 0)
	values = append(values, bytes.Repeat([]byte{opI32Add}, 299)...).op(0x36, 2, 0)
	for _, test := range []struct {
		name string
		body code
	}{
		{"small", code{}.get(0).index(opCall, 0)}, {"large", values},
		{"in a loop", code{}.op(opLoop, opEmpty).get(0).index(opCall, 0).get(0).op(opBrIf, 0, opEnd)},
	} {
		t.Run(test.name, func(t *testing.T) {
			const stack = 4 << 20
			out := fueled(t, oneFunction(test.body), Fuel{Stack: stack})
			mod := instantiate(t, wazero.NewRuntimeConfig(), out.Wasm, &meter{slice: slice / 10})
			f := mod.ExportedFunction("run")
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := f.Call(context.Background(), 0)
			runtime.ReadMemStats(&after)
			if !errors.Is(err, errExhausted) {
				t.Fatalf("error = %v, want %v", err, errExhausted)
			}
			if got := after.TotalAlloc - before.TotalAlloc; got > 8*stack {
				t.Errorf("%d bytes were allocated for a stack of %d", got, stack)
			} else {
				t.Logf("%d bytes", got)
			}
		})
	}
}

// TestStackIsGivenBack calls, returns and throws in every way, many times more
// than the stack has room for.
func TestStackIsGivenBack(t *testing.T) {
	m := meter{slice: slice}
	mod := instantiate(t, wazero.NewRuntimeConfig(), fueled(t, fixture(t, "guest.wasm"), Fuel{Stack: 4 << 10}).Wasm, &m)
	for range 100 {
		for _, s := range []call{
			{"fib", []uint64{10}}, {"even", []uint64{10}}, {"swap", []uint64{9, 8}}, {"down", []uint64{1000}}, {"downIndirect", []uint64{10}},
			{"catch", []uint64{20, 100}}, {"catchAll", []uint64{20, 100}},
		} {
			if _, err := mod.ExportedFunction(s.name).Call(context.Background(), s.args...); err != nil {
				t.Fatalf("%s: %v", s.name, err)
			}
		}
	}
}

// TestForever ends a loop without end.
func TestForever(t *testing.T) {
	stop := errors.New("stop")
	m := meter{slice: slice, stop: stop, after: 3}
	mod := instantiate(t, wazero.NewRuntimeConfig(), fueled(t, fixture(t, "guest.wasm"), Fuel{}).Wasm, &m)
	if _, err := mod.ExportedFunction("forever").Call(context.Background()); !errors.Is(err, stop) {
		t.Errorf("error = %v, want %v", err, stop)
	}
}

// TestOutput looks at what the pool is told.
func TestOutput(t *testing.T) {
	m, err := Parse(fixture(t, "guest.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	out, err := m.Apply(Options{Fuel: &Fuel{Module: "meter", Name: "tick", Start: 20}, RaiseMemory: true, MaxTable: 500, ExportGlobals: true})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&Memory{Min: 4, Max: 20, HasMax: true, Raised: true}, out.Memory); diff != "" {
		t.Errorf("memory (-want +got):\n%s", diff)
	}
	if !out.ChangesTables || !out.DropsSegments || out.Fuel != "fuel#0" || len(out.Globals) != 1 {
		t.Errorf("tables change: %t, segments are dropped: %t, fuel %q, globals %v", out.ChangesTables, out.DropsSegments, out.Fuel, out.Globals)
	}
	again, err := Parse(out.Wasm)
	if err != nil {
		t.Fatal(err)
	}
	if got := again.Memories[0].Limits.Max; got != 21 {
		t.Errorf("the memory's maximum is %d, want 21", got)
	}
	if got := again.Tables[0].Limits.Max; got != 500 {
		t.Errorf("the table's maximum is %d, want 500", got)
	}
	if last := again.Imports[len(again.Imports)-1]; last.Module != "meter" || last.Name != "tick" {
		t.Errorf("the last import is %v", last)
	}
	meter := meter{slice: slice}
	mod := instantiate(t, wazero.NewRuntimeConfigInterpreter(), out.Wasm, &meter)
	counter := mod.ExportedGlobal(out.Fuel).(api.MutableGlobal)
	if out.FuelStart != 20 || counter.Get() != 20 {
		t.Errorf("fuel begins with %d, said to be %d, want 20", counter.Get(), out.FuelStart)
	}
	if _, err := mod.ExportedFunction("fib").Call(context.Background(), 3); err != nil || meter.ticks != 1 {
		t.Errorf("%d ticks, %v, want one", meter.ticks, err)
	}
	counter.Set(out.FuelStart)
	if _, err := mod.ExportedFunction("fib").Call(context.Background(), 3); err != nil || meter.ticks != 2 {
		t.Errorf("%d ticks after a reset, %v, want two", meter.ticks, err)
	}
	if _, err := m.Apply(Options{MaxTable: 10}); err == nil || !strings.Contains(err.Error(), "table 0: begins with 64 elements, but 10 are allowed") {
		t.Errorf("a small limit of tables: %v", err)
	}
}
