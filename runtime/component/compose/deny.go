package compose

import (
	"fmt"

	"github.com/neutrino-local/neutrino-local/runtime/component/types"
)

// A denied interface is one that a dependency imports and may not have. A
// component is made for it that has the interface's functions, each of which
// answers with an error, or with nothing where the interface knows no errors.
type denied struct {
	name     string
	typ      *types.Instance
	own      map[*home]bool
	owning   map[int]bool // by shape: whether a type has a resource of its own in it
	instance uint32
	made     bool
}

// deny writes and instantiates the components that stand for what p may not
// have.
func (c *composer) deny(p *part) error {
	for _, s := range p.sources {
		d := s.denied
		if d == nil {
			continue
		}
		wasm, needs, err := c.denial(d)
		if err != nil {
			return fmt.Errorf("import %q: %w", d.name, err)
		}
		var args []arg
		for i, n := range needs {
			index, err := n.from(c.types)
			if err != nil {
				return fmt.Errorf("import %q: %w", d.name, err)
			}
			args = append(args, arg{needName(i), typeSort, index})
		}
		d.instance = c.b.instantiate(c.b.component(wasm), args)
		d.made = true
	}
	return nil
}

// A need is a type that a denial takes from around it; one field is set.
type need struct {
	resource *home
	value    *types.Value
}

func (n need) from(s *space) (uint32, error) {
	if n.resource != nil {
		return s.known(n.resource)
	}
	return s.valueIndex(n.value)
}

func needName(i int) string { return fmt.Sprintf("r%d", i) }

// denial returns the component for d, which imports the types that it needs.
func (c *composer) denial(d *denied) (wasm []byte, needs []need, err error) {
	b := &builder{}
	take := func(n need, desc []byte) uint32 {
		needs = append(needs, n)
		return b.imported(needName(len(needs)-1), typeSort, desc)
	}
	s := b.space(c, func(h *home) (uint32, error) { return take(need{resource: h}, []byte{typeSort, 1}), nil }, nil)
	s.name = func(v *types.Value) (uint32, bool, error) {
		if d.has(c, v) { // no import can name it
			return 0, false, nil
		}
		i, err := s.define(v)
		if err != nil {
			return 0, false, err
		}
		return take(need{value: v}, appendU32([]byte{typeSort, 0}, i)), true, nil
	}
	export := func(name string, sort byte, desc []byte) uint32 {
		// A type goes out as it was defined; desc ends with its index.
		return b.export(name, sort, lastIndex(desc))
	}
	for _, e := range d.typ.Exports { // imports first: they cannot use what is exported
		if err := d.take(c, s, e.Type); err != nil {
			return nil, nil, err
		}
	}
	m := &stub{interfaceName: path(d.name), module: newModule()}
	for _, e := range d.typ.Exports { // types first: functions use them
		if r, ok := e.Type.(*types.Resource); ok && d.own[c.home(r)] {
			h := c.home(r)
			if _, again := s.resources[h]; !again {
				s.resources[h] = b.typ([]byte{0x3f, 0x7f, 0})
				m.resource(r)
			}
		}
		if e.Sort == types.SortType {
			if _, err := s.extern(e, func(*home) bool { return false }, export); err != nil {
				return nil, nil, err
			}
		}
	}
	wasm, err = b.finish(s, d, m)
	if err == nil && m.full {
		err = fmt.Errorf("what stands for it has more than %d bytes", maxData)
	}
	return wasm, needs, err
}

// take imports what a type is made of.
func (d *denied) take(c *composer, s *space, t types.Type) error {
	switch t := t.(type) {
	case *types.Resource:
		if d.own[c.home(t)] {
			return nil
		}
		_, err := s.resource(t)
		return err
	case *types.Func:
		for _, p := range t.Params {
			if err := d.take(c, s, p.Type); err != nil {
				return err
			}
		}
		if t.Result != nil {
			return d.take(c, s, t.Result)
		}
	case *types.Value:
		if !d.has(c, t) {
			_, err := s.value(t)
			return err
		}
		for p := range t.Parts {
			if err := d.take(c, s, p); err != nil {
				return err
			}
		}
	}
	return nil
}

// has reports whether a type has a resource of d's own in it.
func (d *denied) has(c *composer, v *types.Value) bool {
	shape := c.shape(v)
	if has, ok := d.owning[shape]; ok {
		return has
	}
	has := v.Resource != nil && d.own[c.home(v.Resource)]
	for p := range v.Parts {
		has = has || d.has(c, p)
	}
	d.owning[shape] = has
	return has
}

// lastIndex returns the index at the end of the bound of a type.
func lastIndex(desc []byte) uint32 {
	var n uint32
	for i, shift := 2, 0; i < len(desc); i, shift = i+1, shift+7 {
		n |= uint32(desc[i]&0x7f) << shift
	}
	return n
}

// finish writes the core module, its instance, and the functions lifted from it.
func (b *builder) finish(s *space, d *denied, m *stub) ([]byte, error) {
	var funcs []types.Named
	for _, e := range d.typ.Exports {
		switch f, ok := e.Type.(*types.Func); {
		case ok && e.Sort == types.SortFunc:
			m.function(f, e.Name)
			funcs = append(funcs, e)
		case e.Sort != types.SortType:
			return nil, fmt.Errorf("%q is a %s, which is not supported", e.Name, e.Sort)
		}
	}
	// Core functions that make resources, bundled as what the module imports.
	bundle := appendU32([]byte{1}, uint32(len(m.made)))
	for i, r := range m.made {
		index, err := s.resource(r)
		if err != nil {
			return nil, err
		}
		b.one(canonSection, appendU32([]byte{2}, index))
		bundle = appendU32(append(appendName(bundle, makeName(i)), 0), uint32(i))
	}
	b.one(coreInstanceSection, bundle)
	b.section(moduleSection, m.bytes())
	b.one(coreInstanceSection, append(appendName([]byte{0, 0, 1}, makeModule), 0x12, 0))
	next := uint32(len(m.made))
	core := func(name string, sort byte) { b.one(aliasSection, appendName([]byte{coreSort, sort, 1, 1}, name)) }
	core(memoryName, 2)
	core(reallocName, 0)
	for i, e := range funcs {
		t, err := s.function(e.Type.(*types.Func))
		if err != nil {
			return nil, err
		}
		core(funcName(i), 0)
		lift := appendU32([]byte{0, 0}, next+1+uint32(i))
		lift = appendU32(append(lift, 3, 0, 3, 0, 4), next) // utf8, memory 0, realloc
		b.one(canonSection, appendU32(lift, t))
		b.export(e.Name, funcSort, b.index(funcSort))
	}
	return b.bytes(), nil
}
