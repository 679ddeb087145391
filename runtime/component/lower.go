package component

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/neutrino-local/neutrino-local/runtime/component/abi"
	"github.com/neutrino-local/neutrino-local/runtime/component/binary"
	"github.com/neutrino-local/neutrino-local/runtime/component/plan"
	"github.com/neutrino-local/neutrino-local/runtime/component/types"
)

// A lowered is a core function that the host supplies to core modules.
type lowered struct {
	name     string
	core     types.CoreFunc
	instance int // component instance that calls it
	run      func(ctx context.Context, stack []uint64)

	params, result *abi.Params
	side           int
	fn             HostFunc // of the host
	waits          bool     // fn may wait for something
	callee         *lifted  // of the component itself
	resource       *types.Resource
}

// A lifted is a function of core code that can be called from outside.
type lifted struct {
	number         int
	typ            *types.Func
	instance       int
	params, result *abi.Params
	side           int
	core           int // in Component.calls
	postReturn     int // -1: none
	flat           int // core values of the parameters or the result, whichever is more
}

// compileCalls compiles all that goes between components and the host.
func (c *Component) compileCalls() {
	for _, r := range c.plan.Resources {
		c.resources[r.Type] = resourceType{dtor: c.call(r.Dtor)}
	}
	for _, r := range c.linker.resources {
		c.resources[r.typ] = resourceType{dtor: -1, drop: r.drop}
	}
	c.lifts = make([]*lifted, len(c.plan.Funcs))
	for i, f := range c.plan.Funcs {
		if f.Import == nil {
			c.lifts[i] = c.lift(f)
		}
	}
	for _, h := range c.plan.Hosts {
		c.hosts = append(c.hosts, c.lower(h))
	}
}

// call returns the number of a core function that is called from outside.
func (c *Component) call(r *plan.Ref) int {
	if r == nil {
		return -1
	}
	i, ok := c.callIndex[*r]
	if !ok {
		i = len(c.calls)
		c.calls = append(c.calls, *r)
		c.callIndex[*r] = i
	}
	return i
}

func (c *Component) side(o plan.Options, instance int) int {
	c.call(o.Realloc)
	c.sides = append(c.sides, o)
	c.sideOf = append(c.sideOf, instance)
	return len(c.sides) - 1
}

func (c *Component) values(t *types.Func) (params, result *abi.Params) {
	var ps, rs []*types.Value
	for _, p := range t.Params {
		ps = append(ps, p.Type)
	}
	if t.Result != nil {
		rs = append(rs, t.Result)
	}
	return c.codecs.CompileParams(ps, types.MaxFlat), c.codecs.CompileParams(rs, 1)
}

func (c *Component) lift(f *plan.Func) *lifted {
	l := &lifted{
		number: f.Number, typ: f.Type, instance: f.Instance, side: c.side(f.Options, f.Instance),
		core: c.call(&f.Core), postReturn: c.call(f.Options.PostReturn),
		flat: max(len(f.CoreType.Params), len(f.CoreType.Results)),
	}
	l.params, l.result = c.values(f.Type)
	return l
}

func (c *Component) lower(h plan.Host) *lowered {
	l := &lowered{name: h.Canon.String(), core: h.Core, instance: h.Instance, resource: h.Resource}
	switch h.Kind {
	case plan.Lower:
		l.params, l.result = c.values(h.Func.Type)
		l.side = c.side(h.Options, h.Instance)
		if imp := h.Func.Import; imp != nil {
			l.name = itemName{imp.Instance, imp.Name}.String()
			l.fn = c.linker.funcs[itemName{types.Track(imp.Instance), imp.Name}]
			l.waits = mayWait(imp.Instance, imp.Name)
			l.run = l.callHost
		} else {
			l.callee = c.lifts[h.Func.Number]
			l.run = l.callComponent
		}
	case plan.ResourceNew:
		l.run = l.resourceNew
	case plan.ResourceDrop:
		l.run = l.resourceDrop
	case plan.ResourceRep:
		l.run = l.resourceRep
	default:
		l.run = func(context.Context, []uint64) { panic(abi.Trapf("%s is not supported", l.name)) }
	}
	return l
}

// callHost is canon lower of a host's function. It runs on the guest's stack:
// a panic unwinds the guest, and the engine makes the error of the call of it.
func (l *lowered) callHost(ctx context.Context, stack []uint64) {
	t := taskOf(ctx)
	t.inst.asked = true
	c := t.begin(l.side, l.instance)
	ret := l.liftArgs(c, stack)
	v, err := l.callFunc(c)
	if err != nil {
		panic(fmt.Errorf("%s: %w", l.name, err))
	}
	l.lowerResult(c, v, stack, ret)
	t.end(c)
}

// callFunc calls the host's function. A guest that waits in it leaves its turn
// to others.
func (l *lowered) callFunc(c *Call) (abi.Value, error) {
	turn := c.task.inst.turn
	if !l.waits || turn == nil {
		return l.fn(c, c.args)
	}
	turn.Block()
	v, err := l.fn(c, c.args)
	if late := turn.Resume(c.task.Context); late != nil {
		c.lose(v)
		err = errors.Join(err, late)
	}
	return v, err
}

// mayWait reports whether a function of the host may wait. Of WASI it is those
// that say so; what is not WASI talks to something.
func mayWait(instance, name string) bool {
	if !strings.HasPrefix(instance, "wasi:") {
		return true
	}
	switch name {
	case "poll", "poll-list", "poll-one", "[method]pollable.block":
		return true
	}
	_, method, _ := strings.Cut(name, ".")
	return strings.HasPrefix(method, "blocking-") || method == "forward"
}

// callComponent is canon lower of a function that this component lifts.
func (l *lowered) callComponent(ctx context.Context, stack []uint64) {
	t := taskOf(ctx)
	c := t.begin(l.side, l.instance)
	ret := l.liftArgs(c, stack)
	v, err := t.call(l.callee, c, c.args)
	if err != nil {
		c.orphan()
		panic(err)
	}
	l.lowerResult(c, v, stack, ret)
	t.end(c)
}

// liftArgs traps if the guest may not leave, reads the arguments, and returns
// where a result goes that does not fit.
func (l *lowered) liftArgs(c *Call, stack []uint64) (ret uint32) {
	if err := c.cx.Instance.Leave(); err != nil {
		panic(err)
	}
	c.args = slices.Grow(c.args[:0], l.params.Len())[:l.params.Len()]
	if err := l.params.Lift(&c.cx, stack, c.args); err != nil {
		c.orphan()
		panic(fmt.Errorf("%s: %w", l.name, err))
	}
	if l.result.Spills() {
		ret = uint32(stack[l.params.Core()])
	}
	return ret
}

// orphan keeps what a call had taken when it trapped, to be dropped with the
// instance.
func (c *Call) orphan() { c.task.inst.orphans = append(c.task.inst.orphans, c.scope.Taken()...) }

// lose is orphan for a result that may not have arrived.
func (c *Call) lose(v abi.Value) {
	v.Owned(func(r *abi.Resource) { c.task.inst.orphans = append(c.task.inst.orphans, r) })
}

func (l *lowered) lowerResult(c *Call, v abi.Value, stack []uint64, ret uint32) {
	c.scope.Release()
	if l.result.Len() == 0 {
		return
	}
	c.cx.Begin() // the guest may have been called meanwhile
	c.result[0] = v
	if err := l.result.LowerResults(&c.cx, c.result[:], stack, ret); err != nil {
		c.lose(v)
		panic(fmt.Errorf("%s: %w", l.name, err))
	}
}

func (l *lowered) resourceNew(ctx context.Context, stack []uint64) {
	i, err := taskOf(ctx).inst.comps[l.instance].New(l.resource, uint32(stack[0]))
	if err != nil {
		panic(fmt.Errorf("resource.new: %w", err))
	}
	stack[0] = uint64(i)
}

func (l *lowered) resourceRep(ctx context.Context, stack []uint64) {
	rep, err := taskOf(ctx).inst.comps[l.instance].Rep(l.resource, uint32(stack[0]))
	if err != nil {
		panic(fmt.Errorf("resource.rep: %w", err))
	}
	stack[0] = uint64(rep)
}

func (l *lowered) resourceDrop(ctx context.Context, stack []uint64) {
	t := taskOf(ctx)
	in := t.inst.comps[l.instance]
	res, err := in.Drop(l.resource, uint32(stack[0]))
	if err == nil && res != nil {
		err = t.destroy(res, in)
	}
	if err != nil {
		panic(fmt.Errorf("resource.drop of %s: %w", l.resource.Name, err))
	}
}

func encodingOf(e binary.Encoding) abi.Encoding { return abi.Encoding(e) }
