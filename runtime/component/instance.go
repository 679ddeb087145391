package component

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/neutrino-local/neutrino-local/runtime/component/abi"
)

// An InstanceConfig is how an instance is made.
type InstanceConfig struct {
	// Init sets the state of hosts ([Slot.Set]) before any guest code runs.
	Init func(*Instance) error
	// MemoryLimit bounds the bytes of all memories together; 0: only by what
	// the memories say themselves.
	MemoryLimit uint64
	// Allocator makes the memories; nil: the Go heap. It must heed MemoryLimit
	// itself, but for what memories begin with, and the Free of its memories
	// must do nothing: a module that only imports a memory frees it as well.
	Allocator experimental.MemoryAllocator
	// Preview1 is what a core module that imports WASI preview 1 gets: nil is
	// no environment, no files, and output that goes nowhere.
	Preview1 wazero.ModuleConfig
}

// An Instance is one guest: its memories, globals, tables and handles. It is
// for one goroutine at a time.
type Instance struct {
	component *Component
	cores     []api.Module
	comps     []*abi.Instance
	sides     []*side
	funcs     [][]api.Function // by number in Component.calls: not in use now
	state     []any
	free      []*Call
	preview1  wazero.ModuleConfig
	onClose   []func(ctx context.Context) error
	orphans   []*abi.Resource // of the host, that belonged to nobody at a trap
	trapped   error           // why it cannot be entered any more
	task      *task           // that runs now; nil: none
	closed    bool
}

// A side is the memory and allocator of one function's canonical options.
type side struct {
	memory   abi.Memory
	realloc  abi.Realloc
	encoding abi.Encoding
}

// ErrTrapped is what calls of an instance that has trapped end with.
var ErrTrapped = errors.New("instance has trapped before and cannot be entered again")

// Instantiate makes an instance and runs the start functions of its modules.
func (c *Component) Instantiate(ctx context.Context, cfg InstanceConfig) (*Instance, error) {
	in := c.newInstance()
	if cfg.MemoryLimit > 0 && c.minMemory > cfg.MemoryLimit {
		return nil, fmt.Errorf("memories begin with %d bytes, the limit is %d", c.minMemory, cfg.MemoryLimit)
	}
	if cfg.Init != nil {
		if err := cfg.Init(in); err != nil {
			return nil, errors.Join(err, in.Close(ctx))
		}
	}
	if in.preview1 = cfg.Preview1; in.preview1 == nil {
		in.preview1 = wazero.NewModuleConfig().WithRandSource(rand.Reader).WithSysWalltime().WithSysNanotime()
	}
	allocator := cfg.Allocator
	if allocator == nil && cfg.MemoryLimit > 0 {
		allocator = &heap{limit: cfg.MemoryLimit}
	}
	if err := in.link(ctx, allocator); err != nil {
		in.trapped = err
		return nil, errors.Join(err, in.Close(ctx))
	}
	return in, nil
}

func (c *Component) newInstance() *Instance {
	in := &Instance{
		component: c,
		cores:     make([]api.Module, len(c.cores)),
		comps:     make([]*abi.Instance, len(c.plan.Instances)),
		sides:     make([]*side, len(c.sides)),
		funcs:     make([][]api.Function, len(c.calls)),
		state:     make([]any, c.linker.slots),
	}
	all := make([]abi.Instance, len(in.comps))
	for i, p := range c.plan.Instances {
		in.comps[i] = &all[i]
		all[i].Root = &all[0]
		if p.Parent >= 0 {
			all[i].Parent = &all[p.Parent]
		}
	}
	return in
}

func (in *Instance) link(ctx context.Context, allocator experimental.MemoryAllocator) error {
	var providers map[string]int
	ctx = experimental.WithImportResolver(ctx, func(name string) api.Module {
		i, ok := providers[name]
		switch {
		case !ok:
			return nil
		case i < 0:
			return in.component.host
		}
		return in.cores[i]
	})
	if allocator != nil {
		ctx = experimental.WithMemoryAllocator(ctx, allocator)
	}
	t := in.begin(ctx) // the engine finds the resolver through it, start functions their instance
	defer in.end()
	cfg := in.preview1.WithName("").WithStartFunctions()
	for i, m := range in.component.cores {
		providers = in.component.providers[i]
		owner := in.comps[in.component.plan.Cores[i].Instance]
		if err := owner.Enter(nil); err != nil {
			return err
		}
		core, err := in.component.engine.runtime.InstantiateModule(t, m, cfg)
		if err != nil {
			return fmt.Errorf("core instance %d: %w", i, err)
		}
		in.cores[i] = core
		if init := in.component.plan.Cores[i].Init; init != "" {
			if err := core.ExportedFunction(init).CallWithStack(t, nil); err != nil {
				return fmt.Errorf("core instance %d: %s: %w", i, init, err)
			}
		}
		owner.Exit(nil)
	}
	return nil
}

// begin makes the task of a call. A task that was interrupted by a trap may
// still be there; then the instance is not used again.
func (in *Instance) begin(ctx context.Context) *task {
	in.task = &task{Context: ctx, inst: in, free: in.free}
	return in.task
}

func (in *Instance) end() { in.free, in.task = in.task.free, nil }

// side returns the memory and allocator of canonical options. They are looked
// up when first used: start functions call out before all modules are there.
func (in *Instance) side(i int) *side {
	if s := in.sides[i]; s != nil {
		return s
	}
	o := in.component.sides[i]
	s := &side{encoding: encodingOf(o.Encoding)}
	if o.Memory != nil {
		core := in.cores[o.Memory.Core]
		if core == nil {
			panic(abi.Trapf("memory %s is not there yet", o.Memory))
		}
		s.memory = core.ExportedMemory(o.Memory.Name)
	}
	if o.Realloc != nil {
		s.realloc = in.realloc(in.component.callIndex[*o.Realloc], in.comps[in.component.sideOf[i]])
	}
	in.sides[i] = s
	return s
}

// realloc calls the guest's allocator, during which the guest may not call out.
func (in *Instance) realloc(number int, owner *abi.Instance) abi.Realloc {
	return func(old, oldSize, align, size uint32) (uint32, error) {
		stack := [4]uint64{uint64(old), uint64(oldSize), uint64(align), uint64(size)}
		owner.Lock()
		if err := in.core(in.task, number, stack[:]); err != nil {
			return 0, fmt.Errorf("realloc: %w", err)
		}
		owner.Unlock()
		return uint32(stack[0]), nil
	}
}

// Call calls an exported function. An error that is no result of the function
// is a trap, after which the instance can only be closed.
func (in *Instance) Call(ctx context.Context, f *Func, args ...abi.Value) (abi.Value, error) {
	switch {
	case in.closed:
		return abi.Value{}, errors.New("instance is closed")
	case in.trapped != nil:
		return abi.Value{}, fmt.Errorf("%w: %w", ErrTrapped, in.trapped)
	case in.task != nil:
		return abi.Value{}, errors.New("instance is in use by another call")
	case len(args) != len(f.Type.Params):
		return abi.Value{}, fmt.Errorf("%s has %d parameters, %d arguments are given", f.Name, len(f.Type.Params), len(args))
	case f.host != nil:
		return abi.Value{}, fmt.Errorf("%s is the host's own function", f.Name)
	}
	v, err := in.begin(ctx).call(in.component.lifts[f.number], nil, args)
	in.end()
	if err != nil {
		in.trapped = err
		return abi.Value{}, err
	}
	return v, nil
}

// Drop destroys a resource that a call has returned.
func (in *Instance) Drop(ctx context.Context, v abi.Value) error {
	if in.trapped != nil {
		return ErrTrapped
	}
	defer in.end()
	if err := in.begin(ctx).destroy(v.Resource(), nil); err != nil {
		in.trapped = err
		return err
	}
	return nil
}

// Trapped returns the trap that ended the instance, or nil.
func (in *Instance) Trapped() error { return in.trapped }

// OnClose has f called when the instance is closed, last registered first.
func (in *Instance) OnClose(f func(ctx context.Context) error) { in.onClose = append(in.onClose, f) }

// Close drops all resources of the host that the guest still has, and frees
// the instance.
func (in *Instance) Close(ctx context.Context) error {
	if in.closed {
		return nil
	}
	in.closed = true
	var errs []error
	orphans := map[*abi.Resource]bool{}
	for _, r := range in.orphans {
		orphans[r] = true
	}
	drop := func(r *abi.Resource) {
		delete(orphans, r) // it has come into a table after all
		if drop := in.component.resources[r.Type].drop; r.Home == nil && drop != nil {
			errs = append(errs, drop(ctx, r.Host))
		}
	}
	for _, comp := range in.comps {
		comp.Handles.Clear(drop)
	}
	for r := range orphans {
		drop(r)
	}
	for i := len(in.onClose) - 1; i >= 0; i-- {
		errs = append(errs, in.onClose[i](ctx))
	}
	for i := len(in.cores) - 1; i >= 0; i-- {
		if in.cores[i] != nil {
			errs = append(errs, in.cores[i].Close(ctx))
		}
	}
	return errors.Join(errs...)
}
