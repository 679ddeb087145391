package component

import (
	"github.com/neutrino-local/neutrino-local/runtime/component/abi"
	"github.com/neutrino-local/neutrino-local/runtime/component/plan"
	"github.com/neutrino-local/neutrino-local/runtime/component/types"
)

// A Value is a component value; see package abi for how to make and read one.
type Value = abi.Value

// A Trap is the fault that ended a guest.
type Trap = abi.Trap

// A Func is a function that a component exports.
type Func struct {
	Instance string // interface as the component names it; empty: its own
	Name     string
	Type     *types.Func
	number   int
	host     *plan.Import
}

// Func finds an exported function, in an interface by its track as in
// [Linker.Func], or by itself if instance is empty.
func (c *Component) Func(instance, name string) (*Func, bool) {
	for _, f := range c.Funcs() {
		if f.Name == name && types.Track(f.Instance) == types.Track(instance) {
			return f, true
		}
	}
	return nil, false
}

// Funcs returns all functions that the component exports.
func (c *Component) Funcs() []*Func { return funcsOf("", c.plan.Exports) }

func funcsOf(instance string, exports []plan.Export) []*Func {
	var out []*Func
	for _, e := range exports {
		switch {
		case e.Func != nil:
			out = append(out, &Func{instance, e.Name, e.Func.Type, e.Func.Number, e.Func.Import})
		case e.Instance != nil && instance == "":
			out = append(out, funcsOf(e.Name, e.Instance)...)
		case e.Instance != nil:
			out = append(out, funcsOf(instance+"/"+e.Name, e.Instance)...)
		}
	}
	return out
}
