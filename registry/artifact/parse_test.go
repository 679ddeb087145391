package artifact

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const wasmDigest = "sha256:93a44bbb96c751218e4c00d479e4c14358122a389acca16205b1e4d0dc5f9476"

const pushed = `{"spin_lock_version":1,"must_understand":["component_host_requirements"],` +
	`"metadata":{"authors":["A","B"],"description":"<a> & b","name":"my-app","trigger":{"type":"http"},"triggers":{},"version":"1.0.0"},` +
	`"variables":{"api_key":{"secret":true},"level":{"default":"1"}},` +
	`"triggers":[{"id":"web-http-trigger","trigger_type":"http","trigger_config":{"component":"web","executor":{"type":"wagi"},"route":"/..."}}],` +
	`"components":[{"id":"web","metadata":{"allowed_outbound_hosts":["http://other.spin.internal"],"build":{"command":"make","watch":["*.go"]},"databases":["default"],"key_value_stores":["default"]},` +
	`"source":{"content_type":"application/wasm","digest":"` + wasmDigest + `"},"env":{"K":"v"},` +
	`"files":[{"inline":"aGVsbG8","digest":"sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824","path":"tiny.txt"},` +
	`{"digest":"` + wasmDigest + `","path":"assets/big.png"}],` +
	`"config":{"k":"{{ api_key }}"},"host_requirements":{"local_service_chaining":"required"}}]}`

func TestLockRoundTrip(t *testing.T) {
	l, err := ParseLock([]byte(pushed))
	if err != nil {
		t.Fatal(err)
	}
	got, err := l.JSON()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(pushed, string(got)); diff != "" {
		t.Errorf("JSON() of a parsed lock (-want +got):\n%s", diff)
	}
}

func TestOldLock(t *testing.T) {
	l, err := ParseLock([]byte(`{"spin_lock_version":0,"metadata":{"name":"old","origin":"file:///x","trigger":{"base":"/","type":"http"}},
		"triggers":[{"id":"trigger--hello","trigger_type":"http","trigger_config":{"component":"hello","executor":{"type":"spin"},"route":"/hello"}}],
		"components":[{"id":"hello","metadata":{"allowed_http_hosts":["insecure:allow-all"],"new":[1]},
		"source":{"content_type":"application/wasm","source":"file:///etc/passwd","digest":"` + wasmDigest + `"}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := l.Components[0].Metadata.AllowedHTTPHosts; !cmp.Equal(got, []string{"insecure:allow-all"}) {
		t.Errorf("allowed_http_hosts = %q", got)
	}
	if got := l.Components[0].Source.Location; got != "" {
		t.Errorf("source = %q, want none", got)
	}
}

func TestParseLockErrors(t *testing.T) {
	component := func(fields string) string {
		return `{"spin_lock_version":0,"triggers":[],"components":[{"id":"web","source":{"content_type":"application/wasm","digest":"` + wasmDigest + `"}` + fields + `}]}`
	}
	trigger := func(config string) string {
		return strings.Replace(component(""), `"triggers":[]`, `"triggers":[{"id":"t","trigger_type":"http","trigger_config":`+config+`}]`, 1)
	}
	file := func(path string) string {
		return component(`,"files":[{"inline":"","path":` + fmt.Sprintf("%q", path) + `}]`)
	}
	tests := []struct{ lock, want string }{
		{`{"spin_lock_version":2,"triggers":[],"components":[]}`, "invalid version 2 > 1"},
		{`{"spin_lock_version":1,"must_understand":["dark_mode"],"triggers":[],"components":[]}`, `unknown "dark_mode"`},
		{`{"spin_lock_version":1,"host_requirements":{"z":"required","a":"required"},"triggers":[],"components":[]}`,
			"This version of Spin does not support the following features required by this application: a, z"},
		{`{"spin_lock_version":0,"triggers":[],"components":[{"id":"a","source":{}}]}`, `component "a": source: no digest`},
		{`{"spin_lock_version":0,"triggers":[],"components":[{"id":"../a","source":{}}]}`, `invalid id "../a"`},
		{`{"spin_lock_version":0,"triggers":[],"components":[{"id":"","source":{}}]}`, `invalid id ""`},
		{`{"spin_lock_version":0,"triggers":[],"components":[{"id":"a","source":{"digest":"sha256:zz"}}]}`, "want 64 lower-case hex digits"},
		{strings.Replace(component(""), `"components":[`, `"components":[{"id":"web","source":{"digest":"`+wasmDigest+`"}},`, 1), `component "web" is there twice`},
		{component(`,"files":[{"inline":"aGVsbG8=","path":"a"}]`), "inline content"},
		{component(`,"files":[{"inline":"aGVsbG8","digest":"` + wasmDigest + `","path":"a"}]`), "inline content does not have its digest"},
		{component(`,"files":[{"path":"a"}]`), `digest ""`},
		{component(`,"files":[{"inline":"","path":"a"},{"inline":"","path":"a/b"}]`), `"a" is a file`},
		{component(`,"files":[{"inline":"","path":"a"},{"inline":"","path":"a"}]`), "there twice"},
		{component(`,"config":{"A":""}`), `invalid variable name "A"`},
		{component(`,"dependencies":{"a:b":{"source":{}}}`), `dependency "a:b": no digest`},
		{component(`,"trigger_dependencies":{"middleware":[{"source":{}}]}`), "middleware 0: no digest"},
		{component(`,"host_requirements":{"gpu":"required"}`), "does not support"},
		{file("../x"), `invalid file mount "../x"`},
		{file("/x"), "invalid file mount"},
		{file("a/./b"), "invalid file mount"},
		{file("a//b"), "invalid file mount"},
		{file("a\\..\\b"), "invalid file mount"},
		{file("a\x00b"), "lock:"}, // %q writes an escape that JSON lacks
		{file(""), "invalid file mount"},
		{file("."), "invalid file mount"},
		{trigger(`{"component":"other","route":"/"}`), `there is no component "other"`},
		{trigger(`{"route":"/"}`), "either component or static_response"},
		{trigger(`{"component":"web","static_response":{},"route":"/"}`), "either component or static_response"},
		{trigger(`{"component":"web"}`), "missing field `route`"},
		{trigger(`{"component":"web","Route":"/"}`), "missing field `route`"},
		{trigger(`{"component":"web","route":"/","rout":"/"}`), "rout: unknown key"},
		{trigger(`{"component":"web","route":{"private":false}}`), "route must be a string pattern or '{ private = true }': 't' has { private = false }"},
		{trigger(`{"component":"web","route":"/:/a"}`), "Error parsing route /:/a associated with component web: params must be named"},
		{trigger(`{"component":"web","route":"/*rest"}`), "since there can only be one wildcard"},
		{trigger(`{"component":"web","route":"/","executor":{"type":"cgi"}}`), `unknown type "cgi"`},
		{trigger(`{"component":"web","route":"/","executor":{"type":"wagi","entrypoint":"main"}}`), "entrypoint"},
		{trigger(`{"component":"web","route":"/","executor":{"type":"wagi","arg":""}}`), "arg: unknown key"},
		{trigger(`{"static_response":{"status_code":70000},"route":"/"}`), "status_code"},
		{trigger(`{"static_response":{"headers":{"a b":""}},"route":"/"}`), "invalid header"},
		{trigger(`[]`), "want a table"},
		{trigger(`null`), "want a table"},
		{`{"spin_lock_version":0,"metadata":` + strings.Repeat("[", 65), "nested deeper than 64"},
		{`{}`, "this is no lock"},
		{`{"spin_lock_version":0,"triggers":null,"components":[]}`, "this is no lock"},
		{strings.Repeat("[]", 1+maxObjects), "objects and lists"},
	}
	for _, tt := range tests {
		_, err := ParseLock([]byte(tt.lock))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("ParseLock(%.300s) = %v, want %q", tt.lock, err, tt.want)
		}
	}
	if _, err := ParseLock(make([]byte, MaxLockSize+1)); err == nil {
		t.Error("ParseLock of too many bytes is fine")
	}
}

func TestHTTPTrigger(t *testing.T) {
	tests := []struct {
		config string
		want   HTTPTrigger
	}{
		{`{"component":"a","route":"/x/..."}`, HTTPTrigger{Component: "a", Route: "/x/...", Executor: Executor{Type: "http"}}},
		{`{"component":"a","route":"x","executor":{"type":"spin"}}`, HTTPTrigger{Component: "a", Route: "x", Executor: Executor{Type: "http"}}},
		{`{"component":"a","route":{"private":true},"executor":null}`, HTTPTrigger{Component: "a", Private: true, Executor: Executor{Type: "http"}}},
		{`{"component":"a","route":"","executor":{"type":"wagi"}}`, HTTPTrigger{Component: "a", Executor: Executor{Type: "wagi", Argv: DefaultArgv}}},
		{`{"component":"a","route":"/:b.:c","executor":{"type":"wagi","argv":"","entrypoint":"_start"}}`, HTTPTrigger{Component: "a", Route: "/:b.:c", Executor: Executor{Type: "wagi"}}},
		{`{"route":"/s","static_response":{"status_code":302,"headers":{"location":"/"},"body":"x","extra":1}}`,
			HTTPTrigger{Route: "/s", Executor: Executor{Type: "http"}, Static: &StaticResponse{302, map[string]string{"location": "/"}, "x"}}},
		{`{"route":"/s","static_response":{}}`, HTTPTrigger{Route: "/s", Executor: Executor{Type: "http"}, Static: &StaticResponse{Status: 200}}},
	}
	for _, tt := range tests {
		got, err := Trigger{ID: "t", Config: json.RawMessage(tt.config)}.HTTP()
		tt.want.ID = "t"
		if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
			t.Errorf("HTTP(%s) = %v (-want +got):\n%s", tt.config, err, diff)
		}
	}
}

func FuzzParseLock(f *testing.F) {
	f.Add([]byte(pushed))
	f.Add([]byte(`{"spin_lock_version":0,"triggers":[{"id":"t","trigger_type":"http","trigger_config":{"static_response":{},"route":{"private":true}}}],"components":[]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := ParseLock(b)
		if err != nil {
			return
		}
		out, err := l.JSON()
		if err != nil {
			t.Fatalf("JSON() of a lock that parsed: %v", err)
		}
		again, err := ParseLock(out)
		if err != nil {
			t.Fatalf("ParseLock(%s) of our own JSON: %v", out, err)
		}
		if err := Check(Manifest{}, again); err == nil && len(l.Components) > 0 {
			t.Fatal("Check of no layers is fine")
		}
	})
}
