package runtime

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/neutrino-local/neutrino-local/e2e/guests/components"
	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/router/ledger"
)

// commandSpec is an app whose component is run as a CGI program with those
// arguments: c-command does what its first one says.
func commandSpec(argv string, change ...func(*artifact.Component)) Spec {
	s := componentSpec(components.CCommand, change...)
	s.Lock.Triggers[0].Config = json.RawMessage(fmt.Sprintf(`{"component":"web","route":"/...","executor":{"type":"wagi","argv":%q}}`, argv))
	return s
}

// TestCommandComponent has components under the wagi executor.
func TestCommandComponent(t *testing.T) {
	checkGoroutines(t)
	if err := Check(Features{}, "wagi", components.CCommand); err != nil {
		t.Error(err)
	}
	page := artifact.Inline("content-type: text/page\n\nfrom a file")
	withFile := func(c *artifact.Component) { c.Files = []artifact.File{{Path: "a/page", Inline: &page}} }
	tests := []struct {
		argv, body string
		status     int
		kind, want string
		outcome    ledger.Outcome
		host       string
	}{
		{"c cat", "content-type: text/cat\nx-a: b\n\nhello", 200, "text/cat", "hello", ledger.OK, ""},
		{"c cat", "status: 404 no\n\ngone", 404, "", "gone", ledger.OK, ""},
		{"c args content-type:text/args  ${SCRIPT_NAME} ${ARGS}", "", 200, "text/args", "/x\na=1\nb=2\n", ledger.OK, ""},
		{"c read /a/page", "", 200, "text/page", "from a file", ledger.OK, ""},
		{"c stderr", "", 500, "", "", ledger.Trap, "it printed nothing"},
		{"c exit 1", "", 500, "", "", ledger.Trap, "exit code 1"},
		{"c abort", "", 500, "", "", ledger.Trap, "unreachable"},
	}
	h := newHost(t, akamai)
	for _, tt := range tests {
		v := serve(t, h, commandSpec(tt.argv, withFile))
		a := v.do(v.request("POST", "/x?a=1&b=2", strings.NewReader(tt.body)))
		if o := v.outcome(); a.StatusCode != tt.status || a.body != tt.want || a.Header.Get("Content-Type") != tt.kind || o != tt.outcome {
			t.Errorf("%s: %d %q %q, outcome %s; want %d %q %q, %s", tt.argv, a.StatusCode, a.Header.Get("Content-Type"), a.body, o, tt.status, tt.kind, tt.want, tt.outcome)
		}
		if host := strings.Join(v.stream(streamHost), "\n"); !strings.Contains(host, tt.host) || (host == "") != (tt.host == "") {
			t.Errorf("%s: host lines %q, want %q", tt.argv, host, tt.host)
		}
		if errs := v.stream(streamStderr); strings.HasSuffix(tt.argv, "stderr") && !slices.Equal(errs, []string{"to stderr"}) {
			t.Errorf("%s: stderr %q", tt.argv, errs)
		}
	}
}

// TestCommandComponentEnvironment has a variable whose name is a head: the guest
// prints all of them.
func TestCommandComponentEnvironment(t *testing.T) {
	v := serve(t, newHost(t, akamai), commandSpec("c env", func(c *artifact.Component) {
		c.Environment = map[string]string{"A\ncontent-type: text/env\n\nWHO": "me", "X": "y"}
	}))
	r := v.request("GET", "/p?q", nil)
	r.Header.Set("X-Some", "thing")
	a := v.do(r)
	lines := strings.Split(a.body, "\n")
	for _, want := range []string{"WHO=me", "X=y", "HTTP_X_SOME=thing", "QUERY_STRING=q", "PATH_INFO=/p", "SERVER_SOFTWARE=WAGI/1", "X_RAW_COMPONENT_ROUTE=/..."} {
		if !slices.Contains(lines, want) {
			t.Errorf("no %s in %q", want, lines)
		}
	}
}

// TestCommandComponentStreams pumps a body through a guest, and ends one that
// waits for a body which does not come.
func TestCommandComponentStreams(t *testing.T) {
	checkGoroutines(t)
	v := serve(t, newHost(t, akamai), commandSpec("c cat"))
	want := strings.Repeat("0123456789abcdef", 4<<20/16)
	a := v.do(v.request("POST", "/", strings.NewReader("content-type: a/b\n\n"+want)))
	if o := v.outcome(); a.err != nil || a.body != want || o != ledger.OK {
		t.Errorf("%d bytes of %d, %v, outcome %s", len(a.body), len(want), a.err, o)
	}
	limits := akamai
	limits.Handler = time.Second
	v = serve(t, newHost(t, limits), commandSpec("c cat"))
	c := v.dial()
	if _, err := io.WriteString(c, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\nsome"); err != nil {
		t.Fatal(err)
	}
	if o := v.outcome(); o != ledger.Timeout {
		t.Errorf("outcome %s, want timeout", o)
	}
	// A guest that ends without its body does not wait for it.
	v = serve(t, newHost(t, akamai), commandSpec("c args content-type:a/b  done"))
	c = v.dial()
	if _, err := io.WriteString(c, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\nsome"); err != nil {
		t.Fatal(err)
	}
	if body, err := readReply(c); body != "done\n" || err != nil {
		t.Errorf("%q, %v", body, err)
	}
	if o := v.outcome(); o != ledger.OK {
		t.Errorf("outcome %s", o)
	}
}
