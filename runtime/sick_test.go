package runtime

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/neutrino-local/neutrino-local/router/ledger"
)

// TestSickGuests has each guest that is sick when it runs: its own requests end
// cleanly, and those of an app beside it do not notice.
func TestSickGuests(t *testing.T) {
	checkGoroutines(t)
	patient := newHost(t, akamai)
	limits := akamai
	limits.Handler = 2 * time.Second
	hasty := newHost(t, limits)
	well := serve(t, patient, guestSpec(t, "hello"))
	tests := []struct {
		guest, body string
		status      int
		outcome     ledger.Outcome
		host        string // in the host's lines
	}{
		{"sick-trap", "", 500, ledger.Trap, "error processing request: wasm error: out of bounds memory access"},
		{"sick-exit", "", 500, ledger.Trap, "error processing request: exit code 3"},
		{"sick-alloc", "", 500, ledger.Trap, "of the 134217728 bytes that an instance may have"},
		{"sick-hang", "handler time: limit 2s, seen 2s\n", 504, ledger.Timeout, "handler time: limit 2s, seen 2s"},
		{"sick-sleep", "handler time: limit 2s, seen 2s\n", 504, ledger.Timeout, "handler time: limit 2s, seen 2s"},
	}
	for _, tt := range tests {
		t.Run(tt.guest, func(t *testing.T) {
			h := patient
			if tt.outcome == ledger.Timeout {
				h = hasty
			}
			v := serve(t, h, guestSpec(t, tt.guest))
			done := make(chan answered)
			go func() { done <- v.get("/x") }()
			for range 3 {
				if a := well.get("/"); a.body != "hello from version 1\n" {
					t.Errorf("the app beside it: %d %q", a.StatusCode, a.body)
				}
			}
			a := <-done
			if a.StatusCode != tt.status || a.body != tt.body || a.ContentLength != int64(len(tt.body)) {
				t.Errorf("reply %d %q, want %d %q", a.StatusCode, a.body, tt.status, tt.body)
			}
			if _, ok := a.Header["Content-Type"]; ok != (tt.body != "") {
				t.Errorf("headers %v", a.Header)
			}
			if o := v.outcome(); o != tt.outcome {
				t.Errorf("outcome %s, want %s", o, tt.outcome)
			}
			if host := strings.Join(v.stream("host"), "\n"); !strings.Contains(host, tt.host) {
				t.Errorf("host lines %q, want %q", host, tt.host)
			}
			refused := strings.Contains(strings.Join(v.stream("stderr"), "\n"), "memory of an instance: limit 134217728 bytes (128 MiB), and the guest wanted ")
			if want := tt.guest == "sick-alloc"; refused != want {
				t.Errorf("stderr tells of memory that was refused: %v, want %v", refused, want)
			}
		})
	}
}

func TestTrapHasBacktrace(t *testing.T) {
	v := serve(t, newHost(t, akamai), guestSpec(t, "sick-trap"))
	v.get("/")
	host := v.stream("host")
	if len(host) < 3 || !strings.Contains(strings.Join(host, "\n"), "main.beyond") {
		t.Errorf("host lines %q, want the names of functions", host)
	}
}

func TestBigReply(t *testing.T) {
	checkGoroutines(t)
	v := serve(t, newHost(t, akamai), guestSpec(t, "sick-big"))
	a := v.get("/")
	if a.StatusCode != 200 || a.err == nil || len(a.body) > 10<<20 {
		t.Errorf("reply %d, %d bytes, %v; want one that breaks off", a.StatusCode, len(a.body), a.err)
	}
	if o := v.outcome(); o != ledger.Limit {
		t.Errorf("outcome %s, want limit", o)
	}
	limits := akamai
	limits.Response = 12 << 20
	v = serve(t, newHost(t, limits), guestSpec(t, "sick-big"))
	if a := v.get("/"); len(a.body) != 11<<20 || a.err != nil {
		t.Errorf("with room for it: %d bytes, %v", len(a.body), a.err)
	}
	limits.Response = 100 // the whole reply is known to be too large
	v = serve(t, newHost(t, limits), guestSpec(t, "echo"))
	a = v.get("/")
	if want := "response body: limit 100 bytes, seen "; a.StatusCode != 502 || !strings.HasPrefix(a.body, want) || strings.Count(a.body, "\n") != 1 {
		t.Errorf("reply %d %q, want 502 %q", a.StatusCode, a.body, want)
	}
	if o := v.outcome(); o != ledger.Limit {
		t.Errorf("outcome %s, want limit", o)
	}
}

// TestSickModules has those that are refused before they get a request.
func TestSickModules(t *testing.T) {
	h := newHost(t, akamai)
	tests := map[string]string{
		"sick-corrupt": `component "sick-corrupt": compile: section 32: `,
		"sick-import":  `component "sick-import" imports env.missing (func), which nothing here provides`,
		"sick-mem":     `component "sick-mem": compile: memory of an instance: limit 134217728 bytes (128 MiB), seen 268435456 bytes (256 MiB) at its start`,
	}
	for guest, want := range tests {
		_, err := h.Compile(t.Context(), guestSpec(t, guest))
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", guest, err, want)
		}
	}
}

func TestLargeRequests(t *testing.T) {
	checkGoroutines(t)
	limits := akamai
	limits.Request = 100_000
	v := serve(t, newHost(t, limits), guestSpec(t, "echo"))
	fits, large := strings.Repeat("x", 100_000), strings.Repeat("x", 100_001)

	if a := v.do(v.request("POST", "/body", strings.NewReader(fits))); a.body != fits || a.StatusCode != 200 {
		t.Errorf("at the limit: %d, %d bytes", a.StatusCode, len(a.body))
	}
	v.outcome()
	if a := v.do(v.request("POST", "/body", io.MultiReader(strings.NewReader(fits)))); a.body != fits || a.StatusCode != 200 {
		t.Errorf("at the limit, streamed: %d, %d bytes", a.StatusCode, len(a.body))
	}
	v.outcome()
	a := v.do(v.request("POST", "/body", strings.NewReader(large)))
	if a.StatusCode != 413 || a.body != "request body: limit 100000 bytes, seen 100001 bytes\n" {
		t.Errorf("declared too large: %d %q", a.StatusCode, a.body)
	}
	if o := v.outcome(); o != ledger.Limit {
		t.Errorf("outcome %s, want limit", o)
	}
	a = v.do(v.request("POST", "/body", io.MultiReader(strings.NewReader(large))))
	if a.StatusCode != 413 || a.body != "request body: limit 100000 bytes, seen more than 100000 bytes\n" {
		t.Errorf("streamed too large: %d %q", a.StatusCode, a.body)
	}
	if o := v.outcome(); o != ledger.Limit {
		t.Errorf("outcome %s, want limit", o)
	}
}

func TestStreamedBodyHasItsLength(t *testing.T) {
	v := serve(t, newHost(t, akamai), guestSpec(t, "echo"))
	a := v.do(v.request("POST", "/", io.MultiReader(strings.NewReader("12345"))))
	if got := linesWith(a.body, "env CONTENT_LENGTH", "env HTTP_TRANSFER"); len(got) != 2 || got[0] != "env CONTENT_LENGTH=5" || got[1] != "env HTTP_TRANSFER_ENCODING=chunked" {
		t.Errorf("%v", got)
	}
}

// TestLargeBodies streams through a guest in both directions, over HTTP/1.1 and
// h2c, with no limit in the way.
func TestLargeBodies(t *testing.T) {
	checkGoroutines(t)
	v := serve(t, newHost(t, Limits{}), guestSpec(t, "echo"))
	content := bytes.Repeat([]byte("0123456789abcdef"), 4<<20/16)
	for _, h2 := range []bool{false, true} {
		protocols := new(http.Protocols)
		protocols.SetHTTP1(!h2)
		protocols.SetUnencryptedHTTP2(h2)
		transport := &http.Transport{Protocols: protocols}
		v.client = &http.Client{Transport: transport}
		for name, body := range map[string]io.Reader{"declared": bytes.NewReader(content), "streamed": io.MultiReader(bytes.NewReader(content))} {
			a := v.do(v.request("POST", "/body", body))
			if a.err != nil || a.StatusCode != 200 || a.body != string(content) {
				t.Errorf("h2 %v, %s: %d, %d bytes of %d, %v", h2, name, a.StatusCode, len(a.body), len(content), a.err)
			}
			if o := v.outcome(); o != ledger.OK {
				t.Errorf("outcome %s", o)
			}
		}
		transport.CloseIdleConnections()
	}
}

func TestOutputLines(t *testing.T) {
	v := serve(t, newHost(t, akamai), guestSpec(t, "echo"))
	v.get("/?log=no%20end")
	if got := v.stream("stderr"); len(got) != 1 || got[0] != "no%20end" {
		t.Errorf("lines %q", got)
	}
}

// TestCostlyCalls has guests that make the host work hard in one call: such a
// call ends with the deadline, or is refused.
func TestCostlyCalls(t *testing.T) {
	checkGoroutines(t)
	limits := akamai
	limits.Handler = 2 * time.Second
	h := newHost(t, limits)
	v := serve(t, h, guestSpec(t, "sick-calls"))
	v.quiet = true
	for path, want := range map[string][]ledger.Outcome{
		"/flood":  {ledger.Timeout},
		"/stdout": {ledger.ClientGone, ledger.OK}, // the client has its 204 and leaves; the guest may be faster
	} {
		r := v.request("GET", path, nil)
		r.Close = true
		resp, err := v.client.Do(r)
		if err == nil {
			resp.Body.Close()
		}
		if o := v.outcome(); !slices.Contains(want, o) {
			t.Errorf("%s: outcome %s, want one of %s", path, o, want)
		}
	}
	if a := v.get("/renumber"); a.body != "errno 8\n" {
		t.Errorf("/renumber: %d %q", a.StatusCode, a.body)
	}
	// table.grow by 2^31-1, which would be 16 GiB of the host's.
	grow := []byte(wasmHead + "\x01\x04\x01\x60\x00\x00" + "\x03\x02\x01\x00" + "\x04\x04\x01\x70\x00\x00" + "\x07\x0a\x01\x06_start\x00\x00" +
		"\x0a\x10\x01\x0e\x00\xd0\x70\x41\xff\xff\xff\xff\x07\xfc\x0f\x00\x1a\x0b")
	if a := serve(t, h, wasmSpec(grow)).get("/"); a.StatusCode != 500 {
		t.Errorf("table.grow: %d", a.StatusCode)
	}
}
