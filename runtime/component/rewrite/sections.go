package rewrite

import (
	"fmt"
	"slices"
	"strings"

	"github.com/neutrino-local/neutrino-local/runtime/component/types"
)

const maxPages = 1 << 16

// shift returns the index of function i in the new module.
func (w *writer) shift(i uint32) uint32 {
	if w.l == nil || i < w.l.tick {
		return i
	}
	return i + 1
}

// more puts n more entries at the end of a vector.
func (w *writer) more(s section, n int, entries []byte) []byte {
	c := cursor{b: w.m.b, p: s.start, end: s.end}
	had := 0
	if s.end > s.start {
		had = c.count()
	}
	body := appendU32(make([]byte, 0, s.end-s.start+len(entries)+5), uint32(had+n))
	return append(append(body, w.m.b[c.p:s.end]...), entries...)
}

func (w *writer) types(s section) []byte {
	if w.l == nil {
		return w.m.b[s.start:s.end]
	}
	return w.more(s, len(w.l.types), slices.Concat(w.l.types...))
}

func (w *writer) functions(s section) []byte {
	if w.l == nil {
		return w.m.b[s.start:s.end]
	}
	var entries []byte
	for i := range 1 + len(w.l.helpers) {
		entries = appendU32(entries, w.l.typeBase+1+uint32(i))
	}
	return w.more(s, 1+len(w.l.helpers), entries)
}

func (w *writer) imports(section) []byte {
	n := len(w.m.Imports)
	if w.l != nil {
		n++
	}
	if n == 0 {
		return nil
	}
	body := appendU32(nil, uint32(n))
	for i, imp := range w.m.Imports {
		module, name := imp.Module, imp.Name
		if w.o.Import != nil {
			module, name = w.o.Import(i, imp)
		}
		body = appendName(body, module)
		body = appendName(body, name)
		if imp.Type.Sort == types.CoreSortMemory {
			desc := w.m.importDesc[i]
			e := &edit{m: &Module{b: desc}}
			w.memory(&cursor{b: desc, p: 1, end: len(desc)}, e)
			body = append(body, e.rest(len(desc))...)
			continue
		}
		body = append(body, w.m.importDesc[i]...)
	}
	if w.l != nil {
		body = appendName(body, w.l.fuel.Module)
		body = appendName(body, w.l.fuel.Name)
		body = appendU32(append(body, byte(types.CoreSortFunc)), w.l.typeBase)
	}
	return body
}

func (w *writer) tables(s section) []byte {
	c := &cursor{b: w.m.b, p: s.start, end: s.end}
	e := &edit{m: w.m, from: s.start, fixed: w.l == nil}
	for i := range c.count() {
		initialized := c.b[c.p] == 0x40
		if initialized {
			c.skip(2)
		}
		c.valType()
		start := c.p
		if l, changed := w.table(i, c.limits()); changed {
			e.limits(start, c.p, l)
		}
		if initialized {
			w.m.constExpr(c, nil, e)
		}
	}
	return e.rest(s.end)
}

// table returns the limits of table i of the module's own, and whether they
// have changed.
func (w *writer) table(i int, l types.Limits) (types.Limits, bool) {
	most := uint64(w.o.MaxTable)
	if most == 0 || l.HasMax && l.Max <= most {
		return l, false
	}
	if l.Min > most && w.err == nil {
		w.err = fmt.Errorf("table %d: begins with %d elements, but %d are allowed", i, l.Min, most)
	}
	l.HasMax, l.Max = true, most
	return l, true
}

func (w *writer) memories(s section) []byte {
	c := &cursor{b: w.m.b, p: s.start, end: s.end}
	e := &edit{m: w.m, from: s.start}
	for range c.count() {
		w.memory(c, e)
	}
	return e.rest(s.end)
}

// memory reads the limits of a memory, and raises them if that is asked for
// and possible.
func (w *writer) memory(c *cursor, e *edit) {
	start := c.p
	if l := c.limits(); w.o.RaiseMemory && canRaise(l) {
		l.Max++
		e.limits(start, c.p, l)
	}
}

func canRaise(l types.Limits) bool { return l.HasMax && l.Max < maxPages && !l.Is64 && !l.Shared }

// ownMemory returns the memory that the module does not import.
func (m *Module) ownMemory(raise bool) *Memory {
	if len(m.Memories) == m.importedMemories {
		return nil
	}
	l := m.Memories[m.importedMemories].Limits
	out := &Memory{Min: l.Min, Max: maxPages, HasMax: l.HasMax, Raised: raise && canRaise(l)}
	if l.HasMax {
		out.Max = l.Max
	}
	return out
}

func (w *writer) globalSection(s section) []byte {
	if w.l == nil {
		if s.end == s.start {
			return nil
		}
		return w.m.b[s.start:s.end]
	}
	c := &cursor{b: w.m.b, p: s.start, end: s.end}
	n := 0
	if s.end > s.start {
		n = c.count()
	}
	e := &edit{m: w.m, from: c.p}
	for range n {
		c.globalType()
		w.m.constExpr(c, nil, e)
	}
	begin := []int64{w.l.fuel.Start}
	if w.l.fuel.Stack > 0 {
		begin = append(begin, int64(w.l.fuel.Stack))
	}
	body := append(code(appendU32(nil, uint32(n+len(begin)))), e.rest(s.end)...)
	for _, v := range begin {
		body = append(body, byte(types.I64), 1).i64(v).op(opEnd)
	}
	return body
}

func (w *writer) exports(s section) []byte {
	if w.count == 0 && w.l == nil {
		if s.end == s.start {
			return nil
		}
		return w.m.b[s.start:s.end]
	}
	body := appendU32(nil, uint32(len(w.m.Exports))+w.count)
	for _, e := range w.m.Exports {
		i := e.Index
		if e.Sort == types.CoreSortFunc {
			i = w.shift(i)
		}
		body = appendU32(append(appendName(body, e.Name), byte(e.Sort)), i)
	}
	return append(body, w.added...)
}

func (w *writer) elements(s section) []byte {
	if w.l == nil {
		return w.m.b[s.start:s.end]
	}
	c := &cursor{b: w.m.b, p: s.start, end: s.end}
	e := &edit{m: w.m, from: s.start}
	w.m.elemSection(c, nil, e)
	return e.rest(s.end)
}

// custom keeps custom sections, but for those that say where code stood.
func (w *writer) custom(s section) []byte {
	body := w.m.b[s.start:s.end]
	if w.l == nil {
		return body
	}
	c := cursor{b: w.m.b, p: s.start, end: s.end}
	switch name := c.name(); {
	case name == "name":
		return w.names(c)
	case strings.HasPrefix(name, ".debug_") || strings.HasPrefix(name, "metadata.code."):
		return nil
	}
	return body
}
