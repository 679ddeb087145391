//go:build unix

package runtime

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"
	"time"

	"github.com/neutrino-local/neutrino-local/e2e/guests"
	"github.com/neutrino-local/neutrino-local/e2e/guests/components"
	"github.com/neutrino-local/neutrino-local/runtime/component"
	"github.com/neutrino-local/neutrino-local/runtime/memory"
	"github.com/neutrino-local/neutrino-local/runtime/wasi/wasihttp"
)

// hellos are guests that greet.
var hellos = []struct {
	language string
	wasm     func(b *testing.B) []byte
}{
	{"JavaScript", func(b *testing.B) []byte { return components.Build(b, components.JSHello) }},
	{"Go", func(b *testing.B) []byte { return components.Build(b, components.GoHello) }},
	{"C", func(*testing.B) []byte { return components.CHTTP }},
	{"Rust", func(b *testing.B) []byte { return components.Build(b, components.RustHTTP) }},
}

// BenchmarkInstances has requests one after the other, by instances that are
// reset and by fresh ones. reset-ns is done behind the reply, and in the time
// that is measured; cpu-ns/op is what all threads take for a request.
//
// handle is the part that is the guest's: one instance is called, with all that it
// asks of the host, and reset, again and again on one goroutine.
func BenchmarkInstances(b *testing.B) {
	for _, hello := range hellos {
		b.Run(hello.language, func(b *testing.B) {
			s := componentSpec(hello.wasm(b))
			b.Run("pooled", func(b *testing.B) { benchmarkInstances(b, benchApp(b, memory.Auto, s)) })
			b.Run("fresh", func(b *testing.B) { benchmarkInstances(b, benchApp(b, memory.Fresh, s)) })
			b.Run("handle", func(b *testing.B) { benchmarkHandle(b, benchApp(b, memory.Auto, s)) })
		})
	}
}

// benchApp starts an app whose instances are reset by m.
func benchApp(b *testing.B, m memory.Method, s Spec) *App {
	h, err := New(b.Context(), Config{CacheDir: guests.CacheDir(), Memories: m, Limits: akamai, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { h.Close(context.Background()) })
	a, err := h.Compile(b.Context(), s)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { a.Close(context.Background()) })
	if err := a.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	return a
}

func benchmarkInstances(b *testing.B, a *App) {
	b.ReportAllocs()
	cpu := processorTime(b)
	for b.Loop() {
		w := httptest.NewRecorder()
		a.ServeHTTP(w, httptest.NewRequest("GET", "http://h/", nil))
		if w.Code != 200 {
			b.Fatal(w.Code, w.Body)
		}
	}
	b.ReportMetric(float64(processorTime(b)-cpu)/float64(b.N), "cpu-ns/op")
	if st := a.Stats().Pool; st.Resets > 0 {
		b.ReportMetric(float64(st.ResetTime)/float64(st.Resets), "reset-ns")
		b.ReportMetric(float64(st.Pages)/float64(st.Resets), "pages")
	}
}

func benchmarkHandle(b *testing.B, a *App) {
	in := newGreeter(b, a).instance(b)
	defer in.Close(b.Context())
	var handle, reset time.Duration
	b.ReportAllocs()
	cpu := processorTime(b)
	for b.Loop() {
		h, r := in.greet(b)
		handle, reset = handle+h, reset+r
	}
	b.ReportMetric(float64(processorTime(b)-cpu)/float64(b.N), "cpu-ns/op")
	b.ReportMetric(float64(handle)/float64(b.N), "handle-ns")
	b.ReportMetric(float64(reset)/float64(b.N), "reset-ns")
}

// A greeter makes instances that are asked without a pool and without HTTP.
type greeter struct {
	executor *wasiExecutor
	request  *wasihttp.Incoming
}

func newGreeter(b *testing.B, a *App) *greeter {
	m, ok := a.table.Match("/")
	if !ok {
		b.Fatal("no route")
	}
	header := http.Header{"Accept": {"*/*"}}
	return &greeter{a.triggers[m.Key].executor.(*wasiExecutor), &wasihttp.Incoming{
		Method: "GET", Path: "/", Scheme: "http", Authority: "h", Header: func() http.Header { return header },
	}}
}

// A greeting is an instance that waits for a request.
type greeting struct {
	*greeter
	*component.Instance
}

// instance makes one, which is to be closed.
func (g *greeter) instance(b *testing.B) *greeting {
	e := g.executor
	in, err := e.supply.component.Instantiate(b.Context(), component.InstanceConfig{Turn: alone{}, Init: func(in *component.Instance) error {
		return e.init(in, e.invocation(io.Discard, io.Discard))
	}})
	if err != nil {
		b.Fatal(err)
	}
	return &greeting{g, in}
}

// alone is the turn of a guest that nobody waits for, as in a pool where a guest
// lets others run only after longer than a greeting takes.
type alone struct{}

func (alone) Tick(ctx context.Context) error   { return ctx.Err() }
func (alone) Block()                           {}
func (alone) Resume(ctx context.Context) error { return ctx.Err() }

// greet has it answer a request, resets it, and returns how long both took.
func (g *greeting) greet(b *testing.B) (handle, reset time.Duration) {
	x := wasihttp.NewExchange(g.request, func(func()) {})
	began := time.Now()
	if err := g.executor.can.http.Handle(b.Context(), g.Instance, g.executor.handler, x); err != nil {
		b.Fatal(err)
	}
	handled := time.Now()
	if _, err := g.Reset(b.Context(), alone{}); err != nil {
		b.Fatal(err)
	}
	return handled.Sub(began), time.Since(handled)
}

// processorTime is what this process has used.
func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
