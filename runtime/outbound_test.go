package runtime

import (
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/neutrino-local/neutrino-local/e2e/guests"
	"github.com/neutrino-local/neutrino-local/e2e/guests/spin"
	"github.com/neutrino-local/neutrino-local/e2e/services"
	"github.com/neutrino-local/neutrino-local/registry/artifact"
)

// spinSpec is an app of a guest of e2e/guests/spin that may reach these hosts.
func spinSpec(t testing.TB, name string, hosts ...string) Spec {
	t.Helper()
	wasm, err := spin.Wasm(name)
	if err != nil {
		t.Fatal(err)
	}
	return componentSpec(wasm, func(c *artifact.Component) { c.Metadata.AllowedOutboundHosts = hosts })
}

// configured returns a host of another configuration than newHost's.
func configured(t testing.TB, change func(*Config)) *Host {
	t.Helper()
	cfg := Config{CacheDir: guests.CacheDir(), Limits: akamai, Log: slog.New(slog.DiscardHandler)}
	change(&cfg)
	h, err := New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
	return h
}

// testOrigin is a server for guests.
func testOrigin(t testing.TB) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s", r.Method, r.URL, b)
	})
	mux.HandleFunc("/redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) })
	mux.HandleFunc("/loop", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/loop", http.StatusFound) })
	mux.HandleFunc("/away", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://not-allowed.test/", http.StatusFound)
	})
	mux.HandleFunc("/host", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "%s %q", r.Host, r.UserAgent()) })
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func TestOutboundRequests(t *testing.T) {
	checkGoroutines(t)
	o := testOrigin(t)
	closed := services.FreeAddress(t)
	plain := o.Listener.Addr().String()
	h := newHost(t, akamai)
	h.network.dialer.Resolver = nameServer(t)
	v := serve(t, h, spinSpec(t, "outbound", "http://127.0.0.0/24:*", "https://127.0.0.1:*", "http://nowhere.invalid", "http://self"))
	tests := []struct{ path, want string }{
		{"/GET/" + o.URL + "/a?b=c", "200 GET /a?b=c "},
		{"/POST/" + o.URL + "/a", "200 POST /a Hello, world!"},
		{"/GET/" + o.URL + "/redirect", `302 <a href="/elsewhere">Found</a>.` + "\n\n"},
		{"/GET/" + o.URL + "/host", fmt.Sprintf(`200 %s ""`, plain)},
		{"/GET/http://" + closed + "/", "future: connection-refused"},
		{"/GET/http://nowhere.invalid/", "future: DNS-error address not available 0"},
		{"/GET/https://" + plain + "/", "future: TLS-protocol-error"},
		{"/GET/http://example.com/", "future: HTTP-request-denied"},
		{"/GET/self:/x/y?z=1", fmt.Sprintf("200 GET /x/y?z=1 at http://%s/x/y?z=1, route , from 127.0.0.1:0", host(v))},
		{"/GET/http://self.alt/x", fmt.Sprintf("200 GET /x at http://%s/x, route , from 127.0.0.1:0", host(v))},
		{"/GET/" + v.url + "/x", fmt.Sprintf("200 GET /x at http://%s/x, route , from 127.0.0.1:0", host(v))},
		{"/POST/self:/x", fmt.Sprintf("200 POST /x at http://%s/x, route , from 127.0.0.1:0", host(v))},
		{"/HEAD/self:/x", "200 "},
		{"/GET/http://web.spin.internal/x", "future: HTTP-request-denied"},
	}
	for _, tt := range tests {
		if got := v.get(tt.path); got.body != tt.want {
			t.Errorf("%s = %d %q, want %q", tt.path, got.StatusCode, got.body, tt.want)
		}
	}
}

func host(v *service) string { return strings.TrimPrefix(v.url, "http://") }

// What is denied comes out of the future, and the log of the guest says it in
// Spin's words.
func TestOutboundDenials(t *testing.T) {
	deny := func(what, entry string) []string {
		return []string{what, fmt.Sprintf("To allow this request, add 'allowed_outbound_hosts = [%q]' to the manifest component section.", entry)}
	}
	disallowed := func(d string) []string {
		return deny(fmt.Sprintf("A component tried to make an outbound network connection to disallowed destination '%s'.", d), d)
	}
	tests := []struct {
		hosts []string
		path  string
		want  []string
	}{
		{nil, "/GET/http://127.0.0.1:9/", disallowed("http://127.0.0.1:9")},
		{nil, "/GET/https://Example.com/", disallowed("https://example.com:443")},
		{nil, "/GET/self:/", deny("A component tried to make an HTTP request to its own app but it does not have permission.", "http://self")},
		{[]string{"http://*.example.com"}, "/GET/http://example.com/", disallowed("http://example.com:80")},
		{[]string{"http://127.0.0.1:5..9"}, "/GET/http://127.0.0.1:9/", disallowed("http://127.0.0.1:9")},
		{[]string{"http://self"}, "/GET/http://web.spin.internal/", disallowed("http://web.spin.internal:80")},
		{[]string{"http://*:*", "http://{{ nothing }}"}, "/GET/http://127.0.0.1:9/", []string{
			"A component tried to make an outbound network connection to disallowed destination 'http://127.0.0.1:9'.",
			`allowed_outbound_hosts: entry "http://{{ nothing }}": no variable "nothing": nothing can be reached`,
		}},
		{[]string{"http://*:*", "*://a.test"}, "/GET/self:/", []string{
			"A component tried to make an HTTP request to its own app but it does not have permission.",
			`allowed_outbound_hosts: entry "*://a.test": invalid allowed host port "": no port was provided and the scheme "*" does not have a known default port number: nothing can be reached`,
		}},
	}
	h := newHost(t, akamai)
	for _, tt := range tests {
		v := serve(t, h, spinSpec(t, "outbound", tt.hosts...))
		if got := v.get(tt.path); got.body != "future: HTTP-request-denied" {
			t.Errorf("%v %s = %d %q", tt.hosts, tt.path, got.StatusCode, got.body)
		}
		if diff := cmp.Diff(tt.want, v.stream(streamStderr)); diff != "" {
			t.Errorf("%v %s: stderr (-want +got):\n%s", tt.hosts, tt.path, diff)
		}
	}
}

func TestOutboundTemplates(t *testing.T) {
	o := testOrigin(t)
	u, err := url.Parse(o.URL)
	if err != nil {
		t.Fatal(err)
	}
	s := spinSpec(t, "outbound", "http://{{ host }}:{{ port }}", "{{ none }}")
	s.Lock.Variables = map[string]artifact.Variable{"host": {Secret: true}, "port": {Default: new("1")}, "none": {Default: new("")}}
	s.Variables = map[string]string{"host": u.Hostname(), "port": u.Port()}
	v := serve(t, newHost(t, akamai), s)
	if got := v.get("/GET/" + o.URL + "/x"); got.body != "200 GET /x " {
		t.Errorf("a host of variables: %q", got.body)
	}
	s.Variables["host"] = "s3cret with spaces"
	v = serve(t, newHost(t, akamai), s)
	if got := v.get("/GET/" + o.URL + "/x"); got.body != "future: HTTP-request-denied" {
		t.Errorf("with a value that is no host: %q", got.body)
	}
	if log := strings.Join(v.stream(streamStderr), "\n"); strings.Contains(log, "s3cret") || !strings.Contains(log, "with its variables it is not in the form") {
		t.Errorf("the log has %q", log)
	}
}

// Offline, what counts is the address that a name has when the connection is
// made, and not what it is called.
func TestOffline(t *testing.T) {
	o := testOrigin(t)
	_, port, err := net.SplitHostPort(o.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	h := configured(t, func(c *Config) { c.Offline = true })
	v := serve(t, h, withChained(t, spinSpec(t, "outbound", "*://*:*"), "back", "outbound"))
	tests := []struct{ path, want string }{
		{"/GET/" + o.URL + "/x", "200 GET /x "},
		{"/GET/http://localhost:" + port + "/x", "200 GET /x "},
		{"/GET/http://[::ffff:127.0.0.1]:" + port + "/x", "200 GET /x "},
		{"/GET/http://192.0.2.1/", "future: destination-IP-prohibited"},
		{"/GET/http://0.0.0.0:" + port + "/", "future: destination-IP-prohibited"},
		{"/GET/http://example.com/", "future: DNS-error address not available 0"},
		{"/GET/http://back.spin.internal/x", "200 GET /x at http://localhost/x, route , from 0.0.0.0:0"},
		{"/GET/self:/x", fmt.Sprintf("200 GET /x at http://%s/x, route , from 127.0.0.1:0", host(v))},
	}
	for _, tt := range tests {
		if got := v.get(tt.path); got.body != tt.want {
			t.Errorf("%s = %d %q, want %q", tt.path, got.StatusCode, got.body, tt.want)
		}
	}
}

// Only what the roots vouch for is talked to.
func TestOutboundTLS(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Proto) }))
	s.EnableHTTP2 = true
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	spec := spinSpec(t, "outbound", "https://127.0.0.1:*", "https://localhost:*")
	trusting := serve(t, configured(t, func(c *Config) { c.Roots = roots }), spec)
	if got := trusting.get("/GET/" + s.URL + "/"); got.body != "200 HTTP/2.0" {
		t.Errorf("with its certificate: %q", got.body)
	}
	other := strings.Replace(s.URL, "127.0.0.1", "localhost", 1)
	for name, v := range map[string]*service{"another host's": trusting, "an unknown": serve(t, newHost(t, akamai), spec)} {
		path := "/GET/" + s.URL + "/"
		if v == trusting {
			path = "/GET/" + other + "/"
		}
		if got := v.get(path); got.body != "future: TLS-protocol-error" {
			t.Errorf("with %s certificate: %q", name, got.body)
		}
	}
}

// One connection serves the guests of many requests.
func TestOutboundReusesConnections(t *testing.T) {
	var opened atomic.Int64
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "ok") }))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	v := serve(t, newHost(t, akamai), spinSpec(t, "outbound", "http://*:*"))
	for range 20 {
		if got := v.get("/GET/" + s.URL + "/"); got.body != "200 ok" {
			t.Fatal(got.body)
		}
	}
	if n := opened.Load(); n > 3 { // a connection may be a moment late to come back
		t.Errorf("20 requests opened %d connections", n)
	}
}

// Servers that misbehave end as errors, each with its code.
func TestOutboundHostileServers(t *testing.T) {
	checkGoroutines(t)
	talk := func(reply func(w io.Writer)) string {
		return services.TCP(t, func(c net.Conn) {
			_ = c.SetDeadline(time.Now().Add(30 * time.Second))
			b := make([]byte, 4096)
			if _, err := c.Read(b); err == nil {
				reply(c)
			}
		})
	}
	line := func(s string) func(io.Writer) { return func(w io.Writer) { _, _ = io.WriteString(w, s) } }
	endless := func(begin, more string) func(io.Writer) {
		return func(w io.Writer) {
			_, err := io.WriteString(w, begin)
			for err == nil {
				_, err = io.WriteString(w, more)
			}
		}
	}
	tests := []struct {
		name string
		addr string
		want string
	}{
		{"endless headers", talk(endless("HTTP/1.1 200 OK\r\n", "X-More: "+strings.Repeat("x", 1000)+"\r\n")), "future: HTTP-response-header-section-size"},
		{"one endless header", talk(endless("HTTP/1.1 200 OK\r\nX: ", strings.Repeat("x", 1000))), "future: HTTP-response-header-section-size"},
		{"endless interim responses", talk(endless("", "HTTP/1.1 103 Early Hints\r\nX: "+strings.Repeat("x", 1000)+"\r\n\r\n")), "future: "},
		{"no reply", talk(line("")), "future: connection-terminated"},
		{"no HTTP", talk(line("hello\r\n\r\n")), "future: HTTP-protocol-error"},
		{"half a body", talk(line("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")), "200 half (HTTP-response-incomplete)"},
		{"bad chunks", talk(line("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")), "200  (HTTP-protocol-error)"},
		{"endless body", talk(endless("HTTP/1.1 200 OK\r\n\r\n", strings.Repeat("x", 1000))), "200 xxx"},
	}
	v := serve(t, newHost(t, akamai), spinSpec(t, "outbound", "http://*:*"))
	for _, tt := range tests {
		if got := v.get("/GET/http://" + tt.addr + "/"); !strings.HasPrefix(got.body, tt.want) {
			t.Errorf("%s: %d %.200q, want %q", tt.name, got.StatusCode, got.body, tt.want)
		}
	}
	t.Cleanup(v.app.host.transport.CloseIdleConnections)
}

func TestHTTPHostsOfOldLocks(t *testing.T) {
	got := httpHosts([]string{"insecure:allow-all", "self", "a.test:81", "https://b.test"})
	want := []string{"http://*:*", "https://*:*", "http://self", "http://self", "http://a.test:81", "https://a.test:81", "https://b.test"}
	if !slices.Equal(got, want) {
		t.Errorf("httpHosts = %q, want %q", got, want)
	}
}
