package runtime

import (
	_ "embed"
	"slices"
	"strings"
	"testing"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/router/ledger"
)

// Guests of Spin 1, see testdata/spin1/guest.c.
var (
	//go:embed testdata/spin1/spin1.wasm
	spin1Module []byte
	//go:embed testdata/spin1/inbound.wasm
	spin1Component []byte
)

// TestInboundHTTP has the handler of Spin 1, as a core module with the names of
// its time and as a component.
func TestInboundHTTP(t *testing.T) {
	checkGoroutines(t)
	h := newHost(t, akamai)
	for name, wasm := range map[string][]byte{"module": spin1Module, "component": spin1Component} {
		t.Run(name, func(t *testing.T) {
			if err := Check(Features{}, "http", wasm); err != nil {
				t.Error(err)
			}
			if err := Check(Features{}, "wagi", wasm); err == nil || !strings.Contains(err.Error(), "exports wasi:cli/run") {
				t.Errorf("as a command: %v", err)
			}
			s := componentSpec(wasm, func(c *artifact.Component) {
				c.Variables = map[string]string{"greeting": "{{ word }}"}
			})
			word := "good day"
			s.Lock.Variables = map[string]artifact.Variable{"word": {Default: &word}}
			testInbound(t, serve(t, h, s))
		})
	}
}

func testInbound(t *testing.T, v *service) {
	tests := []struct {
		method, path, send string
		status             int
		body               string
		outcome            ledger.Outcome
		host               string
	}{
		{"GET", "/", "", 200, "Hello from Spin 1 1", ledger.OK, ""},
		{"GET", "/", "", 200, "Hello from Spin 1 1", ledger.OK, ""}, // it is fresh
		{"GET", "/config", "", 200, "good day", ledger.OK, ""},
		{"POST", "/echo?a=b", "some text", 200, "11some text", ledger.OK, ""},
		{"OPTIONS", "/echo?a=b", "", 200, "61", ledger.OK, ""},
		{"HEAD", "/", "", 200, "", ledger.OK, ""},
		{"TRACE", "/", "", 405, "", ledger.OK, ""},
		{"GET", "/none", "", 404, "", ledger.OK, ""},
		{"GET", "/status", "", 500, "", ledger.Trap, "status 601"},
		{"GET", "/split", "", 500, "", ledger.Trap, `response header "x"`},
		{"GET", "/trap", "", 500, "", ledger.Trap, "unreachable"},
	}
	for _, tt := range tests {
		v.lines = nil
		a := v.do(v.request(tt.method, tt.path, strings.NewReader(tt.send)))
		if o := v.outcome(); a.StatusCode != tt.status || a.body != tt.body || a.err != nil || o != tt.outcome {
			t.Errorf("%s %s: %d %q, %v, outcome %s; want %d %q, %s", tt.method, tt.path, a.StatusCode, a.body, a.err, o, tt.status, tt.body, tt.outcome)
		}
		if host := strings.Join(v.stream(streamHost), "\n"); !strings.Contains(host, tt.host) || (host == "") != (tt.host == "") {
			t.Errorf("%s: host lines %q, want %q", tt.path, host, tt.host)
		}
	}
	a := v.get("/")
	if cookies := a.Header["Set-Cookie"]; a.Header.Get("Content-Type") != "text/plain" || !slices.Equal(cookies, []string{"b=2"}) {
		t.Errorf("headers %v: of two cookies the last counts", a.Header)
	}
	r := v.request("GET", "/headers", nil)
	r.Header.Set("X-Mine", "yes")
	lines := strings.Split(v.do(r).body, "\n")
	for _, want := range []string{"x-mine: yes", "host: " + r.URL.Host, "spin-path-info: /headers", "spin-raw-component-route: /..."} {
		if !slices.Contains(lines, want) {
			t.Errorf("no %q among the headers %q", want, lines)
		}
	}
}
