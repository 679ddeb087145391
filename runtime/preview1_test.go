package runtime

import (
	"context"
	_ "embed"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/runtime/memory"
)

// secretCommand is a command that leaves a secret wherever it can, and looks for
// it, see testdata/secret/guest.c.
//
//go:embed testdata/secret/secret.wasm
var secretCommand []byte

// A planter is an app of secretCommand and its clients.
type planter struct {
	*App
	leave context.CancelCauseFunc // of the request that is under way; nil: it waits
}

func newPlanter(t *testing.T, m memory.Method) *planter {
	s := wasmSpec(secretCommand)
	page := artifact.Inline("a page")
	c := &s.Lock.Components[0]
	c.Files, c.Environment = []artifact.File{{Path: "page", Inline: &page}}, map[string]string{"WHO": "me"}
	p := &planter{}
	s.Output = func(_, _, _, line string) {
		if line == "planted" && p.leave != nil {
			p.leave(errDeadline)
		}
	}
	p.App = newApp(t, newHostBy(t, m, akamai), s)
	return p
}

// late has a guest leave a secret and go on until its deadline.
func (p *planter) late(t *testing.T, todo string) {
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	p.leave = cancel
	r := httptest.NewRequest("POST", "http://h/x?"+todo+"&secret", strings.NewReader("secret"))
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r.WithContext(ctx))
	if p.leave = nil; w.Code != 504 {
		t.Fatalf("%s: %d %s", todo, w.Code, w.Body)
	}
}

// TestCommandsLeaveNothing has WAGI programs leave a secret in their memory and
// their descriptors, and end in every way; the next ones look for it.
func TestCommandsLeaveNothing(t *testing.T) {
	checkGoroutines(t)
	const plain, body = "GET /x?l", "POST /y?l&b the body"
	const kept = 6 // requests after which the instance is the same
	requests := []string{
		plain, body, "POST /x?plr&secret secret", "POST /x?plx&secret secret", "POST /x?pcx&secret secret", "POST /x?ple&secret secret",
		"POST /x?pla&secret secret",
	}
	fresh, want := newPlanter(t, memory.Fresh), map[string]string{}
	for _, r := range requests {
		want[r] = ask(fresh.App, r)
	}
	const none = "found 0,"
	if !strings.Contains(want[plain], none) || !strings.Contains(want[body], none) || strings.Contains(want[requests[kept-2]], none) {
		t.Fatalf("fresh instances say %q", want)
	}
	for _, m := range []memory.Method{memory.Scan, memory.Pagemap, memory.Discard, memory.Copy} {
		t.Run(m.String(), func(t *testing.T) {
			p := newPlanter(t, m)
			random := rand.New(rand.NewPCG(1, 2))
			for n := range 120 {
				r := requests[random.IntN(kept+n/60)]
				for _, r := range []string{r, plain, body} {
					if got := ask(p.App, r); got != want[r] {
						t.Fatalf("%d: %s = %q, a fresh instance says %q", n, r, got, want[r])
					}
				}
				if n%60 == 0 {
					p.late(t, "ps")
					p.late(t, "pw")
				}
			}
			if st := p.Stats().Pool; st.Resets < 300 {
				t.Errorf("few instances were reset: %+v", st)
			}
		})
	}
}

// TestPooledCommandsAreFresh has commands that are reset answer the same bytes as
// ones that are made for each request.
func TestPooledCommandsAreFresh(t *testing.T) {
	times := 60
	if os.Getenv("NEUTRINO_TEST_FULL") == "1" {
		times = 3000
	}
	tests := []struct {
		name string
		spec Spec
		ask  []string
	}{
		{"load", guestSpec(t, "load"), []string{"GET /", "POST /echo " + strings.Repeat("body", 50_000)}},
		{"echo", guestSpec(t, "echo"), []string{"GET /", "GET /a?b&c", "GET /?log=line", "POST / body", "POST /body " + strings.Repeat("body", 50_000)}},
		{"files", guestSpec(t, "files"), []string{"GET /readme.txt", "GET /assets", "GET /none", "GET /readme.txt?op=write", "GET /new?op=mkdir"}},
		{"exit", guestSpec(t, "sick-exit"), []string{"GET /"}},
		{"component", commandSpec("c ${ARGS}", func(c *artifact.Component) {
			page := artifact.Inline("content-type: a/b\n\na page")
			c.Files, c.Environment = []artifact.File{{Path: "page", Inline: &page}}, map[string]string{"A\ncontent-type: a/b\n\nWHO": "me"}
		}), []string{"GET /?read&/page", "GET /one?env", "POST /two?env", "POST /?cat content-type:a/b\n\nbody", "GET /?args&content-type:a/b&&x", "GET /?abort", "GET /?exit&1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			fresh, want := newApp(t, newHostBy(t, memory.Fresh, akamai), tt.spec), map[string]string{}
			for _, r := range tt.ask {
				want[r] = ask(fresh, r)
			}
			comparePooled(t, newHostBy(t, memory.Auto, akamai), tt.spec, want, times)
		})
	}
}
