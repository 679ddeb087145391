package rewrite

import (
	"fmt"
	"math"

	"github.com/neutrino-local/neutrino-local/runtime/component/types"
)

// Fuel says how code is charged for what it does. A counter is charged at the
// beginning of functions and loops for what is done until the next check, and
// by instructions that take as long as their operands say. When it has run
// out, the code asks for more.
type Fuel struct {
	// Module and Name are of the function to ask, func (left i64) i64, which
	// becomes the last import. It is told what is left, less than nothing, and
	// returns what may be used until it is asked again, up to MaxFuel; or it ends
	// the call. With StackExhausted it must end the call.
	Module, Name string
	// Start is what may be used before it is asked for the first time, up to
	// MaxFuel.
	Start int64
	// Stack is how many bytes of stack calls may take, by an estimate: 0 is no
	// bound, and the most is MaxStack. Calls that leave the module and come back
	// to it count on.
	Stack int
}

// Limits of fuel and stack.
const (
	StackExhausted = math.MinInt64
	MaxFuel        = 1 << 40
	MaxStack       = 1 << 30
)

// A layout is where the things are that fuel adds to a module. All of them
// stand at the end of their index space but the one import, which makes the
// functions of the module follow one later.
type layout struct {
	fuel     Fuel
	tick     uint32 // function: the import
	refuel   uint32 // function that calls it
	counter  uint32 // global: fuel that is left
	depth    uint32 // global: stack that is left, if it is bounded
	types    [][]byte
	typeBase uint32
	helpers  []operation // functions behind refuel
	where    map[operation]uint32
	results  [][]byte // by type: the block type of its results
	verdicts []verdict
}

func (m *Module) layout(sum *summary, f Fuel) *layout {
	f.Start, f.Stack = max(0, min(f.Start, MaxFuel)), max(0, min(f.Stack, MaxStack))
	l := &layout{
		fuel: f, tick: uint32(m.importedFuncs), refuel: uint32(len(m.Funcs)) + 1, counter: uint32(len(m.Globals)), depth: uint32(len(m.Globals)) + 1,
		typeBase: uint32(len(m.Types)), helpers: sum.operations, where: make(map[operation]uint32, len(sum.operations)),
		verdicts: m.judge(sum, f.Stack),
	}
	for i, o := range sum.operations {
		l.where[o] = l.refuel + 1 + uint32(i)
	}
	l.types = append(l.types, funcType([]types.CoreType{types.I64}, []types.CoreType{types.I64}), funcType(nil, nil))
	for _, o := range l.helpers {
		params, results := m.signature(o)
		l.types = append(l.types, funcType(params, results))
	}
	l.results = make([][]byte, len(m.Types))
	for _, t := range m.Funcs[m.importedFuncs:] {
		if l.results[t] == nil {
			l.results[t] = l.blockType(m.Types[t])
		}
	}
	return l
}

// blockType returns the type of a block with the results of t and no
// parameters.
func (l *layout) blockType(t types.CoreFunc) []byte {
	switch len(t.Results) {
	case 0:
		return []byte{0x40}
	case 1:
		return []byte{byte(t.Results[0])}
	}
	l.types = append(l.types, funcType(nil, t.Results))
	return appendS64(nil, int64(l.typeBase)+int64(len(l.types))-1)
}

func funcType(params, results []types.CoreType) []byte {
	b := []byte{0x60}
	for _, ts := range [][]types.CoreType{params, results} {
		b = appendU32(b, uint32(len(ts)))
		for _, t := range ts {
			b = append(b, byte(t))
		}
	}
	return b
}

// signature returns the operands and results of an operation.
func (m *Module) signature(o operation) (params, results []types.CoreType) {
	const i32 = types.I32
	switch {
	case o.op == opMemoryGrow:
		return []types.CoreType{i32}, []types.CoreType{i32}
	case o.sub == bulkTableGrow:
		return []types.CoreType{m.Tables[o.x].Elem, i32}, []types.CoreType{i32}
	case o.sub == bulkTableFill:
		return []types.CoreType{i32, m.Tables[o.x].Elem, i32}, nil
	}
	return []types.CoreType{i32, i32, i32}, nil
}

// name returns what backtraces call the function of an operation.
func (o operation) name() string {
	switch {
	case o.op == opMemoryGrow:
		return "memory.grow"
	case o.sub == bulkMemoryCopy:
		return "memory.copy"
	case o.sub == bulkMemoryFill:
		return "memory.fill"
	case o.sub == bulkTableCopy:
		return fmt.Sprintf("table.copy %d %d", o.x, o.y)
	case o.sub == bulkTableGrow:
		return fmt.Sprintf("table.grow %d", o.x)
	}
	return fmt.Sprintf("table.fill %d", o.x)
}

// appendS64 appends v as a signed number.
func appendS64(b []byte, v int64) []byte {
	for {
		low := byte(v & 0x7f)
		v >>= 7
		if v == 0 && low&0x40 == 0 || v == -1 && low&0x40 != 0 {
			return append(b, low)
		}
		b = append(b, low|0x80)
	}
}
