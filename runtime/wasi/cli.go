package wasi

import (
	"errors"
	"io"

	"github.com/neutrino-local/neutrino-local/runtime/component"
	"github.com/neutrino-local/neutrino-local/runtime/component/abi"
	"github.com/neutrino-local/neutrino-local/runtime/wasi/stream"
)

// Candidates of 2023 have this part as 0.2 has it.
var cliVersions = []string{track02, trackNov, trackOct}

func (h *Host) linkCLI(l *component.Linker) {
	h.linkEnvironment(in(l, "wasi:cli/environment", cliVersions...))
	exit := in(l, "wasi:cli/exit", cliVersions...)
	exit.fn("exit", func(_ *component.Call, args []abi.Value) (abi.Value, error) {
		if _, ok := args[0].Result(); !ok {
			return abi.Value{}, &ExitError{Code: 1}
		}
		return abi.Value{}, &ExitError{}
	})
	exit.fn("exit-with-code", func(_ *component.Call, args []abi.Value) (abi.Value, error) {
		return abi.Value{}, &ExitError{Code: args[0].U8()}
	})
	h.linkStdio(l)
	h.linkTerminals(l)
}

func (h *Host) linkEnvironment(s scope) {
	s.fn("get-environment", func(c *component.Call, _ []abi.Value) (abi.Value, error) {
		var list []abi.Value
		for _, v := range h.states.Get(c).Environment {
			list = append(list, abi.Tuple(abi.String(v.Name), abi.String(v.Value)))
		}
		return abi.List(list...), nil
	})
	s.fn("get-arguments", func(c *component.Call, _ []abi.Value) (abi.Value, error) {
		var list []abi.Value
		for _, a := range h.states.Get(c).Arguments {
			list = append(list, abi.String(a))
		}
		return abi.List(list...), nil
	})
	s.fn("initial-cwd", func(c *component.Call, _ []abi.Value) (abi.Value, error) {
		if dir := h.states.Get(c).Directory; dir != "" {
			return abi.Some(abi.String(dir)), nil
		}
		return abi.None(), nil
	})
}

func (h *Host) linkStdio(l *component.Linker) {
	in(l, "wasi:cli/stdin", cliVersions...).fn("get-stdin", func(c *component.Call, _ []abi.Value) (abi.Value, error) {
		src := h.states.Get(c).Stdin
		if src == nil {
			src = stream.Empty
		}
		return h.Inputs.Own(stream.NewInput(shared{src})), nil
	})
	output := func(name string, w func(*State) io.Writer) {
		in(l, "wasi:cli/"+name, cliVersions...).fn("get-"+name, func(c *component.Call, _ []abi.Value) (abi.Value, error) {
			dst := w(h.states.Get(c))
			if dst == nil {
				dst = io.Discard
			}
			return h.Outputs.Own(stream.NewOutput(stream.Sink(dst))), nil
		})
	}
	output("stdout", func(s *State) io.Writer { return s.Stdout })
	output("stderr", func(s *State) io.Writer { return s.Stderr })
}

// shared is standard input, which a guest may ask for again: dropping one
// stream of it does not close it.
type shared struct{ stream.Input }

func (shared) Close() {}

type terminal struct{}

func (h *Host) linkTerminals(l *component.Linker) {
	inputs := resource[terminal](in(l, "wasi:cli/terminal-input", cliVersions...), "terminal-input", nil)
	outputs := resource[terminal](in(l, "wasi:cli/terminal-output", cliVersions...), "terminal-output", nil)
	for i, t := range []struct {
		name string
		r    component.Resource[terminal]
	}{{"stdin", inputs}, {"stdout", outputs}, {"stderr", outputs}} {
		s := in(l, "wasi:cli/terminal-"+t.name, cliVersions...)
		s.fn("get-terminal-"+t.name, func(c *component.Call, _ []abi.Value) (abi.Value, error) {
			if h.states.Get(c).Terminal[i] {
				return abi.Some(t.r.Own(terminal{})), nil
			}
			return abi.None(), nil
		})
	}
}

// ErrRunFailed is the end of a command that says by itself that it failed.
var ErrRunFailed = errors.New("command failed")
