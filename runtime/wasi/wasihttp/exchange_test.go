package wasihttp

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/neutrino-local/neutrino-local/runtime/wasi/stream"
)

// serve answers every request with guest, as the executor of a trigger does,
// and returns the server's URL.
func serve(t *testing.T, guest func(ctx context.Context, x *Exchange)) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := http.NewResponseController(w).EnableFullDuplex(); err != nil {
			t.Error(err)
		}
		var pumps sync.WaitGroup
		in := &Incoming{Method: r.Method, Path: r.RequestURI, Scheme: "http", Authority: r.Host, Header: func() http.Header { return r.Header }, Trailer: func() http.Header { return r.Trailer }}
		if r.ContentLength != 0 {
			in.Body = r.Body
		}
		x := NewExchange(in, func(f func()) { pumps.Go(f) })
		done := make(chan struct{})
		go func() {
			defer close(done)
			guest(r.Context(), x)
			x.Answer.Set(Answer{Err: Fail(InternalError)})
		}()
		a, err := x.Answer.Wait(r.Context())
		if err != nil || a.Err != nil || WriteHead(w, r, a.Response) != nil {
			w.WriteHeader(http.StatusInternalServerError)
		} else if err := WriteBody(r.Context(), w, r, a.Response); err != nil {
			defer panic(http.ErrAbortHandler)
		}
		<-done
		if x.Stop() {
			_ = http.NewResponseController(w).SetReadDeadline(time.Unix(1, 0))
		}
		pumps.Wait()
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// respond opens a response's body.
func respond(t *testing.T, fields ...Field) (*Response, *OutgoingBody, *stream.OutputStream) {
	f, err := NewFields(fields...)
	if err != nil {
		t.Error(err)
	}
	res := NewResponse(f)
	body, ok := res.OpenBody()
	if !ok {
		t.Error("no body")
	}
	out, ok := body.Open()
	if !ok {
		t.Error("no stream")
	}
	if _, again := body.Open(); again {
		t.Error("a body opens twice")
	}
	return res, body, stream.NewOutput(out)
}

func get(t *testing.T, method, url string, body io.Reader) (*http.Response, string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Close = true // or the transport might try again
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return nil, "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return res, string(b), err
}

func TestBodyMayBeWrittenBeforeTheAnswer(t *testing.T) {
	want := strings.Repeat("0123456789abcdef", 200<<10/16)
	url := serve(t, func(ctx context.Context, x *Exchange) {
		res, body, out := respond(t)
		for rest := want; rest != ""; rest = rest[min(4096, len(rest)):] {
			if err := out.BlockingWriteAndFlush(ctx, []byte(rest[:min(4096, len(rest))])); err != nil {
				t.Error(err)
			}
		}
		if err := body.Finish(nil); err != nil {
			t.Error(err)
		}
		x.Answer.Set(Answer{Response: res})
	})
	res, got, err := get(t, "GET", url, nil)
	if err != nil || got != want {
		t.Fatalf("got %d bytes, %v, want %d", len(got), err, len(want))
	}
	if _, ok := res.Header["Content-Type"]; ok || res.ContentLength != -1 {
		t.Errorf("reply has a header that the guest did not set: %v, length %d", res.Header, res.ContentLength)
	}
}

func TestReplyGoesOutBeforeTheGuestEnds(t *testing.T) {
	seen := make(chan struct{})
	url := serve(t, func(ctx context.Context, x *Exchange) {
		res, body, out := respond(t, Field{"content-length", []byte("10")})
		x.Answer.Set(Answer{Response: res})
		if err := out.BlockingWriteAndFlush(ctx, []byte("first")); err != nil {
			t.Error(err)
		}
		<-seen // the client has the first half
		if err := out.BlockingWriteAndFlush(ctx, []byte("later")); err != nil {
			t.Error(err)
		}
		if err := body.Finish(nil); err != nil {
			t.Error(err)
		}
	})
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	half := make([]byte, 5)
	if _, err := io.ReadFull(res.Body, half); err != nil {
		t.Fatal(err)
	}
	close(seen)
	rest, err := io.ReadAll(res.Body)
	if err != nil || string(half)+string(rest) != "firstlater" {
		t.Errorf("got %q and %q, %v", half, rest, err)
	}
}

func TestBodyThatIsNotAsLongAsDeclared(t *testing.T) {
	for _, length := range []string{"3", "8"} {
		url := serve(t, func(ctx context.Context, x *Exchange) {
			res, body, out := respond(t, Field{"content-length", []byte(length)})
			x.Answer.Set(Answer{Response: res})
			err := out.BlockingWriteAndFlush(ctx, []byte("hello"))
			if length == "3" && !errors.Is(err, FailSize(ResponseBodySize, 5)) {
				t.Errorf("a write beyond the length = %v, want HTTP-response-body-size", err)
			}
			var e *Error
			if err := body.Finish(nil); !errors.As(err, &e) || e.Code != ResponseBodySize || *e.Size != 5 {
				t.Errorf("Finish of 5 bytes where %s are declared = %v, want HTTP-response-body-size: 5", length, err)
			}
		})
		if _, got, err := get(t, "GET", url, nil); err == nil {
			t.Errorf("length %s: the reply %q looks whole", length, got)
		}
	}
}

func TestBodyThatIsNeverFinishedIsBroken(t *testing.T) {
	url := serve(t, func(ctx context.Context, x *Exchange) {
		res, body, out := respond(t)
		x.Answer.Set(Answer{Response: res})
		if err := out.BlockingWriteAndFlush(ctx, []byte("hello")); err != nil {
			t.Error(err)
		}
		body.Abort()
	})
	if _, got, err := get(t, "GET", url, nil); err == nil {
		t.Errorf("the reply %q looks whole", got)
	}
}

func TestTrailersBothWays(t *testing.T) {
	url := serve(t, func(ctx context.Context, x *Exchange) {
		in, _ := x.Request.OpenBody()
		src, _ := in.Open()
		var got bytes.Buffer
		copyAll(ctx, t, &got, stream.NewInput(src))
		tr, err := in.Finish().Wait(ctx)
		if err != nil || tr.Err != nil || tr.Fields == nil {
			t.Errorf("trailers = %+v, %v", tr, err)
			return
		}
		res, body, _ := respond(t)
		x.Answer.Set(Answer{Response: res})
		if err := body.Finish(tr.Fields.Clone()); err != nil {
			t.Error(err)
		}
	})
	req, err := http.NewRequestWithContext(t.Context(), "POST", url, io.NopCloser(strings.NewReader("body")))
	if err != nil {
		t.Fatal(err)
	}
	req.Trailer = http.Header{"X-Sum": {"42"}}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.ReadAll(res.Body); err != nil || res.Trailer.Get("X-Sum") != "42" {
		t.Errorf("trailers of the reply = %v, %v", res.Trailer, err)
	}
}

func copyAll(ctx context.Context, t *testing.T, w io.Writer, in *stream.InputStream) error {
	for {
		b, err := in.BlockingRead(ctx, stream.MaxRead)
		if err != nil {
			if !errors.Is(err, stream.ErrClosed) {
				return err
			}
			return nil
		}
		if _, err := w.Write(b); err != nil {
			t.Error(err)
		}
	}
}

func TestBothWaysAtOnce(t *testing.T) {
	url := serve(t, func(ctx context.Context, x *Exchange) {
		in, _ := x.Request.OpenBody()
		src, _ := in.Open()
		res, body, out := respond(t)
		x.Answer.Set(Answer{Response: res})
		input := stream.NewInput(src)
		for {
			if _, err := out.BlockingSplice(ctx, input, stream.MaxRead); err != nil {
				break
			}
		}
		if err := body.Finish(nil); err != nil {
			t.Error(err)
		}
	})
	want := bytes.Repeat([]byte("0123456789abcdef"), 4<<20/16)
	_, got, err := get(t, "POST", url, bytes.NewReader(want))
	if err != nil || got != string(want) {
		t.Errorf("echo of %d bytes = %d bytes, %v", len(want), len(got), err)
	}
}

func TestStopEndsTheBody(t *testing.T) {
	r, w := io.Pipe()
	var pumps sync.WaitGroup
	x := NewExchange(&Incoming{Body: r}, func(f func()) { pumps.Go(f) })
	if x.Stop() {
		t.Error("a body that nobody has looked at is read")
	}
	x = NewExchange(&Incoming{Body: r}, func(f func()) { pumps.Go(f) })
	body, _ := x.Request.OpenBody()
	src, _ := body.Open()
	in := stream.NewInput(src)
	go func() { _, _ = w.Write([]byte("some")) }()
	if b, err := in.BlockingRead(t.Context(), 100); string(b) != "some" || err != nil {
		t.Errorf("read %q, %v", b, err)
	}
	x.Stop()
	w.Close() // ends a read that waits
	pumps.Wait()
	if _, err := in.BlockingRead(t.Context(), 100); !errors.Is(err, Fail(ConnectionTerminated)) {
		t.Errorf("read after Stop = %v, want connection-terminated", err)
	}
}

func TestHeadHasNoBodyAndHurtsNoGuest(t *testing.T) {
	url := serve(t, func(ctx context.Context, x *Exchange) {
		res, body, out := respond(t, Field{"content-length", []byte("3000000")})
		x.Answer.Set(Answer{Response: res})
		for range 3000 {
			if err := out.BlockingWriteAndFlush(ctx, make([]byte, 1000)); err != nil {
				t.Error(err)
				return
			}
		}
		if err := body.Finish(nil); err != nil {
			t.Error(err)
		}
	})
	res, got, err := get(t, "HEAD", url, nil)
	if err != nil || got != "" || res.ContentLength != 3000000 {
		t.Errorf("HEAD = %q, %v, length %d", got, err, res.ContentLength)
	}
}

func TestStatusMustBeFinal(t *testing.T) {
	url := serve(t, func(_ context.Context, x *Exchange) {
		res := NewResponse(new(Fields))
		if !res.SetStatus(101) || res.SetStatus(99) || res.SetStatus(1000) {
			t.Error("SetStatus does not want three digits")
		}
		x.Answer.Set(Answer{Response: res})
	})
	if res, _, err := get(t, "GET", url, nil); err != nil || res.StatusCode != 500 {
		t.Errorf("status = %v, %v, want 500", res, err)
	}
}

func TestGuestSeesWhatWasAsked(t *testing.T) {
	url := serve(t, func(_ context.Context, x *Exchange) {
		r := x.Request
		headers, err := r.Headers()
		if err != nil {
			t.Error(err)
			return
		}
		got := strings.Join([]string{r.Method, r.Path, r.Scheme, r.Authority, strings.Join(text(headers), "; ")}, "|")
		if want := "PURGE|/a%2Fb?c=%20d|http|app.example|x-a: 1; x-a: 2"; got != want {
			t.Errorf("the guest sees %q, want %q", got, want)
		}
		res := NewResponse(new(Fields))
		res.SetStatus(204)
		x.Answer.Set(Answer{Response: res})
	})
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "PURGE /a%2Fb?c=%20d HTTP/1.1\r\nHost: app.example\r\nX-a: 1\r\nx-A: 2\r\nKeep-Alive: 5\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "HTTP/1.1 204") {
		t.Errorf("reply = %q, %v", line, err)
	}
}
