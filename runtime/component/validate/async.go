package validate

import (
	"errors"
	"fmt"

	"github.com/neutrino-local/neutrino-local/runtime/component/binary"
	"github.com/neutrino-local/neutrino-local/runtime/component/types"
)

func sig(params, results int) types.CoreFunc {
	f := types.CoreFunc{}
	for range params {
		f.Params = append(f.Params, i32)
	}
	for range results {
		f.Results = append(f.Results, i32)
	}
	return f
}

// asyncCanon returns the signature of a built-in of the asynchronous part.
func (s *scope) asyncCanon(n *binary.Canon) (types.CoreFunc, error) {
	switch n.Op {
	case binary.CanonTaskReturn:
		return s.taskReturn(n)
	case binary.CanonContextGet, binary.CanonContextSet:
		return contextCanon(n)
	case binary.CanonStreamNew, binary.CanonStreamRead, binary.CanonStreamWrite, binary.CanonStreamCancelRead,
		binary.CanonStreamCancelWrite, binary.CanonStreamDropReadable, binary.CanonStreamDropWritable:
		return s.streamCanon(n, types.Stream)
	case binary.CanonFutureNew, binary.CanonFutureRead, binary.CanonFutureWrite, binary.CanonFutureCancelRead,
		binary.CanonFutureCancelWrite, binary.CanonFutureDropReadable, binary.CanonFutureDropWritable:
		return s.streamCanon(n, types.Future)
	case binary.CanonErrorContextNew:
		return sig(2, 1), s.options(n.Options, needs{memory: true})
	case binary.CanonErrorContextDebug:
		return sig(2, 0), s.options(n.Options, needs{memory: true, realloc: true})
	case binary.CanonWaitableSetWait, binary.CanonWaitableSetPoll:
		return sig(2, 1), s.memory(n.Memory)
	case binary.CanonThreadNewIndirect:
		return sig(2, 1), s.threadNew(n)
	case binary.CanonTaskCancel, binary.CanonBackpressureInc, binary.CanonBackpressureDec:
		return sig(0, 0), nil
	case binary.CanonWaitableSetNew, binary.CanonThreadYield, binary.CanonThreadIndex, binary.CanonThreadSuspend,
		binary.CanonAvailableParallelism:
		return sig(0, 1), nil
	case binary.CanonSubtaskCancel, binary.CanonThreadSuspendResume, binary.CanonThreadYieldResume,
		binary.CanonThreadSuspendPromote, binary.CanonThreadYieldPromote:
		return sig(1, 1), nil
	case binary.CanonWaitableJoin:
		return sig(2, 0), nil
	case binary.CanonThreadSpawnRef, binary.CanonThreadSpawnIndirect:
		return sig(0, 0), errors.New("shared-everything threads are not supported")
	}
	return sig(1, 0), nil // drops, and thread.resume-later
}

func (s *scope) taskReturn(n *binary.Canon) (types.CoreFunc, error) {
	t, err := s.optional(n.Result)
	if err != nil {
		return types.CoreFunc{}, err
	}
	o := n.Options
	if o.Async || o.Realloc != nil || o.PostReturn != nil || o.Callback != nil {
		return types.CoreFunc{}, errors.New("only string-encoding and memory are allowed as options")
	}
	f := &types.Func{Result: t}
	s.v.info.Funcs[n] = f
	if t == nil {
		return types.CoreFunc{}, s.options(o, needs{})
	}
	core := types.CoreFunc{Params: t.Flat}
	if t.Spills {
		core = sig(1, 0)
	}
	return core, s.options(o, needs{memory: t.Spills || t.InMemory()})
}

func contextCanon(n *binary.Canon) (types.CoreFunc, error) {
	if n.Val != types.I32 && n.Val != types.I64 {
		return types.CoreFunc{}, fmt.Errorf("context values are i32 or i64, not %s", n.Val)
	}
	if n.Slot > 1 {
		return types.CoreFunc{}, fmt.Errorf("context slot %d is not 0 or 1", n.Slot)
	}
	if n.Op == binary.CanonContextGet {
		return types.CoreFunc{Results: []types.CoreType{n.Val}}, nil
	}
	return types.CoreFunc{Params: []types.CoreType{n.Val}}, nil
}

func (s *scope) streamCanon(n *binary.Canon, kind types.Kind) (types.CoreFunc, error) {
	t, err := s.value(binary.ValRef{Index: n.Type})
	if err != nil {
		return types.CoreFunc{}, err
	}
	if t.Kind != kind {
		return types.CoreFunc{}, fmt.Errorf("type %d is not a %s type", n.Type, kind)
	}
	inMemory := t.Elem != nil && t.Elem.InMemory()
	switch n.Op {
	case binary.CanonStreamNew, binary.CanonFutureNew:
		return types.CoreFunc{Results: []types.CoreType{types.I64}}, nil
	case binary.CanonStreamRead:
		return sig(3, 1), s.options(n.Options, needs{realloc: inMemory})
	case binary.CanonStreamWrite:
		return sig(3, 1), s.options(n.Options, needs{memory: inMemory})
	case binary.CanonFutureRead:
		return sig(2, 1), s.options(n.Options, needs{realloc: inMemory})
	case binary.CanonFutureWrite:
		return sig(2, 1), s.options(n.Options, needs{memory: inMemory})
	case binary.CanonStreamCancelRead, binary.CanonStreamCancelWrite, binary.CanonFutureCancelRead, binary.CanonFutureCancelWrite:
		return sig(1, 1), nil
	}
	return sig(1, 0), nil
}

func (s *scope) threadNew(n *binary.Canon) error {
	t, err := at(s.coreTypes, n.Type, "core type")
	if err != nil {
		return err
	}
	if t.fn == nil || !t.fn.Equal(sigThreadFun) {
		return fmt.Errorf("start function must have type %s", sigThreadFun)
	}
	table, err := s.coreItem(types.CoreSortTable, n.Table)
	if err != nil {
		return err
	}
	if table.Elem != types.FuncRef {
		return errors.New("start function must be in a table of functions")
	}
	return nil
}
