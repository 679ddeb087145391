package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const modulePath = "github.com/neutrino-local/neutrino-local/"

// layers says what each package of ours may import of ours; "..." means all. A
// new package begins with a line here. Imports go down only: cmd knows all the
// parts, siblings share nothing but nouns, and the leaves know nobody but those.
var layers = map[string][]string{
	// Nouns and other leaves.
	"store":             {},
	"store/applog":      {"store"},
	"store/keyvalue":    {"store"},
	"store/sqlite":      {"store"},
	"store/storetest":   {"store"},
	"registry/artifact": {},
	"router/ledger":     {},
	"web/apitype":       {},
	"runtime/codecache": {},

	// The registry and what fills it.
	"registry/blob":          {"store", "registry/artifact"},
	"registry/blob/blobtest": {"store", "registry/artifact", "registry/blob"},
	"registry":               {"store", "registry/artifact", "registry/blob"},
	"registry/pack":          {"store", "registry/artifact", "registry/wkg"},
	"registry/remote":        {"store", "registry/artifact", "registry/pack"},
	"registry/wkg":           {"store", "registry/artifact"},

	// Addresses, and which revision has them.
	"router":         {"store", "router/ledger"},
	"router/rollout": {"store", "registry/artifact", "router", "router/ledger"},

	// What runs guests.
	"runtime": {"store", "registry/artifact", "router/ledger", "runtime/spin/sqlite", "runtime/codecache", "runtime/memory", "runtime/pool", "runtime/files", "runtime/module", "runtime/route", "runtime/wagi",
		"runtime/component", "runtime/wasi", "runtime/wasi/filesystem", "runtime/wasi/stream", "runtime/wasi/wasihttp", "runtime/component/compose",
		"runtime/wasi/sockets", "runtime/component/abi", "runtime/spin/keyvalue", "runtime/spin/legacy", "runtime/spin/outbound", "runtime/spin/variables", "store/keyvalue",
		"runtime/spin/conns", "runtime/spin/redis", "runtime/spin/postgres", "runtime/spin/mysql", "runtime/spin/mqtt"},
	"runtime/files":  {"registry/artifact"},
	"runtime/memory": {},
	"runtime/module": {},
	"runtime/pool":   {},
	"runtime/route":  {},
	"runtime/wagi":   {"runtime/component", "runtime/files", "runtime/route"},

	// The component model, and the hosts on top of it.
	"runtime/component/types":    {},
	"runtime/component/abi":      {"runtime/component/types"},
	"runtime/component/binary":   {"runtime/component/types"},
	"runtime/component/rewrite":  {"runtime/component/types"},
	"runtime/component/validate": {"runtime/component/types", "runtime/component/binary", "runtime/component/rewrite"},
	"runtime/component/plan":     {"runtime/component/types", "runtime/component/binary", "runtime/component/rewrite", "runtime/component/validate"},
	"runtime/component": {"runtime/codecache", "runtime/memory", "runtime/module", "runtime/component/types", "runtime/component/abi", "runtime/component/binary",
		"runtime/component/rewrite", "runtime/component/validate", "runtime/component/plan"},
	"runtime/wasi/stream":     {},
	"runtime/wasi/filesystem": {"runtime/files", "runtime/wasi/stream"},
	"runtime/wasi/sockets":    {"runtime/wasi/stream"},
	"runtime/wasi":            {"runtime/component", "runtime/component/abi", "runtime/wasi/filesystem", "runtime/wasi/sockets", "runtime/wasi/stream"},
	"runtime/wasi/wasihttp":   {"runtime/component", "runtime/component/abi", "runtime/wasi", "runtime/wasi/stream"},

	// Components made of components.
	"runtime/component/compose": {"runtime/component/types", "runtime/component/binary", "runtime/component/validate"},

	// Spin's own interfaces.
	"runtime/spin/keyvalue":  {"runtime/component", "runtime/component/abi", "store", "store/keyvalue"},
	"runtime/spin/legacy":    {"runtime/component"},
	"runtime/spin/conns":     {},
	"runtime/spin/redis":     {"runtime/component", "runtime/component/abi", "runtime/spin/conns"},
	"runtime/spin/postgres":  {"runtime/component", "runtime/component/abi", "runtime/spin/conns"},
	"runtime/spin/mysql":     {"runtime/component", "runtime/component/abi", "runtime/spin/conns"},
	"runtime/spin/mqtt":      {"runtime/component", "runtime/component/abi", "runtime/spin/conns"},
	"runtime/spin/sqlite":    {"runtime/component", "runtime/component/abi"},
	"runtime/spin/outbound":  {"registry/artifact", "runtime/component", "runtime/component/abi"},
	"runtime/spin/variables": {"store", "registry/artifact", "runtime/component", "runtime/component/abi"},

	// The control listener and its client.
	"web/api":    {"store", "store/applog", "store/keyvalue", "registry/artifact", "router/ledger", "web/apitype"},
	"web/client": {"store", "web/apitype"},
	"web/ui":     {"store", "store/applog", "store/keyvalue", "registry/artifact", "router/ledger", "web/api", "web/apitype"},
	"web":        {"store", "web/api", "web/apitype", "web/ui"},

	"cmd/neutrino-local": {"..."},
	"e2e":                {"e2e/guests", "e2e/guests/components", "e2e/guests/siege", "e2e/guests/spin", "e2e/guests/tutorials", "e2e/services"},
	"e2e/guests":         {},
	"e2e/services":       {},
}

func TestImportsGoDown(t *testing.T) {
	root := filepath.Join("..", "..")
	seen := map[string]bool{}
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() && (name == "testdata" || strings.HasPrefix(name, ".") && name != "..") {
			return fs.SkipDir
		}
		if entry.IsDir() && file != root {
			if _, err := os.Stat(filepath.Join(file, "go.mod")); err == nil {
				return fs.SkipDir // a module of its own
			}
		}
		if entry.IsDir() || !strings.HasSuffix(name, ".go") {
			return nil
		}
		rel, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		pkg := path.Dir(filepath.ToSlash(rel))
		if strings.HasPrefix(pkg, "e2e/guests/") {
			return nil // programs for guests
		}
		seen[pkg] = true
		checkFile(t, file, pkg)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for pkg := range layers {
		if !seen[pkg] {
			t.Errorf("%s is in the table and not in the tree", pkg)
		}
	}
}

func checkFile(t *testing.T, file, pkg string) {
	t.Helper()
	allowed, ok := layers[pkg]
	if !ok {
		t.Errorf("%s: package %s is not in the table: add a line", file, pkg)
		return
	}
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	for _, spec := range f.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		ours, is := strings.CutPrefix(imported, modulePath)
		if !is || strings.HasSuffix(file, "_test.go") || allows(allowed, ours) {
			continue
		}
		t.Errorf("%s imports %s, which the table does not allow to %s", file, ours, pkg)
	}
}

func allows(allowed []string, pkg string) bool {
	return slices.ContainsFunc(allowed, func(a string) bool {
		above, all := strings.CutSuffix(a, "...")
		return a == pkg || all && strings.HasPrefix(pkg+"/", above)
	})
}
