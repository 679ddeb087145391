package wasihttp

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/neutrino-local/neutrino-local/runtime/wasi/stream"
)

// DefaultTimeout is each of the times that a guest does not give itself.
const DefaultTimeout = 600 * time.Second

// An Outbound sends the requests of guests. Redirects are not followed.
type Outbound struct {
	// Allow returns an error for a request that must not be sent. An *Error is
	// what the guest gets, anything else becomes HTTP-request-denied. Nil
	// allows nothing. A request without an authority has no host.
	Allow func(ctx context.Context, u *url.URL) error
	// Transport sends the request. It may return an *Error.
	Transport http.RoundTripper
}

// NewTransport returns a transport that dials as dial does and adds nothing to
// what guests send.
func NewTransport(dial func(ctx context.Context, network, addr string) (net.Conn, error)) *http.Transport {
	return &http.Transport{
		DialContext:            dial,
		DisableCompression:     true,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           256,
		MaxIdleConnsPerHost:    32,
		IdleConnTimeout:        30 * time.Second,
		MaxResponseHeaderBytes: MaxFields,
	}
}

// A Result is what came of a request: a response or an error.
type Result struct {
	Response *IncomingResponse
	Err      *Error
}

// An IncomingResponse is the response to a guest's request.
type IncomingResponse struct {
	Status   uint16
	Headers  *Fields
	body     *IncomingBody
	consumed bool
}

// OpenBody returns the body. The second call and all later ones return false.
func (r *IncomingResponse) OpenBody() (*IncomingBody, bool) {
	if r.consumed {
		return nil, false
	}
	r.consumed = true
	return r.body, true
}

// Close drops a response whose body nobody took.
func (r *IncomingResponse) Close() {
	if !r.consumed {
		r.consumed = true
		r.body.Close()
	}
}

// A Call is a request that is under way: a future of its result.
type Call struct {
	stream.Future[Result]
	cancel context.CancelCauseFunc

	mu      sync.Mutex
	dropped bool // guarded by mu; nobody will take the result
}

// Close ends the call if its response is not there yet.
func (c *Call) Close() {
	c.mu.Lock()
	_, ok := c.Get()
	c.dropped = !ok
	c.mu.Unlock()
	if !ok {
		c.cancel(errDropped)
	}
}

// end sets the result. A response that comes too late is closed.
func (c *Call) end(res Result) {
	c.mu.Lock()
	late := c.dropped && res.Response != nil
	if !late {
		c.Set(res)
	}
	c.mu.Unlock()
	if late {
		res.Response.Close()
		c.Set(Result{Err: ErrorOf(errDropped)})
	}
}

var errDropped = errors.New("guest dropped it")

// Send begins to send r. An error that can be told without the network is
// returned at once. run starts goroutines that end with ctx; whoever gives it
// waits for them.
func (o *Outbound) Send(ctx context.Context, r *Request, opt Options, run func(func())) (*Call, *Error) {
	u, e := r.url()
	if e != nil {
		return nil, e
	}
	ctx, cancel := context.WithCancelCause(ctx)
	call := &Call{cancel: cancel}
	if err := o.allow(ctx, u); err != nil {
		r.disconnect(err)
		call.Set(Result{Err: err})
		cancel(err)
		return call, nil
	}
	req, e := r.toGo(ctx, u)
	if e != nil {
		cancel(e)
		return nil, e
	}
	run(func() {
		res := o.do(req, opt, cancel, run)
		if res.Err != nil {
			r.disconnect(res.Err)
			cancel(res.Err)
		}
		call.end(res)
	})
	return call, nil
}

func (o *Outbound) allow(ctx context.Context, u *url.URL) *Error {
	if o == nil || o.Allow == nil {
		return Fail(RequestDenied)
	}
	err := o.Allow(ctx, u)
	var e *Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e):
		return e
	}
	return Fail(RequestDenied)
}

func (r *Request) disconnect(err error) {
	if r.Body != nil {
		r.Body.Disconnect(err)
	}
}

// url returns where r goes. Without a scheme that is https.
func (r *Request) url() (*url.URL, *Error) {
	u := &url.URL{Scheme: "https"}
	if r.Scheme != nil {
		u.Scheme = strings.ToLower(*r.Scheme)
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return nil, Fail(ProtocolError)
	}
	if r.Authority != nil {
		u.Host = *r.Authority
	}
	path := "/"
	if r.Path != nil && *r.Path != "" {
		path = *r.Path
	}
	path, query, asked := strings.Cut(path, "?")
	if path == "" {
		path = "/"
	}
	u.RawQuery, u.ForceQuery = query, asked && query == ""
	unescaped, err := url.PathUnescape(path)
	u.Path, u.RawPath = unescaped, path
	if err != nil || u.EscapedPath() != path {
		if strings.HasPrefix(path, "//") {
			return nil, Fail(RequestURIInvalid)
		}
		u.Opaque = path // goes out as the guest wrote it
	}
	return u, nil
}

func (r *Request) toGo(ctx context.Context, u *url.URL) (*http.Request, *Error) {
	n, declared, err := r.Headers.contentLength()
	if err != nil {
		return nil, Fail(ProtocolError)
	}
	req := (&http.Request{
		Method: r.Method, URL: u, Host: u.Host, Header: http.Header{},
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}).WithContext(ctx)
	r.Headers.AddTo(req.Header)
	if !r.Headers.Has("user-agent") {
		req.Header["User-Agent"] = nil // none, and not Go's
	}
	switch {
	case r.Body == nil || declared && n == 0:
		req.Body = http.NoBody
	case declared:
		req.ContentLength = int64(n)
		req.Body = r.Body.reader(ctx, http.Header{})
	default:
		req.ContentLength = -1
		req.Trailer = http.Header{}
		req.Body = r.Body.reader(ctx, req.Trailer)
	}
	return req, nil
}

// do sends req and waits for the head of the response.
func (o *Outbound) do(req *http.Request, opt Options, cancel context.CancelCauseFunc, run func(func())) Result {
	clock := newHeadClock(opt, cancel)
	defer clock.stop()
	ctx := httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { clock.connected() },
	})
	res, err := o.Transport.RoundTrip(req.WithContext(ctx))
	if err != nil {
		var own *Error
		if errors.As(context.Cause(ctx), &own) {
			return Result{Err: own}
		}
		return Result{Err: ErrorOf(err)}
	}
	headers, err := FieldsOf(res.Header)
	if err != nil {
		_ = res.Body.Close() // the response is not used
		return Result{Err: Fail(ResponseHeaderSectionSize)}
	}
	body := &timedBody{body: res.Body, ctx: ctx, cancel: cancel, between: orDefault(opt.BetweenBytes)}
	var src io.ReadCloser = body
	if res.Body == http.NoBody {
		src = http.NoBody
		cancel(errDropped)
	}
	incoming := NewIncomingBody(src, func() http.Header { return res.Trailer }, ErrorOf, run)
	return Result{Response: &IncomingResponse{Status: uint16(res.StatusCode), Headers: headers, body: incoming}}
}

func orDefault(d *time.Duration) time.Duration {
	if d == nil {
		return DefaultTimeout
	}
	return *d
}

// A headClock ends a request whose connection or first byte takes too long.
type headClock struct {
	firstByte time.Duration
	cancel    context.CancelCauseFunc

	mu    sync.Mutex
	timer *time.Timer // guarded by mu; of the step that is under way
	first bool        // guarded by mu; the connection is there
	done  bool        // guarded by mu
}

func newHeadClock(opt Options, cancel context.CancelCauseFunc) *headClock {
	c := &headClock{firstByte: orDefault(opt.FirstByte), cancel: cancel}
	c.timer = time.AfterFunc(orDefault(opt.Connect), func() { cancel(Fail(ConnectionTimeout)) })
	return c
}

func (c *headClock) connected() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done || c.first {
		return
	}
	c.first = true
	c.timer.Stop()
	c.timer = time.AfterFunc(c.firstByte, func() { c.cancel(Fail(ConnectionReadTimeout)) })
}

func (c *headClock) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done = true
	c.timer.Stop()
}

// A timedBody is the body of a response that may not pause for too long. Its
// end also ends the context of its request.
type timedBody struct {
	body    io.ReadCloser
	ctx     context.Context // of the request
	cancel  context.CancelCauseFunc
	between time.Duration
}

func (b *timedBody) Read(p []byte) (int, error) {
	timer := time.AfterFunc(b.between, func() { b.cancel(Fail(ConnectionReadTimeout)) })
	defer timer.Stop()
	n, err := b.body.Read(p)
	if err == nil {
		return n, nil
	}
	var own *Error
	if !errors.Is(err, io.EOF) && errors.As(context.Cause(b.ctx), &own) {
		err = own
	}
	b.cancel(errDropped)
	_ = b.body.Close() // it has been read to its end
	return n, err
}

// Close ends the request, and with it a Read that waits.
func (b *timedBody) Close() error {
	b.cancel(errDropped)
	return b.body.Close()
}
