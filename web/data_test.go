package web

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/neutrino-local/neutrino-local/web/api"
)

// fillStores gives the app hello pairs of every kind.
func fillStores(t *testing.T, s *site) {
	t.Helper()
	for key, value := range map[string]string{
		"greeting": "<b>hello</b>", "lines": "\none\n\ttwo\n", "crlf": "one\r\ntwo", "": "no name", "binary\x00key": "\x00\x01\xff",
		"a/b?c=d&e": "odd", "<script>alert(1)</script>": "x", "large": strings.Repeat("v", 70<<10),
	} {
		if err := s.api.SetValue(t.Context(), helloID, "default", key, []byte(value)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.api.SetValue(t.Context(), helloID, "sessions", "one", []byte("1")); err != nil {
		t.Fatal(err)
	}
}

func TestDataPages(t *testing.T) {
	s := newSite(t, "")
	_, page := s.do(t, call{method: "GET", path: "/_neutrino/apps/hello/data"})
	if text := words(page); !strings.Contains(text, "No pair yet.") || !strings.Contains(text, "neutrino-local kv set hello") {
		t.Errorf("an app without pairs: %s", text)
	}
	checkMarkup(t, "the empty page", page)
	fillStores(t, s)
	app := s.api.KeyValue.App(helloID)
	_ = app.Read(3)
	_ = app.Read(100) // over the limit
	value := func(key string) string {
		return "/apps/hello/data/value?" + url.Values{"store": {"default"}, "key": {key}}.Encode()
	}
	for _, tt := range []struct {
		path string
		want []string
		not  []string
	}{
		{"/apps/hello/data", []string{"Keys 8 in the store default", "Reads a second", "of at most 100", "Writes a second", "Refused 100", "greeting 12 B Delete", `"" 7 B`,
			`"binary\x00key" 3 B`, "<script>alert(1)</script> 1 B", "Set in default"}, []string{"one 1 B"}},
		{"/apps/hello/data?prefix=gr", []string{"greeting"}, []string{"crlf 8 B"}},
		{"/apps/hello/data?prefix=nothing", []string{"No key that begins like this in the store default."}, nil},
		{"/apps/hello/data?from=large", []string{"large", "lines", "First"}, []string{"greeting 12 B"}},
		{"/apps/hello/data?store=sessions", []string{"Keys 1 in the store sessions", "one 1 B Delete", "kv export hello --store sessions"}, []string{"greeting 12 B"}},
		{value("greeting"), []string{"greeting 12 B in the store default", "<b>hello</b>", "Save", "Delete this pair"}, nil},
		{value("binary\x00key"), []string{"no text that can be edited", "00 01 ff", "--file FILE"}, []string{"Save"}},
		{value("crlf"), []string{"no text that can be edited"}, []string{"Save"}},
		{value("large"), []string{"no text that can be edited"}, []string{"Save"}},
	} {
		resp, page := s.do(t, call{method: "GET", path: "/_neutrino" + tt.path})
		text := words(page)
		if resp.StatusCode != http.StatusOK {
			t.Errorf("GET %s = %d: %s", tt.path, resp.StatusCode, text)
		}
		for _, want := range tt.want {
			if !strings.Contains(text, want) {
				t.Errorf("GET %s does not say %q: %s", tt.path, want, text)
			}
		}
		for _, not := range tt.not {
			if strings.Contains(text, not) {
				t.Errorf("GET %s says %q: %s", tt.path, not, text)
			}
		}
		checkMarkup(t, tt.path, page)
	}
	for path, want := range map[string]string{value("nosuch"): `404 key "nosuch": not found`, "/apps/nope/data": "404"} {
		if _, page := s.do(t, call{method: "GET", path: "/_neutrino" + path}); !strings.Contains(words(page), want) {
			t.Errorf("GET %s does not say %q: %s", path, want, words(page))
		}
	}
}

// deleteForms returns the keys that the forms on the page delete.
func deleteForms(t *testing.T, s *site) (keys []string) {
	t.Helper()
	_, page := s.do(t, call{method: "GET", path: "/_neutrino/apps/hello/data"})
	for _, m := range regexp.MustCompile(`action="([^"]*/data/delete[^"]*)"`).FindAllStringSubmatch(page, -1) {
		u, err := url.Parse(html.UnescapeString(m[1]))
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, u.Query().Get("key"))
	}
	return keys
}

// The forms of the pages change the pair that they are of, whatever its key is.
func TestDataForms(t *testing.T) {
	s := newSite(t, "")
	fillStores(t, s)
	post := func(action string, form url.Values) *http.Response {
		resp, _ := s.do(t, call{method: "POST", path: action, form: form, header: []string{"Origin: SELF", "Sec-Fetch-Site: same-origin"}})
		return resp
	}
	for _, key := range []string{"greeting", "", "a/b?c=d&e", "binary\x00key", "<script>alert(1)</script>"} {
		if forms := deleteForms(t, s); !slices.Contains(forms, key) {
			t.Errorf("no form deletes %q, but %q", key, forms)
		}
		set := "/_neutrino/apps/hello/data/set?" + url.Values{"store": {"default"}, "key": {key}}.Encode()
		resp := post(set, url.Values{"value": {"new\r\nlines"}})
		if to := resp.Header.Get("Location"); resp.StatusCode != 303 || !strings.HasPrefix(to, "/_neutrino/apps/hello/data/value?key=") {
			t.Errorf("set %q = %d to %q", key, resp.StatusCode, to)
		}
		if got, err := s.api.Value(t.Context(), helloID, "default", key); err != nil || string(got) != "new\nlines" {
			t.Errorf("%q = %q, %v", key, got, err)
		}
		remove := strings.Replace(set, "/set?", "/delete?", 1)
		if resp := post(remove, url.Values{}); resp.StatusCode != 303 || resp.Header.Get("Location") != "/_neutrino/apps/hello/data?store=default" {
			t.Errorf("delete %q = %d to %q", key, resp.StatusCode, resp.Header.Get("Location"))
		}
		if _, err := s.api.Value(t.Context(), helloID, "default", key); err == nil {
			t.Errorf("%q is still there", key)
		}
	}
	post("/_neutrino/apps/hello/data/set?store=default", url.Values{"key": {"fresh"}, "value": {"v"}})
	if got, err := s.api.Value(t.Context(), helloID, "default", "fresh"); err != nil || string(got) != "v" {
		t.Errorf("a new pair: %q, %v", got, err)
	}
	resp := post("/_neutrino/apps/hello/data/set?store=default&key=big", url.Values{"value": {strings.Repeat("v", 1<<20+1)}})
	if want := api.Explain(s.api.SetValue(t.Context(), helloID, "default", "big", make([]byte, 1<<20+1))).Status; resp.StatusCode != want {
		t.Errorf("a value over the limit = %d, want %d", resp.StatusCode, want)
	}
}
