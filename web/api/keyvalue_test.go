package api

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/neutrino-local/neutrino-local/store/keyvalue"
	"github.com/neutrino-local/neutrino-local/web/apitype"
)

// sendAs sends a body of any type.
func (f *fixture) sendAs(t *testing.T, method, path, kind, body string) (status int, reply string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, f.http.URL+"/api/v1"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", kind)
	return f.send(t, req)
}

func valuePath(key string) string {
	return "/apps/hello/kv/default/value?" + url.Values{"key": {key}}.Encode()
}

func TestKeyValue(t *testing.T) {
	f := newFixture(t)
	var kv apitype.KeyValue
	f.get(t, "/apps/hello/kv", &kv)
	empty := apitype.KeyValue{Stores: []apitype.KeyValueStore{}, Seconds: []apitype.KeyValueSecond{},
		Limits: apitype.KeyValueLimits{ValueBytes: 1000, TotalBytes: 1 << 20, Reads: 10, Writes: 2}}
	if diff := cmp.Diff(empty, kv); diff != "" {
		t.Errorf("before anything was set: %s", diff)
	}
	pairs := map[string]string{"": "no name", "a/b?c=d&e#f": "\x00\x01\xff", "zero": "", "user:1": "ann", "user:2": "bo"}
	for key, value := range pairs { // more of them than a guest may write in a second
		if status, text := f.sendAs(t, "PUT", valuePath(key), octets, value); status != http.StatusNoContent {
			t.Errorf("set %q = %d %s", key, status, text)
		}
	}
	for key, value := range pairs {
		if status, text := f.do(t, "GET", valuePath(key), ""); status != 200 || text != value {
			t.Errorf("get %q = %d %q, want %q", key, status, text, value)
		}
	}
	var page apitype.KeyValuePage
	f.get(t, "/apps/hello/kv/default/keys?prefix=user&max=1", &page)
	if diff := cmp.Diff(apitype.KeyValuePage{Keys: []apitype.KeyValueEntry{{Key: "user:1", Size: 3}}, Next: "user:2"}, page); diff != "" {
		t.Errorf("first page: %s", diff)
	}
	page = apitype.KeyValuePage{}
	f.get(t, "/apps/hello/kv/default/keys?prefix=user&max=1&from=user:2", &page)
	if diff := cmp.Diff(apitype.KeyValuePage{Keys: []apitype.KeyValueEntry{{Key: "user:2", Size: 2}}}, page); diff != "" {
		t.Errorf("last page: %s", diff)
	}
	f.get(t, "/apps/hello/kv", &kv)
	if want := []apitype.KeyValueStore{{Label: "default", Keys: 5, Bytes: 42}}; !cmp.Equal(want, kv.Stores) || kv.TotalBytes != 42 {
		t.Errorf("%+v, want %v", kv, want)
	}
	for range 2 { // the second time it is not there, and that is well
		if status, text := f.do(t, "DELETE", valuePath("zero"), ""); status != http.StatusNoContent {
			t.Errorf("delete = %d %s", status, text)
		}
	}
	if status, text := f.do(t, "GET", valuePath("zero"), ""); status != 404 || !strings.Contains(text, `key \"zero\": not found`) {
		t.Errorf("after delete: %d %s", status, text)
	}
}

func TestKeyValueErrors(t *testing.T) {
	f := newFixture(t)
	for _, tt := range []struct {
		name, method, path, kind, body string
		status                         int
		want                           string
	}{
		{"no app", "GET", "/apps/nope/kv", "", "", 404, "nope"},
		{"no app's keys", "GET", "/apps/nope/kv/default/keys", "", "", 404, "nope"},
		{"no key", "GET", "/apps/hello/kv/default/value", "", "", 422, "missing"},
		{"no text", "GET", "/apps/hello/kv/default/value?key=%ff", "", "", 422, "not UTF-8"},
		{"long key", "GET", "/apps/hello/kv/default/value?key=" + strings.Repeat("k", maxKey+1), "", "", 422, "longer than"},
		{"long label", "GET", "/apps/hello/kv/" + strings.Repeat("l", maxLabel+1) + "/keys", "", "", 422, "label"},
		{"unknown parameter", "GET", "/apps/hello/kv/default/keys?after=x", "", "", 422, "after"},
		{"too many", "GET", "/apps/hello/kv/default/keys?max=1001", "", "", 422, "from 1 to 1000"},
		{"value as JSON", "PUT", valuePath("k"), "application/json", `{}`, 415, octets},
		{"long value", "PUT", valuePath("k"), octets, strings.Repeat("v", 1001), 413, "limit is 1000 bytes"},
		{"import of what is none", "POST", "/apps/hello/kv/default/pairs", "text/plain", "", 415, ndjson},
		{"no JSON", "POST", "/apps/hello/kv/default/pairs", ndjson, "{", 422, "line 1 is invalid"},
		{"no value", "POST", "/apps/hello/kv/default/pairs", ndjson, `{"key":"k"}`, 422, "want {"},
		{"unknown field", "POST", "/apps/hello/kv/default/pairs", ndjson, `{"key":"k","value":"","ttl":1}`, 422, "ttl"},
		{"no base64", "POST", "/apps/hello/kv/default/pairs", ndjson, `{"key":"k","value":"?"}`, 422, "base64"},
		{"long value in a pair", "POST", "/apps/hello/kv/default/pairs", ndjson, fmt.Sprintf(`{"key":"k","value":"%s"}`, strings.Repeat("AAAA", 334)), 413, "1002 bytes"},
		{"long line", "POST", "/apps/hello/kv/default/pairs", ndjson, strings.Repeat("x", 2<<20), 413, "line 1"},
	} {
		status, text := f.sendAs(t, tt.method, tt.path, tt.kind, tt.body)
		if status != tt.status || !strings.Contains(text, tt.want) {
			t.Errorf("%s: %d %s, want %d %q", tt.name, status, text, tt.status, tt.want)
		}
	}
}

// What is exported can be imported, also into another store.
func TestExportAndImport(t *testing.T) {
	f := newFixture(t)
	app := f.KeyValue.App(helloID)
	want := map[string]string{}
	var pairs []keyvalue.Pair
	for i := range 2*keysInPage + 5 {
		p := keyvalue.Pair{Key: fmt.Sprintf("key\x00%d<&>", i), Value: []byte{byte(i), 0xff}}
		want[p.Key] = string(p.Value)
		pairs = append(pairs, p)
	}
	if err := app.SetMany(t.Context(), "default", pairs); err != nil {
		t.Fatal(err)
	}
	status, lines := f.do(t, "GET", "/apps/hello/kv/default/pairs", "")
	if n := strings.Count(lines, "\n") + 1; status != 200 || n != len(want) {
		t.Fatalf("export = %d with %d lines, want %d", status, n, len(want))
	}
	status, text := f.sendAs(t, "POST", "/apps/hello/kv/other/pairs", ndjson, lines)
	var done apitype.KeyValueImported
	if err := json.Unmarshal([]byte(text), &done); err != nil || status != 200 || done.Pairs != len(want) {
		t.Fatalf("import = %d %s", status, text)
	}
	for key, value := range want {
		got, ok, err := app.Get(t.Context(), "other", key)
		if err != nil || !ok || string(got) != value {
			t.Fatalf("%q = %q, %t, %v; want %q", key, got, ok, err, value)
		}
	}
	// Lines before a bad one are kept, and it says which that is.
	status, text = f.sendAs(t, "POST", "/apps/hello/kv/half/pairs", ndjson, `{"key":"a","value":"AA=="}`+"\n{}\n")
	if status != 422 || !strings.Contains(text, "line 2") {
		t.Errorf("half an import = %d %s", status, text)
	}
	if _, ok, err := app.Get(t.Context(), "half", "a"); err != nil || !ok {
		t.Errorf("the line before the bad one is not set: %v", err)
	}
}

// A line of an import is a pair or an error, and a pair comes back as it was.
func FuzzReadPair(f *testing.F) {
	f.Add([]byte(`{"key":"k","value":"AP8="}`))
	f.Add([]byte(`{"key":"\u0000","value":""}`))
	f.Add([]byte(`{"key":1}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		p, err := readPair(line)
		if err != nil {
			return
		}
		text, err := json.Marshal(apitype.KeyValuePair{Key: p.Key, Value: base64.StdEncoding.EncodeToString(p.Value)})
		if err != nil {
			t.Fatal(err)
		}
		again, err := readPair(text)
		if err != nil || !cmp.Equal(p, again, cmpopts.EquateEmpty()) {
			t.Errorf("%q became %q, %v", line, text, err)
		}
	})
}
