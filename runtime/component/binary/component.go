package binary

import (
	"fmt"

	"github.com/neutrino-local/neutrino-local/runtime/component/types"
)

// Section numbers of a component.
const (
	sectionCustom = iota
	sectionModule
	sectionCoreInstance
	sectionCoreType
	sectionComponent
	sectionInstance
	sectionAlias
	sectionType
	sectionCanon
	sectionStart
	sectionImport
	sectionExport
	sectionValue
)

var sectionNames = [...]string{
	"custom", "core module", "core instance", "core type", "component", "instance", "alias", "type", "canon",
	"start", "import", "export", "value",
}

// Decode decodes a component binary. What it returns refers to b, which must
// not change.
func Decode(b []byte) (*Component, error) {
	if Sniff(b) != LayerComponent {
		return nil, &Error{Err: ErrNotComponent}
	}
	r := &reader{b: b}
	c := r.component()
	if r.err != nil {
		return nil, r.err
	}
	return c, nil
}

type decoder struct {
	*reader
	c     *Component
	count [sectionValue + 1]int // definitions of each kind so far
}

func (r *reader) component() *Component {
	c := &Component{Offset: r.offset()}
	if p := r.bytes(8); r.err == nil && string(p) != "\x00asm\x0d\x00\x01\x00" {
		r.failAt(c.Offset, "component has an unknown version or layer % x", p[4:])
	}
	d := &decoder{reader: r, c: c}
	for r.rest() > 0 {
		d.section()
	}
	return c
}

func (d *decoder) section() {
	at := d.offset()
	id := d.byte()
	size := d.u32()
	s := d.sub(size)
	if int(id) >= len(sectionNames) {
		d.failAt(at, "malformed section id %d", id)
		return
	}
	outer := d.reader
	d.reader = s
	d.sectionBody(id)
	d.reader = outer
	s.done(outer)
	if outer.err != nil && outer.err.Path == "" {
		outer.err.Path = sectionNames[id] + " section"
	}
}

func (d *decoder) sectionBody(id byte) {
	switch id {
	case sectionCustom:
		d.custom()
	case sectionModule:
		d.item(id, func() Node {
			b := d.bytes(uint32(d.rest()))
			if d.err == nil && Sniff(b) != LayerModule {
				d.failAt(d.base, "not a core module")
			}
			return &Module{b}
		})
	case sectionComponent:
		d.item(id, func() Node {
			var c *Component
			d.nest(func() { c = d.component() })
			return c
		})
	case sectionStart:
		d.item(id, func() Node { return d.start() })
	default:
		d.each(func(int) { d.item(id, d.readerOf(id)) })
	}
}

// item reads one definition, which is numbered among those of its kind.
func (d *decoder) item(id byte, read func() Node) {
	def := Def{Offset: d.offset(), Place: fmt.Sprintf("%s[%d]", sectionNames[id], d.count[id])}
	d.count[id]++
	ok := d.err == nil
	def.Node = read()
	d.in(ok, def.Place)
	d.c.Defs = append(d.c.Defs, def)
}

func (d *decoder) readerOf(id byte) func() Node {
	switch id {
	case sectionCoreInstance:
		return func() Node { return d.coreInstance() }
	case sectionCoreType:
		return func() Node { return d.coreType() }
	case sectionInstance:
		return func() Node { return d.instance() }
	case sectionAlias:
		return func() Node { return d.alias() }
	case sectionType:
		return func() Node { return d.typ() }
	case sectionCanon:
		return func() Node { return d.canon() }
	case sectionImport:
		return func() Node { return &Import{d.externName(), d.externType()} }
	case sectionExport:
		return func() Node { return d.export() }
	}
	return func() Node { return d.value() }
}

func (r *reader) coreInstance() *CoreInstance {
	at := r.offset()
	switch k := r.byte(); k {
	case 0x00:
		return &CoreInstance{Module: r.u32(), Args: vec(r, func() CoreArg {
			a := CoreArg{Name: r.name()}
			if s := r.byte(); s != byte(types.CoreSortInstance) {
				r.fail("core instantiation argument must be an instance, not sort %#x", s)
			}
			a.Instance = r.u32()
			return a
		})}
	case 0x01:
		return &CoreInstance{Inline: true, Exports: vec(r, func() CoreExport {
			return CoreExport{Name: r.name(), Sort: r.coreSort(), Index: r.u32()}
		})}
	default:
		r.failAt(at, "invalid core instance expression %#x", k)
		return &CoreInstance{}
	}
}

func (r *reader) coreSort() types.CoreSort {
	at := r.offset()
	s := types.CoreSort(r.byte())
	switch s {
	case types.CoreSortFunc, types.CoreSortTable, types.CoreSortMemory, types.CoreSortGlobal, types.CoreSortTag,
		types.CoreSortType, types.CoreSortModule, types.CoreSortInstance:
	default:
		r.failAt(at, "invalid core sort %#x", byte(s))
	}
	return s
}

func (r *reader) sort() Sort {
	at := r.offset()
	b := r.byte()
	if b == 0 {
		return Sort{Core: true, Of: r.coreSort()}
	}
	sorts := [...]types.Sort{1: types.SortFunc, 2: types.SortValue, 3: types.SortType, 4: types.SortComponent, 5: types.SortInstance}
	if int(b) >= len(sorts) {
		r.failAt(at, "invalid sort %#x", b)
		return Sort{}
	}
	return Sort{Sort: sorts[b]}
}

func (r *reader) sortIndex() SortIndex { return SortIndex{r.sort(), r.u32()} }

func (r *reader) instance() *Instance {
	at := r.offset()
	switch k := r.byte(); k {
	case 0x00:
		return &Instance{Component: r.u32(), Args: vec(r, func() Arg { return Arg{r.name(), r.sortIndex()} })}
	case 0x01:
		return &Instance{Inline: true, Exports: vec(r, func() InlineExport { return InlineExport{r.externName(), r.sortIndex()} })}
	default:
		r.failAt(at, "invalid instance expression %#x", k)
		return &Instance{}
	}
}

func (r *reader) alias() *Alias {
	a := &Alias{Sort: r.sort()}
	at := r.offset()
	a.Kind = AliasKind(r.byte())
	switch a.Kind {
	case AliasExport, AliasCoreExport:
		a.Instance, a.Name = r.u32(), r.name()
	case AliasOuter:
		a.Count, a.Index = r.u32(), r.u32()
	default:
		r.failAt(at, "invalid alias target %#x", byte(a.Kind))
	}
	return a
}

func (r *reader) externName() ExternName {
	at := r.offset()
	kind := r.byte()
	n := ExternName{Name: r.name()}
	switch kind {
	case 0x00, 0x01:
	case 0x02:
		r.attributes(&n)
	default:
		r.failAt(at, "invalid name %#x", kind)
	}
	return n
}

func (r *reader) attributes(n *ExternName) {
	var seen [3]bool
	r.each(func(int) {
		at := r.offset()
		k := r.byte()
		if int(k) >= len(seen) {
			r.failAt(at, "invalid name attribute %#x", k)
			return
		}
		if seen[k] {
			r.failAt(at, "duplicate name attribute %#x", k)
		}
		seen[k] = true
		s := r.name()
		*[...]**string{&n.Implements, &n.VersionSuffix, &n.ExternalID}[k] = &s
	})
}

func (r *reader) export() *Export {
	e := &Export{Name: r.externName(), SortIndex: r.sortIndex()}
	if r.bool("optional type") {
		t := r.externType()
		e.Type = &t
	}
	return e
}

func (r *reader) start() *Start {
	return &Start{Func: r.u32(), Args: vec(r, r.u32), Results: r.u32()}
}

func (r *reader) value() *Value {
	v := &Value{Type: r.valRef()}
	v.Bytes = r.bytes(r.u32())
	return v
}
