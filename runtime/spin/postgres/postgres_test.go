package postgres

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseAddress(t *testing.T) {
	hosts := func(all ...host) []host { return all }
	utf8 := map[string]string{"client_encoding": "UTF8"}
	tests := map[string]address{
		"postgres://me@h": {hosts: hosts(host{"h", ""}), user: "me", tls: "prefer", params: utf8},
		"postgresql://me:s%40:x@h:1/db?sslmode=require":             {hosts: hosts(host{"h", "1"}), user: "me", password: "s@:x", database: "db", tls: "require", params: utf8},
		"postgres://me@[::1]:7,b/d":                                 {hosts: hosts(host{"::1", "7"}, host{"b", ""}), user: "me", database: "d", tls: "prefer", params: utf8},
		"host=a user = me password = 'it''s' dbname=d":              {},
		`host=a,b port=5 user=me password='x \' y' sslmode=disable`: {hosts: hosts(host{"a", "5"}, host{"b", "5"}), user: "me", password: "x ' y", tls: "disable", params: utf8},
		`user=me host=h options='-c a=b' application_name=x\ y`: {hosts: hosts(host{"h", ""}), user: "me", tls: "prefer",
			params: map[string]string{"client_encoding": "UTF8", "options": "-c a=b", "application_name": "x y"}},
	}
	for text, want := range tests {
		got, err := parseAddress(text)
		if want.user == "" {
			if err == nil {
				t.Errorf("%s = %+v, want an error", text, got)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(address{}, host{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
	for _, text := range []string{"host=a,b port=1,2,3 user=u", "host=, user=u", "host=h user=u port=70000", "postgres://u@h/%zz", "postgres://u@h?x", "=x", "a b=c"} {
		if got, err := parseAddress(text); err == nil {
			t.Errorf("%s = %+v, want an error", text, got)
		}
	}
}

// An address says where it goes, and that has no more than what it is made of.
func FuzzParseAddress(f *testing.F) {
	for _, seed := range []string{"postgres://u:p@h:1,i:2/d?sslmode=disable", "host=a port=1 user='b \\' c'", "postgres://u@[::1]/"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := parseAddress(text)
		if err != nil {
			return
		}
		if len(a.hosts) == 0 || len(a.hosts) > maxHosts {
			t.Errorf("%d hosts", len(a.hosts))
		}
		for _, h := range a.hosts {
			if h.name == "" || strings.HasPrefix(h.name, "/") || h.number() == 0 {
				t.Errorf("host %q, port %q", h.name, h.port)
			}
		}
	})
}

// Whatever a server sends as a value is one, or an error.
func FuzzDecode(f *testing.F) {
	f.Add(int(kindDecimal), []byte("\x00\x02\x00\x00\x00\x00\x00\x02\x00\x01\x13\x88"))
	f.Add(int(kindArrayInt32), []byte("\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x17\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x04\x00\x00\x00\x05"))
	f.Add(int(kindRangeInt64), []byte("\x02\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00\x01"))
	f.Add(int(kindDatetime), []byte("\x00\x00\x00\x00\x00\x00\x00\x01"))
	f.Add(int(kindJSONB), []byte("\x01{}"))
	f.Fuzz(func(t *testing.T, k int, b []byte) {
		if k < 0 || k > int(kindOther) {
			return
		}
		v, err := decode(kind(k), b)
		if err != nil {
			return
		}
		for version := 1; version <= 4; version++ {
			lower(version, v)
		}
		if text, ok := v.v.(string); ok && len(text) > len(b)+2*maxDecimal+36 {
			t.Errorf("%d bytes became %d", len(b), len(text))
		}
	})
}

func TestIsDecimal(t *testing.T) {
	for text, want := range map[string]bool{
		"0": true, "-1.5": true, "+1": true, ".5": true, "5.": true, "1234567890123456789012345678": true, "12345678901234567890123456789": false,
		"": false, "-": false, ".": false, "1e5": false, "1 ": false, "NaN": false, "1.2.3": false, "0x1": false,
	} {
		if isDecimal(text) != want {
			t.Errorf("%q: %v", text, !want)
		}
	}
}
