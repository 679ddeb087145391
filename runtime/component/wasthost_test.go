package component

import (
	"context"
	"errors"
	"fmt"

	"github.com/neutrino-local/neutrino-local/runtime/component/abi"
)

// wastHost is what scripts may import: what the official suites expect of a
// host, which their own runners offer as well.
func wastHost() *Linker {
	l := NewLinker()
	ret := func(v Value) HostFunc {
		return func(*Call, []Value) (Value, error) { return v, nil }
	}
	l.Func("", "host-return-two", ret(abi.U32(2)))
	l.Func("", "host-echo-u32", func(_ *Call, args []Value) (Value, error) { return args[0], nil })
	l.Func("host", "return-three", ret(abi.U32(3)))
	l.Func("host/nested", "return-four", ret(abi.U32(4)))
	drops, last := uint32(0), uint32(0)
	r := NewResource(l, "host", "resource1", func(_ context.Context, rep uint32) error {
		drops, last = drops+1, rep
		return nil
	})
	r.Also(l, "host", "resource1-again")
	NewResource[uint32](l, "host", "resource2", nil)
	l.Func("host", "[constructor]resource1", func(_ *Call, args []Value) (Value, error) { return r.Own(args[0].U32()), nil })
	expect := func(_ *Call, args []Value) (Value, error) {
		if r.Of(args[0]) != args[1].U32() {
			return Value{}, errors.New("resource has another rep")
		}
		return Value{}, nil
	}
	l.Func("host", "[static]resource1.assert", expect)
	l.Func("host", "[method]resource1.simple", expect)
	take := func(_ *Call, args []Value) (Value, error) {
		r.Of(args[1])
		return Value{}, nil
	}
	l.Func("host", "[method]resource1.take-borrow", take)
	l.Func("host", "[method]resource1.take-own", take)
	l.Func("host", "[static]resource1.last-drop", func(*Call, []Value) (Value, error) { return abi.U32(last), nil })
	l.Func("host", "[static]resource1.drops", func(*Call, []Value) (Value, error) { return abi.U32(drops), nil })
	return l
}

const cannotSupply = "which a host cannot supply"

// errCannotSupply is a skip, except where a script expects it.
var errCannotSupply = fmt.Errorf("%w: imports a component or module from the host", errSkip)

// unsupported are the words of errors by which a script's component or
// assertion is known to be about something else than the component model's
// synchronous part.
var unsupported = []struct{ words, why string }{
	{"asynchronous", "needs the asynchronous part"},
	{"at most one memory", "the engine has no multiple memories"},
	{"more than one memory", "the engine has no multiple memories"},
	{"at most one table", "the engine has no multiple memories"},
	{"invalid memory alignment", "the engine has no multiple memories"},
	{"value type 0x6", "typed references of WebAssembly 3.0"},
	{"invalid canonical option 0x9", "options of the garbage collection proposal"},
	{"must be a 32-bit memory", "memories of 64 bits"},
	{"memories begin with", "the runner's memory limit"},
	{cannotSupply, ""},
	{"root-level component imports", "a restriction of another runtime"},
	{"exporting a component", "a restriction of another runtime"},
	{"reexport of an imported", "a restriction of another runtime"},
	{"feature is not active", "a restriction of another runtime"},
}
