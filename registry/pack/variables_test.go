package pack

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/store"
)

func TestVariables(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	def := "d"
	lock := artifact.Lock{Variables: map[string]artifact.Variable{"a": {}, "b": {Default: &def}, "c": {Secret: true}}}
	many := strings.Builder{}
	for i := range maxVariables + 1 {
		fmt.Fprintf(&many, "v%d = ''\n", i)
	}
	tests := []struct {
		arguments []string
		want      map[string]string
		wantErr   string
	}{
		{[]string{"a=1", "c=2=3"}, map[string]string{"a": "1", "c": "2=3"}, ""},
		{[]string{"a=1", "a=", "c=x"}, map[string]string{"a": "", "c": "x"}, ""},
		{[]string{"a=1", "@" + file("v.json", `{"a": "2", "c": "s"}`), "b=3"}, map[string]string{"a": "2", "b": "3", "c": "s"}, ""},
		{[]string{"@" + file("v.toml", "a = '2'\nc = \"s\\n\""), "a=4"}, map[string]string{"a": "4", "c": "s\n"}, ""},
		{[]string{"a=@" + file("key.pem", "line\n"), "c="}, map[string]string{"a": "line\n", "c": ""}, ""},
		{nil, nil, `no provider resolved required variable(s): [Key("a"), Key("c")]`},
		{[]string{"a=1", "c=2", "d=3"}, nil, `the app has no variable "d": it declares a, b, c`},
		{[]string{"a"}, nil, "has no value"},
		{[]string{"A=1"}, nil, "invalid variable name"},
		{[]string{"@" + file("v.yaml", "")}, nil, "neither a .json nor a .toml file"},
		{[]string{"@" + filepath.Join(dir, "none.json")}, nil, "none.json"},
		{[]string{"@" + file("n.json", `{"a": 1}`)}, nil, `the value of "a" is not a string`},
		{[]string{"@" + file("n.toml", "a = \n")}, nil, "n.toml:1:5: "},
		{[]string{"@" + file("l.json", strings.Repeat(" ", maxVariableFile+1))}, nil, "longer than"},
		{[]string{"@" + file("many.toml", many.String())}, nil, "more than 1000 variables"},
		{[]string{"a=@" + filepath.Join(dir, "none")}, nil, "a: open"},
		{[]string{"@" + file("million.json", `{"a":""`+strings.Repeat(`,"a":""`, 1_000_000)+"}")}, nil, "longer than"},
		{[]string{"@" + file("dense.json", "{"+entries(maxVariableFile/12, `"v%d":"",`)+`"v":""}`)}, nil, "more than 1000 variables"},
		{[]string{"@" + file("dense.toml", entries(maxVariableFile/12, "v%d=''\n"))}, nil, "more than 10000 keys"},
		{[]string{"@" + file("inline.toml", "a = {"+entries(maxVariableFile/12, "v%d='',")+"z=''}")}, nil, "more than 10000 keys"},
		{[]string{"@" + file("deep.toml", "a = "+strings.Repeat("[", maxVariableFile/2))}, nil, "deep.toml:1:"},
		{[]string{"@" + file("deep2.toml", strings.Repeat("a.", maxVariableFile/4)+"a = ''")}, nil, "deep2.toml:1:"},
		{[]string{"@" + file("deep.json", `{"a":`+strings.Repeat("[", maxVariableFile/2))}, nil, "deep.json: "},
	}
	for _, tt := range tests {
		got, err := Variables(tt.arguments, lock)
		if tt.wantErr != "" {
			if !errors.Is(err, store.ErrInvalid) || !strings.Contains(err.Error(), tt.wantErr) {
				t.Errorf("Variables(%q) = %v, want %q", tt.arguments, err, tt.wantErr)
			}
			continue
		}
		if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
			t.Errorf("Variables(%q): %v (-want +got):\n%s", tt.arguments, err, diff)
		}
	}
}

// entries returns n lines of a format with a number in it.
func entries(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// FuzzVariables: whatever is in a file, its variables have names and are not too
// many, or there is an error that shows no value.
func FuzzVariables(f *testing.F) {
	f.Add("a = 'secret'\nb = 1", true)
	f.Add(`{"a": "secret", "b": 1}`, false)
	f.Fuzz(func(t *testing.T, content string, asTOML bool) {
		name := "v.json"
		if asTOML {
			name = "v.toml"
		}
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		values, err := ParseVariables([]string{"@" + file})
		if err == nil && len(values) > maxVariables {
			t.Fatalf("%d variables", len(values))
		}
		for name := range values {
			if err := artifact.CheckVariableName(name); err != nil {
				t.Fatal(err)
			}
		}
	})
}
