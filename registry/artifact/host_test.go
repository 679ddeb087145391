package artifact

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseAllowedHost(t *testing.T) {
	prefix := func(s string) HostPattern { return HostPattern{Prefix: netip.MustParsePrefix(s)} }
	tests := []struct {
		entry string
		want  AllowedHost
	}{
		{"http://example.com", AllowedHost{"http", HostPattern{Name: "example.com"}, PortRange{80, 81}}},
		{"https://Example.com/", AllowedHost{"https", HostPattern{Name: "example.com"}, PortRange{443, 444}}},
		{"*://*:*", AllowedHost{"*", HostPattern{Any: true}, PortRange{0, 65536}}},
		{"http://self", AllowedHost{"http", HostPattern{Self: true}, PortRange{80, 81}}},
		{"https://*.example.com:8080..8090/", AllowedHost{"https", HostPattern{Suffix: ".example.com"}, PortRange{8080, 8090}}},
		{"redis://127.0.0.1/8", AllowedHost{"redis", prefix("127.0.0.0/8"), PortRange{6379, 6380}}},
		{"tcp://[::1]:5", AllowedHost{"tcp", prefix("::1/128"), PortRange{5, 6}}},
		{"http://[::1]", AllowedHost{"http", prefix("::1/128"), PortRange{80, 81}}},
		{"http://::1", AllowedHost{"http", prefix("::1/128"), PortRange{80, 81}}},
		{"http://bücher.example:", AllowedHost{"http", HostPattern{Name: "xn--bcher-kva.example"}, PortRange{80, 81}}},
		{"http://other.spin.internal", AllowedHost{"http", HostPattern{Name: "other.spin.internal"}, PortRange{80, 81}}},
	}
	for _, tt := range tests {
		got, err := ParseAllowedHost(tt.entry)
		if diff := cmp.Diff(tt.want, got, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); err != nil || diff != "" {
			t.Errorf("ParseAllowedHost(%q) = %v (-want +got):\n%s", tt.entry, err, diff)
		}
	}
	for _, entry := range []string{"http://a.spin.internal", "*://*.spin.internal:*"} {
		if h, err := ParseAllowedHost(entry); err != nil || !h.Chaining() {
			t.Errorf("ParseAllowedHost(%q) = %v, %v: not for chaining", entry, h, err)
		}
	}
}

func TestParseAllowedHostErrors(t *testing.T) {
	tests := []struct{ entry, want string }{
		{"", "not an allowed outbound host format"},
		{"example.com", "does not contain a scheme"},
		{"insecure:allow-all", "use '*://*:*' instead"},
		{"*://example.com", `no port was provided and the scheme "*" does not have a known default port number`},
		{"http://example.com/path", "must not include a path"},
		{"http://example.com:80/path", "has a path but is not allowed to"},
		{"h2://example.com:1", "only alphabetic characters"},
		{"{http,https}://example.com:1", "scheme lists"},
		{"http://{a,b}:1", "host lists"},
		{"http://a:{1,2}", "port lists"},
		{"http://a:x", `port "x" is not a number`},
		{"http://a:1..x", "contains non-number"},
		{"http://a:65536", "is not a number"},
		{"http://a.*.b", "only as subdomains"},
		{"http://*.*.b", "only as prefixes"},
		{"http://a b", "invalid domain character"},
		{"http://", "empty host"},
		{"http://[::1", "invalid"},
	}
	for _, tt := range tests {
		_, err := ParseAllowedHost(tt.entry)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("ParseAllowedHost(%q) = %v, want %q", tt.entry, err, tt.want)
		}
	}
}

func FuzzParseAllowedHost(f *testing.F) {
	f.Add("http://[::1]:80/")
	f.Add("*://*.example.com:1..2")
	f.Fuzz(func(t *testing.T, s string) {
		h, err := ParseAllowedHost(s)
		if err == nil && h.Host == (HostPattern{}) {
			t.Fatalf("ParseAllowedHost(%q) has no host", s)
		}
	})
}
