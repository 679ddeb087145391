package rewrite

import (
	"context"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// A program writes a random module that is valid and comes to an end: each
// loop and function counts global 0 down and traps below zero. All functions
// are (i32, i32) -> i32, or (i32, i32) -> (i32, i32) in the odd places; all
// blocks but those within expressions take and leave nothing.
type program struct {
	r      *rand.Rand
	b      code
	loops  []bool // open blocks
	me     int
	budget int
}

const randomFuncs = 5

func (p *program) module() []byte {
	section := func(id byte, b []byte) []byte { return appendSection(nil, id, b) }
	var funcs, exports, bodies []byte
	for i := range randomFuncs {
		funcs = append(funcs, byte(i%2))
		exports = append(appendName(exports, fmt.Sprint("f", i)), 0, byte(i))
		p.b, p.me, p.budget, p.loops = code{1, 3, byte(0x7f)}, i, 60, []bool{false}
		p.countDown()
		p.statements()
		p.results()
		body := p.b.op(opEnd)
		bodies = append(appendU32(bodies, uint32(len(body))), body...)
	}
	exports = append(append(appendName(exports, "limit"), 3, 0), append(appendName(nil, "memory"), 2, 0)...)
	return slices.Concat([]byte(preamble),
		section(sectionType, []byte("\x03\x60\x02\x7f\x7f\x01\x7f\x60\x02\x7f\x7f\x02\x7f\x7f\x60\x00\x00")),
		section(sectionFunc, append([]byte{randomFuncs}, funcs...)),
		section(sectionTable, []byte{1, 0x70, 0, randomFuncs}), section(sectionMemory, []byte{1, 0, 1}), section(sectionTag, []byte{1, 0, 2}),
		section(sectionGlobal, []byte{1, 0x7f, 1, opI32Const, 0, opEnd}), section(sectionExport, append([]byte{randomFuncs + 2}, exports...)),
		section(sectionElem, []byte{1, 0, opI32Const, 0, opEnd, randomFuncs, 0, 1, 2, 3, 4}),
		section(sectionCode, append([]byte{randomFuncs}, bodies...)))
}

func (p *program) countDown() {
	p.b = p.b.index(opGlobalGet, 0).i32(1).op(opI32Sub).index(opGlobalSet, 0)
	p.b = p.b.index(opGlobalGet, 0).i32(0).op(0x48, opIf, opEmpty, opUnreachable, opEnd)
}

// countDownCost is what each way through a loop or function costs at least.
const countDownCost = 10

func (p *program) results() {
	for range 1 + p.me%2 {
		p.expression()
	}
}

func (p *program) statements() {
	for range 1 + p.r.IntN(4) {
		p.statement()
	}
}

func (p *program) label() uint32 { return uint32(p.r.IntN(len(p.loops))) }

func (p *program) within(loop bool, f func()) {
	p.loops = append(p.loops, loop)
	f()
	p.loops = p.loops[:len(p.loops)-1]
	p.b = p.b.op(opEnd)
}

// branch makes sure that no label is that of the function, which has results.
func (p *program) branch() (uint32, bool) {
	l := p.label()
	return l, int(l) < len(p.loops)-1
}

func (p *program) statement() {
	if p.budget--; p.budget < 0 {
		return
	}
	switch p.r.IntN(14) {
	case 0:
		p.b = p.b.op(opBlock, opEmpty)
		p.within(false, p.statements)
	case 1:
		p.b = p.b.op(opLoop, opEmpty)
		p.within(true, func() { p.countDown(); p.statements() })
	case 2:
		p.expression()
		p.b = p.b.op(opIf, opEmpty)
		p.within(false, func() {
			p.statements()
			if p.r.IntN(2) == 0 {
				p.b = p.b.op(opElse)
				p.statements()
			}
		})
	case 3, 4:
		if l, ok := p.branch(); ok {
			p.expression()
			p.b = p.b.index(opBrIf, l)
		}
	case 5:
		a, okA := p.branch()
		c, okC := p.branch()
		if okA && okC {
			p.expression()
			p.b = p.b.op(opBrTable, 1).u32(a).u32(c)
		}
	case 6:
		p.expression()
		p.b = p.b.op(opIf, opEmpty)
		p.within(false, func() { p.results(); p.b = p.b.op(opReturn) })
	case 7: // a branch to the function's own block, with its results
		p.expression()
		p.b = p.b.op(opIf, opEmpty)
		p.within(false, func() { p.results(); p.b = p.b.index(opBr, uint32(len(p.loops)-1)) })
	case 8:
		p.expression()
		p.b = p.b.op(opIf, opEmpty)
		p.within(false, func() { p.expression(); p.expression(); p.b = p.b.index(opReturnCall, p.callee()) })
	case 9:
		p.expression()
		p.b = p.b.i32(3).op(0x71, opI32Eqz, opIf, opEmpty)
		p.within(false, func() { p.b = p.b.op(opThrow, 0) })
	case 10:
		if l, ok := p.branch(); ok { // catch_all
			p.b = p.b.op(opTryTable, opEmpty, 1, 2).u32(l)
			p.within(false, p.statements)
		}
	case 11:
		for range 3 {
			p.expression()
			p.b = p.b.i32(0xfff).op(0x71)
		}
		p.b = p.b.op(opBulk, byte(bulkMemoryCopy+p.r.IntN(2)), 0)
		if p.b[len(p.b)-2] == bulkMemoryCopy {
			p.b = p.b.op(0)
		}
	default:
		p.expression()
		p.b = p.b.set(uint32(p.r.IntN(5)))
	}
}

// callee returns a function with the results of this one.
func (p *program) callee() uint32 {
	return uint32(p.me%2 + 2*p.r.IntN((randomFuncs+1-p.me%2)/2))
}

func (p *program) expression() {
	if p.budget--; p.budget < 0 {
		p.b = p.b.get(uint32(p.r.IntN(5)))
		return
	}
	switch p.r.IntN(9) {
	case 0:
		p.b = p.b.i32(int32(p.r.IntN(100)))
	case 1, 2, 3:
		p.expression()
		p.expression()
		p.b = p.b.op([]byte{0x6a, 0x6b, 0x6c, 0x6a, 0x71, 0x72, 0x73, 0x49}[p.r.IntN(8)])
	case 4:
		p.expression()
		p.expression()
		f := p.r.IntN(randomFuncs)
		if p.r.IntN(2) == 0 {
			p.b = p.b.index(opCall, uint32(f))
		} else {
			p.b = p.b.i32(int32(f)).index(opCallIndirect, uint32(f%2)).op(0)
		}
		if f%2 == 1 {
			p.b = p.b.op(0x73)
		}
	case 5:
		p.expression()
		p.b = p.b.op(opIf, 0x7f)
		p.within(false, func() { p.expression(); p.b = p.b.op(opElse); p.expression() })
	case 6:
		p.expression()
		p.b = p.b.i32(0xffff).op(0x71, 0x2d, 0, 0)
	default:
		p.b = p.b.get(uint32(p.r.IntN(5)))
	}
}

// TestRandom runs random programs with and without fuel, and holds that the
// stack is given back and fuel is paid, whatever way is taken.
func TestRandom(t *testing.T) {
	const stack = 1 << 20
	ended := 0
	for seed := range uint64(400) {
		p := &program{r: rand.New(rand.NewPCG(seed, 1))}
		wasm := p.module()
		want, _ := play(t, wasm, nil, seed)
		m, err := Parse(fueled(t, wasm, Fuel{Stack: stack}).Wasm)
		if err != nil {
			t.Fatal(err)
		}
		out, err := m.Apply(Options{ExportGlobals: true}) // the stack that is left, too
		if err != nil {
			t.Fatal(err)
		}
		got, left := play(t, out.Wasm, &meter{slice: 100}, seed)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("seed %d (-plain +fuel):\n%s", seed, diff)
		}
		for _, n := range left {
			ended++
			if n != stack {
				t.Fatalf("seed %d: %d bytes of stack are left of %d", seed, n, stack)
			}
		}
	}
	if ended < 150 {
		t.Errorf("only %d calls have returned", ended)
	}
}

// play calls the functions of a program until one traps, and tells what they
// return, and how much stack was left after those that did.
func play(t *testing.T, wasm []byte, m *meter, seed uint64) (out []string, left []int64) {
	t.Helper()
	ctx := context.Background()
	config := wazero.NewRuntimeConfigInterpreter()
	if seed%8 == 0 {
		config = wazero.NewRuntimeConfig()
	}
	r := wazero.NewRuntimeWithConfig(ctx, config.WithCoreFeatures(features))
	defer r.Close(ctx)
	if m != nil {
		hostMeter(t, r, m)
	}
	mod, err := r.Instantiate(ctx, wasm)
	if err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	used := int64(0)
	for i := range randomFuncs {
		mod.ExportedGlobal("limit").(api.MutableGlobal).Set(200)
		results, err := mod.ExportedFunction(fmt.Sprint("f", i)).Call(ctx, seed%7, seed%3)
		if m != nil {
			steps := 200 - int64(int32(mod.ExportedGlobal("limit").Get()))
			total := m.given - int64(mod.ExportedGlobal("fuel#0").Get())
			if total-used+small < steps*countDownCost { // of a small function only the caller is charged
				t.Fatalf("seed %d: %d rounds and calls have used %d", seed, steps, total-used)
			}
			used = total
		}
		memory, _ := mod.Memory().Read(0, mod.Memory().Size())
		out = append(out, fmt.Sprint(results, crc32.ChecksumIEEE(memory), mod.ExportedGlobal("limit").Get()))
		if err != nil {
			return append(out, kind(err)), left
		}
		if g := mod.ExportedGlobal("global#0.2"); g != nil {
			left = append(left, int64(g.Get()))
		}
	}
	return out, left
}
