package component

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/sys"

	"github.com/neutrino-local/neutrino-local/runtime/component/abi"
	"github.com/neutrino-local/neutrino-local/runtime/memory"
)

// A Turn is a guest's right to the processor: see package pool.
type Turn interface {
	// Tick gives others a chance, and returns the cause of ctx when that has
	// ended.
	Tick(ctx context.Context) error
	// Block gives the right up while the guest waits, until Resume.
	Block()
	Resume(ctx context.Context) error
}

// An InstanceConfig is how an instance is made.
type InstanceConfig struct {
	// Init sets the state of hosts ([Slot.Set]) before any guest code runs: when
	// the instance is made, and again when it is reset.
	Init func(*Instance) error
	// Late sets what Init has not set and a guest may never ask for: it is called
	// when something of it is asked for, at most once for each call of Init.
	Late func(*Instance)
	// Memories is room that was reserved by [Component.Reserve]; nil: it is
	// reserved now, without a limit but MemoryLimit.
	Memories *memory.Set
	// MemoryLimit bounds the bytes of all memories together; 0: only by what
	// the memories say themselves.
	MemoryLimit uint64
	// Preview1 is what a core module that imports WASI preview 1 gets from
	// wazero's functions, see [Config.Preview1]: nil is no environment, no files,
	// and output that goes nowhere.
	Preview1 wazero.ModuleConfig
	// Turn is the guest's; nil: it has the processor whenever it wants.
	Turn Turn
}

// An Instance is one guest: its memories, globals, tables and handles. It is
// for one goroutine at a time.
type Instance struct {
	component *Component
	init      func(*Instance) error
	late      func(*Instance)
	isLate    bool // late has been called
	cores     []api.Module
	memories  *memory.Set
	owned     []memory.Memory // of memories, in their order
	globals   []global
	starts    []start
	entry     start // of the last Run
	comps     []*abi.Instance
	sides     []*side
	funcs     [][]api.Function // by number in Component.calls: not in use now
	state     []any
	free      []*Call
	preview1  wazero.ModuleConfig
	onClose   []func(ctx context.Context) error
	orphans   []*abi.Resource // of the host, that belonged to nobody at a trap
	turn      Turn
	trapped   error  // why it cannot be entered any more
	spare     *task  // not in use
	task      *task  // that runs now; nil: none
	ticks     uint64 // how often the guest has used up its fuel
	meter     meter
	stopped   bool // it was ended when it had used up its fuel
	asked     bool // see Asked
	closed    bool
}

// A global is a mutable one and what it begins with.
type global struct {
	api.MutableGlobal
	first uint64
}

// A start is what runs when an instance has been made or reset.
type start struct {
	core  int
	name  string
	fn    api.Function
	owner *abi.Instance
}

// A side is the memory and allocator of one function's canonical options.
type side struct {
	memory   abi.Memory
	realloc  abi.Realloc
	encoding abi.Encoding
}

// ErrTrapped is what calls of an instance that has trapped end with.
var ErrTrapped = errors.New("instance has trapped before and cannot be entered again")

// Reserve takes room for the memories of one instance, to be given to
// Instantiate; limit is for all of them together, 0 is none. What is not given
// to Instantiate must be released.
func (c *Component) Reserve(limit uint64) (*memory.Set, error) {
	return c.engine.space.Reserve(c.images, limit)
}

// Instantiate makes an instance and runs the start functions of its modules.
// If it fails, even by a panic of a host, all that it took is given back.
func (c *Component) Instantiate(ctx context.Context, cfg InstanceConfig) (_ *Instance, err error) {
	in := c.newInstance()
	in.init, in.late, in.turn, in.memories = cfg.Init, cfg.Late, cfg.Turn, cfg.Memories
	if in.memories == nil {
		if in.memories, err = c.Reserve(cfg.MemoryLimit); err != nil {
			return nil, err
		}
	}
	made := false
	defer func() {
		if !made {
			err = errors.Join(err, in.Close(context.WithoutCancel(ctx)))
		}
	}()
	if err := in.initialize(); err != nil {
		return nil, err
	}
	if in.preview1 = cfg.Preview1; in.preview1 == nil {
		in.preview1 = wazero.NewModuleConfig().WithRandSource(rand.Reader).WithSysWalltime().WithSysNanotime()
	}
	if err := in.link(ctx); err != nil {
		in.trapped = err
		return nil, err
	}
	made = true
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

func (in *Instance) initialize() error {
	in.isLate = false
	if in.init == nil {
		return nil
	}
	return in.init(in)
}

// link makes the core instances, and runs what runs at their start.
func (in *Instance) link(ctx context.Context) error {
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
	ctx = experimental.WithMemoryAllocator(ctx, in.memories)
	t := in.begin(ctx) // the engine finds the resolver through it, start functions their instance
	defer in.end()
	cfg := in.preview1.WithName("").WithStartFunctions()
	for i, k := range in.component.cores {
		providers = k.providers
		planned := in.component.plan.Cores[i]
		owner := in.comps[planned.Instance]
		if err := owner.Enter(nil); err != nil {
			return err
		}
		core, err := in.component.runtime.InstantiateModule(t, k.compiled, cfg)
		if err != nil {
			return fmt.Errorf("core instance %d: %w", i, err)
		}
		owner.Exit(nil)
		in.cores[i] = core
		if k.memory {
			in.owned = append(in.owned, core.Memory())
		}
		for _, name := range k.globals {
			g := core.ExportedGlobal(name).(api.MutableGlobal)
			in.globals = append(in.globals, global{g, g.Get()})
		}
		if k.fuel != "" {
			in.globals = append(in.globals, global{core.ExportedGlobal(k.fuel).(api.MutableGlobal), k.fuelStart})
		}
		n := len(in.starts)
		for _, name := range []string{k.start, planned.Init} {
			if name != "" {
				in.starts = append(in.starts, start{i, name, core.ExportedFunction(name), owner})
			}
		}
		if err := in.run(t, in.starts[n:]); err != nil {
			return err
		}
	}
	return nil
}

// run runs start functions.
func (in *Instance) run(t *task, starts []start) error {
	for _, s := range starts {
		if err := s.owner.Enter(nil); err != nil {
			return err
		}
		if err := s.fn.CallWithStack(t, nil); err != nil {
			return fmt.Errorf("core instance %d: %s: %w", s.core, s.name, err)
		}
		s.owner.Exit(nil)
	}
	return nil
}

// begin makes the task of a call. A task that was interrupted by a trap may
// still be there; then the instance is not used again.
func (in *Instance) begin(ctx context.Context) *task {
	t := in.spare
	if in.spare = nil; t == nil {
		t = &task{inst: in}
	}
	t.Context, t.free = ctx, in.free
	in.task = t
	return t
}

// end ends the task, unless a trap has left it in the hands of guest code.
func (in *Instance) end() {
	t := in.task
	in.free, in.task = t.free, nil
	t.Context, t.free = nil, nil
	in.spare = t
}

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
		return abi.Value{}, errClosed
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
	switch {
	case in.closed:
		return errClosed
	case in.trapped != nil:
		return ErrTrapped
	}
	defer in.end()
	if err := in.begin(ctx).destroy(v.Resource(), nil); err != nil {
		in.trapped = err
		return err
	}
	return nil
}

// Run calls an exported function of a core module, which has no parameters and
// no results. It is for commands, see [Engine.CompileCommand]. A guest that exits
// ends with a [sys.ExitError], which is no trap.
func (in *Instance) Run(ctx context.Context, name string) error {
	switch {
	case in.closed:
		return errClosed
	case in.trapped != nil:
		return fmt.Errorf("%w: %w", ErrTrapped, in.trapped)
	}
	if in.entry.name != name {
		in.entry = start{name: name, fn: in.cores[0].ExportedFunction(name)}
	}
	t := in.begin(ctx)
	defer in.end()
	err := in.entry.fn.CallWithStack(t, nil)
	if _, exited := errors.AsType[*sys.ExitError](err); err != nil && !exited {
		in.trapped = err
	}
	return err
}

var errClosed = errors.New("instance is closed")

// Use gives the instance another turn, for the calls that follow.
func (in *Instance) Use(t Turn) { in.turn = t }

// Trapped returns the trap that ended the instance, or nil.
func (in *Instance) Trapped() error { return in.trapped }

// Memory returns how many bytes the memories have, and the first growth that a
// limit has refused since the instance was made or reset; none is the zero
// Refusal.
func (in *Instance) Memory() (size uint64, refused memory.Refusal) {
	refused, _ = in.memories.Refused()
	return in.memories.Size(), refused
}

// Ticks returns how often guest code has used up its fuel since the instance
// was made or reset.
func (in *Instance) Ticks() uint64 { return in.ticks }

// Stopped reports whether guest code was ended while it ran, because the
// context of its call had ended.
func (in *Instance) Stopped() bool { return in.stopped }

// Asked reports whether the guest has called a function of a host since the
// instance was made or reset. If not, it knows nothing of what Init has set.
func (in *Instance) Asked() bool { return in.asked }

// OnClose has f called when the instance is closed or reset, last registered
// first.
func (in *Instance) OnClose(f func(ctx context.Context) error) { in.onClose = append(in.onClose, f) }

// Drain drops all resources of the host that the guest still has and calls what
// was registered with OnClose. Guest code does not run any more, until Reset.
func (in *Instance) Drain(ctx context.Context) error {
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
	clear(in.onClose)
	clear(in.orphans)
	in.onClose, in.orphans = in.onClose[:0], in.orphans[:0]
	return errors.Join(errs...)
}

// Close drops all resources of the host that the guest still has, and frees
// the instance.
func (in *Instance) Close(ctx context.Context) error {
	if in.closed {
		return nil
	}
	in.closed = true
	errs := []error{in.Drain(ctx)}
	for i := len(in.cores) - 1; i >= 0; i-- {
		if in.cores[i] != nil {
			errs = append(errs, in.cores[i].Close(ctx))
		}
	}
	return errors.Join(append(errs, in.memories.Release())...)
}
