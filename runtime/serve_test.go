package runtime

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/router/ledger"
)

func TestHello(t *testing.T) {
	checkGoroutines(t)
	v := serve(t, newHost(t, akamai), guestSpec(t, "hello"))
	for range 3 {
		a := v.get("/some/where")
		if a.StatusCode != 200 || a.body != "hello from version 1\n" || a.err != nil {
			t.Fatalf("GET = %d %q, %v", a.StatusCode, a.body, a.err)
		}
		a.Header.Del("Date")
		want := http.Header{"Content-Type": {"text/plain"}, "Content-Length": {"21"}}
		if diff := cmp.Diff(want, a.Header); diff != "" {
			t.Errorf("headers (-want +got):\n%s", diff)
		}
		if o := v.outcome(); o != ledger.OK {
			t.Errorf("outcome %s", o)
		}
	}
	want := line{"hello", "req", "stderr", "GET /some/where"}
	if len(v.lines) != 3 || v.lines[0] != want {
		t.Errorf("output %v, want 3 times %v", v.lines, want)
	}
	if a := v.do(v.request(http.MethodHead, "/", nil)); a.StatusCode != 200 || a.body != "" || a.ContentLength != 21 {
		t.Errorf("HEAD = %d %q, %d bytes declared", a.StatusCode, a.body, a.ContentLength)
	}
}

func TestReserved(t *testing.T) {
	s := guestSpec(t, "hello")
	s.Digest = "sha256:abc"
	s.Lock.Metadata.Name = "a <b> & \"c\""
	v := serve(t, newHost(t, akamai), s)
	tests := []struct {
		path, contentType, body string
		status                  int
	}{
		{"/.well-known/spin/health", "", "OK", 200},
		{"/.well-known/spin/info", "application/json", "{\n  \"name\": \"a <b> & \\\"c\\\"\",\n  \"version\": \"1.0.0\",\n  \"oci_image_digest\": \"sha256:abc\"\n}", 200},
		{"/.well-known/spin/other", "", "", 404},
		{"/.well-known/spin/", "", "", 404},
		{"/.well-known/spin/health/", "", "", 404},
	}
	for _, method := range []string{"GET", "POST"} {
		for _, tt := range tests {
			a := v.do(v.request(method, tt.path, nil))
			_, typed := a.Header["Content-Type"]
			if a.StatusCode != tt.status || a.body != tt.body || a.Header.Get("Content-Type") != tt.contentType || typed != (tt.contentType != "") {
				t.Errorf("%s %s = %d %q %q", method, tt.path, a.StatusCode, a.Header.Get("Content-Type"), a.body)
			}
		}
	}
	if a := v.get("/.well-known/spin"); a.body != "hello from version 1\n" {
		t.Errorf("a path beside the prefix does not reach the app: %q", a.body)
	}
}

// triggers replaces the triggers of s by those of JSON configurations.
func triggers(s Spec, configs ...string) Spec {
	s.Lock.Triggers = nil
	for i, c := range configs {
		s.Lock.Triggers = append(s.Lock.Triggers, artifact.Trigger{ID: fmt.Sprint("t", i), Type: "http", Config: json.RawMessage(c)})
	}
	return s
}

func TestStaticResponse(t *testing.T) {
	s := triggers(Spec{Lock: artifact.Lock{}},
		`{"route":"/full","static_response":{"status_code":418,"headers":{"x-tea":"pot","content-type":"text/x-tea"},"body":"<b>short and stout</b>"}}`,
		`{"route":"/empty","static_response":{}}`,
		`{"route":"/sniffed","static_response":{"body":"<html>"}}`,
		`{"route":"/none","static_response":{"status_code":204,"body":"x"}}`,
		`{"route":"/moved","static_response":{"status_code":302,"headers":{"location":"/full"}}}`,
		`{"route":{"private":true},"static_response":{"body":"secret"}}`,
		`{"route":"/twice","static_response":{"body":"first"}}`,
		`{"route":"/twice","static_response":{"body":"last"}}`,
	)
	v := serve(t, newHost(t, akamai), s)
	v.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	tests := []struct {
		path   string
		status int
		header http.Header
		body   string
	}{
		{"/full", 418, http.Header{"X-Tea": {"pot"}, "Content-Type": {"text/x-tea"}, "Content-Length": {"22"}}, "<b>short and stout</b>"},
		{"/empty", 200, http.Header{"Content-Length": {"0"}}, ""},
		{"/sniffed", 200, http.Header{"Content-Length": {"6"}}, "<html>"},
		{"/none", 204, http.Header{}, ""},
		{"/moved", 302, http.Header{"Location": {"/full"}, "Content-Length": {"0"}}, ""},
		{"/twice", 200, http.Header{"Content-Length": {"4"}}, "last"},
		{"/", 404, http.Header{"Content-Length": {"0"}}, ""},
		{"/full/x", 404, http.Header{"Content-Length": {"0"}}, ""},
	}
	for _, tt := range tests {
		a := v.get(tt.path)
		a.Header.Del("Date")
		if a.StatusCode != tt.status || a.body != tt.body || !cmp.Equal(a.Header, tt.header) {
			t.Errorf("GET %s = %d %v %q, want %d %v %q", tt.path, a.StatusCode, a.Header, a.body, tt.status, tt.header, tt.body)
		}
		want := ledger.OK
		if tt.status == 404 {
			want = ledger.NoRoute
		}
		if o := v.outcome(); o != want {
			t.Errorf("GET %s: outcome %s, want %s", tt.path, o, want)
		}
	}
	want := []Route{
		{Component: "t0", Pattern: "/full", Path: "/full"}, {Component: "t1", Pattern: "/empty", Path: "/empty"},
		{Component: "t2", Pattern: "/sniffed", Path: "/sniffed"}, {Component: "t3", Pattern: "/none", Path: "/none"},
		{Component: "t4", Pattern: "/moved", Path: "/moved"}, {Component: "t7", Pattern: "/twice", Path: "/twice"},
	}
	if diff := cmp.Diff(want, v.app.Routes()); diff != "" {
		t.Errorf("Routes (-want +got):\n%s", diff)
	}
}

// lines returns those of body that begin with one of prefixes.
func linesWith(body string, prefixes ...string) (lines []string) {
	for l := range strings.SplitSeq(body, "\n") {
		for _, p := range prefixes {
			if strings.HasPrefix(l, p) {
				lines = append(lines, l)
			}
		}
	}
	return lines
}

func TestEnvironmentOfGuest(t *testing.T) {
	t.Setenv("HOST_SECRET", "x")
	s := triggers(guestSpec(t, "echo"), `{"component":"echo","route":"/u/:user_id/...","executor":{"type":"wagi"}}`)
	v := serve(t, newHost(t, akamai), s)
	c := v.dial()
	fmt.Fprintf(c, "POST /u/7/a%%2Fb/?x=1&y=%%20 HTTP/1.1\r\nHost: shop.localhost:99\r\nUser-Agent: t\r\nAuthorization: x\r\nConnection: close\r\n"+
		"Spin-Path-Info: fake\r\nX-Two: 1\r\nX-Two: 2\r\nContent-Length: 4\r\nX-Utf8: \u00e9\r\nContent-Type: text/x\r\n\r\nbody")
	reply, err := readReply(c)
	if err != nil {
		t.Fatal(err)
	}
	client := c.LocalAddr().String()
	ip, _, _ := strings.Cut(client, ":")
	want := []string{
		"arg 0=/u/7/a%2Fb/", "arg 1=x=1", "arg 2=y=%20",
		"env AUTH_TYPE=", "env CONTENT_LENGTH=4", "env CONTENT_TYPE=", "env GATEWAY_INTERFACE=CGI/1.1", "env GREETING=from the manifest",
		"env HTTP_CONTENT_LENGTH=4", "env HTTP_CONTENT_TYPE=text/x", "env HTTP_HOST=shop.localhost:99", "env HTTP_SPIN_PATH_INFO=fake",
		"env HTTP_USER_AGENT=t", "env HTTP_X_TWO=2", "env HTTP_X_UTF8=CORRUPT VALUE",
		"env PATH_INFO=/a%2Fb/", "env PATH_TRANSLATED=/a/b/", "env QUERY_STRING=x=1&y=%20",
		"env REMOTE_ADDR=" + ip, "env REMOTE_HOST=" + ip, "env REMOTE_USER=", "env REQUEST_METHOD=POST",
		"env SCRIPT_NAME=/u/:user_id", "env SERVER_NAME=shop.localhost", "env SERVER_PORT=99", "env SERVER_PROTOCOL=HTTP/1.1",
		"env SERVER_SOFTWARE=WAGI/1", "env X_BASE_PATH=/", "env X_CLIENT_ADDR=" + client,
		"env X_COMPONENT_ROUTE=/u/:user_id", "env X_FULL_URL=http://shop.localhost:99/u/7/a%2Fb/?x=1&y=%20",
		"env X_MATCHED_ROUTE=/u/:user_id/...", "env X_PATH_MATCH_USER_ID=7", "env X_RAW_COMPONENT_ROUTE=/u/:user_id/...", "env X_RAW_PATH_INFO=/a%2Fb/",
	}
	if diff := cmp.Diff(want, linesWith(reply, "arg", "env")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !strings.HasSuffix(reply, "body:\nbody") {
		t.Errorf("the body did not come back: %q", reply)
	}
}

func TestArguments(t *testing.T) {
	h := newHost(t, akamai)
	v := serve(t, h, guestSpec(t, "echo"))
	if got := linesWith(v.get("/p").body, "arg"); !cmp.Equal(got, []string{"arg 0=/p", "arg 1="}) {
		t.Errorf("without a query: %v", got)
	}
	v = serve(t, h, triggers(guestSpec(t, "echo"), `{"component":"echo","route":"/...","executor":{"type":"wagi","argv":"prog -x ${ARGS} ${SCRIPT_NAME}"}}`))
	if got := linesWith(v.get("/p?a&b=2").body, "arg"); !cmp.Equal(got, []string{"arg 0=prog", "arg 1=-x", "arg 2=a", "arg 3=b=2", "arg 4=/p"}) {
		t.Errorf("own template: %v", got)
	}
}

func TestMountedApp(t *testing.T) {
	v := serve(t, newHost(t, akamai), guestSpec(t, "echo"))
	v.base = Base{Scheme: "https", Host: "cloud.test:7", Prefix: "/_apps/echo"}
	got := linesWith(v.get("/p?q").body, "env X_FULL_URL", "env X_BASE", "env SERVER_")
	want := []string{"env SERVER_NAME=cloud.test", "env SERVER_PORT=7", "env SERVER_PROTOCOL=HTTP/1.1", "env SERVER_SOFTWARE=WAGI/1",
		"env X_BASE_PATH=/_apps/echo", "env X_FULL_URL=https://cloud.test:7/_apps/echo/p?q"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRequestRules(t *testing.T) {
	v := serve(t, newHost(t, akamai), guestSpec(t, "hello"))
	tests := []struct{ name, request, want string }{
		{"no host", "GET / HTTP/1.0\r\n\r\n", ""},
		{"no host, no route", "GET /.well-known/spin/health HTTP/1.0\r\n\r\n", "HTTP/1.0 200 OK"},
		{"internal host", "GET / HTTP/1.1\r\nHost: a.spin.internal\r\n\r\n", ""},
		{"not UTF-8", "GET / HTTP/1.1\r\nHost: h\r\nX: \xff\r\nConnection: close\r\n\r\n", "HTTP/1.1 500 Internal Server Error"},
		{"large fields", "GET / HTTP/1.1\r\nHost: h\r\nX: " + strings.Repeat("x", 128<<10) + "\r\nConnection: close\r\n\r\n", "HTTP/1.1 500 Internal Server Error"},
		{"absolute form", "GET http://h/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "HTTP/1.1 200 OK"},
	}
	for _, tt := range tests {
		got, _, _ := strings.Cut(v.raw(tt.request), "\r\n")
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestInjectedHeaders(t *testing.T) {
	s := triggers(Spec{}, `{"route":"/a/:B_c/...","static_response":{}}`)
	app, err := newHost(t, Limits{}).Compile(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	r, _ := http.NewRequest("GET", "http://host:1/a/x/y?q=1", nil)
	r.RemoteAddr = "1.2.3.4:5"
	r.Header = http.Header{"Spin-Path-Info": {"mine"}, "Connection": {"keep-alive"}, "X": {"1", "2"}}
	m, _ := app.table.Match(rawPath(r.URL))
	q, err := newRequest(r, rawPath(r.URL), m)
	if err != nil {
		t.Fatal(err)
	}
	want := http.Header{
		"Spin-Path-Info": {"mine", "/y"}, "X": {"1", "2"}, "Spin-Full-Url": {"http://host:1/a/x/y?q=1"},
		"Spin-Matched-Route": {"/a/:B_c/..."}, "Spin-Base-Path": {"/"}, "Spin-Raw-Component-Route": {"/a/:B_c/..."},
		"Spin-Component-Route": {"/a/:B_c"}, "Spin-Client-Addr": {"1.2.3.4:5"}, "Spin-Path-Match-B-C": {"x"},
	}
	if diff := cmp.Diff(want, q.header()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(r.Header) != 3 {
		t.Error("the request's own headers were changed")
	}
}

func TestSharedComponent(t *testing.T) {
	// Two triggers of one component: the executor of the last is that of both.
	s := triggers(guestSpec(t, "echo"),
		`{"component":"echo","route":"/one","executor":{"type":"wagi","argv":"one"}}`,
		`{"component":"echo","route":"/two","executor":{"type":"wagi","argv":"two"}}`)
	v := serve(t, newHost(t, akamai), s)
	for _, path := range []string{"/one", "/two"} {
		if got := linesWith(v.get(path).body, "arg"); !cmp.Equal(got, []string{"arg 0=two"}) {
			t.Errorf("%s: %v", path, got)
		}
	}
}

func TestFiles(t *testing.T) {
	checkGoroutines(t)
	v := serve(t, newHost(t, akamai), guestSpec(t, "files"))
	var numbers strings.Builder
	for i := range 500 {
		fmt.Fprintln(&numbers, i+1)
	}
	tests := []struct{ path, body string }{
		{"/readme.txt", "a file beside the component\n"},
		{"/assets/index.html", "<!doctype html>\n<title>files</title>\n"},
		{"/assets/deep/numbers.txt", numbers.String()},
		{"/assets/../readme.txt", "a file beside the component\n"},
		{"/", "drwx------ 0 assets\n-rw------- 28 readme.txt\n"},
		{"/assets", "drwx------ 0 deep\n-rw------- 37 index.html\n"},
		{"/README.txt", "stat /README.txt: No such file or directory\n"},
		{"/readme.txt/x", "stat /readme.txt/x: Not a directory\n"},
		{"/etc/passwd", "stat /etc/passwd: No such file or directory\n"},
		{"/../../etc/passwd", "stat /../../etc/passwd: No such file or directory\n"},
		{"/readme.txt?op=write", "open /readme.txt: Read-only file system\n"},
		{"/new?op=write", "open /new: Read-only file system\n"},
		{"/readme.txt?op=append", "open /readme.txt: Read-only file system\n"},
		{"/new?op=mkdir", "mkdir /new: Read-only file system\n"},
		{"/assets?op=mkdir", "mkdir /assets: File exists\n"},
		{"/readme.txt?op=remove", "remove /readme.txt: Read-only file system\n"},
		{"/readme.txt?op=rename", "rename /readme.txt /other: Read-only file system\n"},
	}
	for _, tt := range tests {
		r := v.request("GET", "/", nil)
		r.URL.Opaque = tt.path // as it is, dots and all
		if a := v.do(r); a.body != tt.body {
			t.Errorf("%s = %q, want %q", tt.path, a.body, tt.body)
		}
	}
}
