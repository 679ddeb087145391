package runtime

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/neutrino-local/neutrino-local/runtime/component"
	"github.com/neutrino-local/neutrino-local/runtime/wagi"
)

// wagiExecutor runs the component of a trigger as a CGI program.
type wagiExecutor struct {
	id      string
	program *wagi.Program
	supply  *supply
}

// make returns an instance of the program that was given to set.
func (e *wagiExecutor) make(ctx context.Context, set func(*component.Instance) error, stderr io.Writer) (*component.Instance, func(error) error, error) {
	l, err := e.supply.lend(ctx, io.Discard, stderr, component.InstanceConfig{Init: set})
	if err != nil {
		return nil, nil, err
	}
	end := func(trap error) error {
		reset, fault := l.end(ctx, trap)
		e.supply.later(reset)
		return fault
	}
	return l.Instance, end, nil
}

// start shows that the program can be made.
func (e *wagiExecutor) start(ctx context.Context) error {
	config := component.InstanceConfig{Init: func(in *component.Instance) error {
		return e.program.Preview1.Set(in, &wagi.Invocation{}, nil)
	}}
	if err := e.supply.warm(ctx, config); err != nil {
		return fmt.Errorf("component %q: instantiate: %w", e.id, err)
	}
	return nil
}

// maxCollected is how much of a body of unknown length is read before the
// program starts, so that it can be told the length. What is longer is streamed
// without it.
const maxCollected = 16 << 20

func (e *wagiExecutor) serve(ctx context.Context, w http.ResponseWriter, q *request) error {
	r, err := q.cgi()
	if err != nil {
		return err
	}
	return e.program.Serve(ctx, w, r, q.stderr)
}

// cgi is the request as a CGI program gets it.
func (q *request) cgi() (*wagi.Request, error) {
	r := &wagi.Request{
		HTTP: q.Request, Path: q.path, Query: q.URL.RawQuery, Host: q.host,
		Match: q.match, Place: q.place, Body: q.body, Length: q.ContentLength,
	}
	if q.body == nil {
		r.Length = 0
	} else if q.ContentLength < 0 {
		content, all, err := collect(q.body, maxCollected+1)
		if err != nil {
			return nil, err
		}
		r.Body = bytes.NewReader(content)
		if all {
			r.Length = int64(len(content))
		} else {
			r.Body = joined(content, q.body)
		}
	}
	return r, nil
}
