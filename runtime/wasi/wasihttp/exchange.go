package wasihttp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/neutrino-local/neutrino-local/runtime/wasi/stream"
)

// An IncomingRequest is the request that a guest answers.
type IncomingRequest struct {
	Method, Path, Scheme, Authority string

	header   func() http.Header
	headers  *Fields // nil: nobody has asked yet
	body     *IncomingBody
	consumed bool
}

// Headers returns the headers, which are immutable. They are put together when
// they are first asked for: many guests never do.
func (r *IncomingRequest) Headers() (*Fields, error) {
	if r.headers == nil {
		headers, err := FieldsOf(r.header())
		if err != nil {
			return nil, err
		}
		r.headers = headers
	}
	return r.headers, nil
}

// OpenBody returns the body. The second call and all later ones return false.
func (r *IncomingRequest) OpenBody() (*IncomingBody, bool) {
	if r.consumed {
		return nil, false
	}
	r.consumed = true
	return r.body, true
}

// An Answer is what a guest gives for a request: a response or an error.
type Answer struct {
	Response *Response
	Err      *Error
}

// An Exchange is a request and the answer to come.
type Exchange struct {
	Request *IncomingRequest
	// Answer is set at most once, and the reply goes out then.
	Answer stream.Future[Answer]
}

// An Incoming is a request as its server has it.
type Incoming struct {
	Method    string
	Path      string // with query
	Scheme    string
	Authority string                 // what Host says
	Header    func() http.Header     // called at most once, by the guest's goroutine
	Body      io.Reader              // nil is none
	Trailer   func() http.Header     // after the body's end; nil is none
	Fault     func(err error) *Error // gives an error of Body its code
}

// NewExchange returns the exchange for a request. run starts the goroutine that
// reads the body; whoever gives it calls Stop, ends a read that waits, and waits
// for the goroutine.
func NewExchange(r *Incoming, run func(func())) *Exchange {
	src := io.ReadCloser(http.NoBody)
	if r.Body != nil {
		src = io.NopCloser(r.Body)
	}
	trailer := r.Trailer
	if trailer == nil {
		trailer = func() http.Header { return nil }
	}
	return &Exchange{Request: &IncomingRequest{
		Method: r.Method, Path: r.Path, Scheme: r.Scheme, Authority: r.Authority, header: r.Header,
		body: NewIncomingBody(src, trailer, r.Fault, run),
	}}
}

// Stop ends the reading of the request's body. It reports whether a read may
// still wait for the client.
func (x *Exchange) Stop() (reading bool) { return x.Request.body.stop() }

// ErrStatus is for a response that cannot be a reply.
var ErrStatus = errors.New("status is not that of a final response")

// WriteHead sends the head of res. An error means that nothing was sent.
func WriteHead(w http.ResponseWriter, r *http.Request, res *Response) error {
	if res.Status < 200 || res.Status > 999 {
		return fmt.Errorf("status %d: %w", res.Status, ErrStatus)
	}
	h := w.Header()
	res.Headers.AddTo(h)
	if !res.Headers.Has("content-type") {
		h["Content-Type"] = nil // none, and not a guess
	}
	if res.Body != nil && !res.Headers.Has("content-length") && r.ProtoAtLeast(1, 1) && r.ProtoMajor == 1 {
		h.Set("Transfer-Encoding", "chunked") // else net/http counts a short body
	}
	w.WriteHeader(int(res.Status))
	return nil
}

// WriteBody sends the body and the trailers of res after its head. Its error is
// a *WriteError if the client is the reason, else what broke the body or the
// cause of ctx's end.
func WriteBody(ctx context.Context, w http.ResponseWriter, r *http.Request, res *Response) error {
	if res.Body == nil {
		return nil
	}
	if r.Method == http.MethodHead || res.Status == http.StatusNoContent || res.Status == http.StatusNotModified {
		res.Body.pipe.Drop() // the guest may write on, and it goes nowhere
		return nil
	}
	flush := http.NewResponseController(w).Flush
	if err := res.Body.CopyTo(ctx, w, flush); err != nil {
		_ = flush() // the client gets what there is, and sees that it has no end
		return err
	}
	if t := res.Body.Trailers(); t != nil {
		for _, e := range t.Entries() {
			w.Header().Add(http.TrailerPrefix+e.Name, string(e.Value))
		}
	}
	return nil
}
