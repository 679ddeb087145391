package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/neutrino-local/neutrino-local/"

// layers says what each package of ours may import of ours; "x/..." means x and
// all below it. A new package begins with a line here. Imports go down only:
// cmd knows all, the leaves know nobody.
var layers = map[string][]string{
	// Leaves.
	"store":                  {},
	"store/sqlite":           {"store"},
	"store/storetest":        {"store"},
	"store/applog":           {},
	"registry/artifact":      {"store"},
	"registry/blob":          {"registry/artifact"},
	"registry/blob/blobtest": {"registry/artifact", "registry/blob"},
	"router/ledger":          {},
	"web/apitype":            {},

	// Parts. Siblings share nothing but nouns.
	"registry":        {"store", "registry/artifact", "registry/blob"},
	"registry/pack":   {"store", "registry/artifact"},
	"registry/remote": {"store", "registry/artifact", "registry/pack"},
	"router":          {"store", "router/ledger"},
	"router/rollout":  {"store", "router", "router/ledger", "registry/artifact"},
	"runtime":         {"store", "registry/artifact", "router/ledger", "runtime/route", "runtime/wagi"},
	"runtime/route":   {"store", "registry/artifact"},
	"runtime/wagi":    {"store", "registry/artifact", "router/ledger"},
	"web":             {"web/api", "web/apitype", "web/ui"},
	"web/api":         {"store", "store/applog", "registry/artifact", "router/ledger", "router/rollout", "web/apitype"},
	"web/client":      {"web/apitype"},
	"web/ui":          {"store", "web/api", "web/apitype"},

	"cmd/neutrino-local": {"..."},
	"e2e":                {"e2e/guests"},
	"e2e/guests":         {},
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
		ours, is := strings.CutPrefix(imported, module)
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
