package components

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

//go:embed package.json tools.mjs build.mjs componentize.mjs go-http js-fetch
var sources embed.FS

// Names of guests that Build makes.
const (
	GoHTTP  = "go-http"  // stock Go with the adapter of preview 1
	JSFetch = "js-fetch" // StarlingMonkey with the fetch event
)

// steps are what makes each guest, run in a folder with the sources. The result
// is out.wasm.
var steps = map[string][][]string{
	GoHTTP: {
		{"go", "build", "-buildmode=c-shared", "-ldflags=-checklinkname=0 -s -w", "-o", "core.wasm", "go-http/main.go"},
		{"node", "build.mjs", "core.wasm", "go-http/world.wit", "guest", "out.wasm", "reactor"},
	},
	JSFetch: {{"node", "componentize.mjs", "js-fetch/guest.js", "js-fetch/world.wit", "guest", "out.wasm", "http", "fetch-event"}},
}

// building keeps the tests of one process from building at once.
var building sync.Mutex

// Build returns a guest that is not kept here. What was built before is used
// again; else it takes Node and npm, and is done only with NEUTRINO_TEST_FULL=1:
// without it the test is skipped.
func Build(t testing.TB, name string) []byte {
	t.Helper()
	building.Lock()
	defer building.Unlock()
	root := filepath.Join(os.TempDir(), fmt.Sprintf("neutrino-local-components-%d", os.Getuid()))
	file := filepath.Join(root, name+"-"+hash(t, "package.json", "tools.mjs", "build.mjs", "componentize.mjs", name)+".wasm")
	if wasm, err := os.ReadFile(file); err == nil {
		return wasm
	}
	if os.Getenv("NEUTRINO_TEST_FULL") != "1" {
		t.Skipf("guest %s is not built: NEUTRINO_TEST_FULL=1 builds it, with Node 20 and npm", name)
	}
	if err := os.MkdirAll(root, 0o700); err != nil {
		t.Fatal(err)
	}
	work := t.TempDir()
	if err := os.CopyFS(work, sources); err != nil {
		t.Fatal(err)
	}
	modules := nodeModules(t, root)
	for _, step := range steps[name] {
		run(t, work, []string{"NODE_PATH=" + modules, "GOOS=wasip1", "GOARCH=wasm", "GOFLAGS=", "GO111MODULE=off"}, step...)
	}
	wasm, err := os.ReadFile(filepath.Join(work, "out.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file+".new", wasm, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
	return wasm
}

// nodeModules returns a folder with the packages of package.json.
func nodeModules(t testing.TB, root string) string {
	t.Helper()
	if modules := os.Getenv("NODE_PATH"); modules != "" {
		return modules
	}
	dir := filepath.Join(root, "node-"+hash(t, "package.json"))
	modules := filepath.Join(dir, "node_modules")
	if _, err := os.Stat(filepath.Join(dir, "done")); err == nil {
		return modules
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	content, err := sources.ReadFile("package.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "package.json"), content, 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, dir, nil, "npm", "install", "--no-audit", "--no-fund")
	if err := os.WriteFile(filepath.Join(dir, "done"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return modules
}

func run(t testing.TB, dir string, env []string, command ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", command, err, out)
	}
}

// hash is that of the sources with those names, folders or files.
func hash(t testing.TB, names ...string) string {
	t.Helper()
	h := sha256.New()
	for _, name := range names {
		err := fs.WalkDir(sources, name, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			content, err := sources.ReadFile(path)
			fmt.Fprintf(h, "%s %d\n%s", path, len(content), content)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}
