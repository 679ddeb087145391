package runtime

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	goruntime "runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/neutrino-local/neutrino-local/e2e/guests/components"
)

// TestSiege has apps that do harm in all ways that they can, beside one that is
// well: that one answers every request, and afterwards nothing of the others is
// left.
func TestSiege(t *testing.T) {
	checkGoroutines(t)
	limits := akamai
	limits.Handler, limits.Response, limits.Instances = 1500*time.Millisecond, 1<<20, 8
	limits.GuestMemory = 256 << 20
	h := newHost(t, limits)
	well := newApp(t, h, componentSpec(components.CHTTP))
	if got := ask(well, "GET /"); !strings.HasSuffix(got, "\nHello from C1") {
		t.Fatalf("before: %q", got)
	}
	warm := newApp(t, h, componentSpec(components.CHTTP)) // what is made once is there before it is counted
	besiege(warm, 1, 40)
	closeApp(t, warm)
	before := resources(t, h)

	stalled := 40 // more than may run and wait: some are refused
	if os.Getenv("NEUTRINO_TEST_FULL") == "1" {
		stalled = 10_000
	}
	bad := newApp(t, h, componentSpec(components.CHTTP))
	done := make(chan struct{})
	var work sync.WaitGroup
	work.Go(func() {
		defer close(done)
		besiege(bad, 3, stalled)
	})
	asked := 0
	for under := true; under; asked++ {
		if got := ask(well, "GET /"); !strings.HasPrefix(got, "200\n") || !strings.HasSuffix(got, "\nHello from C1") {
			t.Errorf("beside the others: %.200q", got)
		}
		select {
		case <-done:
			under = false
		default:
		}
	}
	work.Wait()
	closeApp(t, bad)
	t.Logf("%d requests beside the others", asked)
	awaitResources(t, h, before)
}

// awaitResources waits until no more is in use than before.
func awaitResources(t *testing.T, h *Host, before count) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; goruntime.Gosched() {
		after := resources(t, h)
		if after.within(before) {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("there is more than before: %+v, before %+v", after, before)
		}
	}
}

func closeApp(t *testing.T, a *App) {
	t.Helper()
	if err := a.Close(context.Background()); err != nil {
		t.Error(err)
	}
}

// besiege sends requests that are no good, from several clients at once, some of
// which leave, and as many as stalled that wait for their bodies.
func besiege(a *App, times, stalled int) {
	var clients sync.WaitGroup
	for _, request := range []string{
		"GET /l", "GET /l", "GET /a", "GET /w", "GET /t", "GET /u", "GET /h", "GET /i", "GET /x", "GET /y", "GET /b1500", "GET /c",
	} {
		clients.Go(func() {
			for range times {
				ask(a, request)
			}
		})
		clients.Go(func() {
			for n := range times {
				leave(a, request, time.Duration(n)*10*time.Millisecond)
			}
		})
	}
	for range stalled {
		clients.Go(func() { stall(a) })
	}
	clients.Wait()
}

// leave sends a request and leaves after a while.
func leave(a *App, request string, after time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), after)
	defer cancel()
	method, path, _ := strings.Cut(request, " ")
	defer func() { _ = recover() }() // a reply that is broken off
	a.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(method, "http://h"+path, nil).WithContext(ctx))
}

// stall sends half a body.
func stall(a *App) {
	body, w := io.Pipe()
	stop := time.AfterFunc(time.Second, func() { w.CloseWithError(io.ErrUnexpectedEOF) }) // a connection would end then
	defer stop.Stop()
	defer func() { _ = recover() }() // a reply that is broken off
	r := httptest.NewRequest(http.MethodPost, "http://h/e", body)
	r.ContentLength = 100
	a.ServeHTTP(httptest.NewRecorder(), r)
	w.Close()
}

// A count is of what guests may leave behind.
type count struct {
	files    int
	mappings int    // of images; 0 where there are none
	memory   uint64 // of guests
}

// within reports whether there is not more than before, but for what is kept
// for later: spare mappings, and idle instances of the app that is well.
func (c count) within(before count) bool {
	return c.files <= before.files+4 && c.mappings <= before.mappings+50 && c.memory <= before.memory+(8<<20)
}

func resources(t *testing.T, h *Host) count {
	t.Helper()
	c := count{memory: h.space.Stats().Used}
	if fds, err := os.ReadDir("/proc/self/fd"); err == nil {
		c.files = len(fds)
	}
	if maps, err := os.ReadFile("/proc/self/maps"); err == nil {
		c.mappings = strings.Count(string(maps), "/memfd:")
	}
	return c
}

// TestThousandsWait has guests that all wait for their requests' bodies at once.
// They cost no processor: another app answers beside them, and when the bodies
// come all of them answer too.
func TestThousandsWait(t *testing.T) {
	checkGoroutines(t)
	n := 300
	if os.Getenv("NEUTRINO_TEST_FULL") == "1" {
		n = 10_000
	}
	h := newHost(t, Limits{Memory: akamai.Memory})
	well, many := newApp(t, h, componentSpec(components.CHTTP)), newApp(t, h, componentSpec(components.CHTTP))
	if got := ask(well, "GET /"); !strings.HasSuffix(got, "\nHello from C1") {
		t.Fatalf("before: %q", got)
	}
	before := resources(t, h)
	goOn := make(chan struct{})
	var waiting, answered sync.WaitGroup
	waiting.Add(n)
	arriving := make(chan struct{}, 200) // more would be refused: so many may wait for an instance
	for range n {
		answered.Go(func() {
			arriving <- struct{}{}
			asked := sync.OnceFunc(func() { <-arriving; waiting.Done() })
			defer asked() // if it was refused
			r := httptest.NewRequest(http.MethodPost, "http://h/e", &lateBody{asked: asked, goOn: goOn})
			r.ContentLength = int64(len(lateText))
			w := httptest.NewRecorder()
			if many.ServeHTTP(w, r); w.Code != 200 || w.Body.String() != lateText {
				t.Errorf("%d %.100q", w.Code, w.Body)
			}
		})
	}
	waiting.Wait()
	if during := resources(t, h); before.mappings > 0 && during.mappings < n {
		t.Errorf("%d mappings while %d wait", during.mappings, n)
	}
	for range 100 {
		if got := ask(well, "GET /"); !strings.HasSuffix(got, "\nHello from C1") {
			t.Errorf("beside %d that wait: %q", n, got)
		}
	}
	close(goOn)
	answered.Wait()
	closeApp(t, many)
	awaitResources(t, h, before)
}

const lateText = "after all"

// A lateBody comes when it may.
type lateBody struct {
	asked func()
	goOn  chan struct{}
	rest  io.Reader
}

func (b *lateBody) Read(p []byte) (int, error) {
	if b.rest == nil {
		b.asked()
		<-b.goOn
		b.rest = strings.NewReader(lateText)
	}
	return b.rest.Read(p)
}
