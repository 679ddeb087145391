package rewrite

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/neutrino-local/neutrino-local/runtime/component/types"
)

// Sections of a core module, by number.
const (
	sectionCustom    = 0
	sectionType      = 1
	sectionImport    = 2
	sectionFunc      = 3
	sectionTable     = 4
	sectionMemory    = 5
	sectionGlobal    = 6
	sectionExport    = 7
	sectionStart     = 8
	sectionElem      = 9
	sectionCode      = 10
	sectionData      = 11
	sectionDataCount = 12
	sectionTag       = 13
)

// order is where each section must stand among the others.
var order = [...]int{
	sectionType: 1, sectionImport: 2, sectionFunc: 3, sectionTable: 4, sectionMemory: 5, sectionTag: 6, sectionGlobal: 7,
	sectionExport: 8, sectionStart: 9, sectionElem: 10, sectionDataCount: 11, sectionCode: 12, sectionData: 13,
}

type section struct {
	id         byte
	start, end int
}

// An Export is one export of the module.
type Export struct {
	Name  string
	Sort  types.CoreSort
	Index uint32
}

// A Custom is a custom section.
type Custom struct {
	Name  string
	Bytes []byte
}

// A Module is a core module whose index spaces are known. Code is looked at
// only when it is rewritten.
type Module struct {
	Imports  []types.CoreImport
	Exports  []Export
	Types    []types.CoreFunc
	Funcs    []uint32 // type index of each function, imported ones first
	Tables   []types.CoreExtern
	Memories []types.CoreExtern
	Globals  []types.CoreExtern
	Tags     []types.CoreExtern
	Start    *uint32
	Customs  []Custom

	b                                                []byte
	sections                                         []section
	importDesc                                       [][]byte
	importedFuncs, importedMemories, importedGlobals int

	elems, datas uint32 // how many segments there are
	dataCount    *uint32
	bodies       int
	taken        []uint32 // functions that tables and globals begin with
}

// Parse reads the index spaces of a core module. The result refers to b.
func Parse(b []byte) (*Module, error) {
	if len(b) < 8 || string(b[:8]) != "\x00asm\x01\x00\x00\x00" {
		return nil, errors.New("not a core module")
	}
	m := &Module{b: b}
	c := &cursor{b: b, p: 8, end: len(b)}
	last := 0
	for c.more() {
		id := c.byte()
		body := c.sub(c.u32())
		if c.err != nil {
			break
		}
		if id != sectionCustom {
			if int(id) >= len(order) || order[id] <= last {
				return nil, fmt.Errorf("core module: section %d is unknown, out of order or there twice", id)
			}
			last = order[id]
		}
		m.sections = append(m.sections, section{id, body.p, body.end})
		m.section(id, &body)
		if body.err == nil && body.more() && id != sectionCode && id != sectionData && id != sectionElem && id != sectionGlobal && id != sectionTable {
			body.fail("section %d is longer than its content", id)
		}
		if body.err != nil {
			return nil, fmt.Errorf("core module: %w", body.err)
		}
	}
	if c.err != nil {
		return nil, fmt.Errorf("core module: %w", c.err)
	}
	if m.bodies != len(m.Funcs)-m.importedFuncs {
		return nil, fmt.Errorf("core module: %d functions but %d bodies", len(m.Funcs)-m.importedFuncs, m.bodies)
	}
	return m, nil
}

func (m *Module) section(id byte, c *cursor) {
	switch id {
	case sectionCustom:
		name := c.name()
		m.Customs = append(m.Customs, Custom{name, c.b[c.p:c.end]})
		c.p = c.end
	case sectionType:
		for range c.count() {
			if f := c.byte(); f != 0x60 {
				c.fail("type %#x is not a function type", f)
			}
			m.Types = append(m.Types, types.CoreFunc{Params: c.valTypes(), Results: c.valTypes()})
		}
	case sectionImport:
		m.importSpace(c)
	case sectionFunc:
		for range c.count() {
			t := c.u32()
			m.typeAt(c, t)
			m.Funcs = append(m.Funcs, t)
		}
	case sectionTable:
		m.tableSpace(c)
	case sectionMemory:
		for range c.count() {
			m.Memories = append(m.Memories, types.CoreExtern{Sort: types.CoreSortMemory, Limits: c.limits()})
		}
	case sectionTag:
		for range c.count() {
			m.Tags = append(m.Tags, m.tag(c))
		}
	case sectionGlobal:
		m.globalSpace(c)
	case sectionExport:
		m.exports(c)
	case sectionStart:
		s := c.u32()
		m.Start = &s
	case sectionElem:
		m.elems = uint32(c.count())
	case sectionCode:
		m.bodies = c.count()
	case sectionData:
		m.datas = uint32(c.count())
	case sectionDataCount:
		n := c.u32()
		m.dataCount = &n
	}
}

func (c *cursor) valTypes() []types.CoreType {
	var ts []types.CoreType
	n := c.count()
	if n > maxValues {
		c.fail("%d values, but %d are allowed", n, maxValues)
		return nil
	}
	for range n {
		ts = append(ts, c.valType())
	}
	return ts
}

func (m *Module) typeAt(c *cursor, i uint32) types.CoreFunc {
	if int64(i) >= int64(len(m.Types)) {
		c.fail("unknown type %d of %d", i, len(m.Types))
		return types.CoreFunc{}
	}
	return m.Types[i]
}

func (m *Module) tag(c *cursor) types.CoreExtern {
	if a := c.byte(); a != 0 {
		c.fail("invalid tag attribute %#x", a)
	}
	return types.CoreExtern{Sort: types.CoreSortTag, Func: m.typeAt(c, c.u32())}
}

func (m *Module) importSpace(c *cursor) {
	for range c.count() {
		imp := types.CoreImport{Module: c.name(), Name: c.name()}
		start := c.p
		sort := types.CoreSort(c.byte())
		imp.Type.Sort = sort
		switch sort {
		case types.CoreSortFunc:
			t := c.u32()
			imp.Type.Func = m.typeAt(c, t)
			m.Funcs = append(m.Funcs, t)
			m.importedFuncs++
		case types.CoreSortTable:
			imp.Type.Elem, imp.Type.Limits = c.valType(), c.limits()
			m.Tables = append(m.Tables, imp.Type)
		case types.CoreSortMemory:
			imp.Type.Limits = c.limits()
			m.importedMemories++
			m.Memories = append(m.Memories, imp.Type)
		case types.CoreSortGlobal:
			imp.Type = c.globalType()
			m.importedGlobals++
			m.Globals = append(m.Globals, imp.Type)
		case types.CoreSortTag:
			imp.Type = m.tag(c)
			m.Tags = append(m.Tags, imp.Type)
		default:
			c.fail("invalid import kind %#x", byte(sort))
			return
		}
		m.Imports = append(m.Imports, imp)
		m.importDesc = append(m.importDesc, c.b[start:c.p])
	}
}

func (c *cursor) globalType() types.CoreExtern {
	g := types.CoreExtern{Sort: types.CoreSortGlobal, Elem: c.valType()}
	switch mut := c.byte(); mut {
	case 0:
	case 1:
		g.Mutable = true
	default:
		c.fail("malformed mutability %#x", mut)
	}
	return g
}

func (m *Module) tableSpace(c *cursor) {
	for range c.count() {
		initialized := c.more() && c.b[c.p] == 0x40
		if initialized {
			c.skip(2)
		}
		t := types.CoreExtern{Sort: types.CoreSortTable, Elem: c.valType()}
		t.Limits = c.limits()
		m.Tables = append(m.Tables, t)
		if initialized {
			m.constExpr(c, &m.taken, nil)
		}
	}
}

func (m *Module) globalSpace(c *cursor) {
	for range c.count() {
		g := c.globalType()
		m.constExpr(c, &m.taken, nil) // may read the globals before it only
		m.Globals = append(m.Globals, g)
	}
}

func (m *Module) exports(c *cursor) {
	seen := make(map[string]struct{})
	for range c.count() {
		e := Export{Name: c.name(), Sort: types.CoreSort(c.byte()), Index: c.u32()}
		if _, dup := seen[e.Name]; dup {
			c.fail("duplicate export name %q", e.Name)
		}
		seen[e.Name] = struct{}{}
		if n := m.size(e.Sort); int64(e.Index) >= int64(n) {
			c.fail("export %q: unknown %s %d of %d", e.Name, e.Sort, e.Index, n)
		}
		m.Exports = append(m.Exports, e)
	}
}

func (m *Module) size(s types.CoreSort) int {
	switch s {
	case types.CoreSortFunc:
		return len(m.Funcs)
	case types.CoreSortTable:
		return len(m.Tables)
	case types.CoreSortMemory:
		return len(m.Memories)
	case types.CoreSortGlobal:
		return len(m.Globals)
	case types.CoreSortTag:
		return len(m.Tags)
	}
	return 0
}

// ExternOf returns the type of an item of the module, which must be there.
func (m *Module) ExternOf(s types.CoreSort, i uint32) types.CoreExtern {
	switch s {
	case types.CoreSortFunc:
		return types.CoreExtern{Sort: s, Func: m.Types[m.Funcs[i]]}
	case types.CoreSortTable:
		return m.Tables[i]
	case types.CoreSortMemory:
		return m.Memories[i]
	case types.CoreSortGlobal:
		return m.Globals[i]
	}
	return m.Tags[i]
}

func (m *Module) exportsPrefix(prefix string) bool {
	return slices.ContainsFunc(m.Exports, func(e Export) bool { return strings.HasPrefix(e.Name, prefix) })
}

// Type returns the module's type.
func (m *Module) Type() *types.CoreModule {
	t := &types.CoreModule{Imports: m.Imports}
	for _, e := range m.Exports {
		t.Exports = append(t.Exports, types.CoreExport{Name: e.Name, Type: m.ExternOf(e.Sort, e.Index)})
	}
	return t
}
