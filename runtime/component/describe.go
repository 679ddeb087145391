package component

import (
	"slices"

	"github.com/neutrino-local/neutrino-local/runtime/component/binary"
	"github.com/neutrino-local/neutrino-local/runtime/component/plan"
	"github.com/neutrino-local/neutrino-local/runtime/component/rewrite"
	"github.com/neutrino-local/neutrino-local/runtime/component/types"
	"github.com/neutrino-local/neutrino-local/runtime/component/validate"
)

// A Description is what can be told of a component without compiling it.
type Description struct {
	Imports, Exports []Interface
	Modules          []Module
	Producers        []binary.Producer // of the component and its core modules
	Refused          []string          // why it cannot be linked by any host here
}

// An Interface is a named instance that a component imports or exports; Name
// is empty for functions of its own.
type Interface struct {
	Name      string
	Funcs     []Item
	Resources []string
}

// An Item is a function and its type in WIT notation.
type Item struct{ Name, Type string }

// A Module is a core module in a component.
type Module struct {
	Size      int
	Functions int
	Instances int // how often it is instantiated
}

// Describe decodes and validates a component, or a core module with a world.
func Describe(wasm []byte) (*Description, error) {
	if binary.Sniff(wasm) == binary.LayerModule {
		return describeModule(wasm)
	}
	def, err := binary.Decode(wasm)
	if err != nil {
		return nil, err
	}
	info, err := validate.Component(def)
	if err != nil {
		return nil, err
	}
	p, err := plan.Build(def, info, func(string, string) *types.Resource { return nil })
	if err != nil {
		return nil, err
	}
	d := &Description{
		Imports: interfaces(info.Type.Imports), Exports: interfaces(info.Type.Exports),
		Producers: slices.Clone(def.Producers), Refused: p.Refused,
	}
	instances := map[*binary.Module]int{}
	for _, c := range p.Cores {
		instances[c.Def]++
	}
	d.modules(def, info, instances)
	return d, nil
}

func (d *Description) modules(c *binary.Component, info *validate.Info, instances map[*binary.Module]int) {
	for _, def := range c.Defs {
		switch n := def.Node.(type) {
		case *binary.Component:
			d.modules(n, info, instances)
		case *binary.Module:
			d.module(info.Modules[n], len(n.Bytes), instances[n])
		}
	}
}

func (d *Description) module(m *rewrite.Module, size, instances int) {
	d.Modules = append(d.Modules, Module{Size: size, Functions: len(m.Funcs), Instances: instances})
	for _, s := range m.Customs {
		if s.Name == "producers" {
			d.add(binary.DecodeProducers(s.Bytes))
		}
	}
}

// describeModule tells what a core module uses of its worlds.
func describeModule(wasm []byte) (*Description, error) {
	m, err := rewrite.Parse(wasm)
	if err != nil {
		return nil, err
	}
	worlds, err := plan.Worlds(m)
	if err != nil {
		return nil, err
	}
	p, err := plan.BuildModule(m, worlds, func(string, string) *types.Resource { return nil })
	if err != nil {
		return nil, err
	}
	d := &Description{Refused: p.Refused}
	d.module(m, len(wasm), 1)
	for _, i := range p.Imports {
		d.Imports = appendItem(d.Imports, i.Instance, Item{i.Name, i.Type.String()})
	}
	for _, h := range p.Hosts {
		if h.Kind == plan.External {
			d.Imports = appendItem(d.Imports, h.Module, Item{Name: h.Name, Type: h.Core.String()})
		}
	}
	for _, f := range funcsOf("", p.Exports) {
		d.Exports = appendItem(d.Exports, f.Instance, Item{f.Name, f.Type.String()})
	}
	return d, nil
}

func appendItem(to []Interface, instance string, it Item) []Interface {
	i := slices.IndexFunc(to, func(in Interface) bool { return in.Name == instance })
	if i < 0 {
		to, i = append(to, Interface{Name: instance}), len(to)
	}
	to[i].Funcs = append(to[i].Funcs, it)
	return to
}

func (d *Description) add(producers []binary.Producer) {
	for _, p := range producers {
		if !slices.Contains(d.Producers, p) {
			d.Producers = append(d.Producers, p)
		}
	}
}

func interfaces(items []types.Named) []Interface {
	var own Interface
	var out []Interface
	for _, i := range items {
		switch t := i.Type.(type) {
		case *types.Instance:
			if i.Sort == types.SortInstance {
				in := Interface{Name: i.Name}
				for _, e := range t.Exports {
					in.add(e)
				}
				out = append(out, in)
			}
		default:
			own.add(i)
		}
	}
	if len(own.Funcs) > 0 || len(own.Resources) > 0 {
		out = append([]Interface{own}, out...)
	}
	return out
}

func (in *Interface) add(e types.Named) {
	switch t := e.Type.(type) {
	case *types.Func:
		if e.Sort == types.SortFunc {
			in.Funcs = append(in.Funcs, Item{e.Name, t.String()})
		}
	case *types.Resource:
		in.Resources = append(in.Resources, e.Name)
	}
}
