package router

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/neutrino-local/neutrino-local/router/ledger"
)

// discard is a ResponseWriter that costs nothing.
type discard struct{ header http.Header }

func (d discard) Header() http.Header               { return d.header }
func (d discard) Write(b []byte) (int, error)       { return len(b), nil }
func (d discard) WriteString(s string) (int, error) { return len(s), nil }
func (d discard) WriteHeader(int)                   {}

func hello(w http.ResponseWriter, _ *http.Request) {
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write([]byte("hello"))
}

func benchRouter(b *testing.B, size int) *Router {
	b.Helper()
	rt := New(ledger.New(size))
	rt.Replace(Route{App: "3f0c2a9e-7d51-4d0e-9c51-0d7f3d1b2a11", Name: "hello", Current: NewBackend(1, http.HandlerFunc(hello))})
	return rt
}

func BenchmarkBare(b *testing.B) {
	w, r := discard{http.Header{}}, httptest.NewRequest("GET", "/", nil)
	b.ReportAllocs()
	for b.Loop() {
		hello(w, r)
	}
}

func BenchmarkServe(b *testing.B) {
	rt := benchRouter(b, 1<<16)
	w, r := discard{http.Header{}}, httptest.NewRequest("GET", "/", nil)
	b.ReportAllocs()
	for b.Loop() {
		rt.Serve(w, r, Target{App: "hello"})
	}
}

func BenchmarkServeParallel(b *testing.B) {
	rt := benchRouter(b, 1<<16)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		w, r := discard{http.Header{}}, httptest.NewRequest("GET", "/", nil)
		for pb.Next() {
			rt.Serve(w, r, Target{App: "hello"})
		}
	})
}

// The next two are one request after the other over one connection: their
// difference is what the router adds.

func BenchmarkHTTPBare(b *testing.B) { benchHTTP(b, http.HandlerFunc(hello)) }

func BenchmarkHTTPServe(b *testing.B) {
	rt := benchRouter(b, 1<<16)
	benchHTTP(b, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t, _ := ParseHost("hello.localhost:7733", []string{"localhost", "neutrino.test"})
		rt.Serve(w, r, t)
	}))
}

func benchHTTP(b *testing.B, h http.Handler) {
	server := httptest.NewServer(h)
	b.Cleanup(server.Close)
	client := server.Client()
	b.ReportAllocs()
	for b.Loop() {
		res, err := client.Get(server.URL)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, res.Body); err != nil { // or the connection is not used again
			b.Fatal(err)
		}
		res.Body.Close()
	}
}

func BenchmarkParseHost(b *testing.B) {
	domains := []string{"localhost", "neutrino.test"}
	b.ReportAllocs()
	for b.Loop() {
		ParseHost("hello.localhost:7733", domains)
	}
}
