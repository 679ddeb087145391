package variables

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
)

func TestComponent(t *testing.T) {
	declared := map[string]artifact.Variable{
		"plain": {Default: new("default")}, "given": {Default: new("default")}, "secret": {Secret: true}, "empty": {Default: new("")},
		"from_env": {Default: new("default")}, "long": {Default: new(strings.Repeat("x", 1<<20))},
	}
	environment := func(name string) (string, bool) {
		v, ok := map[string]string{"SPIN_VARIABLE_GIVEN": "environment", "SPIN_VARIABLE_FROM_ENV": "environment"}[name]
		return v, ok
	}
	app := New(declared, Values(map[string]string{"given": "value"}), Environment(environment))
	c, err := app.Component("web", map[string]string{
		"a": "{{plain}}/{{ given }}/{{from_env}}", "b": "{{ empty }}", "c": "literal }}", "d": "{{ secret }}",
		"e": strings.Repeat("{{long}}", 20),
	})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, want string
		kind       Kind // if err is not ""
		err        string
	}{
		{"a", "default/value/environment", 0, ""},
		{"b", "", 0, ""},
		{"c", "literal }}", 0, ""},
		{"d", "", Provider, `no provider resolved required variable "secret"`},
		{"e", "", Other, "value: limit 16777216 bytes"},
		{"f", "", Undefined, `no variable for "web"."f"`},
		{"plain", "", Undefined, `no variable for "web"."plain"`}, // the app's, and not the component's
		{"A", "", InvalidName, `invalid variable name "A"`},
		{"", "", InvalidName, `invalid variable name ""`},
	}
	for _, tt := range tests {
		got, err := c.Get(tt.name)
		if tt.err == "" {
			if got != tt.want || err != nil {
				t.Errorf("Get(%q) = %.40q, %v; want %q", tt.name, got, err, tt.want)
			}
			continue
		}
		if e, ok := errors.AsType[*Error](err); !ok || e.Kind != tt.kind || !strings.HasPrefix(e.Text, tt.err) {
			t.Errorf("Get(%q) = %.40q, %v; want %v %s", tt.name, got, err, tt.kind, tt.err)
		}
	}
	if diff := cmp.Diff([]string{"a", "b", "c", "d", "e"}, c.Names()); diff != "" {
		t.Error(diff)
	}
	if err := app.Require(); err == nil || err.Error() != `no provider resolved required variable(s): [Key("secret")]` {
		t.Errorf("Require() = %v", err)
	}
	for text, want := range map[string]string{"{{ other }}": `unknown variable "other"`, "{{ plain": "unmatched '{{' in template"} {
		if _, err := app.Component("web", map[string]string{"x": text}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("with %q: %v, want %q", text, err, want)
		}
	}
	none, err := app.Component("none", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := none.Get("plain"); err == nil || err.Error() != `no variables defined for component "none"` {
		t.Errorf("a component without variables: %v", err)
	}
}

// The value of one variable is no template for another.
func TestValuesAreNotTemplates(t *testing.T) {
	app := New(map[string]artifact.Variable{"a": {}, "b": {Default: new("secret")}}, Values(map[string]string{"a": "{{ b }}"}))
	c, err := app.Component("web", map[string]string{"x": "{{ a }}"})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := c.Get("x"); got != "{{ b }}" || err != nil {
		t.Errorf("Get = %q, %v", got, err)
	}
}
