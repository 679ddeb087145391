package component

import (
	"context"
	"errors"
	"fmt"

	"github.com/neutrino-local/neutrino-local/runtime/component/abi"
	"github.com/neutrino-local/neutrino-local/runtime/memory"
)

// Reset brings an instance back to how it was made: nothing is left of what its
// guest and its hosts had. Start functions run again, on turn t. After an error
// the instance can only be closed.
//
// What a guest can change are handles, memories and their size, mutable globals
// and tables; that the last are never changed is known when a component is
// compiled, see [Component.Resettable].
func (in *Instance) Reset(ctx context.Context, t Turn) (memory.Result, error) {
	switch {
	case in.closed:
		return memory.Result{}, errClosed
	case in.trapped != nil:
		return memory.Result{}, fmt.Errorf("%w: %w", ErrTrapped, in.trapped)
	case in.task != nil:
		return memory.Result{}, errors.New("instance is in use by a call")
	}
	result, err := in.reset(ctx, t)
	if err != nil {
		in.trapped = err
	}
	return result, err
}

func (in *Instance) reset(ctx context.Context, t Turn) (memory.Result, error) {
	if err := in.component.Resettable(); err != nil {
		return memory.Result{}, err
	}
	in.turn = t
	if err := in.Drain(ctx); err != nil {
		return memory.Result{}, err
	}
	for _, c := range in.comps {
		*c = abi.Instance{Parent: c.Parent, Root: c.Root}
	}
	clear(in.state)
	result, err := in.memories.Reset(in.owned)
	if err != nil {
		return result, err
	}
	for _, g := range in.globals {
		g.Set(g.first)
	}
	in.ticks, in.meter, in.asked = 0, meter{}, false
	if err := in.initialize(); err != nil {
		return result, err
	}
	if len(in.starts) == 0 {
		return result, nil
	}
	task := in.begin(ctx)
	defer in.end()
	return result, in.run(task, in.starts)
}
