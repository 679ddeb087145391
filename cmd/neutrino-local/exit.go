package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/neutrino-local/neutrino-local/registry/remote"
	"github.com/neutrino-local/neutrino-local/store"
	"github.com/neutrino-local/neutrino-local/web/apitype"
	"github.com/neutrino-local/neutrino-local/web/client"
)

// The exit codes of every verb (design §10).
const (
	exitOK          = 0
	exitError       = 1 // a conflict or a failed assertion is one too
	exitUsage       = 2
	exitUnhealthy   = 3 // deployed, but not healthy
	exitRefused     = 4 // by a limit or by validation: nothing changed
	exitUnreachable = 5 // no server, or no registry
)

// A codedError ends the program with a code of its own.
type codedError struct {
	error
	code int
}

func (e codedError) Unwrap() error { return e.error }

func coded(code int, err error) error { return codedError{err, code} }

func usagef(format string, args ...any) error {
	return coded(exitUsage, fmt.Errorf(format, args...))
}

// errSilent is of what has been printed already.
var errSilent = errors.New("")

// exitCodes is the one table from errors to exit codes. The first row that
// matches counts.
var exitCodes = []struct {
	matches func(error) bool
	code    int
}{
	{isKind(client.ErrUnreachable), exitUnreachable},
	{isKind(remote.ErrUnreachable), exitUnreachable},
	{isKind(store.ErrInvalid), exitRefused},
	{isKind(store.ErrLimit), exitRefused},
	{isCode("invalid"), exitRefused},
	{isCode("limit"), exitRefused},
}

func isKind(kind error) func(error) bool {
	return func(err error) bool { return errors.Is(err, kind) }
}

func isCode(code string) func(error) bool {
	return func(err error) bool {
		e, ok := errors.AsType[*apitype.Error](err)
		return ok && e.Code == code
	}
}

func exitCode(err error) int {
	if err == nil {
		return exitOK
	}
	if c, ok := errors.AsType[codedError](err); ok {
		return c.code
	}
	for _, row := range exitCodes {
		if row.matches(err) {
			return row.code
		}
	}
	return exitError
}

// report tells the person what went wrong and returns the exit code.
func report(err error, w io.Writer) int {
	code := exitCode(err)
	if err == nil || errors.Is(err, errSilent) {
		return code
	}
	fmt.Fprintf(w, "Error: %v\n", err)
	hint := store.HintOf(err)
	if e, ok := errors.AsType[*apitype.Error](err); ok && hint == "" {
		hint = e.Hint
	}
	if hint != "" {
		fmt.Fprintf(w, "Hint: %s\n", hint)
	}
	return code
}
