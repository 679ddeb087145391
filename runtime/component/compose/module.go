package compose

import (
	"encoding/binary"
	"strconv"

	"github.com/neutrino-local/neutrino-local/runtime/component/types"
)

// Names inside the modules that are made here.
const (
	makeModule  = "make"
	memoryName  = "memory"
	reallocName = "realloc"
)

func makeName(i int) string { return "m" + strconv.Itoa(i) }
func funcName(i int) string { return "f" + strconv.Itoa(i) }

// dataStart is where data begins in memory, so that no pointer is null.
const dataStart = 16

// A module is a small core module: functions that return constants, and an
// allocator for their arguments, which nobody reads. Each call takes back the
// memory of the one before.
type module struct {
	types, bodies [][]byte
	data          []byte
	body          []byte
	calls         int // functions that are imported are called by number
	full          bool
}

// maxData bounds what a module answers with: a type may be of any size.
const maxData = 1 << 20

func newModule() *module { return &module{} }

// alloc returns room in memory. If there is none left, it is none that counts: the
// module will not be used.
func (m *module) alloc(size, align uint32) uint32 {
	if uint64(len(m.data))+uint64(size)+uint64(align) > maxData {
		m.full = true
		return dataStart
	}
	at := types.AlignTo(dataStart+uint32(len(m.data)), max(align, 1))
	m.data = append(m.data, make([]byte, at+size-dataStart-uint32(len(m.data)))...)
	return at
}

func (m *module) put(at uint32, b byte) {
	if !m.full {
		m.data[at-dataStart] = b
	}
}

func (m *module) put32(at, n uint32) {
	if !m.full {
		binary.LittleEndian.PutUint32(m.data[at-dataStart:], n)
	}
}

// Instructions, as far as they are needed.
const (
	opUnreachable = 0x00
	opIf          = 0x04
	opEnd         = 0x0b
	opCall        = 0x10
	opLocalGet    = 0x20
	opLocalTee    = 0x22
	opGlobalGet   = 0x23
	opGlobalSet   = 0x24
	opI32Store    = 0x36
	opMemorySize  = 0x3f
	opMemoryGrow  = 0x40
	opI32Const    = 0x41
	opI32Eq       = 0x46
	opI32LtU      = 0x49
	opI32GtU      = 0x4b
	opI32Add      = 0x6a
	opI32Sub      = 0x6b
	opI32And      = 0x71
	opI32ShrU     = 0x76
	emptyBlock    = 0x40

	opMiscellaneous = 0xfc
	memoryCopy      = 0x0a
)

func (m *module) begin() { m.body = nil }

func (m *module) constant(n int32) { m.body = appendS32(append(m.body, opI32Const), n) }

func (m *module) unreachable() { m.body = append(m.body, opUnreachable) }

// call makes resource i, whose representation is 0.
func (m *module) call(i int) {
	m.calls = max(m.calls, i+1)
	m.constant(0)
	m.body = appendU32(append(m.body, opCall), uint32(i))
}

// store keeps a core parameter at an address.
func (m *module) store(at uint32, param int) {
	m.constant(int32(at))
	m.body = appendU32(append(m.body, opLocalGet), uint32(param))
	m.body = append(m.body, opI32Store, 2, 0)
}

func (m *module) end(params, results []types.CoreType) {
	m.types = append(m.types, coreFunc(params, results))
	m.bodies = append(m.bodies, m.body)
}

func coreFunc(params, results []types.CoreType) []byte {
	b := appendU32([]byte{0x60}, uint32(len(params)))
	for _, p := range params {
		b = append(b, byte(p))
	}
	b = appendU32(b, uint32(len(results)))
	for _, r := range results {
		b = append(b, byte(r))
	}
	return b
}

// bytes returns the module: function f0 and so on, memory and realloc.
func (m *module) bytes() []byte {
	i32 := types.I32
	n := uint32(len(m.bodies))
	defs := append(m.types[:n:n], coreFunc([]types.CoreType{i32, i32, i32, i32}, []types.CoreType{i32}), coreFunc([]types.CoreType{i32}, []types.CoreType{i32}))
	var imports, funcs, exports, code [][]byte
	for i := range m.calls {
		imports = append(imports, appendU32(append(appendName(appendName(nil, makeModule), makeName(i)), 0), n+1))
	}
	start := types.AlignTo(dataStart+uint32(len(m.data)), 16)
	reset := append(appendS32([]byte{opI32Const}, int32(start)), opGlobalSet, 0)
	first := uint32(m.calls)
	for i, body := range m.bodies {
		funcs = append(funcs, appendU32(nil, uint32(i)))
		exports = append(exports, appendU32(append(appendName(nil, funcName(i)), 0), first+uint32(i)))
		code = append(code, codeBody(nil, append(reset[:len(reset):len(reset)], body...)))
	}
	funcs = append(funcs, appendU32(nil, n))
	exports = append(exports, appendU32(append(appendName(nil, reallocName), 0), first+n), append(appendName(nil, memoryName), 2, 0))
	code = append(code, codeBody([]byte{1, 1, byte(i32)}, realloc()))
	b := &builder{}
	b.section(1, vec(defs))
	b.section(2, vec(imports))
	b.section(3, vec(funcs))
	b.section(5, appendU32([]byte{1, 0}, start>>16+1))
	b.section(6, append(appendS32([]byte{1, byte(i32), 1, opI32Const}, int32(start)), opEnd))
	b.section(7, vec(exports))
	b.section(10, vec(code))
	segment := append(appendS32([]byte{0, opI32Const}, dataStart), opEnd)
	b.section(11, vec([][]byte{append(appendU32(segment, uint32(len(m.data))), m.data...)}))
	return append([]byte("\x00asm\x01\x00\x00\x00"), b.b...)
}

func codeBody(locals, instructions []byte) []byte {
	if locals == nil {
		locals = []byte{0}
	}
	b := append(append(locals[:len(locals):len(locals)], instructions...), opEnd)
	return append(appendU32(nil, uint32(len(b))), b...)
}

// realloc returns memory at the end of what is in use, and grows it as needed.
// Local 4 is the new end.
func realloc() []byte {
	var b []byte
	add := func(ops ...byte) { b = append(b, ops...) }
	// global 0 = (global 0 + align - 1) & -align
	add(opGlobalGet, 0, opLocalGet, 2, opI32Add, opI32Const, 1, opI32Sub)
	add(opI32Const, 0, opLocalGet, 2, opI32Sub, opI32And, opGlobalSet, 0)
	// end = global 0 + size; trap if that wraps
	add(opGlobalGet, 0, opLocalGet, 3, opI32Add, opLocalTee, 4)
	add(opGlobalGet, 0)
	add(opI32LtU, opIf, emptyBlock, opUnreachable, opEnd)
	// if end>>16 >= memory.size, grow by the difference plus one
	add(opLocalGet, 4, opI32Const, 16, opI32ShrU, opI32Const, 1, opI32Add, opMemorySize, 0, opI32GtU, opIf, emptyBlock)
	add(opLocalGet, 4, opI32Const, 16, opI32ShrU, opI32Const, 1, opI32Add, opMemorySize, 0, opI32Sub, opMemoryGrow, 0)
	add(opI32Const, 0x7f /* -1 */, opI32Eq, opIf, emptyBlock, opUnreachable, opEnd)
	add(opEnd)
	// copy what was there before, return the old global 0, and keep end there
	add(opGlobalGet, 0, opLocalGet, 0, opLocalGet, 1, opMiscellaneous, memoryCopy, 0, 0)
	add(opGlobalGet, 0, opLocalGet, 4, opGlobalSet, 0)
	return b
}
