package wagi

import (
	"context"
	"io"
	"net/http"
)

// An Invocation is what a guest sees of one request by WASI.
type Invocation struct {
	Arguments   []string
	Environment []Variable
	Stdin       io.Reader // nil: empty
	Stdout      io.Writer // nil: dropped
	Stderr      io.Writer
}

// Serve has run answer q by what it prints, and writes its reply to w. template
// is for the arguments, base the environment of the manifest. An error is what
// went wrong with the program or with the reply, and the head may have been sent
// by then; if a context ended it, it is the context's cause.
func Serve(ctx context.Context, w http.ResponseWriter, q *Request, template string, base map[string]string, stderr io.Writer,
	run func(ctx context.Context, i *Invocation) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	out := &stdout{w: w, method: q.HTTP.Method, cancel: cancel}
	i := &Invocation{
		Arguments: arguments(template, q), Environment: environment(base, q),
		Stdin: q.Body, Stdout: out, Stderr: stderr,
	}
	if err := run(ctx, i); err != nil {
		if out.err != nil {
			return out.err // why the program was ended
		}
		return err
	}
	return out.finish()
}
