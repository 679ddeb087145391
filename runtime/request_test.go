package runtime

import (
	"encoding/json"
	"net/url"
	"testing"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
)

func TestRawPath(t *testing.T) {
	for _, target := range []string{
		"/", "/a/b/", "//a", "/a//b", "/a%2Fb", "/a%2fb", "/caf%C3%A9", "/caf%c3%a9", "/caf\u00e9", "/a%7eb", "/a~b", "/a%20b", "/a\"b", "/a|b", "/a%00b", "/[x]", "/a;b,c",
	} {
		u, err := url.ParseRequestURI(target)
		if err != nil {
			t.Errorf("%q: %v", target, err)
			continue
		}
		if got := rawPath(u); got != target {
			t.Errorf("rawPath of %q = %q", target, got)
		}
	}
	// A front door that changes the path and forgets the raw one.
	u := &url.URL{Path: "/b c", RawPath: "/other"}
	if got := rawPath(u); got != "/b%20c" {
		t.Errorf("rawPath of two that differ = %q", got)
	}
}

func FuzzTrigger(f *testing.F) {
	f.Add([]byte(`{"component":"a","route":"/...","executor":{"type":"wagi","argv":"x"}}`))
	f.Add([]byte(`{"route":{"private":true},"static_response":{"status_code":200,"headers":{"a":"b"},"body":"c"}}`))
	f.Fuzz(func(t *testing.T, config []byte) {
		l := artifact.Lock{Triggers: []artifact.Trigger{{ID: "t", Type: "http", Config: json.RawMessage(config)}}}
		triggers, err := httpTriggers(&l)
		if (err == nil) != (len(triggers) == 1) {
			t.Fatalf("%q: %d triggers, %v", config, len(triggers), err)
		}
		for _, trigger := range triggers {
			if trigger.key() == "" || trigger.private && trigger.pattern != "" {
				t.Errorf("%q: key %q, pattern %q, private %v", config, trigger.key(), trigger.pattern, trigger.private)
			}
		}
	})
}
