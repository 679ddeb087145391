package runtime

import (
	_ "embed"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/neutrino-local/neutrino-local/e2e/guests/components"
	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/router/ledger"
)

// Guests that break the rules, see testdata/hostile.
var (
	//go:embed testdata/hostile/hostile.wasm
	hostile []byte
	//go:embed testdata/hostile/reenter.wasm
	hostileReenter []byte
	//go:embed testdata/hostile/borrow.wasm
	hostileBorrow []byte
	//go:embed testdata/hostile/deep.wasm
	hostileDeep []byte
	//go:embed testdata/hostile/grow.wasm
	hostileGrow []byte
)

// TestHostileComponents has guests that break the rules of the canonical ABI and
// of WASI. Each gets a clean error for its own request; the next request to the
// same app and those to an app beside it do not notice.
func TestHostileComponents(t *testing.T) {
	checkGoroutines(t)
	limits := akamai
	limits.Handler = time.Second
	hasty := newHost(t, limits)
	well := serve(t, newHost(t, akamai), componentSpec(components.CHTTP))
	patient := serve(t, well.app.host, componentSpec(hostile))
	hurried := serve(t, hasty, componentSpec(hostile))
	tests := []struct {
		what, path string
		status     int
		body       string
		broken     bool
		outcome    ledger.Outcome
		line       string // of the host's
	}{
		{"realloc is not aligned", "/1", 500, "", false, ledger.Trap, "not aligned"},
		{"realloc is out of bounds", "/2", 500, "", false, ledger.Trap, "out of bounds"},
		{"realloc traps", "/3", 500, "", false, ledger.Trap, "realloc: wasm error: unreachable"},
		{"realloc calls out", "/4", 500, "", false, ledger.Trap, "cannot leave component instance"},
		{"realloc drops what is lent", "/5", 500, "", false, ledger.Trap, "cannot leave component instance"},
		{"realloc loops", "/6", 504, "handler time: limit 1s, seen 1s\n", false, ledger.Timeout, "handler time"},
		{"realloc returns one place", "/7", 200, "well", false, ledger.OK, ""},
		{"handle of another type", "/a", 500, "", false, ledger.Trap, "resource.drop of fields: handle"},
		{"handle dropped twice", "/b", 500, "", false, ledger.Trap, "resource.drop of fields"},
		{"handle used after drop", "/c", 500, "", false, ledger.Trap, "unknown handle index 1"},
		{"no handle", "/d", 500, "", false, ledger.Trap, "resource.drop of fields"},
		{"writes after finish", "/f", 500, "", false, ledger.Trap, "resource is dropped before those that came from it"},
		{"finishes twice", "/g", 500, "", false, ledger.Trap, "[static]outgoing-body.finish: unknown handle index"},
		{"splits headers", "/h", 200, "unsplit", false, ledger.OK, ""},
		{"100,000 headers", "/i", 500, "", false, ledger.Trap, "fields have more than 131072 bytes"},
		{"never ends", "/j", 200, "begun", true, ledger.Timeout, "handler time"},
		{"never starts", "/k", 504, "handler time: limit 1s, seen 1s\n", false, ledger.Timeout, "handler time"},
		{"destructor traps", "/l", 500, "", false, ledger.Trap, "resource.drop of thing: wasm error: unreachable"},
		{"polls nothing", "/o", 500, "", false, ledger.Trap, "poll of an empty list"},
		{"argument beyond the memory", "/p", 500, "", false, ledger.Trap, "out of bounds"},
		{"result beyond the memory", "/q", 500, "", false, ledger.Trap, "out of bounds"},
		{"result not aligned", "/r", 500, "", false, ledger.Trap, "not aligned"},
		{"list too long", "/s", 500, "", false, ledger.Trap, "list of 8589934588 bytes is too long"},
		{"a stack that is full", "/u", 500, "", false, ledger.Trap, "out of bounds memory access"},
		{"handles without end", "/t", 500, "", false, ledger.Trap, "handle table is full"},
	}
	for _, tt := range tests {
		t.Run(tt.what, func(t *testing.T) {
			v := patient
			if tt.outcome == ledger.Timeout {
				v = hurried
			}
			v.lines = nil
			a := v.get(tt.path)
			if o := v.outcome(); o != tt.outcome {
				t.Errorf("outcome %s, want %s", o, tt.outcome)
			}
			if a.StatusCode != tt.status || (a.err != nil) != tt.broken || !tt.broken && a.body != tt.body || !strings.HasPrefix(a.body, tt.body) {
				t.Errorf("%d %.60q, %v; want %d %.60q", a.StatusCode, a.body, a.err, tt.status, tt.body)
			}
			said := strings.Join(v.stream(streamHost), "\n")
			if !strings.Contains(said, tt.line) || (said == "") != (tt.line == "") {
				t.Errorf("the log has %q, want %q", said, tt.line)
			}
			first, _, _ := strings.Cut(strings.TrimPrefix(said, "error processing request: "), "\n")
			if first != "" && strings.Count(said, first) > 1 {
				t.Errorf("the log says it twice: %q", said)
			}
			if a := v.get("/"); a.StatusCode != 200 || a.body != "well" || v.outcome() != ledger.OK {
				t.Errorf("the next request: %d %q", a.StatusCode, a.body)
			}
			if a := well.get("/"); a.body != "Hello from C1" || well.outcome() != ledger.OK {
				t.Errorf("the app beside it: %d %q", a.StatusCode, a.body)
			}
		})
	}
}

// TestAnswersTwice breaks a reply that may have begun or not.
func TestAnswersTwice(t *testing.T) {
	v := serve(t, newHost(t, akamai), componentSpec(hostile))
	resp, err := v.client.Do(v.request("GET", "/e", nil))
	if err == nil {
		_, err = io.ReadAll(resp.Body)
		resp.Body.Close()
	}
	if o := v.outcome(); err == nil || o != ledger.Trap {
		t.Errorf("%v, outcome %s; want a broken reply", err, o)
	}
	if said := v.stream(streamHost); len(said) == 0 || !strings.Contains(said[0], "component error after response started: ") {
		t.Errorf("the log has %q", said)
	}
}

// TestHostileCompositions has components inside components.
func TestHostileCompositions(t *testing.T) {
	checkGoroutines(t)
	h := newHost(t, akamai)
	well := serve(t, h, componentSpec(components.CHTTP))
	for _, tt := range []struct {
		what string
		wasm []byte
		line string
	}{
		{"an export called from within an import", hostileReenter, "cannot enter component instance"},
		{"a borrow that is kept", hostileBorrow, "borrow"},
		{"recursion without end", hostileDeep, "call stack exhausted"},
		{"a table that is too large", hostileGrow, "without setting a response"},
	} {
		v := serve(t, h, componentSpec(tt.wasm))
		for range 2 {
			a := v.get("/")
			if o := v.outcome(); a.StatusCode != 500 || a.body != "" || o != ledger.Trap {
				t.Errorf("%s: %d %q, outcome %s", tt.what, a.StatusCode, a.body, o)
			}
		}
		if said := v.stream(streamHost); len(said) == 0 || !strings.Contains(said[0], tt.line) {
			t.Errorf("%s: the log has %q, want %q", tt.what, said, tt.line)
		}
		if a := well.get("/"); a.body != "Hello from C1" {
			t.Errorf("%s: the app beside it: %d %q", tt.what, a.StatusCode, a.body)
		}
	}
}

// TestSelfFetch has a guest that asks its own server for the page that it is
// asked for. The chain ends where the instances of its app do, and takes no
// instance of another.
func TestSelfFetch(t *testing.T) {
	checkGoroutines(t)
	limits := akamai
	limits.Handler, limits.Instances = 5*time.Second, 4
	h := newHost(t, limits)
	reaches := func(c *artifact.Component) { c.Metadata.AllowedOutboundHosts = []string{"http://127.0.0.1:*"} }
	patient := serve(t, newHost(t, akamai), componentSpec(hostile, reaches))
	if a := patient.get("/n"); a.StatusCode != 200 || a.body != "well" {
		t.Errorf("another page: %d %q, %q", a.StatusCode, a.body, patient.stream(streamHost))
	}
	well := serve(t, h, componentSpec(components.CHTTP))
	v := serve(t, h, componentSpec(hostile, reaches))
	v.quiet = true
	var asked sync.WaitGroup
	asked.Go(func() {
		if a := v.get("/m"); a.StatusCode < 500 {
			t.Errorf("itself: %d %q", a.StatusCode, a.body)
		}
	})
	for range 3 {
		if a := well.get("/"); a.body != "Hello from C1" || well.outcome() != ledger.OK {
			t.Errorf("the app beside it: %d %q", a.StatusCode, a.body)
		}
	}
	asked.Wait()
	if o := v.outcome(); o == ledger.OK {
		t.Errorf("outcome %s", o)
	}
}
