package web

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOrigins(t *testing.T) {
	const same = "Origin: SELF"
	tests := []struct {
		name   string
		method string
		path   string
		header []string
		want   int
	}{
		{"a tool reads", "GET", "/api/v1/apps", nil, 200},
		{"a tool writes", "POST", "/api/v1/server/stop", nil, 202},
		{"the page reads", "GET", "/api/v1/apps", []string{"Sec-Fetch-Site: same-origin"}, 200},
		{"the page writes", "POST", "/api/v1/server/stop", []string{same, "Sec-Fetch-Site: same-origin"}, 202},
		{"the page writes over plain HTTP, where browsers send no metadata", "POST", "/api/v1/server/stop", []string{same}, 202},
		{"a person types the address", "GET", "/_neutrino/", []string{"Sec-Fetch-Site: none", "Sec-Fetch-Mode: navigate"}, 200},
		{"a link from elsewhere", "GET", "/_neutrino/", []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"}, 200},

		{"another site reads", "GET", "/api/v1/apps", []string{"Origin: http://evil.example", "Sec-Fetch-Site: cross-site"}, 403},
		{"another site reads without saying who", "GET", "/api/v1/apps", []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors"}, 403},
		{"another site reads, old browser", "GET", "/api/v1/apps", []string{"Origin: http://evil.example"}, 403},
		{"another site writes", "POST", "/api/v1/server/stop", []string{"Origin: http://evil.example"}, 403},
		{"another site deletes", "DELETE", "/api/v1/apps/hello", []string{"Origin: http://evil.example", "Sec-Fetch-Site: cross-site"}, 403},
		{"a form of another site", "POST", "/_neutrino/apps/hello/failover/release", []string{"Origin: http://evil.example", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"}, 403},
		{"an app on its own host", "POST", "/api/v1/server/stop", []string{"Origin: http://hello.localhost:7733", "Sec-Fetch-Site: same-site"}, 403},
		{"an app on its own host reads a script", "GET", "/api/v1/apps", []string{"Sec-Fetch-Site: same-site", "Sec-Fetch-Dest: script"}, 403},
		{"a sandboxed guest below /_apps/", "GET", "/api/v1/apps", []string{"Origin: null", "Sec-Fetch-Site: cross-site"}, 403},
		{"a sandboxed guest writes", "POST", "/api/v1/server/stop", []string{"Origin: null"}, 403},
		{"a guest sends a form to the page", "POST", "/_neutrino/apps/hello/delete", []string{"Origin: null", "Sec-Fetch-Site: same-origin"}, 403},
		{"another port", "GET", "/api/v1/apps", []string{"Origin: http://127.0.0.1:1"}, 403},
		{"another scheme", "GET", "/api/v1/apps", []string{"Origin: https://127.0.0.1"}, 403},
		{"two origins", "GET", "/api/v1/apps", []string{same, "Origin: http://evil.example"}, 403},
		{"an event stream", "GET", "/api/v1/events", []string{"Origin: http://evil.example"}, 403},
		{"health", "GET", "/_neutrino/health", []string{"Origin: http://evil.example"}, 403},
		{"metrics", "GET", "/metrics", []string{"Origin: null"}, 403},
		{"a frame", "GET", "/_neutrino/", []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: iframe"}, 403},
		{"rebinding: the page thinks that we are evil.example", "POST", "/api/v1/server/stop", []string{"Host: evil.example", "Origin: SELF"}, 403},
		{"preflight", "OPTIONS", "/api/v1/apps", []string{"Origin: http://evil.example", "Access-Control-Request-Method: DELETE"}, 403},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newSite(t, "")
			resp, text := s.do(t, call{method: test.method, path: test.path, header: test.header})
			if resp.StatusCode != test.want {
				t.Errorf("%s %s %v = %d %s, want %d", test.method, test.path, test.header, resp.StatusCode, text, test.want)
			}
			if resp.StatusCode == 403 && len(s.cloud.asked) > 0 {
				t.Errorf("it was done all the same: %v", s.cloud.asked)
			}
			if got := resp.Header.Get("Access-Control-Allow-Origin"); got != "" {
				t.Errorf("Access-Control-Allow-Origin: %s", got)
			}
		})
	}
}

func TestToken(t *testing.T) {
	tests := []struct {
		name   string
		path   string
		header []string
		want   int
	}{
		{"none", "/api/v1/apps", nil, 401},
		{"wrong", "/api/v1/apps", []string{"Authorization: Bearer sesame"}, 401},
		{"empty", "/api/v1/apps", []string{"Authorization: Bearer "}, 401},
		{"bearer", "/api/v1/apps", []string{"Authorization: Bearer " + token}, 200},
		{"basic", "/metrics", []string{"Authorization: Basic dDpzZXNhbWUtb3Blbg=="}, 200}, // t:sesame-open
		{"the token as a cookie", "/api/v1/apps", []string{"Cookie: neutrino_session=" + token}, 401},
		{"metrics", "/metrics", nil, 401},
		{"description", "/api/v1/openapi.json", nil, 401},
		{"events", "/api/v1/events", nil, 401},
		{"page", "/_neutrino/", nil, 303},
		{"form", "/_neutrino/login", nil, 200},
		{"style", "/_neutrino/static/style.css", nil, 200},
		{"beside the style", "/_neutrino/static/../logs", nil, 404},
		{"health", "/_neutrino/health", nil, 200},
		{"a wrong bearer beside a right cookie", "/api/v1/apps", []string{"Authorization: Bearer x", "Cookie: neutrino_session=" + (&guard{token: token}).session()}, 401},
	}
	s := newSite(t, token)
	for _, test := range tests {
		resp, text := s.do(t, call{method: "GET", path: test.path, header: test.header})
		if resp.StatusCode != test.want {
			t.Errorf("%s: GET %s = %d, want %d", test.name, test.path, resp.StatusCode, test.want)
		}
		if test.header == nil && strings.Contains(text, "hello") {
			t.Errorf("%s: a stranger is told of the apps: %s", test.name, text)
		}
	}
}

func TestLogin(t *testing.T) {
	s := newSite(t, token)
	resp, _ := s.do(t, call{method: "GET", path: "/_neutrino/logs?app=hello"})
	if got, want := resp.Header.Get("Location"), "/_neutrino/login?next=%2F_neutrino%2Flogs%3Fapp%3Dhello"; got != want {
		t.Errorf("without a cookie: to %s, want %s", got, want)
	}
	form := url.Values{"token": {"wrong"}, "next": {"/_neutrino/logs"}}
	if resp, text := s.do(t, call{method: "POST", path: "/_neutrino/login", form: form}); resp.StatusCode != 401 || !strings.Contains(text, "the token is wrong") {
		t.Errorf("wrong token: %d %s", resp.StatusCode, text)
	}
	form.Set("token", token)
	resp, _ = s.do(t, call{method: "POST", path: "/_neutrino/login", form: form, header: []string{"Origin: SELF", "Sec-Fetch-Site: same-origin"}})
	if got := resp.Header.Get("Location"); resp.StatusCode != 303 || got != "/_neutrino/logs" {
		t.Fatalf("right token: %d to %q", resp.StatusCode, got)
	}
	paths := []string{}
	for _, c := range resp.Cookies() {
		paths = append(paths, c.Path)
		if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || strings.Contains(c.Value, token) {
			t.Errorf("cookie %v", c)
		}
		if resp, _ := s.do(t, call{method: "GET", path: c.Path + "/apps/hello", header: []string{"Cookie: " + c.Name + "=" + c.Value}}); resp.StatusCode != 200 {
			t.Errorf("with the cookie: %s = %d", c.Path, resp.StatusCode)
		}
	}
	if diff := cmp.Diff([]string{"/_neutrino", "/api/v1"}, paths); diff != "" {
		t.Error(diff)
	}
	if resp, _ := s.do(t, call{method: "POST", path: "/_neutrino/login", form: form, header: []string{"Origin: http://evil.example"}}); resp.StatusCode != 403 {
		t.Errorf("a form of another site logs in: %d", resp.StatusCode)
	}
	for _, next := range []string{"https://evil.example/", "//evil.example/", "/\\evil.example", "/_neutrino/\r\nx", "javascript:alert(1)"} {
		form.Set("next", next)
		if resp, _ := s.do(t, call{method: "POST", path: "/_neutrino/login", form: form}); resp.Header.Get("Location") != "/_neutrino/" {
			t.Errorf("next=%q leads to %s", next, resp.Header.Get("Location"))
		}
	}
}

func TestHeaders(t *testing.T) {
	s := newSite(t, "")
	for _, path := range []string{"/_neutrino/", "/_neutrino/static/page.js", "/api/v1/apps", "/api/v1/nope", "/_neutrino/nope"} {
		resp, _ := s.do(t, call{method: "GET", path: path})
		csp := resp.Header.Get("Content-Security-Policy")
		if strings.Contains(csp, "unsafe") || !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") {
			t.Errorf("GET %s: Content-Security-Policy: %s", path, csp)
		}
		if got := resp.Header.Get("X-Content-Type-Options"); got != "nosniff" {
			t.Errorf("GET %s: X-Content-Type-Options: %s", path, got)
		}
	}
}

func TestSameOrigin(t *testing.T) {
	h := SameOrigin(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusTeapot) }), slog.New(slog.DiscardHandler))
	for origin, want := range map[string]int{"": 418, "http://example.com": 418, "null": 403, "http://evil.example": 403} {
		r := httptest.NewRequest("PUT", "/v2/x/blobs/uploads/", nil) // to example.com
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != want {
			t.Errorf("Origin %q: %d, want %d", origin, w.Code, want)
		}
	}
}
