package wasi

import (
	"context"
	"errors"

	"github.com/neutrino-local/neutrino-local/runtime/component"
)

// Command finds the function that runs a component as a command.
func Command(c *component.Component) (*component.Func, bool) {
	for _, version := range cliVersions {
		if f, ok := c.Func("wasi:cli/run@"+version, "run"); ok {
			return f, true
		}
	}
	return nil, false
}

// Run runs the command in to its end and returns its exit code. An error is a
// trap, or the end of ctx.
func (h *Host) Run(ctx context.Context, in *component.Instance, run *component.Func) (code int, err error) {
	v, err := in.Call(ctx, run)
	if exit, ok := errors.AsType[*ExitError](err); ok {
		return int(exit.Code), nil
	}
	if err != nil {
		return 0, err
	}
	if _, ok := v.Result(); !ok {
		return 1, nil
	}
	return 0, nil
}
