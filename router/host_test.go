package router

import (
	"strings"
	"testing"

	"github.com/neutrino-local/neutrino-local/store"
)

const appID = "3f0c2a9e-7d51-4d0e-9c51-0d7f3d1b2a11"

func TestParseHost(t *testing.T) {
	domains := []string{"localhost", "neutrino.test", "Apps.Example.COM.", "127.0.0.1", ""}
	long := strings.Repeat("a", 63)
	tests := []struct {
		host string
		want Target
		ok   bool
	}{
		{"hello.localhost", Target{App: "hello"}, true},
		{"hello.localhost:7733", Target{App: "hello"}, true},
		{"hello.localhost:", Target{App: "hello"}, true},
		{"hello.localhost.", Target{App: "hello"}, true},
		{"hello.localhost.:80", Target{App: "hello"}, true},
		{"HELLO.LocalHost", Target{App: "hello"}, true},
		{"a.neutrino.test", Target{App: "a"}, true},
		{"a.apps.example.com", Target{App: "a"}, true},
		{long + ".localhost", Target{App: long}, true},
		{appID + ".localhost", Target{App: appID}, true},
		{strings.ToUpper(appID) + ".localhost", Target{App: appID}, true},
		{"r3--hello.localhost", Target{App: "hello", Revision: 3}, true},
		{"R12--" + appID + ".neutrino.test:1", Target{App: appID, Revision: 12}, true},
		{"r999999999--" + long + ".localhost", Target{App: long, Revision: 999999999}, true},
		{"candidate--hello.localhost", Target{App: "hello", Candidate: true}, true},
		{"r3.localhost", Target{App: "r3"}, true},

		{"", Target{}, false},
		{".", Target{}, false},
		{":80", Target{}, false},
		{"localhost", Target{}, false},
		{"localhost:7733", Target{}, false},
		{"neutrino.test", Target{}, false},
		{"apps.example.com", Target{}, false}, // not the app "apps" of "example.com"
		{".localhost", Target{}, false},
		{"..localhost", Target{}, false},
		{"hello..localhost", Target{}, false},
		{"hello.localhost..", Target{}, false},
		{"a.hello.localhost", Target{}, false},
		{"hello.localhost.evil.example", Target{}, false},
		{"hellolocalhost", Target{}, false},
		{"registry.localhost", Target{}, false},
		{"candidate.localhost", Target{}, false},
		{"localhost.localhost", Target{}, false},
		{"-a.localhost", Target{}, false},
		{"a-.localhost", Target{}, false},
		{"a_b.localhost", Target{}, false},
		{"a--b.localhost", Target{}, false},
		{"r3--.localhost", Target{}, false},
		{"--a.localhost", Target{}, false},
		{"r--a.localhost", Target{}, false},
		{"r0--a.localhost", Target{}, false},
		{"r03--a.localhost", Target{}, false},
		{"r-3--a.localhost", Target{}, false},
		{"r+3--a.localhost", Target{}, false},
		{"r3x--a.localhost", Target{}, false},
		{"r1234567890--a.localhost", Target{}, false},
		{"r3--candidate--a.localhost", Target{}, false},
		{"r3--registry.localhost", Target{}, false},
		{"héllo.localhost", Target{}, false},
		{"\u212a.localhost", Target{}, false}, // the Kelvin sign lowers to k, which must not make it a name
		{"a b.localhost", Target{}, false},
		{"a\x00.localhost", Target{}, false},
		{strings.Repeat("a", 64) + ".localhost", Target{}, false},
		{strings.Repeat("a", 300), Target{}, false},
		{strings.Repeat("a.", 150) + "localhost", Target{}, false},
		{"hello.localhost:http", Target{}, false},
		{"hello.localhost:123456", Target{}, false},
		{"hello.localhost:1:2", Target{}, false},
		{"127.0.0.1", Target{}, false},
		{"127.0.0.1:7733", Target{}, false},
		{"a.127.0.0.1", Target{}, false},
		{"[::1]", Target{}, false},
		{"[::1]:7733", Target{}, false},
		{"::1", Target{}, false},
		{"[::1].localhost", Target{}, false},
		{"user@hello.localhost", Target{}, false},
	}
	for _, tt := range tests {
		got, ok := ParseHost(tt.host, domains)
		if ok != tt.ok || ok && got != tt.want {
			t.Errorf("ParseHost(%q) = %+v, %t, want %+v, %t", tt.host, got, ok, tt.want, tt.ok)
		}
	}
}

func FuzzParseHost(f *testing.F) {
	for _, s := range []string{"hello.localhost:7733", "r3--a.localhost", "candidate--a.localhost", "[::1]:1", "..", appID + ".localhost", "K.localhost"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, host string) {
		got, ok := ParseHost(host, []string{"localhost"})
		if !ok {
			return
		}
		_, err := store.ParseAppName(got.App)
		if err != nil && !store.IsAppID(got.App) {
			t.Errorf("ParseHost(%q) has app %q: %v", host, got.App, err)
		}
		if got.Revision < 0 || got.Candidate && got.Revision != 0 {
			t.Errorf("ParseHost(%q) = %+v", host, got)
		}
	})
}

func FuzzIsApp(f *testing.F) {
	for _, s := range []string{"hello", "a--b", "-a", "registry", appID, "a_b", "3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		_, err := store.ParseAppName(s)
		canonicalID := store.IsAppID(s) && s == strings.ToLower(s)
		if got, want := isApp(s), err == nil || canonicalID; got != want {
			t.Errorf("isApp(%q) = %t, want %t as in store", s, got, want)
		}
	})
}
