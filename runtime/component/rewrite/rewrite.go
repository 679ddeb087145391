// Package rewrite makes core modules of a component linkable: it renames
// imports to their providers, and on demand brings what an instance begins
// with into reach, so that it can be set back without making it anew.
//
// The engine sees only what this package puts out, so the package itself
// checks every index in the module against the index spaces of the original:
// no module is valid only because of what was added to it, and nothing that is
// added can be named by the guest. Names that are added are ones which the
// original does not use. Custom sections are kept, and with them the names in
// backtraces; only those that say where in the code something is are left out
// of modules whose code has changed.
package rewrite

import (
	"fmt"

	"github.com/neutrino-local/neutrino-local/runtime/component/types"
)

// Options are the changes to a module. All are made in one pass.
type Options struct {
	// Import gives the new module and field name of the i-th import.
	Import func(i int, imp types.CoreImport) (module, name string)
	// StripData takes out data segments that only say what the module's own
	// memory begins with.
	StripData bool
	// ExportGlobals exports the module's own mutable globals, and what fuel counts
	// the stack with.
	ExportGlobals bool
	// MoveStart makes an exported function of the start function.
	MoveStart bool
	// Fuel, if any, bounds what code does without asking.
	Fuel *Fuel
	// RaiseMemory raises the maximum of memories by a page: the engine refuses
	// any growth of a memory that is at its maximum, even by nothing.
	RaiseMemory bool
	// MaxTable, if not 0, is the most elements that the module's own tables may
	// have.
	MaxTable uint32
}

// An Output is a rewritten module and what was taken out of it.
type Output struct {
	Wasm    []byte
	Image   []Segment // in order: what memory 0 must have before the module runs
	Globals []Global  // in the order of the index space
	Start   string    // export; empty if there is no start function or it was left
	Memory  *Memory   // the module's own; nil if it has none

	Fuel      string // export of the counter; empty if there is none
	FuelStart uint64 // what the counter begins with

	// ChangesTables is set if code has instructions that write to tables or grow
	// them, DropsSegments if it has some that drop segments. Neither is set back by
	// anything but a new instance.
	ChangesTables, DropsSegments bool
}

// A Segment is content of a memory.
type Segment struct {
	Offset uint32
	Bytes  []byte // of the original module
}

// A Global is an exported mutable global.
type Global struct {
	Name string
	Type types.CoreType
}

// A Memory is the size of a memory in pages, as the original has it.
type Memory struct {
	Min, Max uint64
	HasMax   bool // or Max is the most there can be
	Raised   bool // the rewritten module allows one page more
}

// Apply checks m and puts out its rewritten form.
func (m *Module) Apply(o Options) (*Output, error) {
	sum, err := m.check()
	if err != nil {
		return nil, err
	}
	w := &writer{m: m, o: o, sum: sum, out: make([]byte, 0, len(m.b)+64*len(m.Imports))}
	if o.Fuel != nil && m.bodies > 0 {
		if n := len(sum.operations); n > maxOperations {
			return nil, fmt.Errorf("core module: %d kinds of operations on tables, but %d are allowed", n, maxOperations)
		}
		w.l = m.layout(sum, *o.Fuel)
		w.out = make([]byte, 0, len(m.b)+len(m.b)/4)
	}
	w.out = append(w.out, m.b[:8]...)
	w.added = w.addExports()
	for _, s := range m.sections {
		w.section(s)
	}
	w.before(len(order))
	if w.err != nil {
		return nil, fmt.Errorf("core module: %w", w.err)
	}
	out := &Output{
		Wasm: w.out, Image: w.image, Globals: w.globals, Start: w.start, Memory: m.ownMemory(o.RaiseMemory),
		ChangesTables: sum.changesTables, DropsSegments: sum.dropsSegments,
	}
	if w.l != nil {
		out.Fuel, out.FuelStart = w.fuel, uint64(w.l.fuel.Start)
	}
	return out, nil
}

// A writer puts out one module.
type writer struct {
	m       *Module
	o       Options
	sum     *summary
	l       *layout // nil without fuel
	out     []byte
	added   []byte // exports, encoded
	count   uint32 // of them
	done    int    // the last section that was put out, by its place in order
	image   []Segment
	globals []Global
	start   string
	fuel    string
	err     error
}

// addExports encodes the exports that the options ask for.
func (w *writer) addExports() []byte {
	var b []byte
	add := func(name string, sort types.CoreSort, index uint32) {
		b = append(appendName(b, name), byte(sort))
		b = appendU32(b, index)
		w.count++
	}
	if w.o.MoveStart && w.m.Start != nil {
		w.start = w.m.FreshName("start")
		add(w.start, types.CoreSortFunc, w.shift(*w.m.Start))
	}
	if w.l != nil {
		w.fuel = w.m.FreshName("fuel")
		add(w.fuel, types.CoreSortGlobal, w.l.counter)
	}
	if w.o.ExportGlobals {
		prefix := w.m.FreshName("global")
		for i, g := range w.m.Globals {
			if i >= w.m.importedGlobals && g.Mutable {
				name := fmt.Sprintf("%s.%d", prefix, i)
				w.globals = append(w.globals, Global{name, g.Elem})
				add(name, types.CoreSortGlobal, uint32(i))
			}
		}
		if w.l != nil && w.l.fuel.Stack > 0 { // a guest that exits does not give back what it has taken
			name := prefix + ".stack"
			w.globals = append(w.globals, Global{name, types.I64})
			add(name, types.CoreSortGlobal, w.l.depth)
		}
	}
	return b
}

// before puts out added sections that the module has none of its own for and
// that must stand before the place next.
func (w *writer) before(next int) {
	for _, id := range []byte{sectionImport, sectionGlobal, sectionExport} {
		if place := order[id]; w.done < place && place < next {
			if body := w.body(id, section{}); body != nil {
				w.out = appendSection(w.out, id, body)
			}
		}
	}
	w.done = max(w.done, next)
}

func (w *writer) section(s section) {
	if s.id != sectionCustom {
		w.before(order[s.id])
	}
	if body := w.body(s.id, s); body != nil {
		w.out = appendSection(w.out, s.id, body)
	}
}

// body returns the new content of a section, or nil to leave it out. A section
// that is not in the module is empty.
func (w *writer) body(id byte, s section) []byte {
	switch id {
	case sectionCustom:
		return w.custom(s)
	case sectionType:
		return w.types(s)
	case sectionImport:
		return w.imports(s)
	case sectionFunc:
		return w.functions(s)
	case sectionTable:
		return w.tables(s)
	case sectionMemory:
		return w.memories(s)
	case sectionGlobal:
		return w.globalSection(s)
	case sectionExport:
		return w.exports(s)
	case sectionStart:
		if w.o.MoveStart {
			return nil
		}
		return appendU32(nil, w.shift(*w.m.Start))
	case sectionElem:
		return w.elements(s)
	case sectionCode:
		if w.l != nil {
			in := instrument{m: w.m, sum: w.sum, l: w.l}
			return in.code(s)
		}
	case sectionData:
		if w.o.StripData {
			return w.data(s)
		}
	}
	return w.m.b[s.start:s.end]
}

// data takes segments out as long as they have constant offsets in the
// module's own memory, and lie within the memory: one that does not must still
// trap. What follows one that stays must stay too, since later segments
// overwrite earlier ones. A segment that is taken out leaves an empty passive
// one behind, which is what is left of any active one after instantiation.
func (w *writer) data(s section) []byte {
	c := cursor{b: w.m.b, p: s.start, end: s.end}
	n := c.count()
	body := appendU32(nil, uint32(n))
	for range n {
		start := c.p
		seg, ok := w.m.constSegment(&c)
		if !ok {
			return append(body, w.m.b[start:s.end]...)
		}
		w.image = append(w.image, seg)
		body = append(body, 1, 0) // passive, empty
	}
	return body
}

// constSegment reads a segment that can be taken out.
func (m *Module) constSegment(c *cursor) (Segment, bool) {
	if len(m.Memories) != 1 || m.importedMemories > 0 || m.Memories[0].Limits.Is64 {
		return Segment{}, false
	}
	if flags := c.u32(); flags != 0 || c.byte() != opI32Const {
		return Segment{}, false
	}
	offset := c.s32()
	if c.byte() != opEnd {
		return Segment{}, false
	}
	n := c.u32()
	start := c.p
	c.skip(uint64(n))
	if uint64(offset)+uint64(n) > m.Memories[0].Limits.Min<<16 {
		return Segment{}, false
	}
	return Segment{offset, c.b[start:c.p]}, true
}

// s32 reads the immediate of i32.const as an address.
func (c *cursor) s32() uint32 {
	var v uint32
	for shift := 0; ; shift += 7 {
		b := c.byte()
		v |= uint32(b&0x7f) << shift
		if b&0x80 == 0 {
			if b&0x40 != 0 && shift < 25 {
				v |= ^uint32(0) << (shift + 7)
			}
			return v
		}
		if shift >= 28 {
			c.fail("number is too long")
			return 0
		}
	}
}

func appendSection(out []byte, id byte, body []byte) []byte {
	out = append(out, id)
	out = appendU32(out, uint32(len(body)))
	return append(out, body...)
}

func appendU32(b []byte, v uint32) []byte {
	for v >= 0x80 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v))
}

func appendName(b []byte, s string) []byte { return append(appendU32(b, uint32(len(s))), s...) }

// FreshName returns a name like want that no export of the module begins with.
func (m *Module) FreshName(want string) string {
	for n := 0; ; n++ {
		name := fmt.Sprintf("%s#%d", want, n)
		if !m.exportsPrefix(name) {
			return name
		}
	}
}
