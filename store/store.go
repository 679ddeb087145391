// Package store has the nouns of the cloud: apps, their revisions, the
// deployments that make a revision current, and what a registry keeps of
// manifests and tags.
//
// It imports nothing of ours and does no I/O. Package store/sqlite keeps these
// things; whoever needs some of that asks for it with a small interface of its
// own.
package store

import "errors"

// The kinds of error that cross package borders. Test with errors.Is; the text
// around a kind names the thing and is for people.
var (
	ErrNotFound = errors.New("not found")
	ErrConflict = errors.New("conflict") // the state of the thing does not allow it now
	ErrInvalid  = errors.New("invalid")  // the request can never succeed as it is
	ErrLimit    = errors.New("over the limit")
)

// A HintError is an error with the next step for the person who reads it.
type HintError struct {
	Err  error
	Hint string // a sentence or a command line
}

func (e *HintError) Error() string { return e.Err.Error() }
func (e *HintError) Unwrap() error { return e.Err }

// Hint adds a next step to err.
func Hint(err error, hint string) error { return &HintError{Err: err, Hint: hint} }

// HintOf returns the outermost hint in err's chain, or "".
func HintOf(err error) string {
	if h, ok := errors.AsType[*HintError](err); ok {
		return h.Hint
	}
	return ""
}
