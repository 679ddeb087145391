// Package wagi runs a WASI preview 1 command as a CGI program for each request:
// the request in its arguments, its environment and its standard input, the
// reply from its standard output.
//
// Each request has an instance that is as new, which has nothing of the host but
// clocks, randomness and the files of its component, read-only. A reply's head is
// sent when the program has ended or has printed more than Buffered bytes,
// whichever is first: up to there a program that fails gets a clean error in its
// place. Spin holds the whole reply back. Whatever a program waits for ends when
// the context of its request does.
package wagi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/tetratelabs/wazero/sys"

	"github.com/neutrino-local/neutrino-local/runtime/component"
	"github.com/neutrino-local/neutrino-local/runtime/files"
)

// Entry is the function that a command exports.
const Entry = "_start"

// A Program is a command that is compiled and has what it needs.
type Program struct {
	// Make returns an instance that is as new and was given to set, for a request
	// whose lines of stderr are written there. end must be called when it is not
	// needed any more, with the trap that has ended it if one has.
	Make        func(ctx context.Context, set func(*component.Instance) error, stderr io.Writer) (in *component.Instance, end func(trap error) error, err error)
	Preview1    *Preview1
	Arguments   string            // template
	Environment map[string]string // of the manifest
	Files       *files.Tree       // nil if it has none
	Memory      uint64            // bytes that it may have, for messages; 0: no limit
}

// Serve runs the program for one request, as the function Serve says.
func (p *Program) Serve(ctx context.Context, w http.ResponseWriter, q *Request, stderr io.Writer) error {
	return Serve(ctx, w, q, p.Arguments, p.Environment, stderr, p.run)
}

func (p *Program) run(ctx context.Context, i *Invocation) error {
	set := func(in *component.Instance) error { return p.Preview1.Set(in, i, p.Files) }
	in, end, err := p.Make(ctx, set, i.Stderr)
	if err != nil {
		return p.explain(ctx, nil, err)
	}
	err = p.explain(ctx, in, in.Run(ctx, Entry))
	return errors.Join(err, end(in.Trapped()))
}

// An ExitError is the exit code of a program that did not end well.
type ExitError uint32

func (e ExitError) Error() string { return fmt.Sprintf("exit code %d", uint32(e)) }

// explain turns the way in which a call ended into the reason why. in is nil if
// there is no instance.
func (p *Program) explain(ctx context.Context, in *component.Instance, err error) error {
	exit, exited := errors.AsType[*sys.ExitError](err)
	switch {
	case err == nil || exited && exit.ExitCode() == 0:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case exited:
		err = ExitError(exit.ExitCode())
	}
	if in == nil || p.Memory == 0 {
		return err
	}
	if size, _ := in.Memory(); size > p.Memory/10*9 {
		return fmt.Errorf("%w\nits memory has %d of the %d bytes that an instance may have", err, size, p.Memory)
	}
	return err
}
