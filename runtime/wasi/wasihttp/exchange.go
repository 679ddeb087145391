package wasihttp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"github.com/neutrino-local/neutrino-local/runtime/wasi/stream"
)

// An IncomingRequest is the request that a guest answers.
type IncomingRequest struct {
	Method, Path, Scheme, Authority string
	Headers                         *Fields
	body                            *IncomingBody
	consumed                        bool
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
	// ResponseLimit is what the body of a response may have, 0 is any.
	ResponseLimit uint64

	over atomic.Int64 // bytes seen when the request's body was too long
}

// ErrNoAuthority is for a request that does not say whom it is for.
var ErrNoAuthority = errors.New("request has no host")

// NewExchange returns the exchange for r, which is as the server has it. limit
// bounds the body, 0 is none. run starts the goroutine that reads the body;
// whoever gives it waits for it after the server's connection has been told to
// read no more.
func NewExchange(r *http.Request, limit int64, run func(func())) (*Exchange, error) {
	if r.Host == "" {
		return nil, ErrNoAuthority
	}
	for name, values := range r.Header {
		for _, v := range values {
			if !utf8.ValidString(v) {
				return nil, fmt.Errorf("field %s is not UTF-8", strings.ToLower(name))
			}
		}
	}
	headers, err := FieldsOf(r.Header)
	if err != nil {
		return nil, err
	}
	x := new(Exchange)
	src := io.ReadCloser(http.NoBody)
	if r.Body != nil && r.Body != http.NoBody {
		src = &limitedBody{body: r.Body, left: limit, limit: limit, x: x}
	}
	path := r.RequestURI
	if !strings.HasPrefix(path, "/") {
		path = r.URL.RequestURI()
	}
	x.Request = &IncomingRequest{
		Method: r.Method, Path: path, Scheme: "http", Authority: r.Host, Headers: headers,
		body: NewIncomingBody(src, func() http.Header { return r.Trailer }, requestError, run),
	}
	return x, nil
}

// TooLarge returns how much of the request's body was seen when it was more
// than its limit; 0 if it was not.
func (x *Exchange) TooLarge() int64 { return x.over.Load() }

// requestError gives the code of an error of a request's body.
func requestError(err error) *Error {
	var limit *LimitError
	if errors.As(err, &limit) {
		return FailSize(RequestBodySize, limit.Limit)
	}
	return Fail(ConnectionTerminated)
}

// limitedBody is the body of a request up to its limit.
type limitedBody struct {
	body        io.Reader
	left, limit int64
	x           *Exchange
}

func (b *limitedBody) Read(p []byte) (int, error) {
	if b.limit <= 0 {
		return b.body.Read(p)
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.body.Read(p)
	if int64(n) > b.left {
		b.x.over.Store(b.limit + int64(n) - b.left)
		return int(b.left), &LimitError{Limit: uint64(b.limit)}
	}
	b.left -= int64(n)
	return n, err
}

// Close does nothing: the body is the server's.
func (b *limitedBody) Close() error { return nil }

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
