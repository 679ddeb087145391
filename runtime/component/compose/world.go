package compose

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/neutrino-local/neutrino-local/runtime/component/types"
)

// A home is where a resource type comes from: two types with one home are the
// same.
type home struct {
	id       int
	merged   *merged // an import, or
	denied   *denied // an interface that is denied; neither: a dependency
	name     string
	supplied string // import that a dependency supplies
}

func (c *composer) home(r *types.Resource) *home {
	h := c.homes[r]
	if h == nil { // named by nothing before
		h = c.newHome()
		h.name = r.Name
		c.homes[r] = h
	}
	return h
}

func (c *composer) newHome() *home {
	c.count++
	return &home{id: c.count}
}

// A merged import is one of the result: it has all that the parts ask for.
type merged struct {
	name   string
	sort   types.Sort
	own    types.Extern  // of what is no instance
	items  []types.Named // of an instance
	byName map[string]string
	homes  map[string]*home

	state int // 0, writing, written
	index uint32
}

// An origin is an import that names a type, and the name.
type origin struct {
	merged *merged
	name   string
}

const (
	writing = 1
	written = 2
)

// collect finds a source for the imports of p that have none.
func (c *composer) collect(p *part) error {
	for i, e := range p.typ.Imports {
		s := &p.sources[i]
		var err error
		switch {
		case s.from != nil:
			c.settle(e, func(string) *home { h := c.newHome(); h.supplied = e.Name; return h })
		case c.deniedTo(p, e):
			s.denied = &denied{name: e.Name, typ: e.Type.(*types.Instance), own: map[*home]bool{}, owning: map[int]bool{}}
			c.settle(e, func(name string) *home {
				h := c.newHome()
				h.denied, h.name = s.denied, name
				s.denied.own[h] = true
				return h
			})
		default:
			s.merged, err = c.merge(e)
		}
		if err != nil {
			return fmt.Errorf("import %q: %w", e.Name, err)
		}
	}
	return nil
}

// settle gives each resource that an import introduces a home.
func (c *composer) settle(e types.Named, at func(name string) *home) {
	introduce := func(x types.Named) {
		if r, ok := x.Type.(*types.Resource); ok && c.homes[r] == nil {
			h := at(x.Name)
			c.homes[r] = h
		}
	}
	if in, ok := e.Type.(*types.Instance); ok {
		for _, x := range in.Exports {
			introduce(x)
		}
		return
	}
	introduce(e)
}

// merge adds an import to those of the result.
func (c *composer) merge(e types.Named) (*merged, error) {
	key := e.Name
	if e.Sort == types.SortInstance {
		key = types.Track(e.Name)
	}
	m := c.merged[key]
	if m == nil {
		m = &merged{name: e.Name, sort: e.Sort, own: e.Extern, byName: map[string]string{}, homes: map[string]*home{}}
		c.merged[key] = m
		c.order = append(c.order, m)
	}
	if m.sort != e.Sort {
		return nil, fmt.Errorf("it is a %s in one component and a %s in another", m.sort, e.Sort)
	}
	if newer(e.Name, m.name) {
		m.name = e.Name
	}
	c.settle(e, func(name string) *home {
		if m.homes[name] == nil {
			h := c.newHome()
			h.merged, h.name = m, name
			m.homes[name] = h
		}
		return m.homes[name]
	})
	items := []types.Named{e}
	if in, ok := e.Type.(*types.Instance); ok {
		items = in.Exports
	}
	for _, x := range items {
		kind, err := c.kind(x.Extern)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", x.Name, err)
		}
		if have, ok := m.byName[x.Name]; ok && have != kind {
			return nil, fmt.Errorf("%q has different types in two of the components", x.Name)
		} else if !ok {
			m.byName[x.Name] = kind
			m.items = append(m.items, x)
			c.originate(m, x)
		}
	}
	return m, nil
}

// originate notes that m names a type, unless one before does.
func (c *composer) originate(m *merged, x types.Named) {
	v, ok := x.Type.(*types.Value)
	if !ok || x.Sort != types.SortType || !composite(v.Kind) {
		return
	}
	if _, ok := c.origins[c.shape(v)]; !ok {
		c.origins[c.shape(v)] = origin{m, x.Name}
	}
}

// named returns the index of a type by the name that an import other than m gives
// it.
func (c *composer) named(v *types.Value, m *merged) (uint32, bool, error) {
	o, ok := c.origins[c.shape(v)]
	if !ok || o.merged == m || o.merged.state == writing {
		return 0, false, nil
	}
	if err := c.emit(o.merged); err != nil {
		return 0, false, fmt.Errorf("import %q: %w", o.merged.name, err)
	}
	if o.merged.sort != types.SortInstance {
		return o.merged.index, true, nil
	}
	return c.b.alias(o.merged.index, o.name, typeSort), true, nil
}

// kind returns a text that is the same for types that are.
func (c *composer) kind(e types.Extern) (string, error) {
	switch t := e.Type.(type) {
	case *types.Func:
		var b strings.Builder
		fmt.Fprintf(&b, "func %v", t.Async)
		for _, p := range t.Params {
			fmt.Fprintf(&b, " %s:%d", p.Name, c.shape(p.Type))
		}
		fmt.Fprintf(&b, " %d", c.optionalShape(t.Result))
		return b.String(), nil
	case *types.Value:
		if e.Sort == types.SortType {
			return "type " + strconv.Itoa(c.shape(t)), nil
		}
	case *types.Resource:
		return "resource " + strconv.Itoa(c.home(t).id), nil
	}
	return "", fmt.Errorf("a %s cannot be imported here", e.Sort)
}

// shape returns a number that is the same for value types that are equal.
func (c *composer) shape(v *types.Value) int {
	if n, ok := c.shapes[v]; ok {
		return n
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d %d %q", v.Kind, v.Length, v.Labels)
	for _, f := range v.Fields {
		fmt.Fprintf(&b, " %s:%d", f.Name, c.shape(f.Type))
	}
	for _, x := range v.Cases {
		fmt.Fprintf(&b, " %s(%d)", x.Name, c.optionalShape(x.Type))
	}
	fmt.Fprintf(&b, " %d %d %d", c.optionalShape(v.Key), c.optionalShape(v.Elem), c.optionalShape(v.Err))
	if v.Resource != nil {
		fmt.Fprintf(&b, " %d", c.home(v.Resource).id)
	}
	n, ok := c.interned[b.String()]
	if !ok {
		n = len(c.interned) + 1
		c.interned[b.String()] = n
	}
	c.shapes[v] = n
	return n
}

func (c *composer) optionalShape(v *types.Value) int {
	if v == nil {
		return 0
	}
	return c.shape(v)
}

// emit writes a merged import, after those whose resources it uses.
func (c *composer) emit(m *merged) error {
	switch m.state {
	case written:
		return nil
	case writing:
		return errors.New("its resources depend on each other in a circle")
	}
	m.state = writing
	fresh := func(h *home) bool { return h.merged == m }
	if m.sort != types.SortInstance {
		i, err := c.types.extern(types.Named{Name: m.name, Extern: m.own}, fresh, c.b.imported)
		m.index, m.state = i, written
		return err
	}
	def, err := c.instanceType(m, fresh)
	if err != nil {
		return err
	}
	m.index = c.b.imported(m.name, instanceSort, appendU32([]byte{instanceSort}, c.b.typ(def)))
	m.state = written
	return nil
}

// instanceType returns the definition of the instance type of m.
func (c *composer) instanceType(m *merged, fresh func(*home) bool) ([]byte, error) {
	var decls [][]byte
	var next uint32
	define := func(decl []byte) uint32 {
		decls = append(decls, decl)
		next++
		return next - 1
	}
	outer := func(index uint32) uint32 { return define(appendU32([]byte{2, typeSort, 2, 1}, index)) }
	s := &space{
		c: c, values: map[int]uint32{}, resources: map[*home]uint32{}, titled: map[*home]bool{},
		typ: func(def []byte) uint32 { return define(append([]byte{1}, def...)) },
		find: func(h *home) (uint32, error) {
			i, err := c.types.known(h)
			return outer(i), err
		},
		name: func(v *types.Value) (uint32, bool, error) {
			i, ok, err := c.types.elsewhere(v, m)
			if !ok || err != nil {
				return 0, false, err
			}
			return outer(i), true, nil
		},
	}
	write := func(name string, sort byte, desc []byte) uint32 {
		decl := append(appendName([]byte{4, 0}, name), desc...)
		if sort == typeSort {
			return define(decl)
		}
		decls = append(decls, decl)
		return 0
	}
	for _, x := range m.items {
		if _, err := s.extern(x, fresh, write); err != nil {
			return nil, err
		}
	}
	return append([]byte{0x42}, vec(decls)...), nil
}

// known returns the index of a resource with this home.
func (s *space) known(h *home) (uint32, error) {
	if i, ok := s.resources[h]; ok {
		return i, nil
	}
	i, err := s.find(h)
	if err == nil {
		s.resources[h] = i
	}
	return i, err
}

// elsewhere returns the index of a type that an import other than m names.
func (s *space) elsewhere(v *types.Value, m *merged) (uint32, bool, error) {
	shape := s.c.shape(v)
	if i, ok := s.values[shape]; ok {
		return i, true, nil
	}
	i, ok, err := s.c.named(v, m)
	if ok && err == nil {
		s.values[shape] = i
	}
	return i, ok, err
}

// resourceFrom makes a resource of an import, or of what is denied, a type of the
// result.
func (c *composer) resourceFrom(h *home) (uint32, error) {
	switch {
	case h.merged != nil:
		if err := c.emit(h.merged); err != nil {
			return 0, fmt.Errorf("import %q: %w", h.merged.name, err)
		}
		if i, ok := c.types.resources[h]; ok { // an import by itself
			return i, nil
		}
		return c.b.alias(h.merged.index, h.name, typeSort), nil
	case h.denied != nil && h.denied.made:
		return c.b.alias(h.denied.instance, h.name, typeSort), nil
	case h.supplied != "":
		return 0, fmt.Errorf("it uses a resource of %q, which a dependency supplies and no host can", h.supplied)
	}
	return 0, fmt.Errorf("resource %q comes from nowhere", h.name)
}
