package outbound

import (
	"errors"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
)

// values expands templates with a few variables.
func values(t artifact.Template) (string, error) {
	text, ok := t.Expand(func(name string) (string, bool) {
		v, ok := map[string]string{"host": "db.example", "net": "10.1.0.0", "len": "16", "bad": "s3cret/", "empty": ""}[name]
		return v, ok
	})
	if !ok {
		return "", errors.New("no provider resolved a variable")
	}
	return text, nil
}

func TestAllows(t *testing.T) {
	tests := []struct {
		entries string // separated by |
		url     string
		want    bool
	}{
		{"", "http://a.test", false},
		{"http://a.test", "http://a.test", true},
		{"http://a.test", "http://A.TEST:80/x", true},
		{"http://a.test", "https://a.test", false},
		{"http://a.test", "http://a.test:81", false},
		{"http://a.test", "http://b.a.test", false},
		{"http://a.test", "http://a.test.evil.test", false},
		{"http://a.test", "http://a.test.", false},
		{"https://a.test:8443/", "https://a.test:8443", true},
		{"*://a.test:8443", "http://a.test:8443", true},
		{"http://*.example.com", "http://example.com", false},
		{"http://*.example.com", "http://x.y.example.com", true},
		{"http://*.example.com", "http://xexample.com", false},
		{"http://a.test:80..82", "http://a.test:81", true},
		{"http://a.test:80..82", "http://a.test:82", false},
		{"http://a.test:80..82", "http://a.test:79", false},
		{"http://*:*", "http://anything.test:9", true},
		{"http://*:*", "http://[::1]:9", true},
		{"http://127.0.0.0/24:8080", "http://127.0.0.77:8080", true},
		{"http://127.0.0.77/24:8080", "http://127.0.0.1:8080", true},
		{"http://127.0.0.0/24:8080", "http://127.0.1.1:8080", false},
		{"http://127.0.0.0/24:8080", "http://localhost:8080", false},
		{"http://127.0.0.1", "http://[::ffff:127.0.0.1]", false},
		{"http://127.0.0.1", "http://127.0.0.1", true},
		{"http://[::1]:9", "http://[::1]:9", true},
		{"http://[::1]:9", "http://[0:0:0:0:0:0:0:1]:9", true},
		{"http://bücher.test", "http://xn--bcher-kva.test", true},
		{"http://xn--bcher-kva.test", "http://BÜCHER.test", true},
		{"http://{{ host }}", "http://db.example", true},
		{"http://{{host}}:{{ host", "http://db.example", false},
		{"http://self", "http://self", false},
		{"*://{{net}}/{{len}}:5", "http://10.1.2.3:5", true},
		{"*://{{net}}/{{len}}:5", "http://10.2.2.3:5", false},
		{"{{empty}}|http://{{empty}}|https://{{empty}}|http://a.test", "http://a.test", true},
		{"http://a.test|http://{{missing}}", "http://a.test", false},
		{"http://a.test|http://{{bad}}path", "http://a.test", false},
		{"http://a.test|*://b.test", "http://a.test", false}, // no port
		{"http://a.test|insecure:allow-all", "http://a.test", false},
	}
	for _, tt := range tests {
		u, err := url.Parse(tt.url)
		if err != nil {
			t.Fatal(err)
		}
		d, err := HTTP(u)
		got := err == nil && New(strings.Split(tt.entries, "|"), values).Allows(d)
		if got != tt.want {
			t.Errorf("%q allows %s = %v (%v), want %v", tt.entries, tt.url, got, err, tt.want)
		}
	}
}

func TestAllowsSelf(t *testing.T) {
	for entry, want := range map[string]bool{
		"http://self": true, "https://self": true, "http://self.alt": true, "http://*:*": true, "*://*:*": true,
		"http://localhost": false, "redis://*:*": false, "redis://self": false,
	} {
		if got := New([]string{entry}, values).AllowsSelf(); got != want {
			t.Errorf("%s allows self = %v, want %v", entry, got, want)
		}
	}
}

func TestKnows(t *testing.T) {
	r := New([]string{"*://a.test:1", "*://*.b.test:1", "*://10.0.0.0/8:1"}, values)
	for name, want := range map[string]bool{"a.test": true, "A.Test": true, "x.b.test": true, "b.test": false, "c.test": false, "10.0.0.1": false} {
		if got := r.Knows(name); got != want {
			t.Errorf("knows %s = %v, want %v", name, got, want)
		}
	}
}

// What is denied is told in Spin's words, and no value of a variable is in it.
func TestDenials(t *testing.T) {
	tests := []struct {
		name    string
		entries []string
		ask     func(a *Access) bool
		want    []string
	}{
		{"host", nil, func(a *Access) bool { return a.AllowURL(&url.URL{Scheme: "https", Host: "a.test"}) }, []string{
			"A component tried to make an outbound network connection to disallowed destination 'https://a.test:443'.",
			`To allow this request, add 'allowed_outbound_hosts = ["https://a.test:443"]' to the manifest component section.`,
		}},
		{"self", nil, func(a *Access) bool { return a.AllowSelf() }, []string{
			"A component tried to make an HTTP request to its own app but it does not have permission.",
			`To allow this request, add 'allowed_outbound_hosts = ["http://self"]' to the manifest component section.`,
		}},
		{"socket", []string{"udp://[::1]:7"}, func(a *Access) bool { return a.AllowSocket("tcp", netip.MustParseAddrPort("[::1]:7")) }, []string{
			"A component tried to make an outbound network connection to disallowed destination 'tcp://[::1]:7'.",
			`To allow this request, add 'allowed_outbound_hosts = ["tcp://[::1]:7"]' to the manifest component section.`,
		}},
		{"database", []string{"redis://b.test"}, func(a *Access) bool { return a.Allow("redis", "a.test", 6379) }, []string{
			"A component tried to make an outbound network connection to disallowed destination 'redis://a.test:6379'.",
			`To allow this request, add 'allowed_outbound_hosts = ["redis://a.test:6379"]' to the manifest component section.`,
		}},
		{"no value", []string{"http://a.test", "http://{{ missing }}"}, func(a *Access) bool { return a.Allow("http", "a.test", 80) }, []string{
			"A component tried to make an outbound network connection to disallowed destination 'http://a.test:80'.",
			`allowed_outbound_hosts: entry "http://{{ missing }}": no provider resolved a variable: nothing can be reached`,
		}},
		{"bad value", []string{"http://{{ bad }}x"}, func(a *Access) bool { return a.Allow("http", "a.test", 80) }, []string{
			"A component tried to make an outbound network connection to disallowed destination 'http://a.test:80'.",
			`allowed_outbound_hosts: entry "http://{{ bad }}x": with its variables it is not in the form <scheme>://<host>[:<port>]: nothing can be reached`,
		}},
		{"no host", []string{"*://*:*"}, func(a *Access) bool { return a.Allow("http", "a b", 80) }, []string{
			`A component tried to make an outbound network connection to an invalid host: "a b" is not a host.`,
		}},
	}
	for _, tt := range tests {
		var got []string
		a := New(tt.entries, values).For(func(line string) { got = append(got, line) })
		if tt.ask(a) {
			t.Errorf("%s: allowed", tt.name)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: (-want +got):\n%s", tt.name, diff)
		}
	}
	lines := 0
	a := New(nil, values).For(func(string) { lines++ })
	for range 1000 {
		a.AllowSelf()
	}
	if lines != 2*maxTold {
		t.Errorf("1000 denials are %d lines, want %d", lines, 2*maxTold)
	}
}

func FuzzHTTP(f *testing.F) {
	f.Add("a.test:80", "http://a.test")
	f.Add("[::1%25eth0]:x", "http://*:*")
	f.Fuzz(func(t *testing.T, host, entry string) {
		d, err := HTTP(&url.URL{Scheme: "http", Host: host})
		if err != nil {
			return
		}
		if New([]string{entry}, values).Allows(d) && strings.ContainsAny(d.Host, "/@ ") {
			t.Errorf("%q is %v", host, d)
		}
	})
}
