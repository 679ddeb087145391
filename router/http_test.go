package router

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/neutrino-local/neutrino-local/router/ledger"
)

// overHTTP runs f against a server in front of rt, by HTTP/1.1 and by h2c.
func overHTTP(t *testing.T, f func(t *testing.T, rt *Router, l *ledger.Ledger, client *http.Client, url string)) {
	for _, name := range []string{"http1", "h2c"} {
		t.Run(name, func(t *testing.T) {
			l := ledger.New(100000)
			rt := New(l)
			var protocols http.Protocols
			protocols.SetHTTP1(name == "http1")
			protocols.SetUnencryptedHTTP2(name == "h2c")
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				rt.Serve(w, r, Target{App: "hello"})
			}))
			server.Config.Protocols = &protocols
			server.Start()
			t.Cleanup(server.Close)
			transport := &http.Transport{Protocols: &protocols, MaxIdleConnsPerHost: 64}
			t.Cleanup(transport.CloseIdleConnections)
			f(t, rt, l, &http.Client{Transport: transport}, server.URL)
		})
	}
}

func (rt *Router) hello(b *Backend) { rt.Replace(Route{App: "1", Name: "hello", Current: b}) }

// Requests run while backends are replaced a hundred times: each gets a whole
// reply from a backend that had not been closed, and the ledger says the same.
func TestReplaceLosesNoRequest(t *testing.T) {
	overHTTP(t, func(t *testing.T, rt *Router, l *ledger.Ledger, client *http.Client, url string) {
		const switches, clients = 100, 8
		var served, sent atomic.Int64
		newBackend := func(n int) (*Backend, *atomic.Bool) {
			closed := new(atomic.Bool)
			body := strings.Repeat(fmt.Sprintf("%08d", n), 512)
			return NewBackend(1, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				for i := range 4 {
					if closed.Load() {
						t.Error("a backend serves after it was drained")
					}
					if _, err := io.WriteString(w, body[i*1024:(i+1)*1024]); err != nil {
						t.Error(err)
					}
				}
				served.Add(1)
			})), closed
		}
		b, closed := newBackend(0)
		rt.hello(b)
		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for range clients {
			wg.Go(func() {
				for ctx.Err() == nil {
					sent.Add(1)
					res, err := client.Get(url)
					if err != nil {
						t.Error(err)
						return
					}
					body, err := io.ReadAll(res.Body)
					res.Body.Close()
					if err != nil || res.StatusCode != 200 || len(body) != 4096 || strings.Count(string(body), string(body[:8])) != 512 {
						t.Errorf("%s, %d bytes, %v", res.Status, len(body), err)
						return
					}
				}
			})
		}
		for n := range switches {
			next, nextClosed := newBackend(n + 1)
			rt.hello(next)
			if cut := b.Drain(t.Context()); cut != 0 {
				t.Errorf("drain %d cut %d", n, cut)
			}
			closed.Store(true)
			b, closed = next, nextClosed
			for want := served.Load() + 3; served.Load() < want && !t.Failed(); { // so that each one serves
				<-l.Changed()
			}
		}
		stop()
		wg.Wait()
		b.Drain(t.Context())
		total := l.Totals("1", time.Time{})
		if sent.Load() != served.Load() || total != (ledger.Total{Replies: sent.Load()}) {
			t.Errorf("sent %d, served %d, recorded %+v", sent.Load(), served.Load(), total)
		}
	})
}

// A body that streams in both directions goes on across a switch.
func TestStreamAcrossASwitch(t *testing.T) {
	overHTTP(t, func(t *testing.T, rt *Router, l *ledger.Ledger, client *http.Client, url string) {
		old := NewBackend(1, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Trailer", "Lines")
			w.WriteHeader(http.StatusOK)
			lines, n := bufio.NewScanner(r.Body), 0
			for lines.Scan() {
				fmt.Fprintf(w, "echo %s\n", lines.Text())
				if err := http.NewResponseController(w).Flush(); err != nil {
					t.Error(err)
				}
				n++
			}
			w.Header().Set("Lines", fmt.Sprint(n))
		}))
		rt.hello(old)
		body, say := io.Pipe()
		go func() { fmt.Fprintln(say, "one") }()
		res, err := client.Post(url, "text/plain", body)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		echo := bufio.NewReader(res.Body)
		expect := func(want string) {
			t.Helper()
			if got, err := echo.ReadString('\n'); got != want {
				t.Fatalf("got %q, %v, want %q", got, err, want)
			}
		}
		expect("echo one\n")
		rt.hello(NewBackend(2, says("new")))
		drained := make(chan int)
		go func() { drained <- old.Drain(t.Context()) }()
		for i := range 10 {
			fmt.Fprintf(say, "line %d\n", i)
			expect(fmt.Sprintf("echo line %d\n", i))
			got, err := client.Get(url)
			if err != nil {
				t.Fatal(err)
			}
			b, _ := io.ReadAll(got.Body)
			got.Body.Close()
			if string(b) != "new" {
				t.Fatalf("beside the stream: %q, want new", b)
			}
		}
		say.Close()
		if rest, err := io.ReadAll(echo); len(rest) != 0 || err != nil {
			t.Errorf("rest %q, %v", rest, err)
		}
		if got := res.Trailer.Get("Lines"); got != "11" {
			t.Errorf("trailer = %q, want 11", got)
		}
		if cut := <-drained; cut != 0 {
			t.Errorf("cut %d, want 0", cut)
		}
		if got := l.Records(ledger.Query{Revision: 1}).Records; len(got) != 1 || got[0].Broken || got[0].Bytes != 9+10*12 {
			t.Errorf("records of the stream: %+v", got)
		}
	})
}

// A reply that is cut after its head must not look complete to the client, even
// if the handler returns as if all was well.
func TestCutBreaksTheReply(t *testing.T) {
	overHTTP(t, func(t *testing.T, rt *Router, l *ledger.Ledger, client *http.Client, url string) {
		b := NewBackend(1, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintln(w, "begin")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}))
		rt.hello(b)
		res, err := client.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		rt.hello(NewBackend(2, says("new")))
		if n := b.Cut(); n != 1 {
			t.Errorf("Cut = %d, want 1", n)
		}
		if body, err := io.ReadAll(res.Body); err == nil {
			t.Errorf("read %q to its end, want an error", body)
		}
		b.Drain(t.Context())
		got := l.Records(ledger.Query{}).Records
		if len(got) != 1 || got[0].Outcome != ledger.Cut || !got[0].Broken || !got[0].Lost() {
			t.Errorf("records = %+v, want one that is cut and broken", got)
		}
	})
}

func TestClientThatLeaves(t *testing.T) {
	overHTTP(t, func(t *testing.T, rt *Router, l *ledger.Ledger, client *http.Client, url string) {
		cause := make(chan error, 1)
		b := NewBackend(1, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintln(w, "begin")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
			cause <- context.Cause(r.Context())
			panic(http.ErrAbortHandler)
		}))
		rt.hello(b)
		ctx, leave := context.WithCancel(t.Context())
		r, _ := http.NewRequestWithContext(ctx, "GET", url, nil)
		res, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		changed := l.Changed()
		leave()
		res.Body.Close()
		if err := <-cause; err != ErrClientGone {
			t.Errorf("cause = %v, want ErrClientGone", err)
		}
		<-changed
		got := l.Records(ledger.Query{}).Records
		if len(got) != 1 || got[0].Outcome != ledger.ClientGone || got[0].Lost() {
			t.Errorf("records = %+v, want one, client_gone and not lost", got)
		}
	})
}

func TestReplyPassesThrough(t *testing.T) {
	overHTTP(t, func(t *testing.T, rt *Router, l *ledger.Ledger, client *http.Client, url string) {
		rt.hello(NewBackend(1, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Link", "</x>")
			w.WriteHeader(http.StatusEarlyHints)
			if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Minute)); err != nil {
				t.Error(err)
			}
			w.WriteHeader(http.StatusAccepted)
			n, err := w.(io.ReaderFrom).ReadFrom(strings.NewReader("from a reader, "))
			if n != 15 || err != nil {
				t.Errorf("ReadFrom = %d, %v", n, err)
			}
			_, _ = io.WriteString(w, "a string")
			_, _ = w.Write([]byte(", bytes"))
		})))
		hints := 0
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
			Got1xxResponse: func(code int, _ textproto.MIMEHeader) error { hints = code; return nil },
		})
		r, _ := http.NewRequestWithContext(ctx, "GET", url, nil)
		res, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, _ := io.ReadAll(res.Body)
		if want := "from a reader, a string, bytes"; string(body) != want || res.StatusCode != 202 || hints != 103 {
			t.Errorf("got %d then %d %q, want 103 then 202 %q", hints, res.StatusCode, body, want)
		}
		written := l.Changed()
		if len(l.Records(ledger.Query{}).Records) == 0 {
			<-written
		}
		if got := l.Records(ledger.Query{}).Records[0]; got.Status != 202 || got.Bytes != 30 {
			t.Errorf("record: %d, %d bytes, want 202, 30", got.Status, got.Bytes)
		}
	})
}

// A handler that answers and leaves the request's body must not cost the next
// request on the connection.
func TestBodyThatIsNotRead(t *testing.T) {
	replies := map[string]http.HandlerFunc{
		"small":  func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hi") },
		"empty":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) },
		"large":  func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 100000)) },
		"copied": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.Copy(w, strings.NewReader("hi")) },
		"flushed": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "hi")
			w.(http.Flusher).Flush()
		},
		"partly read": func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.ReadFull(r.Body, make([]byte, 500))
			_ = http.NewResponseController(w).Flush()
		},
	}
	overHTTP(t, func(t *testing.T, rt *Router, l *ledger.Ledger, client *http.Client, url string) {
		for name, h := range replies {
			rt.hello(NewBackend(1, h))
			for _, size := range []int{1 << 10, 100 << 10, 300 << 10} {
				for _, chunked := range []bool{false, true} {
					var wg sync.WaitGroup
					for range 4 {
						wg.Go(func() {
							for range 5 {
								var body io.Reader = bytes.NewReader(make([]byte, size))
								if chunked {
									body = io.MultiReader(body)
								}
								res, err := client.Post(url, "text/plain", body)
								if err != nil {
									t.Errorf("%s, %d bytes, chunked %t: %v", name, size, chunked, err)
									return
								}
								if _, err := io.ReadAll(res.Body); err != nil {
									t.Errorf("%s, %d bytes, chunked %t: body: %v", name, size, chunked, err)
								}
								res.Body.Close()
							}
						})
					}
					wg.Wait()
				}
			}
		}
	})
}
