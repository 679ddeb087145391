package pack

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pelletier/go-toml/v2"
	"golang.org/x/tools/txtar"
)

// FuzzTOML compares our tree with what the TOML library makes of a document.
func FuzzTOML(f *testing.F) {
	f.Add("a = 1\nb.c = [1.5, 'x', {d = true}]\n[[e.f]]\ng = 0x_1F\n[e.f.h]\n[[e.f]]\n")
	f.Fuzz(func(t *testing.T, doc string) {
		r := &report{file: "x", data: []byte(doc)}
		tree := parseTOML(r)
		if tree == nil {
			if r.err() == nil {
				t.Fatal("no tree and no problem")
			}
			return
		}
		var want map[string]any
		if err := toml.Unmarshal([]byte(doc), &want); err != nil {
			t.Fatalf("a tree of what is no TOML: %v", err)
		}
		v, err := tree.json()
		if err != nil {
			return // dates
		}
		got, wantJSON := normal(t, v), normal(t, want)
		if wantJSON == nil {
			return // infinity
		}
		if diff := cmp.Diff(wantJSON, got); diff != "" {
			t.Fatalf("%q (-want +got):\n%s", doc, diff)
		}
	})
}

func normal(t *testing.T, v any) any {
	b, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	var out any
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// FuzzManifest checks that reading never panics and that problems have a place
// in the document.
func FuzzManifest(f *testing.F) {
	names, err := filepath.Glob("testdata/*/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range names {
		a, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(a.Files[0].Data))
	}
	f.Fuzz(func(t *testing.T, doc string) {
		m := &Manifest{Path: "spin.toml", Root: "/app", report: &report{file: "spin.toml", data: []byte(doc)}}
		if tree := parseTOML(m.report); tree != nil {
			m.decode(tree)
		}
		lines := strings.Count(doc, "\n") + 1
		for _, p := range m.report.problems {
			if p.Line < 0 || p.Line > lines {
				t.Fatalf("%v is not in %d lines", p, lines)
			}
		}
		if m.report.err() != nil {
			return
		}
		if _, err := m.lock(nil, nil); err != nil {
			t.Fatalf("a manifest without problems has no lock: %v", err)
		}
	})
}

func FuzzDependencyName(f *testing.F) {
	f.Add("a:b/c@1.2.3", "a:b")
	f.Add("plain", "a:b/c@0.1.0-rc.1")
	f.Fuzz(func(t *testing.T, a, b string) {
		n, err := parseDependencyName(a)
		if err != nil {
			return
		}
		if n.String() != a {
			t.Fatalf("%q is read as %q", a, n)
		}
		if o, err := parseDependencyName(b); err == nil && n.overlap(o) != o.overlap(n) {
			t.Fatalf("%q and %q overlap one way only", a, b)
		}
	})
}

func FuzzGlob(f *testing.F) {
	f.Add("a/[!b-d]*?.txt", "a/e1x.txt")
	f.Add("**/[]-]/**", "x/]/y")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		re, err := compileGlob(pattern)
		if err != nil {
			if re, _ := parseGlob(pattern); re != nil && !strings.Contains(pattern, "/") {
				t.Fatal("a part is fine that is not fine alone")
			}
			return
		}
		if !isGlob(pattern) && re.MatchString(name) != (pattern == name) {
			t.Fatalf("%q matches %q", pattern, name)
		}
	})
}

func BenchmarkDir(b *testing.B) {
	dir := appDir(b, `files = ["static/**/*"]`)
	if err := os.MkdirAll(filepath.Join(dir, "static", "deep"), 0o755); err != nil {
		b.Fatal(err)
	}
	for i := range 400 {
		name := filepath.Join(dir, "static", "deep", strings.Repeat("f", i%7)+string(rune('a'+i%26))+strings.Repeat("x", i/26))
		if err := os.WriteFile(name, make([]byte, 1000+i), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if _, err := Dir(b.Context(), dir, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
