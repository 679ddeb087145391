package web

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/neutrino-local/neutrino-local/router/ledger"
	"github.com/neutrino-local/neutrino-local/store"
	"github.com/neutrino-local/neutrino-local/store/applog"
)

var (
	tag   = regexp.MustCompile(`(?s)<[^>]*>`)
	space = regexp.MustCompile(`\s+`)
)

// words returns what a person reads on a page.
func words(page string) string {
	if _, main, ok := strings.Cut(page, "<main"); ok {
		page, _, _ = strings.Cut("<main"+main, "</main>")
	}
	return space.ReplaceAllString(html.UnescapeString(tag.ReplaceAllString(page, " ")), " ")
}

func TestPages(t *testing.T) {
	s := newSite(t, "")
	now := time.Now()
	s.put(ledger.Record{Revision: 1, Method: "GET", Path: "/<script>alert(1)</script>", Time: now, Request: "req-1"}, 200)
	s.put(ledger.Record{Revision: 2, Method: "POST", Path: "/cart", Time: now, Request: "req-2"}, 503)
	s.logs.Append(applog.Line{App: helloID, Revision: 2, Component: "front", Stream: "stderr", Request: "req-2", Message: "<b>no stock</b>", Time: now})
	s.logs.Append(applog.Line{App: helloID, Revision: 1, Component: "back", Stream: "stdout", Message: "started", Time: now})
	tests := []struct {
		path string
		want []string
		not  []string
	}{
		{"/", []string{"hello healthy r2", "held", "http://hello.localhost:7733/", "/state", "akamai-functions"}, []string{"No app yet"}},
		{"/apps/hello", []string{"hello healthy", "r2--hello", "local extra", "/shop/...", "front Rust 1.90.0", "color red deployment", "password secret deployment",
			"r2 100 % of new requests · 3 in flight", "Activate r1", "r1 → r2 held", "creating 2000.0 ms"}, []string{"hunter2"}},
		{"/apps/" + helloID, []string{"hello healthy"}, nil},
		{"/apps/hello/failover", []string{"held 50 % of new requests go to r2 , the others to r1", "Failed 1", "window 2\u202f000 ms", "Hold Step Release", "r1 1 0", "r2 1 1"}, nil},
		{"/apps/hello/delete", []string{"Delete hello?", "Type the name"}, nil},
		{"/requests", []string{"r2 POST /cart 503 ok", "GET /<script>alert(1)</script> 200"}, []string{"No request"}},
		{"/requests?app=hello&status=5xx", []string{"Requests of hello", "/cart"}, []string{"script"}},
		{"/requests?revision=r1", []string{"script"}, []string{"/cart"}},
		{"/requests?path=/c&outcome=ok", []string{"/cart"}, []string{"script"}},
		{"/requests?outcome=trap", []string{"No request matches"}, nil},
		{"/requests/2", []string{"POST /cart 503", "req-2", "<b>no stock</b>", "Timing", "reply"}, []string{"started"}},
		{"/requests?before=2", []string{"script", "Newest"}, []string{"/cart"}},
		{"/requests?before=1", []string{"No older request"}, []string{"/cart"}},
		{"/logs", []string{"Logs of hello", "r2 [front] <b>no stock</b>", "r1 [back] started"}, nil},
		{"/logs?app=hello&component=back", []string{"started"}, []string{"no stock"}},
		{"/logs?app=hello&stream=host", []string{"No line yet that matches"}, nil},
		{"/registry", []string{"local/hello", "1234 blobs, 5.0 MiB of at most 8.0 GiB · 2 uploads under way, 1.0 MiB"}, nil},
		{"/registry/tags?repository=local/hello", []string{"latest", "3.0 MiB"}, nil},
		{"/registry/manifest?repository=local/hello&reference=1", []string{"layer 0 application/vnd.wasm.content.layer.v1+wasm 3.0 MiB", "What refers to it", "application/x.signature", `"schemaVersion": 2`}, []string{"revision"}},
		{"/registry/manifest?repository=local/hello&reference=index", []string{"Manifests of this index", "application/x.child 7 B", "revision hello/r2"}, nil},
	}
	for _, test := range tests {
		resp, page := s.do(t, call{method: "GET", path: "/_neutrino" + test.path})
		text := words(page)
		if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("GET %s = %d %s: %s", test.path, resp.StatusCode, resp.Header.Get("Content-Type"), text)
		}
		for _, want := range test.want {
			if !strings.Contains(text, want) {
				t.Errorf("GET %s does not say %q: %s", test.path, want, text)
			}
		}
		for _, not := range test.not {
			if strings.Contains(text, not) {
				t.Errorf("GET %s says %q: %s", test.path, not, text)
			}
		}
		checkMarkup(t, test.path, page)
	}
}

var (
	inline  = regexp.MustCompile(`(?i)<style|\sstyle=|\son\w+=|<script(?:[^>]*)>[^<]|javascript:`)
	foreign = regexp.MustCompile(`(?:src|action|<link[^>]*href)="(?:https?:)?//`)
)

// checkMarkup checks what the Content-Security-Policy would break, and that
// nothing is loaded from elsewhere.
func checkMarkup(t *testing.T, path, page string) {
	t.Helper()
	for _, r := range []*regexp.Regexp{inline, foreign} {
		if found := r.FindString(page); found != "" {
			t.Errorf("GET %s has %q", path, found)
		}
	}
	if n := strings.Count(page, "<h1"); n != 1 {
		t.Errorf("GET %s has %d headings of the first level", path, n)
	}
	for _, control := range regexp.MustCompile(`<(?:input|select)[^>]*>`).FindAllString(page, -1) {
		id := regexp.MustCompile(` id="(\w+)"`).FindStringSubmatch(control)
		labelled := strings.Contains(control, `type="hidden"`) || id != nil && strings.Contains(page, `for="`+id[1]+`"`)
		if before, _, _ := strings.Cut(page, control); !labelled && strings.LastIndex(before, "<label>") <= strings.LastIndex(before, "</label>") {
			t.Errorf("GET %s: no label for %s", path, control)
		}
	}
}

func TestEmptyPages(t *testing.T) {
	s := newSite(t, "")
	s.cloud.apps = nil
	for path, want := range map[string]string{
		"/":         "neutrino-local deploy",
		"/requests": "No request yet. Ask an app: neutrino-local deploy",
		"/logs":     "No app yet",
	} {
		if _, page := s.do(t, call{method: "GET", path: "/_neutrino" + path}); !strings.Contains(words(page), want) {
			t.Errorf("GET %s does not say %q: %s", path, want, words(page))
		}
	}
}

// TestCompilingPages has a deployment that compiles.
func TestCompilingPages(t *testing.T) {
	s := newSite(t, "")
	s.cloud.compiling = "web: 1 of 2 modules"
	for _, path := range []string{"/", "/apps/hello", "/apps/hello/failover"} {
		if _, page := s.do(t, call{method: "GET", path: "/_neutrino" + path}); !strings.Contains(words(page), s.cloud.compiling) {
			t.Errorf("GET %s does not say %q: %s", path, s.cloud.compiling, words(page))
		}
	}
}

func TestErrorPages(t *testing.T) {
	s := newSite(t, "")
	for path, want := range map[string]string{
		"/apps/nope":         `404 app "nope": not found Next: see what is there with: neutrino-local app list`,
		"/nope":              "404 no such path",
		"/requests?status=x": "422",
		"/requests/99":       "404 request 99: not found",
		"/registry/tags":     "404",
		"/static/nope.js":    "404",
	} {
		resp, page := s.do(t, call{method: "GET", path: "/_neutrino" + path})
		if text := words(page); !strings.Contains(text, want) || fmt.Sprint(resp.StatusCode) != want[:3] {
			t.Errorf("GET %s = %d %s, want %s", path, resp.StatusCode, text, want)
		}
	}
}

func TestActions(t *testing.T) {
	s := newSite(t, "")
	for _, step := range []struct {
		path   string
		form   url.Values
		asked  string
		status int
		to     string
	}{
		{"/apps/hello/failover/hold", url.Values{"at": {"start"}}, "hold start", 303, "/_neutrino/apps/hello/failover"},
		{"/apps/hello/failover/hold", url.Values{"at": {"nine"}}, "", 422, ""},
		{"/apps/hello/failover/step", url.Values{}, "step", 303, "/_neutrino/apps/hello/failover"},
		{"/apps/hello/failover/release", url.Values{}, "release", 303, "/_neutrino/apps/hello/failover"},
		{"/apps/hello/rollback", url.Values{"revision": {"1"}}, "deploy r1", 303, "/_neutrino/apps/hello/failover"},
		{"/apps/hello/rollback", url.Values{"revision": {"r1"}}, "", 422, ""},
		{"/apps/hello/delete", url.Values{"name": {"other"}}, "", 422, ""},
		{"/apps/hello/delete", url.Values{"name": {"hello"}}, "delete " + helloID, 303, "/_neutrino/"},
	} {
		s.cloud.asked = nil
		resp, _ := s.do(t, call{method: "POST", path: "/_neutrino" + step.path, form: step.form, header: []string{"Origin: SELF", "Sec-Fetch-Site: same-origin"}})
		if resp.StatusCode != step.status || resp.Header.Get("Location") != step.to {
			t.Errorf("POST %s %v = %d to %q, want %d to %q", step.path, step.form, resp.StatusCode, resp.Header.Get("Location"), step.status, step.to)
		}
		if got := strings.Join(s.cloud.asked, ","); got != step.asked {
			t.Errorf("POST %s %v asks for %q, want %q", step.path, step.form, got, step.asked)
		}
	}
}

func TestAnActionThatIsRefusedSaysWhy(t *testing.T) {
	s := newSite(t, "")
	s.cloud.err = store.Hint(fmt.Errorf("app hello: nothing is held: %w", store.ErrConflict), "hold it first")
	resp, page := s.do(t, call{method: "POST", path: "/_neutrino/apps/hello/failover/step", form: url.Values{}})
	if text := words(page); resp.StatusCode != 409 || !strings.Contains(text, "nothing is held") || !strings.Contains(text, "hold it first") {
		t.Errorf("step = %d %s", resp.StatusCode, text)
	}
	if !strings.Contains(page, `id="problem"`) {
		t.Error("the script finds no #problem to show")
	}
}

// TestFirstLoad holds the size of the biggest page with all that it loads.
func TestFirstLoad(t *testing.T) {
	s := newSite(t, "")
	gzip := []string{"Accept-Encoding: gzip"}
	_, page := s.do(t, call{method: "GET", path: "/_neutrino/apps/hello/failover"})
	resp, compressed := s.do(t, call{method: "GET", path: "/_neutrino/apps/hello/failover", header: gzip})
	if resp.Header.Get("Content-Encoding") != "gzip" {
		t.Error("the page is not compressed")
	}
	total := len(compressed)
	loads := regexp.MustCompile(`(?:src|<link[^>]*href)="([^"]+)"`).FindAllStringSubmatch(page, -1)
	if len(loads) != 6 {
		t.Errorf("the page loads %v", loads)
	}
	for _, m := range loads {
		path := html.UnescapeString(m[1])
		resp, text := s.do(t, call{method: "GET", path: path, header: gzip})
		if resp.StatusCode != 200 || resp.Header.Get("Content-Encoding") != "gzip" || !strings.Contains(resp.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("GET %s = %d %v", path, resp.StatusCode, resp.Header)
		}
		total += len(text)
		resp, _ = s.do(t, call{method: "GET", path: path, header: []string{"If-None-Match: " + resp.Header.Get("ETag")}})
		if resp.StatusCode != http.StatusNotModified {
			t.Errorf("GET %s again = %d", path, resp.StatusCode)
		}
	}
	t.Logf("first load: %d bytes", total)
	if total > 150<<10 {
		t.Errorf("first load: %d bytes, want at most 150 KiB", total)
	}
}

func TestHealth(t *testing.T) {
	s := newSite(t, "")
	s.ready = false
	if resp, text := s.do(t, call{method: "GET", path: "/_neutrino/health"}); resp.StatusCode != 503 || !strings.Contains(text, `"starting"`) {
		t.Errorf("before ready: %d %s", resp.StatusCode, text)
	}
	s.ready = true
	resp, text := s.do(t, call{method: "GET", path: "/_neutrino/health"})
	var got healthReply
	if err := json.Unmarshal([]byte(text), &got); err != nil || resp.StatusCode != 200 {
		t.Fatal(resp.StatusCode, text)
	}
	want := healthReply{Status: "ok", Version: "1.2.3", Apps: map[string]appHealth{"hello": {Version: 2, Health: "healthy", Phase: "switching"}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestMetrics(t *testing.T) {
	s := newSite(t, "")
	s.put(ledger.Record{Revision: 2, Time: time.Now()}, 500)
	_, text := s.do(t, call{method: "GET", path: "/metrics"})
	for _, want := range []string{
		`neutrino_replies_total{app="hello"} 1`, `neutrino_replies_failed_total{app="hello"} 1`, "# TYPE neutrino_replies_total counter", `neutrino_current_revision{app="hello"} 2`,
		`neutrino_apps{health="healthy"} 1`, `neutrino_ready 1`, `neutrino_build_info{version="1.2.3"} 1`,
		`neutrino_requests_in_flight{app="hello",revision="2",role="current"} 3`,
		`neutrino_deployment_share_percent{app="hello",phase="switching",revision="2"} 50`, "go_goroutines",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("/metrics does not say %s", want)
		}
	}
}
