package runtime

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/neutrino-local/neutrino-local/e2e/guests"
	"github.com/neutrino-local/neutrino-local/e2e/guests/components"
	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/runtime/memory"
)

// newHostBy returns a host that resets memories in a way, or skips where that
// does not work.
func newHostBy(t *testing.T, m memory.Method, limits Limits) *Host {
	t.Helper()
	h, err := New(t.Context(), Config{CacheDir: guests.CacheDir(), Memories: m, Limits: limits, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() {
		if err := h.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return h
}

func newApp(t *testing.T, h *Host, s Spec) *App {
	t.Helper()
	a, err := h.Compile(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return a
}

// ask returns all of a reply as text. A request is "METHOD path body".
func ask(a *App, request string) (reply string) {
	method, rest, _ := strings.Cut(request, " ")
	path, body, _ := strings.Cut(rest, " ")
	w := httptest.NewRecorder()
	broken := ""
	func() {
		defer func() {
			if p := recover(); p == http.ErrAbortHandler {
				broken = " broken"
			} else if p != nil {
				panic(p)
			}
		}()
		a.ServeHTTP(w, httptest.NewRequest(method, "http://h"+path, strings.NewReader(body)))
	}()
	var head strings.Builder
	_ = w.Result().Header.Write(&head)
	return fmt.Sprintf("%d%s\n%s\n%s", w.Code, broken, head.String(), w.Body)
}

// TestPooledIsFresh has instances that are reset answer the same bytes as ones
// that are made for each request.
func TestPooledIsFresh(t *testing.T) {
	times, slow := 200, 20
	if os.Getenv("NEUTRINO_TEST_FULL") == "1" {
		times, slow = 3000, 1000
	}
	c := []string{
		"GET /", "GET /s404", "GET /b100", "GET /c", "GET /d", "GET /n", "GET /o", "GET /t", "GET /u", "GET /h",
		"POST /e one", "POST /e " + strings.Repeat("two", 100_000),
	}
	inFull := func(guest string) func(t *testing.T) []byte {
		return func(t *testing.T) []byte {
			if os.Getenv("NEUTRINO_TEST_FULL") != "1" {
				t.Skip("NEUTRINO_TEST_FULL=1 does it: it is compiled for seconds")
			}
			return components.Build(t, guest)
		}
	}
	many := []string{"GET /", "GET /words/b/a/b", "POST /echo one", "POST /drain two", "GET /pages/3", "GET /short", "GET /panic"}
	module := []string{"GET /", "GET /env", "GET /read/dir/page", "GET /open", "GET /create", "GET /out", "GET /abort", "GET /exit"}
	tests := []struct {
		name  string
		wasm  func(t *testing.T) []byte
		ask   []string
		times int
	}{
		{"c", func(*testing.T) []byte { return components.CHTTP }, c, times},
		{"c of November 2023", func(*testing.T) []byte { return components.CNovember }, []string{"GET /", "GET /s404", "GET /t"}, times},
		{"core module", func(*testing.T) []byte { return coreHTTP }, module, times},
		{"c of October 2023", func(*testing.T) []byte { return components.COctober }, []string{"GET /"}, times},
		{"c++", func(t *testing.T) []byte { return components.Build(t, components.CPlusPlus) }, many, times},
		{"rust", func(t *testing.T) []byte { return components.Build(t, components.RustHTTP) }, many, times},
		{"js", func(t *testing.T) []byte { return components.Build(t, components.JSFetch) }, []string{"GET /", "GET /headers", "GET /nosuch"}, slow},
		{"go", func(t *testing.T) []byte { return components.Build(t, components.GoHTTP) }, []string{"GET /", "GET /x?y", "POST /z body"}, slow},
		{"js handler", inFull(components.JSHandler), many, slow},
		{"js of spin", inFull(components.JSSpin), many, slow},
	}
	methods := []memory.Method{memory.Scan, memory.Pagemap, memory.Discard, memory.Copy}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			page := artifact.Inline("a page")
			s := componentSpec(tt.wasm(t), func(c *artifact.Component) {
				c.Environment = map[string]string{"WHO": "me"}
				c.Files = []artifact.File{{Path: "dir/page", Inline: &page}}
			})
			fresh := newApp(t, newHostBy(t, memory.Fresh, akamai), s)
			want := map[string]string{}
			for _, r := range tt.ask {
				want[r] = ask(fresh, r)
			}
			for _, m := range methods {
				t.Run(m.String(), func(t *testing.T) { comparePooled(t, newHostBy(t, m, akamai), s, want, tt.times) })
			}
		})
	}
}

func comparePooled(t *testing.T, h *Host, s Spec, want map[string]string, times int) {
	a := newApp(t, h, s)
	requests := slices.Sorted(func(yield func(string) bool) {
		for r := range want {
			if !yield(r) {
				return
			}
		}
	})
	var clients sync.WaitGroup
	for n := range 2 {
		random := rand.New(rand.NewPCG(uint64(n), 1))
		clients.Go(func() {
			for range times / 2 {
				r := requests[random.IntN(len(requests))]
				if got := ask(a, r); got != want[r] {
					t.Errorf("%.40q = %.200q, a fresh instance says %.200q", r, got, want[r])
					return
				}
			}
		})
	}
	clients.Wait()
	if st := a.Stats().Pool; st.Resets == 0 {
		t.Errorf("no instance was reset: %+v", st)
	}
}
