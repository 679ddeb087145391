package runtime

import (
	"bytes"
	"context"
	"fmt"
	"net/http"

	"github.com/neutrino-local/neutrino-local/runtime/wagi"
)

// wagiExecutor runs the component of a trigger as a CGI program.
type wagiExecutor struct {
	id      string
	program *wagi.Program
}

func (e *wagiExecutor) start(ctx context.Context) error {
	if err := e.program.Instantiate(ctx); err != nil {
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
