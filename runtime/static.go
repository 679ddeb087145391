package runtime

import (
	"context"
	"net/http"
	"strconv"
	"strings"
)

// static answers with the static_response of a trigger, as it is written there.
type static struct {
	status int
	header http.Header
	body   string
}

func newStatic(s *staticResponse) *static {
	r := &static{status: http.StatusOK, header: http.Header{"Content-Type": nil}} // nil: net/http must not guess
	if s.Status != nil {
		r.status = *s.Status
	}
	if s.Body != nil {
		r.body = *s.Body
	}
	if r.status != http.StatusNoContent && r.status != http.StatusNotModified {
		r.header.Set("Content-Length", strconv.Itoa(len(r.body)))
	}
	for name, value := range s.Headers {
		switch strings.ToLower(name) {
		case "connection", "content-length", "transfer-encoding", "trailer": // the server's own
		default:
			r.header.Set(name, value)
		}
	}
	return r
}

func (s *static) serve(_ context.Context, w http.ResponseWriter, _ *request) error {
	for name, values := range s.header {
		w.Header()[name] = values
	}
	w.WriteHeader(s.status)
	if s.body == "" || !s.hasBody() {
		return nil
	}
	_, err := w.Write([]byte(s.body))
	return err
}

func (s *static) hasBody() bool {
	return s.status != http.StatusNoContent && s.status != http.StatusNotModified
}

func (s *static) start(context.Context) error { return nil }
