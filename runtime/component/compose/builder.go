package compose

import (
	"bytes"

	"github.com/neutrino-local/neutrino-local/runtime/component/types"
)

// Section numbers of a component, and codes of sorts.
const (
	moduleSection       = 1
	coreInstanceSection = 2
	componentSection    = 4
	instanceSection     = 5
	aliasSection        = 6
	typeSection         = 7
	canonSection        = 8
	importSection       = 10
	exportSection       = 11

	coreSort      = 0
	funcSort      = 1
	typeSort      = 3
	componentSort = 4
	instanceSort  = 5
)

// sortCode returns the code of a sort that can be passed on, or 0.
func sortCode(s types.Sort) byte {
	switch s {
	case types.SortFunc:
		return funcSort
	case types.SortType:
		return typeSort
	case types.SortComponent:
		return componentSort
	case types.SortInstance:
		return instanceSort
	}
	return 0
}

// A builder writes a component, one definition a section, and counts the index
// spaces.
type builder struct {
	b    []byte
	next [instanceSort + 1]uint32
}

func (b *builder) bytes() []byte { return append([]byte("\x00asm\x0d\x00\x01\x00"), b.b...) }

func (b *builder) section(id byte, body []byte) {
	b.b = append(b.b, id)
	b.b = appendU32(b.b, uint32(len(body)))
	b.b = append(b.b, body...)
}

// one writes a section of one definition.
func (b *builder) one(id byte, body []byte) { b.section(id, append([]byte{1}, body...)) }

func (b *builder) index(sort byte) uint32 {
	b.next[sort]++
	return b.next[sort] - 1
}

func (b *builder) component(wasm []byte) uint32 {
	b.section(componentSection, wasm)
	return b.index(componentSort)
}

// An arg is an argument of an instantiation.
type arg struct {
	name  string
	sort  byte
	index uint32
}

func (b *builder) instantiate(component uint32, args []arg) uint32 {
	body := appendU32([]byte{0}, component)
	body = appendU32(body, uint32(len(args)))
	for _, a := range args {
		body = appendU32(append(appendName(body, a.name), a.sort), a.index)
	}
	b.one(instanceSection, body)
	return b.index(instanceSort)
}

func (b *builder) alias(instance uint32, name string, sort byte) uint32 {
	b.one(aliasSection, appendName(appendU32([]byte{sort, 0}, instance), name))
	return b.index(sort)
}

func (b *builder) imported(name string, sort byte, desc []byte) uint32 {
	b.one(importSection, append(appendName([]byte{0}, name), desc...))
	return b.index(sort)
}

// export exports an item and returns the index that it has by its new name.
func (b *builder) export(name string, sort byte, index uint32) uint32 {
	body := appendU32(append(appendName([]byte{0}, name), sort), index)
	b.one(exportSection, append(body, 0))
	return b.index(sort)
}

func (b *builder) typ(def []byte) uint32 {
	b.one(typeSection, def)
	return b.index(typeSort)
}

// space returns the type space of the component that b writes.
func (b *builder) space(c *composer, find func(*home) (uint32, error), name func(*types.Value) (uint32, bool, error)) *space {
	return &space{c: c, typ: b.typ, find: find, name: name, values: map[int]uint32{}, resources: map[*home]uint32{}, titled: map[*home]bool{}}
}

func appendU32(b []byte, n uint32) []byte {
	for n >= 0x80 {
		b = append(b, byte(n)|0x80)
		n >>= 7
	}
	return append(b, byte(n))
}

// appendS32 appends a signed number, as constants in code are.
func appendS32(b []byte, n int32) []byte {
	for {
		low := byte(n & 0x7f)
		n >>= 7
		if n == 0 && low&0x40 == 0 || n == -1 && low&0x40 != 0 {
			return append(b, low)
		}
		b = append(b, low|0x80)
	}
}

func appendName(b []byte, name string) []byte {
	return append(appendU32(b, uint32(len(name))), name...)
}

// vec returns items with their number before them.
func vec(items [][]byte) []byte {
	return append(appendU32(nil, uint32(len(items))), bytes.Join(items, nil)...)
}
