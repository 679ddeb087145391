package runtime

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
)

// nowhere is a client that takes everything at once.
type nowhere struct {
	header http.Header
	status int
}

func (n *nowhere) Header() http.Header         { return n.header }
func (n *nowhere) WriteHeader(status int)      { n.status = status }
func (n *nowhere) Write(b []byte) (int, error) { return len(b), nil }

// benchmark sends requests through an app, from 1 and from 16 clients at once.
func benchmark(b *testing.B, s Spec) {
	app, err := newHost(b, akamai).Compile(b.Context(), s)
	if err != nil {
		b.Fatal(err)
	}
	defer app.Close(b.Context())
	if err := app.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	for _, clients := range []int{1, 16} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			b.ReportAllocs()
			one := func() {
				w := &nowhere{header: http.Header{}}
				app.ServeHTTP(w, httptest.NewRequest("GET", "/x", nil))
				if w.status != 200 {
					b.Errorf("status %d", w.status)
				}
			}
			if clients == 1 {
				for b.Loop() {
					one()
				}
				return
			}
			b.SetParallelism(clients / 2) // times GOMAXPROCS, which is 2 where the figures come from
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					one()
				}
			})
		})
	}
}

func BenchmarkStatic(b *testing.B) {
	benchmark(b, triggers(Spec{}, `{"route":"/...","static_response":{"body":"hello","headers":{"content-type":"text/plain"}}}`))
}

// BenchmarkWAGI has guests that read their request when they start.
func BenchmarkWAGI(b *testing.B) {
	b.Run("hello", func(b *testing.B) { benchmark(b, guestSpec(b, "hello")) }) // Go
	b.Run("load", func(b *testing.B) { benchmark(b, guestSpec(b, "load")) })   // C
}

// BenchmarkCompile is what a deployment waits for when the code is in the cache.
func BenchmarkCompile(b *testing.B) {
	s := guestSpec(b, "hello")
	h := newHost(b, akamai)
	for b.Loop() {
		app, err := h.Compile(b.Context(), s)
		if err != nil {
			b.Fatal(err)
		}
		if err := app.Start(b.Context()); err != nil {
			b.Fatal(err)
		}
		app.Close(b.Context())
		h.code.wait()
	}
}
