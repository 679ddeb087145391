package plan

import (
	"fmt"

	"github.com/neutrino-local/neutrino-local/runtime/component/binary"
	"github.com/neutrino-local/neutrino-local/runtime/component/types"
	"github.com/neutrino-local/neutrino-local/runtime/component/validate"
)

// Build plans the instantiation of c, which info must be of.
func Build(c *binary.Component, info *validate.Info, resolve Resolver) (*Plan, error) {
	b := &builder{info: info, plan: &Plan{}, modules: map[*binary.Module]int{}}
	root := newScope(nil, 0)
	b.plan.Instances = []Instance{{Parent: -1}}
	for _, d := range c.Defs {
		if n, ok := d.Node.(*binary.Import); ok {
			b.rootImport(root, n, resolve)
			continue
		}
		if err := b.define(root, d.Node); err != nil {
			return nil, fmt.Errorf("%s: %w", d.Place, err)
		}
	}
	b.plan.Exports = exportsOf(root.exports)
	return b.plan, nil
}

type builder struct {
	info    *validate.Info
	plan    *Plan
	modules map[*binary.Module]int
	work    int
}

// An item is anything that a component instance can export.
type item struct {
	name     string
	sort     types.Sort
	fn       *Func
	instance *instance
	comp     *closure
	module   *binary.Module
}

// An instance is a bundle of items, found by name.
type instance struct {
	items  []item
	byName map[string]int
}

func newInstance(items []item) *instance {
	in := &instance{items, make(map[string]int, len(items))}
	for i, it := range items {
		in.byName[it.name] = i
	}
	return in
}

// A closure is a component with the scope that its outer aliases refer to.
type closure struct {
	def   *binary.Component
	scope *scope
}

// A coreInstance is a planned core instance, or a bundle of core items.
type coreInstance struct {
	core    int // -1: bundle
	exports map[string]Ref
}

// A scope has the index spaces of one component instance.
type scope struct {
	parent    *scope
	instance  int
	coreFuncs []Ref
	coreItems map[types.CoreSort][]Ref
	cores     []coreInstance
	modules   []*binary.Module
	funcs     []*Func
	instances []*instance
	comps     []*closure
	exports   []item
	resources types.Bindings // abstract resources of this component: real ones
}

func newScope(parent *scope, instance int) *scope {
	return &scope{parent: parent, instance: instance, coreItems: map[types.CoreSort][]Ref{}, resources: types.Bindings{}}
}

func (s *scope) resource(r *types.Resource) *types.Resource {
	if to, ok := s.resources[r]; ok {
		return to
	}
	return r
}

func (b *builder) define(s *scope, n binary.Node) error {
	if err := b.spend(1); err != nil {
		return err
	}
	switch n := n.(type) {
	case *binary.Module:
		s.modules = append(s.modules, n)
	case *binary.CoreInstance:
		return b.coreInstance(s, n)
	case *binary.Component:
		s.comps = append(s.comps, &closure{n, s})
	case *binary.Instance:
		return b.instance(s, n)
	case *binary.Alias:
		b.alias(s, n)
	case *binary.Type:
		b.resourceType(s, n)
	case *binary.Canon:
		b.canon(s, n)
	case *binary.Export:
		if it, ok := b.itemAt(s, n.SortIndex); ok {
			it.name = n.Name.Name
			s.exports = append(s.exports, it)
			s.push(it)
		}
		for fresh, r := range b.info.Ascribed[n] {
			s.resources[fresh] = s.resource(r)
		}
	case *binary.Start:
		b.refuse("it has a start function for values, which is not supported")
	case *binary.Value:
		b.refuse("it has values, which are not supported")
	}
	return nil
}

// spend counts what instantiation does, in which a small file can ask for a
// lot: components are instantiated as often as they say.
func (b *builder) spend(n int) error {
	if b.work += n; b.work > maxWork {
		return fmt.Errorf("component makes more than %d definitions when instantiated", maxWork)
	}
	return nil
}

func (b *builder) refuse(format string, args ...any) {
	if len(b.plan.Refused) < 100 {
		b.plan.Refused = append(b.plan.Refused, fmt.Sprintf(format, args...))
	}
}

// push adds it to its index space.
func (s *scope) push(it item) {
	switch it.sort {
	case types.SortFunc:
		s.funcs = append(s.funcs, it.fn)
	case types.SortInstance:
		s.instances = append(s.instances, it.instance)
	case types.SortComponent:
		s.comps = append(s.comps, it.comp)
	case types.SortModule:
		s.modules = append(s.modules, it.module)
	}
}

// itemAt returns an item that can be passed on, unless it is a type or value.
func (b *builder) itemAt(s *scope, i binary.SortIndex) (item, bool) {
	if i.Sort.Core {
		return item{sort: types.SortModule, module: s.modules[i.Index]}, true
	}
	it := item{sort: i.Sort.Sort}
	switch i.Sort.Sort {
	case types.SortFunc:
		it.fn = s.funcs[i.Index]
	case types.SortInstance:
		it.instance = s.instances[i.Index]
	case types.SortComponent:
		it.comp = s.comps[i.Index]
	case types.SortType:
	default:
		return it, false
	}
	return it, true
}

func (b *builder) instance(s *scope, n *binary.Instance) error {
	if n.Inline {
		var exports []item
		for _, e := range n.Exports {
			if it, ok := b.itemAt(s, e.SortIndex); ok {
				it.name = e.Name.Name
				exports = append(exports, it)
			}
		}
		s.instances = append(s.instances, newInstance(exports))
		return b.spend(len(exports))
	}
	if s.comps[n.Component] == nil { // an import that was refused
		s.instances = append(s.instances, nil)
		return nil
	}
	args := map[string]item{}
	for _, a := range n.Args {
		if it, ok := b.itemAt(s, a.SortIndex); ok {
			args[a.Name] = it
		}
	}
	exports, err := b.instantiate(s, s.comps[n.Component], args, b.info.Instances[n])
	s.instances = append(s.instances, newInstance(exports))
	return err
}

func (b *builder) instantiate(s *scope, c *closure, args map[string]item, res validate.Instantiation) ([]item, error) {
	if len(b.plan.Instances) >= maxInstances {
		return nil, fmt.Errorf("component makes more than %d component instances", maxInstances)
	}
	in := newScope(c.scope, len(b.plan.Instances))
	b.plan.Instances = append(b.plan.Instances, Instance{Parent: s.instance})
	for from, to := range res.Imported {
		in.resources[from] = s.resource(to)
	}
	for _, d := range c.def.Defs {
		if n, ok := d.Node.(*binary.Import); ok {
			in.push(args[n.Name.Name])
			continue
		}
		if err := b.define(in, d.Node); err != nil {
			return nil, fmt.Errorf("%s: %w", d.Place, err)
		}
	}
	for from, to := range res.Fresh {
		s.resources[to] = in.resource(from)
	}
	return in.exports, nil
}

func (b *builder) alias(s *scope, n *binary.Alias) {
	switch {
	case n.Kind == binary.AliasCoreExport:
		ref := s.cores[n.Instance].export(n.Name)
		if n.Sort.Of == types.CoreSortFunc {
			s.coreFuncs = append(s.coreFuncs, ref)
		} else {
			s.coreItems[n.Sort.Of] = append(s.coreItems[n.Sort.Of], ref)
		}
	case n.Kind == binary.AliasExport:
		if in := s.instances[n.Instance]; in != nil {
			if i, ok := in.byName[n.Name]; ok {
				s.push(in.items[i])
			}
		}
	default:
		b.aliasOuter(s, n)
	}
}

func (b *builder) aliasOuter(s *scope, n *binary.Alias) {
	target := s
	for range n.Count {
		target = target.parent
	}
	switch {
	case n.Sort.Core && n.Sort.Of == types.CoreSortModule:
		s.modules = append(s.modules, target.modules[n.Index])
	case !n.Sort.Core && n.Sort.Sort == types.SortComponent:
		s.comps = append(s.comps, target.comps[n.Index])
	}
}

func (c coreInstance) export(name string) Ref {
	if c.core >= 0 {
		return Ref{Core: c.core, Name: name}
	}
	return c.exports[name]
}

func (b *builder) coreInstance(s *scope, n *binary.CoreInstance) error {
	if n.Inline {
		in := coreInstance{core: -1, exports: map[string]Ref{}}
		for _, e := range n.Exports {
			if e.Sort == types.CoreSortFunc {
				in.exports[e.Name] = s.coreFuncs[e.Index]
			} else {
				in.exports[e.Name] = s.coreItems[e.Sort][e.Index]
			}
		}
		s.cores = append(s.cores, in)
		return b.spend(len(n.Exports))
	}
	if len(b.plan.Cores) >= maxCores {
		return fmt.Errorf("component makes more than %d core instances", maxCores)
	}
	args := map[string]coreInstance{}
	for _, a := range n.Args {
		args[a.Name] = s.cores[a.Instance]
	}
	def := s.modules[n.Module]
	if def == nil { // of an import that was refused
		s.cores = append(s.cores, coreInstance{core: -1})
		return nil
	}
	if err := b.spend(len(b.info.Modules[def].Imports)); err != nil {
		return err
	}
	core := Core{Module: b.info.Modules[def], Def: def, Number: b.number(def), Instance: s.instance}
	for _, imp := range core.Module.Imports {
		core.Imports = append(core.Imports, args[imp.Module].export(imp.Name))
	}
	s.cores = append(s.cores, coreInstance{core: len(b.plan.Cores)})
	b.plan.Cores = append(b.plan.Cores, core)
	return nil
}

func (b *builder) number(def *binary.Module) int {
	n, ok := b.modules[def]
	if !ok {
		n = len(b.modules)
		b.modules[def] = n
	}
	return n
}

func exportsOf(items []item) []Export {
	var out []Export
	for _, it := range items {
		e := Export{Name: it.name, Sort: it.sort, Func: it.fn}
		if it.instance != nil {
			e.Instance = exportsOf(it.instance.items)
		}
		out = append(out, e)
	}
	return out
}
