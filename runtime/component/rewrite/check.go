package rewrite

import (
	"fmt"

	"github.com/neutrino-local/neutrino-local/runtime/component/types"
)

// check looks at every index that Parse has not looked at.
func (m *Module) check() (*summary, error) {
	if err := m.checkStart(); err != nil {
		return nil, err
	}
	if m.dataCount != nil && *m.dataCount != m.datas {
		return nil, fmt.Errorf("core module: data count is %d, but there are %d data segments", *m.dataCount, m.datas)
	}
	sum := &summary{funcs: make([]function, 0, m.bodies)}
	for _, id := range []byte{sectionElem, sectionData, sectionCode} { // code is charged for segments that it names
		for _, s := range m.sections {
			if s.id != id {
				continue
			}
			c := cursor{b: m.b, p: s.start, end: s.end}
			switch id {
			case sectionElem:
				m.elemSection(&c, sum, nil)
			case sectionData:
				for range c.count() {
					sum.datas = append(sum.datas, m.dataSegment(&c))
				}
			case sectionCode:
				m.code(&c, sum)
			}
			if c.err == nil && c.more() {
				c.fail("section %d is longer than its content", s.id)
			}
			if c.err != nil {
				return nil, fmt.Errorf("core module: %w", c.err)
			}
		}
	}
	return sum, nil
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

// elemSection reads the element section; e, if any, takes its functions.
func (m *Module) elemSection(c *cursor, sum *summary, e *edit) {
	for range c.count() {
		n := m.elemSegment(c, sum, e)
		if sum != nil {
			sum.elems = append(sum.elems, n)
		}
	}
}

// elemSegment returns how many items the segment has.
func (m *Module) elemSegment(c *cursor, sum *summary, e *edit) uint32 {
	flags := c.u32()
	if flags > 7 {
		c.fail("malformed element segment flags %#x", flags)
		return 0
	}
	active, indexed, exprs := flags&1 == 0, flags&2 != 0, flags&4 != 0
	if active {
		table := uint32(0)
		if indexed {
			table = c.u32()
		}
		m.index(c, spaceTable, table)
		m.constExpr(c, sum.refs(), e)
	}
	if !active || indexed {
		if exprs {
			c.valType()
		} else if k := c.byte(); k != 0 {
			c.fail("malformed element kind %#x", k)
		}
	}
	n := c.count()
	for range n {
		if exprs {
			m.constExpr(c, sum.refs(), e)
			continue
		}
		start := c.p
		i := c.u32()
		m.index(c, spaceFunc, i)
		take(sum.refs(), i)
		e.function(start, c.p, i)
	}
	return uint32(n)
}

// dataSegment returns the length of the segment.
func (m *Module) dataSegment(c *cursor) uint32 {
	switch flags := c.u32(); flags {
	case 0:
		m.index(c, spaceMemory, 0)
		m.constExpr(c, nil, nil)
	case 1:
	case 2:
		m.index(c, spaceMemory, c.u32())
		m.constExpr(c, nil, nil)
	default:
		c.fail("malformed data segment flags %#x", flags)
	}
	n := c.u32()
	c.skip(uint64(n))
	return n
}

// Bounds of a function: but for the last those that browsers share. The engine
// allocates by the number of locals, looks at all values of a type for each
// function of it, and takes 500 bytes to compile one of a body.
const (
	maxBody   = 7_654_321
	maxLocals = 50_000
	maxValues = 1_000 // params or results
	// maxCarried bounds the loops inside each other times the locals: at each loop
	// the engine makes a value of each local, and then compares them, so that a
	// few kilobytes of them took longer than 20 s. Compilers come to 2,000.
	maxCarried = 16_384
)

func (m *Module) code(c *cursor, sum *summary) {
	s := summarizer{m: m, sum: sum}
	for i := range c.count() {
		size := c.u32()
		if size > maxBody {
			c.fail("body of %d bytes, but %d are allowed", size, maxBody)
		}
		body := c.sub(size)
		if c.err == nil {
			s.body(&body, m.Types[m.Funcs[m.importedFuncs+i]])
			c.err = body.err
		}
		if c.err != nil {
			c.err = fmt.Errorf("function %d: %w", m.importedFuncs+i, c.err)
			return
		}
	}
}

// localDecls reads what a body begins with and returns the number of locals.
func localDecls(c *cursor, t types.CoreFunc) uint64 {
	locals := uint64(len(t.Params))
	for range c.count() {
		locals += uint64(c.u32())
		c.valType()
		if locals > maxLocals {
			c.fail("more than %d locals", maxLocals)
		}
	}
	return locals
}

// constExpr checks one constant expression, up to its end. Functions that it
// refers to are added to taken and to e.
func (m *Module) constExpr(c *cursor, taken *[]uint32, e *edit) {
	w := walker{m: m, c: c}
	for c.more() {
		switch w.instruction() {
		case opEnd:
			return
		case opRefFunc:
			take(taken, w.x)
			e.function(w.at+1, c.p, w.x)
		}
	}
	c.fail("constant expression has no end")
}
