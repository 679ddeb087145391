package plan

import (
	"github.com/neutrino-local/neutrino-local/runtime/component/binary"
	"github.com/neutrino-local/neutrino-local/runtime/component/types"
)

func (b *builder) resourceType(s *scope, n *binary.Type) {
	if n.Resource == nil {
		return
	}
	abstract := b.info.Defined[n]
	r := Resource{Type: &types.Resource{Name: abstract.Name, Defined: true}, Instance: s.instance}
	if n.Resource.HasDtor {
		r.Dtor = &s.coreFuncs[n.Resource.Dtor]
	}
	s.resources[abstract] = r.Type
	b.plan.Resources = append(b.plan.Resources, r)
}

func (b *builder) canon(s *scope, n *binary.Canon) {
	if n.Op == binary.CanonLift {
		f := &Func{
			Type:     types.Subst(b.info.Funcs[n], s.resources).(*types.Func),
			Instance: s.instance,
			Core:     s.coreFuncs[n.Func],
			CoreType: b.info.Core[n],
			Options:  s.options(n.Options),
		}
		if f.Type.Async || n.Options.Async {
			b.refuse("it lifts a function as asynchronous, which is not supported yet")
		}
		b.addFunc(f)
		s.funcs = append(s.funcs, f)
		return
	}
	h := Host{Canon: n.Op, Instance: s.instance, Core: b.info.Core[n]}
	switch n.Op {
	case binary.CanonLower:
		h.Kind, h.Func, h.Options = Lower, s.funcs[n.Func], s.options(n.Options)
		if h.Func == nil {
			h.Kind = Unsupported // of an import that was refused
		} else if h.Func.Type.Async || n.Options.Async {
			b.refuse("it lowers a function as asynchronous, which is not supported yet")
		}
	case binary.CanonResourceNew:
		h.Kind, h.Resource = ResourceNew, s.resource(b.info.Resources[n])
	case binary.CanonResourceDrop:
		h.Kind, h.Resource = ResourceDrop, s.resource(b.info.Resources[n])
	case binary.CanonResourceRep:
		h.Kind, h.Resource = ResourceRep, s.resource(b.info.Resources[n])
	default:
		h.Kind = Unsupported
		b.refuse("it uses %s of the asynchronous ABI, which is not supported yet", n.Op)
	}
	s.coreFuncs = append(s.coreFuncs, Ref{Core: -1, Host: len(b.plan.Hosts)})
	b.plan.Hosts = append(b.plan.Hosts, h)
}

func (b *builder) addFunc(f *Func) {
	f.Number = len(b.plan.Funcs)
	b.plan.Funcs = append(b.plan.Funcs, f)
}

func (s *scope) options(o binary.Options) Options {
	out := Options{Encoding: o.Encoding, Async: o.Async}
	if o.Memory != nil {
		out.Memory = &s.coreItems[types.CoreSortMemory][*o.Memory]
	}
	for _, f := range [...]struct {
		to    **Ref
		index *uint32
	}{{&out.Realloc, o.Realloc}, {&out.PostReturn, o.PostReturn}, {&out.Callback, o.Callback}} {
		if f.index != nil {
			ref := s.coreFuncs[*f.index]
			*f.to = &ref
		}
	}
	return out
}

// rootImport makes the host's side of an import: functions to be implemented
// and resources to be defined.
func (b *builder) rootImport(s *scope, n *binary.Import, resolve Resolver) {
	e := b.info.Imports[n]
	s.push(b.imported(s, "", n.Name.Name, e, resolve))
}

func (b *builder) imported(s *scope, instance, name string, e types.Extern, resolve Resolver) item {
	it := item{name: name, sort: e.Sort}
	switch e.Sort {
	case types.SortFunc:
		it.fn = &Func{Type: types.Subst(e.Type, s.resources).(*types.Func), Instance: -1}
		it.fn.Import = &Import{Instance: instance, Name: name, Type: it.fn.Type}
		b.addFunc(it.fn)
		b.plan.Imports = append(b.plan.Imports, *it.fn.Import)
	case types.SortInstance:
		path := name
		if instance != "" {
			path = instance + "/" + name
		}
		var items []item
		for _, x := range e.Type.(*types.Instance).Exports {
			items = append(items, b.imported(s, path, x.Name, x.Extern, resolve))
		}
		it.instance = newInstance(items)
	case types.SortType:
		b.importedType(s, instance, name, e, resolve)
	default:
		b.refuse("it imports the %s %q, which a host cannot supply", e.Sort, name)
	}
	return it
}

func (b *builder) importedType(s *scope, instance, name string, e types.Extern, resolve Resolver) {
	r, ok := e.Type.(*types.Resource)
	if !ok {
		return
	}
	real := resolve(instance, name)
	if !e.Sub { // the same type under another name
		if real != nil && real != s.resource(r) {
			b.refuse("it takes %s for the same resource as %s, which it is not", qualified(instance, name), s.resource(r).Name)
		}
		return
	}
	if real == nil {
		real = r
	}
	s.resources[r] = real
	b.plan.Borrowed = append(b.plan.Borrowed, Foreign{instance, name, real})
}
