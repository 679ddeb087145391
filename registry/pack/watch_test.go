package pack

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWatched(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"app/spin.toml": `spin_manifest_version = 2
application.name = "shop"
trigger.http = [{ route = "/...", component = "web" }]
[component.web]
source = "out/web.wasm"
files = ["static/**/*.css", { source = "pages", destination = "/" }, "one.txt"]
exclude_files = []
[component.web.build]
command = "make"
workdir = "web"
watch = ["src/**/*.c", "Makefile", "../../shared/*.h", "*.out", "gen/**/*"]
[component.web.dependencies]
"a:b" = { path = "dep.wasm" }
`,
		"app/web/src/a.c": "", "app/web/src/deep/b.c": "", "app/web/src/a.h": "", "app/web/src/target/c.c": "", "app/web/src/.git/d.c": "",
		"app/web/Makefile": "", "app/web/x.out": "", "app/web/sub/y.out": "", "shared/s.h": "", "shared/deep/t.h": "",
		"app/static/css/a.css": "", "app/static/a.js": "", "app/pages/deep/index.html": "", "app/one.txt": "", "app/out/web.wasm": "",
		"app/dep.wasm": "", "app/other.txt": "", "app/node_modules/x.css": "", "app/web/gen/g.c": "",
	} {
		write(t, filepath.Join(dir, name), []byte(content))
	}
	m, err := Read(filepath.Join(dir, "app"))
	if err != nil {
		t.Fatal(err)
	}
	w, err := m.Watched()
	if err != nil {
		t.Fatal(err)
	}
	relative := func(paths []string) string {
		for i, p := range paths {
			rel, err := filepath.Rel(dir, p)
			if err != nil {
				t.Fatal(err)
			}
			paths[i] = filepath.ToSlash(rel)
		}
		slices.Sort(paths)
		return strings.Join(paths, " ")
	}
	got := map[string]string{
		"inputs":  relative(slices.Collect(maps.Keys(w.Inputs))),
		"outputs": relative(slices.Collect(maps.Keys(w.Outputs))),
		"dirs":    relative(w.Dirs),
	}
	want := map[string]string{
		"inputs":  "app/web/Makefile app/web/gen/g.c app/web/src/a.c app/web/src/deep/b.c app/web/x.out shared/s.h",
		"outputs": "app/dep.wasm app/one.txt app/out/web.wasm app/pages/deep/index.html app/static/css/a.css",
		"dirs": "app app/out app/pages app/pages/deep app/static app/static/css app/web app/web/gen app/web/src app/web/src/deep " +
			"shared",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
