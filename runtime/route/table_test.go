package route

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// table builds the table of patterns; the key of each is its number, from 1.
func table(t testing.TB, patterns ...string) *Table {
	t.Helper()
	var targets []Target
	for i, p := range patterns {
		targets = append(targets, Target{Pattern: p, Key: string(rune('1' + i))})
	}
	tab, err := New(targets)
	if err != nil {
		t.Fatal(err)
	}
	return tab
}

func TestMatch(t *testing.T) {
	tests := []struct {
		patterns string // separated by spaces
		path     string
		want     string // key; "" for no match
	}{
		{"/", "/", "1"}, {"/", "", "1"}, {"/", "//", "1"}, {"/", "/x", ""},
		{"/...", "/", "1"}, {"/...", "/a", "1"}, {"/...", "/a/b/", "1"}, {"...", "/a", "1"},
		{"/foo", "/foo", "1"}, {"/foo", "/foo/", "1"}, {"/foo", "//foo", "1"}, {"/foo", "/foo//", "1"},
		{"/foo", "/Foo", ""}, {"/foo", "/fo", ""}, {"/foo", "/foobar", ""}, {"/foo", "/foo/bar", ""}, {"/foo", "/", ""},
		{"foo", "/foo", "1"}, {"/foo/", "/foo", "1"}, {"/foo/", "/foo/", "1"},
		{"/foo/...", "/foo", "1"}, {"/foo/...", "/foo/", "1"}, {"/foo/...", "/foo/a/b", "1"}, {"/foo/...", "/foobar", ""}, {"/foo/...", "/", ""},
		{"/foo/*", "/foo/a/b", "1"}, {"/foo/*", "/foo", "1"}, {"/foo/.../", "/foo/a", "1"},
		{"/a/b", "/a//b", ""}, {"/a//b", "/a/b", "1"}, // inner slashes of paths are not collapsed, those of routes are
		{"/foo%20bar", "/foo%20bar", "1"}, {"/foo bar", "/foo%20bar", ""}, {"/caf%C3%A9", "/caf%c3%a9", ""}, // raw
		{"/:a", "/x", "1"}, {"/:a", "/", ""}, {"/:a", "/x/y", ""}, {"/:a", "/x.y", "1"}, {"/:a/", "/x/", "1"},
		{"/:a.json", "/x.json", "1"}, {"/:a.json", "/x.y.json", ""}, {"/:a.json", "/x/y.json", ""}, {"/:a.json", "/.json", "1"},
		{"/v1.0/x", "/v1.0/x", "1"}, {"/v1.0/x", "/v1x0/x", ""},
		{"/:a/bar /foo/...", "/foo/bar", "2"}, // text beats params, further right or not
		{"/foo/... /:a/bar", "/foo/bar", "1"},
		{"/one/... /one/two/...", "/one/two/x", "2"}, {"/one/... /one/two/...", "/one/x", "1"},
		{"/... /:a", "/x", "2"}, {"/:a /...", "/x/y", "2"},
		{"/a/:b/c /a/x/...", "/a/x/c", "2"}, {"/a/:b/c /a/x/d", "/a/x/c", "1"}, // falls through
		{"/:a/:b /:a/...", "/x/y", "1"}, {"/:a/... /:a/:b", "/x/y", "2"},
		{"/:a /:a.txt", "/x.txt", "2"},     // more dots first
		{"/... /.hidden", "/.hidden", "2"}, // the order of dots depends on the declaration
		{"/.hidden /...", "/.hidden", "2"},
		{"/x /...", "/x", "1"}, {"/x /...", "/y", "2"}, {"/ /...", "/", "1"}, {"/... /", "/", "2"},
		{"/foo /foo/", "/foo", "1"}, {"/foo/ /foo", "/foo", "1"}, {"/:a /:b", "/x", "1"}, {"foo /foo", "/foo", "1"}, // same shape: first
		{"/foo /foo", "/foo", "2"}, {"/foo /:a /foo", "/foo", "3"}, // same text: last
		{"/*", "/x", "1"}, {"", "/", "1"},
	}
	for _, tt := range tests {
		tab := table(t, strings.Split(tt.patterns, " ")...)
		got := ""
		if m, ok := tab.Match(tt.path); ok {
			got = m.Key
		}
		if got != tt.want {
			t.Errorf("routes %s: Match(%q) = %q, want %q", tt.patterns, tt.path, got, tt.want)
		}
	}
}

func TestBadRoutes(t *testing.T) {
	for pattern, want := range map[string]string{
		"/*name":  "since there can only be one wildcard",
		"/a/:":    "params must be named",
		"/a/*/b":  "a wildcard must be the last part",
		"/*.html": "a wildcard must be the last part",
	} {
		_, err := New([]Target{{Pattern: pattern, Key: "web"}})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "route "+pattern+" associated with component web") {
			t.Errorf("New(%q) = %v, want %q with route and component", pattern, err, want)
		}
	}
}

func TestDuplicates(t *testing.T) {
	tab, err := New([]Target{{"/x", "a"}, {"/y", "b"}, {"/x", "c"}, {"/x/", "d"}})
	if err != nil {
		t.Fatal(err)
	}
	want := []Duplicate{{Pattern: "/x", Replaced: "a", By: "c"}}
	if diff := cmp.Diff(want, tab.Duplicates); diff != "" {
		t.Errorf("Duplicates (-want +got):\n%s", diff)
	}
}

func TestFields(t *testing.T) {
	place := Place{URL: "http://h/p?q=1", Base: "/", Client: "10.0.0.1:99"}
	tests := []struct {
		pattern, path                 string
		info, matched, raw, component string
		params                        map[string]string
	}{
		{"/", "/", "", "", "/", "/", nil},
		{"/...", "/", "/", "/...", "/...", "", nil},
		{"/...", "/a/b", "/a/b", "/...", "/...", "", nil},
		{"/foo/...", "/foo", "", "/foo/...", "/foo/...", "/foo", nil},
		{"/foo/...", "/foo/", "/", "/foo/...", "/foo/...", "/foo", nil},
		{"/foo/...", "/foo/a/", "/a/", "/foo/...", "/foo/...", "/foo", nil},
		{"/foo/...", "/foo/a%2Fb", "/a%2Fb", "/foo/...", "/foo/...", "/foo", nil},
		{"foo/", "/foo/", "", "/foo", "foo/", "foo/", nil},
		{"/foo/*", "/foo/x", "/x", "/foo/*", "/foo/*", "/foo/*", nil},
		{"/u/:User_Id/:b/...", "/u/7/x/y", "/y", "/u/:User_Id/:b/...", "/u/:User_Id/:b/...", "/u/:User_Id/:b",
			map[string]string{"spin-path-match-user-id X_PATH_MATCH_USER_ID": "7", "spin-path-match-b X_PATH_MATCH_B": "x"}},
		{"/:a/:a", "/1/2", "", "/:a/:a", "/:a/:a", "/:a/:a", map[string]string{"spin-path-match-a X_PATH_MATCH_A": "2"}},
	}
	for _, tt := range tests {
		m, ok := table(t, tt.pattern).Match(tt.path)
		if !ok {
			t.Errorf("%q does not match %q", tt.pattern, tt.path)
			continue
		}
		got := map[string]string{}
		for _, f := range m.Fields(place) {
			got[f.Header+" "+f.Variable] = f.Value
		}
		want := map[string]string{
			"spin-path-info PATH_INFO":                       tt.info,
			"spin-full-url X_FULL_URL":                       place.URL,
			"spin-matched-route X_MATCHED_ROUTE":             tt.matched,
			"spin-base-path X_BASE_PATH":                     "/",
			"spin-raw-component-route X_RAW_COMPONENT_ROUTE": tt.raw,
			"spin-component-route X_COMPONENT_ROUTE":         tt.component,
			"spin-client-addr X_CLIENT_ADDR":                 place.Client,
		}
		for k, v := range tt.params {
			want[k] = v
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Fields of %q at %q (-want +got):\n%s", tt.pattern, tt.path, diff)
		}
	}
}

func TestThrough(t *testing.T) {
	m := Through("back", "/a/b/")
	if got := m.PathInfo(); got != "/a/b/" || m.Raw != "/..." || m.Key != "back" {
		t.Errorf("Through = %q, %q, %q", got, m.Raw, m.Key)
	}
}

func TestRouteText(t *testing.T) {
	for pattern, want := range map[string]string{"/": "/ exact", "/...": "/ wildcard", "a/b/...": "/a/b wildcard", "/a/*": "/a wildcard", "/a": "/a exact"} {
		r := table(t, pattern).Routes()[0]
		got := r.Path() + " exact"
		if r.Wildcard() {
			got = r.Path() + " wildcard"
		}
		if got != want {
			t.Errorf("route %q = %q, want %q", pattern, got, want)
		}
	}
	if !table(t, "/.well-known/spin/x").Routes()[0].Reserved() {
		t.Error("a route under the reserved prefix is not Reserved")
	}
}

func FuzzMatch(f *testing.F) {
	f.Add("/foo/...\n/:a/b.c", "/foo/x//y.")
	f.Add("/.x\n/...\n/:a.:b", "//")
	f.Add(":a..b/*\n/*", "/é/..")
	f.Fuzz(func(t *testing.T, patterns, path string) {
		var targets []Target
		for i, p := range strings.Split(patterns, "\n") {
			targets = append(targets, Target{Pattern: p, Key: string(rune('a' + i%26))})
		}
		tab, err := New(targets)
		if err != nil {
			return
		}
		again, _ := New(targets)
		m, ok := tab.Match(path)
		m2, ok2 := again.Match(path)
		if ok != ok2 || ok && (m.Raw != m2.Raw || m.PathInfo() != m2.PathInfo()) {
			t.Fatalf("two tables of %q disagree about %q", patterns, path)
		}
		if ok {
			m.Fields(Place{})
		}
	})
}

func BenchmarkMatch(b *testing.B) {
	tab := table(b, "/api/v1/users/:id", "/api/v1/users", "/static/...", "/:lang/about", "/...")
	b.ReportAllocs()
	for b.Loop() {
		tab.Match("/en/about")
	}
}
