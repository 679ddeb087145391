package rewrite

// Subsections of the name section.
const (
	namesFunctions = 1
	namesLocals    = 2
	namesLabels    = 3
)

// names returns the name section with the new indices of functions and the
// names of those that are added, or nil if it is malformed: wrong names are
// worse than none.
func (w *writer) names(c cursor) []byte {
	body := appendName(nil, "name")
	for c.more() {
		id := c.byte()
		sub := c.sub(c.u32())
		content := c.b[sub.p:sub.end]
		switch id {
		case namesFunctions:
			content = w.functionNames(&sub)
		case namesLocals, namesLabels:
			content = w.indirectNames(&sub)
		default:
			sub.p = sub.end
		}
		if sub.more() {
			sub.fail("names are longer than their content")
		}
		if c.err != nil || sub.err != nil {
			return nil
		}
		body = appendSection(body, id, content)
	}
	if c.err != nil {
		return nil
	}
	return body
}

func (w *writer) functionNames(c *cursor) []byte {
	n := c.count()
	body := appendU32(nil, uint32(n+2+len(w.l.helpers)))
	ticked := false
	tick := func() {
		if !ticked {
			body = appendName(appendU32(body, w.l.tick), "fuel")
			ticked = true
		}
	}
	for range n {
		i := c.u32()
		if i >= w.l.tick {
			tick()
		}
		body = appendU32(body, w.shift(i))
		length := c.u32()
		body = appendU32(body, length)
		start := c.p
		c.skip(uint64(length))
		body = append(body, c.b[start:c.p]...)
	}
	tick()
	body = appendName(appendU32(body, w.l.refuel), "refuel")
	for _, o := range w.l.helpers {
		body = appendName(appendU32(body, w.l.where[o]), o.name())
	}
	return body
}

// indirectNames renumbers the functions whose locals or labels are named.
func (w *writer) indirectNames(c *cursor) []byte {
	n := c.count()
	body := appendU32(nil, uint32(n))
	for range n {
		body = appendU32(body, w.shift(c.u32()))
		start := c.p
		for range c.count() {
			c.u32()
			c.skip(uint64(c.u32()))
		}
		if c.err != nil {
			return nil
		}
		body = append(body, c.b[start:c.p]...)
	}
	return body
}
