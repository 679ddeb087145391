package component

import (
	"context"
	"runtime"
	"strconv"

	"github.com/tetratelabs/wazero/api"

	"github.com/neutrino-local/neutrino-local/runtime/component/abi"
	"github.com/neutrino-local/neutrino-local/runtime/component/rewrite"
)

// A task is one call into an instance, and all calls within it. It is the
// context that the engine hands to host functions: they find their instance by
// a type assertion.
type task struct {
	context.Context // of the caller
	inst            *Instance
	free            []*Call
}

func taskOf(ctx context.Context) *task {
	t, ok := ctx.(*task)
	if !ok {
		panic(abi.Trapf("host function called outside of a task"))
	}
	return t
}

// Caller returns the instance whose guest calls, and the context of the call into
// it, to a function that the engine calls with ctx and that is no [HostFunc]:
// one of WASI preview 1.
func Caller(ctx context.Context) (*Instance, context.Context) {
	t := taskOf(ctx)
	t.inst.asked = true
	return t.inst, t.Context
}

// tick is what metered guest code calls when it has used up its fuel: it gives
// way to others, and ends the guest whose context has ended.
func tick(ctx context.Context, stack []uint64) {
	t := taskOf(ctx)
	if int64(stack[0]) == rewrite.StackExhausted {
		panic(ErrStack)
	}
	t.inst.ticks++
	t.inst.meter.used(-int64(stack[0]), len(t.inst.cores), t.inst.memories.Size())
	if err := t.wait(); err != nil {
		t.inst.stopped = true
		panic(err)
	}
	stack[0] = uint64(t.inst.meter.refuel())
}

// ErrStack ends a guest that calls too deeply.
var ErrStack = abi.Trapf("call stack exhausted")

// wait gives way to other guests.
func (t *task) wait() error {
	if turn := t.inst.turn; turn != nil {
		return turn.Tick(t.Context)
	}
	runtime.Gosched()
	if t.Context.Err() != nil {
		return context.Cause(t.Context)
	}
	return nil
}

// A Call is one call of a host function by a guest.
type Call struct {
	task   *task
	cx     abi.Context
	scope  abi.Scope
	args   []abi.Value
	result [1]abi.Value
}

// Context returns the context of the call into the instance: it ends when the
// request that the guest works on does.
func (c *Call) Context() context.Context { return c.task.Context }

// Instance returns the instance whose guest calls.
func (c *Call) Instance() *Instance { return c.task.inst }

// begin takes a Call for the given canonical options.
func (t *task) begin(side, instance int) *Call {
	var c *Call
	if n := len(t.free); n > 0 {
		c, t.free = t.free[n-1], t.free[:n-1]
	} else {
		c = &Call{}
	}
	c.task = t
	s := t.inst.side(side)
	c.cx = abi.Context{Memory: s.memory, Realloc: s.realloc, Encoding: s.encoding, Instance: t.inst.comps[instance], Scope: &c.scope}
	c.cx.Begin()
	return c
}

// end gives c back. Calls that trapped are not given back.
func (t *task) end(c *Call) {
	c.task = nil
	c.scope.Release()
	clear(c.args) // what they refer to may go
	c.result[0] = abi.Value{}
	t.free = append(t.free, c)
}

// call is canon lift: it calls a lifted function with args, out of a call of
// another function, which is nil for the host. After an error the instance is
// not to be used again.
func (t *task) call(f *lifted, from *Call, args []abi.Value) (abi.Value, error) {
	var caller *abi.Instance
	if from != nil {
		caller = from.cx.Instance
	}
	in := t.inst.comps[f.instance]
	if err := in.EnterCall(caller); err != nil {
		return abi.Value{}, err
	}
	c := t.begin(f.side, f.instance)
	var buf [maxCore]uint64
	flat := buf[:max(f.flat, 1)]
	if err := f.params.LowerParams(&c.cx, args, flat); err != nil {
		return abi.Value{}, err
	}
	if from != nil {
		from.scope.Pass()
	}
	if err := t.inst.core(t, f.core, flat); err != nil {
		return abi.Value{}, err
	}
	if err := t.returned(f, c, flat); err != nil {
		c.orphan()
		return abi.Value{}, err
	}
	in.Exit(caller)
	v := c.result[0]
	t.end(c)
	return v, nil
}

// returned takes the result of a call over, and lets the guest tidy up.
func (t *task) returned(f *lifted, c *Call, flat []uint64) error {
	if f.result.Len() > 0 {
		c.cx.Begin()
		if err := f.result.Lift(&c.cx, flat, c.result[:]); err != nil {
			return err
		}
	}
	if err := c.scope.Returned(); err != nil {
		return err
	}
	if f.postReturn < 0 {
		return nil
	}
	c.cx.Instance.Lock()
	if err := t.inst.core(t, f.postReturn, flat); err != nil {
		return err
	}
	c.cx.Instance.Unlock()
	return nil
}

// maxCore is how many core values a call passes at most, and one for a pointer.
const maxCore = 17

// destroy runs the destructor of a resource whose last handle is gone.
func (t *task) destroy(res *abi.Resource, caller *abi.Instance) error {
	rt := t.inst.component.resources[res.Type]
	if res.Home == nil {
		if rt.drop == nil {
			return nil
		}
		return rt.drop(t.Context, res.Host)
	}
	if err := res.Home.Enter(caller); err != nil {
		return err
	}
	if rt.dtor >= 0 {
		stack := [1]uint64{uint64(res.Rep)}
		if err := t.inst.core(t, rt.dtor, stack[:]); err != nil {
			return err
		}
	}
	res.Home.Exit(caller)
	return nil
}

// core calls a core function. A function object of the engine cannot be
// entered again while it runs, so each level of nesting takes its own.
func (in *Instance) core(t *task, number int, stack []uint64) error {
	var f api.Function
	free := in.funcs[number]
	if n := len(free); n > 0 {
		f, in.funcs[number] = free[n-1], free[:n-1]
	} else if f = in.function(number); f == nil {
		return abi.Trapf("core function %s is not there yet", in.component.calls[number])
	}
	if err := f.CallWithStack(t, stack); err != nil {
		return err
	}
	in.funcs[number] = append(in.funcs[number], f)
	return nil
}

func (in *Instance) function(number int) api.Function {
	r := in.component.calls[number]
	if r.OnHost() {
		return in.component.host.ExportedFunction(strconv.Itoa(r.Host))
	}
	if in.cores[r.Core] == nil {
		return nil
	}
	return in.cores[r.Core].ExportedFunction(r.Name)
}
