package runtime

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/neutrino-local/neutrino-local/e2e/guests"
	"github.com/neutrino-local/neutrino-local/e2e/guests/components"
	"github.com/neutrino-local/neutrino-local/runtime/memory"
)

// BenchmarkInstances has requests one after the other, by instances that are
// reset and by fresh ones. reset-ns is done behind the reply, and in the time
// that is measured.
func BenchmarkInstances(b *testing.B) {
	for name, wasm := range map[string]func() []byte{
		"C":  func() []byte { return components.CHTTP },
		"JS": func() []byte { return components.Build(b, components.JSFetch) },
		"Go": func() []byte { return components.Build(b, components.GoHTTP) },
	} {
		b.Run(name, func(b *testing.B) {
			s := componentSpec(wasm())
			for _, m := range []memory.Method{memory.Auto, memory.Fresh} {
				b.Run(map[memory.Method]string{memory.Auto: "pooled", memory.Fresh: "fresh"}[m], func(b *testing.B) { benchmarkInstances(b, m, s) })
			}
		})
	}
}

func benchmarkInstances(b *testing.B, m memory.Method, s Spec) {
	h, err := New(b.Context(), Config{CacheDir: guests.CacheDir(), Memories: m, Limits: akamai, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	defer h.Close(context.Background())
	a, err := h.Compile(b.Context(), s)
	if err != nil {
		b.Fatal(err)
	}
	defer a.Close(context.Background())
	if err := a.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		w := httptest.NewRecorder()
		a.ServeHTTP(w, httptest.NewRequest("GET", "http://h/", nil))
		if w.Code != 200 {
			b.Fatal(w.Code, w.Body)
		}
	}
	if st := a.Stats().Pool; st.Resets > 0 {
		b.ReportMetric(float64(st.ResetTime/time.Nanosecond)/float64(st.Resets), "reset-ns")
		b.ReportMetric(float64(st.Pages)/float64(st.Resets), "pages")
	}
}

// BenchmarkSecondStart is what a revision waits for whose code is in the cache.
func BenchmarkSecondStart(b *testing.B) {
	s := componentSpec(components.Build(b, components.JSFetch))
	for b.Loop() {
		h, err := New(b.Context(), Config{CacheDir: guests.CacheDir(), Limits: akamai, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			b.Fatal(err)
		}
		a, err := h.Compile(b.Context(), s)
		if err != nil {
			b.Fatal(err)
		}
		a.Close(context.Background())
		h.Close(context.Background())
	}
}
