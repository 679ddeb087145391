package wasihttp

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/neutrino-local/neutrino-local/runtime/wasi/stream"
)

func allowAll(context.Context, *url.URL) error { return nil }

// request is a guest's request to the URL.
func request(t *testing.T, method, to string) *Request {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	r := NewRequest(new(Fields))
	path := u.RequestURI()
	if !r.SetMethod(method) || !r.SetScheme(&u.Scheme) || !r.SetAuthority(&u.Host) || !r.SetPath(&path) {
		t.Fatalf("%s %s is refused", method, to)
	}
	return r
}

func send(ctx context.Context, t *testing.T, o *Outbound, r *Request, opt Options) Result {
	t.Helper()
	var work sync.WaitGroup
	t.Cleanup(work.Wait)
	call, e := o.Send(ctx, r, opt, work.Go)
	if e != nil {
		return Result{Err: e}
	}
	res, err := call.Wait(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// roundTrip is a transport by one function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// closing is a body that notes its end.
type closing struct {
	io.Reader
	closed *bool
}

func (c closing) Close() error {
	*c.closed = true
	return nil
}

// TestOutboundDroppedTooLate has the response arrive at the moment at which the
// guest drops its future: its body is closed all the same.
func TestOutboundDroppedTooLate(t *testing.T) {
	closed, arrive := false, make(chan struct{})
	o := &Outbound{Allow: allowAll, Transport: roundTrip(func(*http.Request) (*http.Response, error) {
		<-arrive
		return &http.Response{StatusCode: 200, Header: http.Header{}, Body: closing{strings.NewReader("late"), &closed}}, nil
	})}
	var work sync.WaitGroup
	call, e := o.Send(t.Context(), request(t, "GET", "http://host/"), Options{}, work.Go)
	if e != nil {
		t.Fatal(e)
	}
	call.Close()
	close(arrive)
	work.Wait()
	if res, ok := call.Get(); !ok || res.Err == nil || !closed {
		t.Errorf("result %+v, body closed %v", res, closed)
	}
}

func TestOutboundCarriesBodiesAndTrailersBothWays(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		fmt.Fprintf(w, "%s %s %s %d %v %v", r.Method, r.RequestURI, b, r.ContentLength, r.Header, r.Trailer)
		w.(http.Flusher).Flush()
		w.Header().Set(http.TrailerPrefix+"X-End", "yes")
	}))
	t.Cleanup(s.Close)
	o := &Outbound{Allow: allowAll, Transport: NewTransport(new(net.Dialer).DialContext)}
	r := request(t, "POST", s.URL+"/a%2Fb?q")
	body, _ := r.OpenBody()
	dst, _ := body.Open()
	trailers, err := NewFields(Field{"x-sum", []byte("1")})
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		if err := stream.NewOutput(dst).BlockingWriteAndFlush(t.Context(), []byte("hello")); err != nil {
			t.Error(err)
		}
		if err := body.Finish(trailers); err != nil {
			t.Error(err)
		}
	}()
	res := send(t.Context(), t, o, r, Options{})
	if res.Err != nil || res.Response.Status != 200 {
		t.Fatalf("Send = %+v", res)
	}
	in, _ := res.Response.OpenBody()
	src, _ := in.Open()
	var got strings.Builder
	if err := copyAll(t.Context(), t, &got, stream.NewInput(src)); err != nil {
		t.Fatal(err)
	}
	if want := "POST /a%2Fb?q hello -1 map[] map[X-Sum:[1]]"; got.String() != want {
		t.Errorf("the server saw %q, want %q", got.String(), want)
	}
	tr, err := in.Finish().Wait(t.Context())
	if err != nil || tr.Fields == nil || string(tr.Fields.Get("x-end")[0]) != "yes" {
		t.Errorf("trailers = %+v, %v", tr, err)
	}
}

func TestOutboundFollowsNoRedirect(t *testing.T) {
	s := httptest.NewServer(http.RedirectHandler("/elsewhere", http.StatusFound))
	t.Cleanup(s.Close)
	o := &Outbound{Allow: allowAll, Transport: NewTransport(new(net.Dialer).DialContext)}
	res := send(t.Context(), t, o, request(t, "GET", s.URL), Options{})
	if res.Err != nil || res.Response.Status != 302 {
		t.Fatalf("Send = %+v, want 302", res)
	}
	res.Response.Close()
}

func TestOutboundRefuses(t *testing.T) {
	prohibited := func(context.Context, *url.URL) error { return fmt.Errorf("private: %w", Fail(DestinationIPProhibited)) }
	denied := func(context.Context, *url.URL) error { return errors.New("not listed") }
	tests := []struct {
		name  string
		allow func(context.Context, *url.URL) error
		scheme,
		authority string
		want   Code
		future bool // the error comes through the future
	}{
		{"nothing is granted", nil, "http", "h", RequestDenied, true},
		{"not granted", denied, "http", "h", RequestDenied, true},
		{"an address that is not", prohibited, "http", "h", DestinationIPProhibited, true},
		{"no authority", denied, "http", "", RequestDenied, true},
		{"another scheme", allowAll, "ftp", "h", ProtocolError, false},
	}
	for _, tt := range tests {
		o := &Outbound{Allow: tt.allow}
		r := NewRequest(new(Fields))
		r.SetScheme(&tt.scheme)
		if tt.authority != "" {
			r.SetAuthority(&tt.authority)
		}
		call, e := o.Send(t.Context(), r, Options{}, nil)
		if tt.future {
			if res, ok := call.Get(); ok {
				e = res.Err
			}
		}
		if e == nil || e.Code != tt.want || (call != nil) != tt.future {
			t.Errorf("%s: %v, want %v", tt.name, e, tt.want)
		}
	}
}

func TestOutboundTimes(t *testing.T) {
	second := time.Second
	never := func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}
	talk := func(reply string) func(context.Context, string, string) (net.Conn, error) {
		return func(context.Context, string, string) (net.Conn, error) {
			client, server := net.Pipe()
			go func() {
				defer server.Close()
				if _, err := http.ReadRequest(bufio.NewReader(server)); err == nil {
					_, _ = io.WriteString(server, reply)
				}
				_, _ = io.Copy(io.Discard, server)
			}()
			return client, nil
		}
	}
	tests := []struct {
		name string
		dial func(context.Context, string, string) (net.Conn, error)
		opt  Options
		want Code
	}{
		{"connect", never, Options{Connect: &second}, ConnectionTimeout},
		{"first byte", talk(""), Options{FirstByte: &second}, ConnectionReadTimeout},
		{"between bytes", talk("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"), Options{BetweenBytes: &second}, ConnectionReadTimeout},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			transport := NewTransport(tt.dial)
			defer transport.CloseIdleConnections()
			res := send(t.Context(), t, &Outbound{Allow: allowAll, Transport: transport}, request(t, "GET", "http://h/"), tt.opt)
			e := res.Err
			if res.Response != nil {
				in, _ := res.Response.OpenBody()
				src, _ := in.Open()
				if err := copyAll(t.Context(), t, io.Discard, stream.NewInput(src)); !errors.As(err, &e) {
					t.Errorf("%s: the body ended with %v", tt.name, err)
				}
			}
			if e == nil || e.Code != tt.want || time.Since(start) != second {
				t.Errorf("%s: %v after %v, want %v after 1s", tt.name, e, time.Since(start), tt.want)
			}
		})
	}
}

func TestErrorOf(t *testing.T) {
	dial := func(err error) error { return &url.Error{Op: "Get", Err: &net.OpError{Op: "dial", Err: err}} }
	tests := []struct {
		err  error
		want Code
	}{
		{fmt.Errorf("x: %w", Fail(LoopDetected)), LoopDetected},
		{dial(&net.DNSError{Err: "no such host", IsNotFound: true}), DNSError},
		{dial(&net.DNSError{Err: "i/o timeout", IsTimeout: true}), DNSError},
		{dial(syscall.ECONNREFUSED), ConnectionRefused},
		{dial(syscall.ENETUNREACH), DestinationIPUnroutable},
		{dial(syscall.ETIMEDOUT), ConnectionTimeout},
		{dial(errors.New("odd")), DestinationUnavailable},
		{&net.OpError{Op: "read", Err: syscall.ECONNRESET}, ConnectionTerminated},
		{io.ErrUnexpectedEOF, ResponseIncomplete},
		{io.EOF, ConnectionTerminated},
		{context.DeadlineExceeded, ConnectionReadTimeout},
		{x509.UnknownAuthorityError{}, TLSProtocolError},
		{&tls.CertificateVerificationError{Err: errors.New("expired")}, TLSProtocolError},
		{tls.AlertError(40), TLSProtocolError},
		{tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}, TLSProtocolError},
		{errors.New("net/http: HTTP/1.x transport connection broken: malformed MIME header"), ProtocolError},
		{errors.New("net/http: server response headers exceeded 1 bytes; aborted"), ResponseHeaderSectionSize},
		{errors.New("unknown"), InternalError},
	}
	for _, tt := range tests {
		if got := ErrorOf(tt.err); got.Code != tt.want {
			t.Errorf("ErrorOf(%v) = %v, want %v", tt.err, got, tt.want)
		}
	}
	for c := DNSTimeout; c <= InternalError; c++ {
		if strings.HasPrefix(c.String(), "error-code(") {
			t.Errorf("code %d has no name", c)
		}
	}
}
