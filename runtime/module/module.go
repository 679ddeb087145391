// Package module reads the outline of a core WebAssembly module: what it
// imports, what it exports, how much memory it starts with.
//
// An outline is returned only for a module whose every count and length fits
// into the file and into fixed bounds, so that a decoder which allocates by them
// needs no more than a multiple of the file's size. Beyond that a module may
// still be invalid; compiling it shows that.
package module

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// A Kind is what an import or export is.
type Kind byte

// The kinds of the binary format.
const (
	Func Kind = iota
	Table
	Memory
	Global
	Tag
)

func (k Kind) String() string {
	switch k {
	case Func:
		return "func"
	case Table:
		return "table"
	case Memory:
		return "memory"
	case Global:
		return "global"
	case Tag:
		return "tag"
	}
	return fmt.Sprintf("kind 0x%x", byte(k))
}

// An Import is something that a module needs from outside.
type Import struct {
	Module, Name string
	Kind         Kind
}

func (i Import) String() string { return fmt.Sprintf("%s.%s (%s)", i.Module, i.Name, i.Kind) }

// PageSize is the unit of memory sizes.
const PageSize = 64 << 10

// An Outline is what a module is from outside.
type Outline struct {
	Imports []Import
	Exports map[string]Kind
	Memory  uint64 // pages that it starts with, over all memories
	World   bool   // a component-type section says what component it is to be
}

// ErrComponent is returned for a component, which is not a core module.
var ErrComponent = errors.New("a component and not a core module")

const preamble = 8

// Read returns the outline of the module b.
func Read(b []byte) (*Outline, error) {
	if len(b) < preamble || string(b[:4]) != "\x00asm" {
		return nil, errors.New("not WebAssembly: no magic number")
	}
	switch version, layer := binary.LittleEndian.Uint16(b[4:]), binary.LittleEndian.Uint16(b[6:]); {
	case layer == 1:
		return nil, ErrComponent
	case layer != 0 || version != 1:
		return nil, fmt.Errorf("unknown version %d of layer %d", version, layer)
	}
	o := &Outline{Exports: map[string]Kind{}}
	r := &reader{b: b[preamble:], at: preamble}
	for r.err == nil && r.more() {
		id := r.byte()
		section := r.take(r.uint())
		if r.err != nil {
			return nil, fmt.Errorf("section %d: %w", id, r.err)
		}
		o.section(id, section)
		if section.err != nil {
			return nil, fmt.Errorf("section %d: %w", id, section.err)
		}
	}
	return o, r.err
}

// section reads one section. Vectors are read as far as it takes to know all
// lengths in them.
func (o *Outline) section(id byte, r *reader) {
	switch id {
	case 0:
		o.custom(r)
	case 1:
		types(r)
	case 2:
		for range r.count("imports", 4, maxEntries) {
			o.readImport(r)
		}
	case 3:
		r.count("functions", 1, maxEntries)
	case 4:
		for range r.count("tables", 3, maxTables) {
			table(r)
		}
	case 5:
		for range r.count("memories", 2, maxEntries) {
			o.Memory += r.limits()
		}
	case 6:
		for range r.count("globals", 4, maxEntries) {
			r.valueType()
			r.byte()
			r.expression()
		}
	case 7:
		for range r.count("exports", 3, maxEntries) {
			name := r.name()
			o.Exports[name] = Kind(r.byte())
			r.skipInt()
		}
	case 9:
		for range r.count("element segments", 2, maxEntries) {
			element(r)
		}
	case 10:
		for range r.count("function bodies", 2, maxEntries) {
			r.locals()
		}
	case 11:
		for range r.count("data segments", 2, maxEntries) {
			data(r)
		}
	case 13:
		r.count("tags", 2, maxEntries)
	}
}

func (o *Outline) readImport(r *reader) {
	i := Import{Module: r.name(), Name: r.name(), Kind: Kind(r.byte())}
	switch i.Kind {
	case Func:
		r.skipInt()
	case Table:
		r.valueType()
		r.limits()
	case Memory:
		o.Memory += r.limits()
	case Global:
		r.valueType()
		r.byte()
	case Tag:
		r.byte()
		r.skipInt()
	default:
		r.fail("import of %s", i.Kind)
	}
	if r.err == nil {
		o.Imports = append(o.Imports, i)
	}
}
