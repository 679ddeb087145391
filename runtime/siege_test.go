package runtime

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	goruntime "runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/neutrino-local/neutrino-local/e2e/guests/components"
	"github.com/neutrino-local/neutrino-local/e2e/guests/siege"
)

// TestSiege has apps that do harm, in each way that they can, beside one that is
// well: that one answers every request as if they were not there, and afterwards
// nothing of them is left.
func TestSiege(t *testing.T) {
	checkGoroutines(t)
	limits := akamai
	limits.Memory, limits.GuestMemory = 32<<20, 1<<30
	limits.Response, limits.Instances = 1<<20, 8
	h := newHost(t, limits)
	well := newApp(t, h, componentSpec(components.CHTTP))
	under := func(name string, attack func(t *testing.T, more func() bool)) {
		t.Run(name, func(t *testing.T) {
			beside(t, well, func(func() bool) {}) // what is made once is there before it is counted
			before := resources(t, h)
			t.Cleanup(func() { awaitResources(t, h, before) })
			beside(t, well, func(more func() bool) { attack(t, more) })
		})
	}
	divisions := 50_000
	if full() {
		divisions = 200_000
	}
	for _, a := range siege.Attacks(divisions) {
		under(a.Name, func(t *testing.T, more func() bool) { attack(t, newApp(t, h, componentSpec(a.Wasm)), a, more) })
	}
	under("busy start", func(t *testing.T, _ func() bool) { startBusy(t, h) })
	under("clients that leave", func(t *testing.T, _ func() bool) {
		leaveEverywhere(t, serve(t, h, componentSpec(components.CHTTP)))
	})
	under("all at once", func(t *testing.T, _ func() bool) { besiege(newApp(t, h, componentSpec(components.CHTTP))) })
}

func full() bool { return os.Getenv("NEUTRINO_TEST_FULL") == "1" }

// beside asks an app that is well while others do what they do, which may go on
// for as long as there is more to come. The collector stops the world again and
// again. It logs how long the replies took.
func beside(t *testing.T, well *App, others func(more func() bool)) {
	t.Helper()
	const clients, enough = 2, 100
	done := make(chan struct{})
	var asked atomic.Int64
	var work, asking sync.WaitGroup
	work.Go(func() {
		defer close(done)
		others(func() bool { return asked.Load() < enough })
	})
	took := make([][]time.Duration, clients)
	for i := range took {
		asking.Go(func() {
			for n := 0; ; n++ {
				took[i] = append(took[i], askWell(t, well))
				asked.Add(1)
				if n%50 == 0 {
					goruntime.GC()
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	asking.Wait()
	work.Wait()
	all := slices.Concat(took...)
	slices.Sort(all)
	t.Logf("beside: %d requests, p50 %v, p99 %v, most %v", len(all), all[len(all)/2], all[len(all)*99/100], all[len(all)-1])
}

// askWell asks an app that is well and returns how long that took.
func askWell(t *testing.T, well *App) time.Duration {
	began := time.Now()
	if got := ask(well, "GET /"); !strings.HasPrefix(got, "200\n") || !strings.HasSuffix(got, "\nHello from C1") {
		t.Errorf("the app beside: %.200q", got)
	}
	return time.Since(began)
}

// attack sends what does harm from several clients, while there is more. Guests
// that would not end meet a deadline.
func attack(t *testing.T, app *App, a siege.Attack, more func() bool) {
	clients, want := 4, a.Status
	if a.Status == 0 {
		want = http.StatusGatewayTimeout
	}
	var asking sync.WaitGroup
	for range clients {
		asking.Go(func() {
			for n := 0; n < 2 || more(); n++ {
				ctx, cancel := soon(t.Context(), a.Status == 0)
				w := httptest.NewRecorder()
				app.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, a.Path, nil))
				cancel()
				if w.Code != want {
					t.Errorf("%s: %d %.100q, want %d", a.Name, w.Code, w.Body, want)
				}
			}
		})
	}
	asking.Wait()
}

// soon returns a context in which the handler's deadline comes soon.
func soon(ctx context.Context, yes bool) (context.Context, context.CancelFunc) {
	if !yes {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, 200*time.Millisecond, errDeadline)
}

// startBusy tries to start an app that never does.
func startBusy(t *testing.T, h *Host) {
	for range 4 {
		app, err := h.Compile(t.Context(), componentSpec(siege.Start))
		if err != nil {
			t.Error(err)
			return
		}
		ctx, cancel := soon(t.Context(), true)
		if err := app.Start(ctx); err == nil {
			t.Error("an app has started whose start function does not end")
		}
		cancel()
		closeApp(t, app)
	}
}

// leaveEverywhere has clients that go at each point of their requests, and at many
// of the replies: by a proper end of the connection and by a reset.
func leaveEverywhere(t *testing.T, v *service) {
	request := "POST /e HTTP/1.1\r\nHost: h\r\nContent-Length: 8\r\n\r\n12345678"
	for n := range len(request) + 1 {
		leaveAt(t, v, request[:n], 0, n%2 == 0)
	}
	for n := int64(1); n < 1<<20; n *= 4 {
		for _, path := range []string{"/p100", "/w", "/b100"} {
			leaveAt(t, v, fmt.Sprintf("GET %s HTTP/1.1\r\nHost: h\r\n\r\n", path), n, n%3 == 0)
		}
	}
}

// leaveAt sends text, reads so much of the reply, or all if it has less, and goes.
func leaveAt(t *testing.T, v *service, text string, read int64, reset bool) {
	c, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(v.url, "http://"))
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	if reset {
		_ = c.(*net.TCPConn).SetLinger(0)
	}
	if _, err := io.WriteString(c, text); err != nil {
		t.Error(err)
	}
	_, _ = io.CopyN(io.Discard, c, read)
}

func closeApp(t *testing.T, a *App) {
	t.Helper()
	if err := a.Close(context.Background()); err != nil {
		t.Error(err)
	}
}

// besiege sends requests that are no good, from several clients at once, some of
// which leave, and many that wait for their bodies: more than may run and wait.
func besiege(a *App) {
	var clients sync.WaitGroup
	for _, request := range []string{"/l", "/l", "/a", "/w", "/t", "/u", "/h", "/i", "/x", "/y", "/b1500", "/c"} {
		clients.Go(func() {
			for range 3 {
				ctx, cancel := soon(context.Background(), true)
				send(a, httptest.NewRequestWithContext(ctx, http.MethodGet, request, nil))
				cancel()
			}
		})
		clients.Go(func() {
			for n := range 3 {
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(n)*10*time.Millisecond)
				send(a, httptest.NewRequestWithContext(ctx, http.MethodGet, request, nil))
				cancel()
			}
		})
	}
	stalled := 100
	if full() {
		stalled = 10_000
	}
	for range stalled {
		clients.Go(func() { stall(a) })
	}
	clients.Wait()
}

// send has a request answered, in whichever way.
func send(a *App, r *http.Request) {
	defer func() { _ = recover() }() // a reply that is broken off
	a.ServeHTTP(httptest.NewRecorder(), r)
}

// stall sends half a body.
func stall(a *App) {
	body, w := io.Pipe()
	stop := time.AfterFunc(200*time.Millisecond, func() { w.CloseWithError(io.ErrUnexpectedEOF) }) // a connection would end then
	defer stop.Stop()
	r := httptest.NewRequest(http.MethodPost, "/e", body)
	r.ContentLength = 100
	send(a, r)
	w.Close()
}
