package plan

import (
	enc "encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/neutrino-local/neutrino-local/runtime/component/binary"
	"github.com/neutrino-local/neutrino-local/runtime/component/rewrite"
	"github.com/neutrino-local/neutrino-local/runtime/component/types"
	"github.com/neutrino-local/neutrino-local/runtime/component/validate"
)

// ErrNoWorld is the fault of a core module that does not say what component it
// is to be.
var ErrNoWorld = errors.New("core module has no component-type section")

// A World is what a core module says of itself in a component-type section, or
// what is known of it.
type World struct {
	Name string
	Type *types.Component
	Old  *Names // nil: the names of today
}

// Names are those that modules of another time have for what is in their world.
type Names struct {
	Imports map[[2]string][2]string // module and field: interface and function
	Exports map[string]string       // function: interface#function; others are not exported
	Realloc string
}

// OldWorld reads a WIT package in binary form that has one world, for modules
// that have no component-type section and those names.
func OldWorld(wit []byte, n *Names) (World, error) {
	w, err := readWorld(wit)
	if err != nil {
		return World{}, err
	}
	w.Old = n
	return w, nil
}

// Describes reports whether m is one of those modules.
func (w World) Describes(m *rewrite.Module) bool {
	for _, e := range m.Type().Exports {
		if _, ok := w.Old.Exports[e.Name]; ok && e.Type.Sort == types.CoreSortFunc {
			return true
		}
	}
	return false
}

// supplied returns what m exports of the world.
func (w World) supplied(m *rewrite.Module) map[string]string {
	supplied := map[string]string{}
	for _, e := range m.Type().Exports {
		if name, ok := w.Old.Exports[e.Name]; ok {
			supplied[name] = e.Name
		}
	}
	return supplied
}

// Worlds reads the worlds of a core module that bindings were generated for.
func Worlds(m *rewrite.Module) ([]World, error) {
	var worlds []World
	for _, c := range m.Customs {
		if !strings.HasPrefix(c.Name, "component-type") {
			continue
		}
		w, err := readWorld(c.Bytes)
		if err != nil {
			return nil, fmt.Errorf("section %q: %w", c.Name, err)
		}
		worlds = append(worlds, w)
	}
	if len(worlds) == 0 {
		return nil, ErrNoWorld
	}
	return worlds, nil
}

// readWorld reads a component-type section: a WIT package in binary form with one
// world, or, until the end of 2023, the byte 3, the encoding of strings, the name of
// a world, and a package that has it among others.
func readWorld(b []byte) (World, error) {
	name := ""
	if len(b) > 2 && b[0] == 3 {
		if b[1] != 0 {
			return World{}, errors.New("strings that are not UTF-8 are not supported")
		}
		n, size := enc.Uvarint(b[2:])
		if size <= 0 || n > uint64(len(b)-2-size) {
			return World{}, errors.New("the name of its world is cut off")
		}
		b = b[2+size:]
		name, b = string(b[:n]), b[n:]
	}
	def, err := binary.Decode(b)
	if err != nil {
		return World{}, err
	}
	info, err := validate.Component(def)
	if err != nil {
		return World{}, err
	}
	w, ok := worldOf(info.Type, name)
	if !ok {
		return World{}, fmt.Errorf("it has no world %.100s", name)
	}
	return w, nil
}

// worldOf finds a world in a WIT package, the first one if name is empty: a type
// that exports a component.
func worldOf(t *types.Component, name string) (World, bool) {
	for _, e := range t.Exports {
		p, ok := e.Type.(*types.Component)
		if !ok {
			continue
		}
		for _, x := range p.Exports {
			w, ok := x.Type.(*types.Component)
			if ok && x.Sort == types.SortComponent && (name == "" || worldName(x.Name) == name) {
				return World{Name: x.Name, Type: w}, true
			}
		}
	}
	return World{}, false
}

// worldName is "guest" of "test:shop/guest@0.2.7".
func worldName(s string) string {
	s, _, _ = strings.Cut(s, "@")
	return s[strings.LastIndexByte(s, '/')+1:]
}
