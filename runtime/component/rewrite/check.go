package rewrite

import (
	"fmt"

	"github.com/neutrino-local/neutrino-local/runtime/component/types"
)

// check looks at every index that Parse has not looked at.
func (m *Module) check() error {
	if err := m.checkStart(); err != nil {
		return err
	}
	if m.dataCount != nil && *m.dataCount != m.datas {
		return fmt.Errorf("core module: data count is %d, but there are %d data segments", *m.dataCount, m.datas)
	}
	for _, s := range m.sections {
		c := cursor{b: m.b, p: s.start, end: s.end}
		switch s.id {
		case sectionElem:
			for range c.count() {
				m.elemSegment(&c)
			}
		case sectionCode:
			m.code(&c)
		case sectionData:
			for range c.count() {
				m.dataSegment(&c)
			}
		default:
			continue
		}
		if c.err == nil && c.more() {
			c.fail("section %d is longer than its content", s.id)
		}
		if c.err != nil {
			return fmt.Errorf("core module: %w", c.err)
		}
	}
	return nil
}

// checkStart also looks at the type, which nobody does once the function is
// only exported.
func (m *Module) checkStart() error {
	if m.Start == nil {
		return nil
	}
	if int64(*m.Start) >= int64(len(m.Funcs)) {
		return fmt.Errorf("core module: start: unknown function %d of %d", *m.Start, len(m.Funcs))
	}
	if t := m.Types[m.Funcs[*m.Start]]; len(t.Params)+len(t.Results) > 0 {
		return fmt.Errorf("core module: start: function has type %s, must have no parameters and results", t)
	}
	return nil
}

func (m *Module) elemSegment(c *cursor) {
	flags := c.u32()
	if flags > 7 {
		c.fail("malformed element segment flags %#x", flags)
		return
	}
	active, indexed, exprs := flags&1 == 0, flags&2 != 0, flags&4 != 0
	if active {
		table := uint32(0)
		if indexed {
			table = c.u32()
		}
		m.index(c, spaceTable, table)
		m.constExpr(c)
	}
	if !active || indexed {
		if exprs {
			c.valType()
		} else if k := c.byte(); k != 0 {
			c.fail("malformed element kind %#x", k)
		}
	}
	for range c.count() {
		if exprs {
			m.constExpr(c)
		} else {
			m.index(c, spaceFunc, c.u32())
		}
	}
}

func (m *Module) dataSegment(c *cursor) {
	switch flags := c.u32(); flags {
	case 0:
		m.index(c, spaceMemory, 0)
		m.constExpr(c)
	case 1:
	case 2:
		m.index(c, spaceMemory, c.u32())
		m.constExpr(c)
	default:
		c.fail("malformed data segment flags %#x", flags)
	}
	c.skip(uint64(c.u32()))
}

func (m *Module) code(c *cursor) {
	for i := range c.count() {
		body := c.sub(c.u32())
		if c.err == nil {
			m.body(&body, m.Types[m.Funcs[m.importedFuncs+i]])
			c.err = body.err
		}
		if c.err != nil {
			c.err = fmt.Errorf("function %d: %w", m.importedFuncs+i, c.err)
			return
		}
	}
}

func (m *Module) body(c *cursor, t types.CoreFunc) {
	locals := uint64(len(t.Params))
	for range c.count() {
		locals += uint64(c.u32())
		c.valType()
	}
	w := walker{m: m, c: c, locals: locals}
	for c.more() {
		w.instruction()
	}
}

// constExpr checks one constant expression, up to its end.
func (m *Module) constExpr(c *cursor) {
	w := walker{m: m, c: c}
	for c.more() {
		if w.instruction() == opEnd {
			return
		}
	}
	c.fail("constant expression has no end")
}
