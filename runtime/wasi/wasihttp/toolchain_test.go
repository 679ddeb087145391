package wasihttp

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/neutrino-local/neutrino-local/e2e/guests/components"
)

// A probe is a request to a guest and what must come of it.
type probe struct {
	method, path, body string
	status             int
	want               string // of the body
	length             int64  // as declared
}

func (f *fixture) probe(t *testing.T, url string, probes []probe) {
	t.Helper()
	for _, p := range probes {
		var body io.Reader
		if p.body != "" {
			body = strings.NewReader(p.body)
		}
		res, got, err := get(t, p.method, url+p.path, body)
		fault := <-f.fault
		if err != nil || fault != nil {
			t.Errorf("%s %s: %v; guest: %v", p.method, p.path, err, fault)
			continue
		}
		if res.StatusCode != p.status || got != p.want || res.ContentLength != p.length {
			t.Errorf("%s %s = %d %.80q, length %d; want %d %.80q, length %d", p.method, p.path, res.StatusCode, got, res.ContentLength, p.status, p.want, p.length)
		}
	}
}

func TestJavaScript(t *testing.T) {
	f := load(t, components.Build(t, components.JSFetch))
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "origin "+r.URL.Path)
	}))
	t.Cleanup(origin.Close)
	f.state.Outbound = &Outbound{Allow: allowAll, Transport: NewTransport(new(net.Dialer).DialContext)}
	url := serve(t, f.answer)
	large := strings.Repeat("0123456789abcdef", 1<<20/16)
	f.probe(t, url, []probe{
		{"GET", "/", "", 200, "Hello from JavaScript 1", 23},
		{"GET", "/", "", 200, "Hello from JavaScript 1", 23}, // a fresh instance
		{"HEAD", "/", "", 200, "", 23},
		{"POST", "/echo", "small", 200, "small", -1},
		{"POST", "/echo", large, 200, large, -1},
		{"GET", "/status/204", "", 204, "", 0},
		{"GET", "/status/404", "", 404, "", 0},
		{"GET", "/headers", "", 200, `{"accept-encoding":"gzip","user-agent":"Go-http-client/1.1"}`, 60},
		{"GET", "/fetch/" + strings.TrimPrefix(origin.URL, "http://") + "/a", "", 200, "200 origin /a", 13},
		{"GET", "/throw", "", 500, "", -1},
	})
}

func TestGo(t *testing.T) {
	f := load(t, components.Build(t, components.GoHTTP))
	url := serve(t, f.answer)
	f.probe(t, url, []probe{
		{"GET", "/", "", 200, "Hello from Go / ", -1},
		{"GET", "/x?y=1", "", 200, "Hello from Go /x?y=1 ", -1},
		{"HEAD", "/", "", 200, "", -1},
	})
	want := bytes.Repeat([]byte("0123456789abcdef"), 4<<20/16)
	_, got, err := get(t, "POST", url+"/echo", bytes.NewReader(want))
	if fault := <-f.fault; err != nil || fault != nil || got != string(want) {
		t.Errorf("echo of %d bytes = %d bytes, %v; guest: %v", len(want), len(got), err, fault)
	}
}
