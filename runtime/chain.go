package runtime

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/router/ledger"
	"github.com/neutrino-local/neutrino-local/runtime/route"
	"github.com/neutrino-local/neutrino-local/runtime/spin/outbound"
	"github.com/neutrino-local/neutrino-local/runtime/wasi/stream"
	"github.com/neutrino-local/neutrino-local/runtime/wasi/wasihttp"
)

// maxDepth is how many requests of an app to itself may be inside each other.
const maxDepth = 8

// An origin is the request by which all this began. It is in the context of its
// guest, and of the guests that this one calls.
type origin struct {
	scheme, host string // where it came in
	base         Base
	entry        *ledger.Entry
	life         context.Context // of its lease: ends when all is over, or is cut
}

type originKey struct{}
type innerKey struct{}

// withOrigin returns the context for the guest that answers q.
func withOrigin(ctx context.Context, q *request) context.Context {
	if depthOf(ctx) > 0 {
		return ctx
	}
	scheme, _, _ := strings.Cut(q.place.URL, "://")
	return context.WithValue(ctx, originKey{}, origin{scheme, strings.ToLower(q.host), baseOf(ctx), ledger.From(ctx), q.Context()})
}

// originOf returns the origin in ctx, and whether there is one.
func originOf(ctx context.Context) (origin, bool) {
	o, ok := ctx.Value(originKey{}).(origin)
	return o, ok
}

// An inner request is one that a guest of the app has sent to it.
type inner struct {
	depth int          // how many requests it is inside of
	users atomic.Int64 // its answer, and the guest that goes on after that
	end   func()       // frees what it has of its origin, when there are none
}

// innerOf returns the inner request of ctx, or nil.
func innerOf(ctx context.Context) *inner {
	in, _ := ctx.Value(innerKey{}).(*inner)
	return in
}

func (in *inner) leave() {
	if in.users.Add(-1) == 0 {
		in.end()
	}
}

// depthOf returns how many requests of the app the one of ctx is inside.
func depthOf(ctx context.Context) int {
	if in := innerOf(ctx); in != nil {
		return in.depth
	}
	return 0
}

// isSelf reports whether a request of a guest goes to its own app: without a
// host, by the name for it, or where the guest's own request came in.
func isSelf(ctx context.Context, u *url.URL) bool {
	if u.Host == "" || u.Hostname() == outbound.SelfHost {
		return true
	}
	o, ok := originOf(ctx)
	return ok && o.base.Prefix == "" && u.Scheme == o.scheme && strings.ToLower(u.Host) == o.host
}

// chained returns the component whose name u has, as in service chaining.
func chained(u *url.URL) (component string, ok bool) {
	return strings.CutSuffix(strings.ToLower(u.Hostname()), artifact.ChainingSuffix)
}

// maxCalls is how many requests the guests of one app may have under way at once,
// until they have read or dropped the replies: each can be a connection.
const maxCalls = 1024

// A sender sends the requests of an app's guests. Those to the app itself never
// leave the process.
type sender struct{ app *App }

// RoundTrip sends r. It is for requests that are allowed.
func (s sender) RoundTrip(r *http.Request) (*http.Response, error) {
	calls := &s.app.calls
	if calls.Add(1) > maxCalls {
		calls.Add(-1)
		return nil, refuse(r, wasihttp.ConnectionLimitReached)
	}
	end := sync.OnceFunc(func() { calls.Add(-1) })
	res, err := s.send(r)
	if err != nil || res.Body == nil || res.Body == http.NoBody {
		end()
		return res, err
	}
	res.Body = &countedBody{res.Body, end}
	return res, nil
}

// A countedBody is a body whose end is noted. Both its users close it.
type countedBody struct {
	io.ReadCloser
	end func()
}

func (b *countedBody) Close() error {
	b.end()
	return b.ReadCloser.Close()
}

func (s sender) send(r *http.Request) (*http.Response, error) {
	if isSelf(r.Context(), r.URL) {
		return s.app.self(r)
	}
	if id, ok := chained(r.URL); ok {
		return s.app.chain(r, id)
	}
	return s.app.host.transport.RoundTrip(r)
}

// self sends r to the routes of this revision.
func (a *App) self(r *http.Request) (*http.Response, error) {
	o, ok := originOf(r.Context())
	if !ok {
		return nil, refuse(r, wasihttp.DestinationNotFound)
	}
	return a.inside(r, func(in *http.Request) {
		in.Host, in.RemoteAddr = o.host, "127.0.0.1:0"
		if o.scheme == "https" && o.base.Scheme == "" {
			in.TLS = new(tls.ConnectionState)
		}
		*in = *in.WithContext(WithBase(in.Context(), o.base))
	}, a.dispatch)
}

// chain sends r to a component, which sees what Spin tells such a one: a route of
// everything, no client and no host.
func (a *App) chain(r *http.Request, id string) (*http.Response, error) {
	t, ok := a.triggers[id]
	if !ok || t.component != id {
		return nil, refuse(r, wasihttp.DestinationNotFound)
	}
	return a.inside(r, func(in *http.Request) {
		in.Host, in.RemoteAddr = "localhost", "0.0.0.0:0"
		*in = *in.WithContext(WithBase(in.Context(), Base{}))
	}, func(w http.ResponseWriter, in *http.Request) {
		path := rawPath(in.URL)
		c := &call{app: a, trigger: t, w: w, r: in}
		c.serve(path, route.Through(id, path))
		if c.broken {
			panic(http.ErrAbortHandler)
		}
	})
}

func refuse(r *http.Request, code wasihttp.Code) error {
	closeBody(r)
	return wasihttp.Fail(code)
}

func closeBody(r *http.Request) {
	if r.Body != nil {
		_ = r.Body.Close() // of a guest, which learns of it
	}
}

// inside has r answered in this process. place gives the request its host and
// client. The guest that answers is cut when the caller leaves; if it has replied
// by then it may go on, as part of the request by which all began.
func (a *App) inside(r *http.Request, place func(*http.Request), handle func(http.ResponseWriter, *http.Request)) (*http.Response, error) {
	if depthOf(r.Context()) == maxDepth {
		return nil, refuse(r, wasihttp.LoopDetected)
	}
	u, err := url.ParseRequestURI(requestURI(r.URL))
	if err != nil {
		return nil, refuse(r, wasihttp.RequestURIInvalid)
	}
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(r.Context()))
	guest := &inner{depth: depthOf(r.Context()) + 1, end: func() {}}
	if o, ok := originOf(ctx); ok {
		release := o.entry.Hold()
		forget := context.AfterFunc(o.life, func() { cancel(context.Cause(o.life)) })
		guest.end = func() { forget(); release() }
	}
	guest.users.Add(1)
	ctx = context.WithValue(ledger.With(ctx, nil), innerKey{}, guest)
	in := (&http.Request{
		Method: r.Method, URL: u, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: present(r.Header), Body: r.Body, ContentLength: r.ContentLength, Trailer: r.Trailer,
	}).WithContext(ctx)
	place(in)
	w := &insideReply{method: r.Method, asked: in.Body, body: stream.NewPipe(wasihttp.BufferRead), head: make(chan *http.Response, 1), header: http.Header{}}
	w.ctx = in.Context()
	if trace := httptrace.ContextClientTrace(r.Context()); trace != nil && trace.GotConn != nil {
		trace.GotConn(httptrace.GotConnInfo{})
	}
	stop := context.AfterFunc(r.Context(), func() { cancel(nil) })
	a.join()
	go func() {
		defer a.leave()
		defer guest.leave()
		defer closeBody(in)
		defer func() {
			stop()
			p := recover()
			w.end(p)
			if err, ok := p.(error); p != nil && !(ok && errors.Is(err, http.ErrAbortHandler)) { // a fault of ours must not end the server
				a.host.log.ErrorContext(ctx, "panic in a request of an app to itself", keyApp, a.spec.App, "panic", p, "stack", string(debug.Stack()))
			}
		}()
		handle(w, in)
	}()
	select {
	case res := <-w.head:
		if res == nil {
			return nil, wasihttp.Fail(wasihttp.ConnectionTerminated)
		}
		return res, nil
	case <-r.Context().Done():
		return nil, context.Cause(r.Context())
	}
}

// join is enter for who is in already, by a request of its own.
func (a *App) join() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.users++
}

func requestURI(u *url.URL) string {
	path := u.RawPath
	if path == "" {
		path = u.EscapedPath()
	}
	if path == "" {
		path = "/"
	}
	if u.RawQuery != "" || u.ForceQuery {
		path += "?" + u.RawQuery
	}
	return path
}

// present returns a copy of the fields that have values.
func present(h http.Header) http.Header {
	h = h.Clone()
	for name, values := range h {
		if len(values) == 0 {
			delete(h, name)
		}
	}
	return h
}
