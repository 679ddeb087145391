package artifact

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTemplate(t *testing.T) {
	tests := []struct {
		text  string
		names []string
		want  string
	}{
		{"", nil, ""},
		{"plain } {", nil, "plain } {"},
		{"a-{{ x }}-{{y}}", []string{"x", "y"}, "a-<x>-<y>"},
		{"{{{x}}}", []string{"{x"}, "<{x>}"},
	}
	for _, tt := range tests {
		tmpl, err := ParseTemplate(tt.text)
		if err != nil {
			t.Errorf("ParseTemplate(%q): %v", tt.text, err)
			continue
		}
		if diff := cmp.Diff(tt.names, tmpl.Names()); diff != "" {
			t.Errorf("Names() of %q (-want +got):\n%s", tt.text, diff)
		}
		if got, ok := tmpl.Expand(func(n string) (string, bool) { return "<" + n + ">", true }); !ok || got != tt.want {
			t.Errorf("Expand() of %q = %q, %v, want %q", tt.text, got, ok, tt.want)
		}
	}
	if _, err := ParseTemplate("{{ a"); err == nil || err.Error() != "unmatched '{{' in template" {
		t.Errorf("ParseTemplate of an open brace = %v", err)
	}
	tmpl, _ := ParseTemplate("{{ a }}")
	if _, ok := tmpl.Expand(func(string) (string, bool) { return "", false }); ok {
		t.Error("Expand without a value is fine")
	}
}

func TestCheckVariableName(t *testing.T) {
	for _, name := range []string{"a", "api_key", "a1_2b"} {
		if err := CheckVariableName(name); err != nil {
			t.Errorf("CheckVariableName(%q) = %v", name, err)
		}
	}
	for _, name := range []string{"", "A", "a-b", "_a", "a_", "a__b", "1a", strings.Repeat("a", 300), "é"} {
		if CheckVariableName(name) == nil {
			t.Errorf("CheckVariableName(%q) is fine", name)
		}
	}
}

func FuzzParseTemplate(f *testing.F) {
	f.Add("https://{{ host }}:{{port}}/")
	f.Add("{{{{}}}}")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParseTemplate(text)
		if err != nil {
			return
		}
		if got, ok := p.Expand(func(string) (string, bool) { return "", true }); !ok || len(got) > len(text) {
			t.Errorf("%q with nothing put in is %q, %v", text, got, ok)
		}
		if _, ok := p.Expand(func(string) (string, bool) { return "", false }); ok != (len(p.Names()) == 0) {
			t.Errorf("%q has names %q, and is %v without them", text, p.Names(), ok)
		}
	})
}
