// Package validate checks a decoded component and works out its types.
//
// A component that passes can be linked and called safely: every index is in
// its space, every instantiation gets what it asks for, canonical definitions
// have the options that their types need, and no function can be called with
// another type than it has. Resource types are abstract here: each definition,
// import and instantiation has its own, and [Info] says which stand for which,
// so that a linker can put real ones in their place.
//
// # Caveats
//
// Function bodies are left to the engine, and the bytes of constant values are
// not decoded. Types of the garbage collection proposal, 64-bit and shared
// memories, and nested namespaces are refused, since nothing here could run
// what uses them.
package validate

import (
	"errors"
	"fmt"

	"github.com/neutrino-local/neutrino-local/runtime/component/binary"
	"github.com/neutrino-local/neutrino-local/runtime/component/rewrite"
	"github.com/neutrino-local/neutrino-local/runtime/component/types"
)

// Info is what a linker needs to know beyond the definitions.
type Info struct {
	// Type is the type of the whole component.
	Type *types.Component
	// Components has the type of each component definition.
	Components map[*binary.Component]*types.Component
	// Modules has each core module, parsed.
	Modules map[*binary.Module]*rewrite.Module
	// Funcs has the type of each lifted or lowered function, and of what
	// task.return returns.
	Funcs map[*binary.Canon]*types.Func
	// Resources has the resource that a canonical definition is about.
	Resources map[*binary.Canon]*types.Resource
	// Defined has the resource that a type definition makes.
	Defined map[*binary.Type]*types.Resource
	// Core has the signature of the core function that a canonical definition
	// makes or lifts.
	Core map[*binary.Canon]types.CoreFunc
	// Instances has the resources of each instantiation of a component.
	Instances map[*binary.Instance]Instantiation
	// Ascribed has the real resources behind those that the ascribed type of
	// an export makes new.
	Ascribed map[*binary.Export]types.Bindings
	// Imports has the type of each import of a component.
	Imports map[*binary.Import]types.Extern
}

// An Instantiation says how resources of the instantiated component relate to
// those around it.
type Instantiation struct {
	Imported types.Bindings // the component's imported resources: what was supplied
	Fresh    types.Bindings // the component's own resources: their names around it
}

// maxItems bounds each index space of a component.
const maxItems = 1_000_000

// Component validates c and all components in it.
func Component(c *binary.Component) (*Info, error) {
	v := &validator{info: &Info{
		Components: map[*binary.Component]*types.Component{},
		Modules:    map[*binary.Module]*rewrite.Module{},
		Funcs:      map[*binary.Canon]*types.Func{},
		Resources:  map[*binary.Canon]*types.Resource{},
		Defined:    map[*binary.Type]*types.Resource{},
		Core:       map[*binary.Canon]types.CoreFunc{},
		Instances:  map[*binary.Instance]Instantiation{},
		Ascribed:   map[*binary.Export]types.Bindings{},
		Imports:    map[*binary.Import]types.Extern{},
	}}
	t, err := v.component(c, nil)
	if err != nil {
		return nil, err
	}
	v.info.Type = t
	return v.info, nil
}

type validator struct {
	info   *Info
	weight int // of all types so far
}

func (v *validator) component(c *binary.Component, parent *scope) (*types.Component, error) {
	s := newScope(v, parent, scopeComponent)
	for _, d := range c.Defs {
		if err := s.define(d); err != nil {
			return nil, locate(d, err)
		}
	}
	for i, val := range s.values {
		if !val.used {
			return nil, &binary.Error{Offset: c.Offset, Err: fmt.Errorf("value %d is not used", i)}
		}
	}
	t, err := types.NewComponent(s.imports, s.exports, s.imported, s.fresh)
	if err != nil {
		return nil, &binary.Error{Offset: c.Offset, Err: err}
	}
	v.info.Components[c] = t
	return t, nil
}

// locate puts the place of d before err.
func locate(d binary.Def, err error) error {
	var inner *binary.Error
	if errors.As(err, &inner) {
		path := d.Place
		if inner.Path != "" {
			path += ": " + inner.Path
		}
		return &binary.Error{Path: path, Offset: inner.Offset, Err: inner.Err}
	}
	return &binary.Error{Path: d.Place, Offset: d.Offset, Err: err}
}

func (s *scope) define(d binary.Def) error {
	switch n := d.Node.(type) {
	case *binary.Module:
		return s.module(n)
	case *binary.CoreInstance:
		return s.coreInstance(n)
	case *binary.CoreType:
		return s.coreType(n)
	case *binary.Component:
		t, err := s.v.component(n, s)
		if err != nil {
			return err
		}
		return push(&s.components, t, "components")
	case *binary.Instance:
		return s.instance(n)
	case *binary.Alias:
		return s.alias(n)
	case *binary.Type:
		return s.defineType(n)
	case *binary.Canon:
		return s.canon(n)
	case *binary.Import:
		return s.importDef(n)
	case *binary.Export:
		return s.exportDef(n)
	case *binary.Start:
		return s.start(n)
	case *binary.Value:
		t, err := s.value(n.Type)
		if err != nil {
			return err
		}
		return push(&s.values, &valueItem{t: t}, "values")
	}
	return fmt.Errorf("unknown definition")
}
