package components

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
)

//go:embed package.json *.mjs *.sh c-* cpp-* go-* js-* rust-*
var sources embed.FS

// Names of guests.
const (
	CGuest      = "c-http"       // see CHTTP
	CPlusPlus   = "cpp-http"     // libc++, and the adapter of preview 1
	RustHTTP    = "rust-http"    // the crate wasi, and the adapter
	GoHTTP      = "go-http"      // stock Go with the adapter
	JSFetch     = "js-fetch"     // componentize-js with the fetch event
	JSHandler   = "js-handler"   // componentize-js with the exported handler
	JSSpin      = "js-spin"      // the script of js-fetch, with the packages of Spin's templates
	CProgram    = "c-command"    // see CCommand
	RustCommand = "rust-command" // the same in Rust
	GoCommand   = "go-command"   // the same in Go
	GoHello     = "go-hello"     // go-http with nothing but a greeting: for figures
	JSHello     = "js-hello"     // the fetch event, likewise
)

// steps are what makes each guest, run in a folder with the sources and
// node_modules. The result is out.wasm.
var steps = map[string][][]string{
	GoHTTP:    goSteps("go-http", ""),
	GoHello:   goSteps("go-http", "hello"),
	GoCommand: goSteps("go-command", ""),
	JSFetch:   {{"node", "componentize.mjs", "js-fetch/guest.js", "js-fetch/world.wit", "guest", "out.wasm", "http", "fetch-event"}},
	JSHandler: {{"node", "componentize.mjs", "js-handler/guest.js", "js-handler/world.wit", "guest", "out.wasm", "http"}},
	JSHello:   {{"node", "componentize.mjs", "js-hello/guest.js", "js-fetch/world.wit", "guest", "out.wasm", "http", "fetch-event"}},
	JSSpin:    {{"node", "spin.mjs", "js-spin/guest.js", "out.wasm"}},
}

func goSteps(folder, tags string) [][]string {
	return [][]string{
		{"go", "build", "-buildmode=c-shared", "-tags", tags, "-ldflags=-checklinkname=0 -s -w", "-o", "core.wasm", "./" + folder},
		{"node", "build.mjs", "core.wasm", folder + "/world.wit", "guest", "out.wasm", "reactor"},
	}
}

// madeOf are the sources of each guest beside those that all have.
var madeOf = map[string][]string{
	GoHTTP: {"go-http"}, GoCommand: {"go-command"}, JSFetch: {"js-fetch"}, JSHandler: {"js-handler"},
	JSSpin: {"js-spin", "js-fetch"}, GoHello: {"go-http"}, JSHello: {"js-hello", "js-fetch/world.wit"},
}

// building keeps the tests of one process from building at once.
var building sync.Mutex

// Build returns a guest. Those that are not kept here take Node and npm and are
// built only with NEUTRINO_TEST_FULL=1: without it the test is skipped, unless one
// is there that was built before. Those that are kept are built then too, if the
// machine has what that takes.
func Build(t testing.TB, name string) []byte {
	t.Helper()
	building.Lock()
	defer building.Unlock()
	full := os.Getenv("NEUTRINO_TEST_FULL") == "1"
	if wasm, ok := kept[name]; ok {
		if !full || !canRebuild(t) {
			return wasm
		}
		return rebuilt(t, name)
	}
	file := filepath.Join(root(), name+"-"+hash(t, append(madeOf[name], "package.json", "tools.mjs", "build.mjs", "componentize.mjs", "spin.mjs")...)+".wasm")
	if wasm, err := os.ReadFile(file); err == nil {
		return wasm
	}
	if !full {
		t.Skipf("guest %s is not built: NEUTRINO_TEST_FULL=1 builds it, with Node 20 and npm", name)
	}
	work := newFolder(t)
	if err := os.CopyFS(work, sources); err != nil {
		t.Fatal(err)
	}
	modules := NodeModules(t)
	if err := os.Symlink(modules, filepath.Join(work, "node_modules")); err != nil {
		t.Fatal(err)
	}
	for _, step := range steps[name] {
		run(t, work, []string{"NODE_PATH=" + modules, "GOOS=wasip1", "GOARCH=wasm", "GOFLAGS=", "GO111MODULE=off"}, step...)
	}
	wasm, err := os.ReadFile(filepath.Join(work, "out.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(work, "out.wasm"), file)
	return wasm
}

// put moves a file or folder to where other processes look for it. It may be
// there already: they build too.
func put(t testing.TB, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		if _, missing := os.Stat(to); missing != nil {
			t.Fatal(err)
		}
	}
}

// newFolder returns an empty folder beside those that are built.
func newFolder(t testing.TB) string {
	t.Helper()
	if err := os.MkdirAll(root(), 0o700); err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp(root(), "building-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func root() string {
	return filepath.Join(os.TempDir(), fmt.Sprintf("neutrino-local-components-%d", os.Getuid()))
}

// canRebuild says whether build.sh finds what it needs, and which is missing.
func canRebuild(t testing.TB) bool {
	t.Helper()
	for _, tool := range []string{"clang++-19", "wasm-ld-19", "node", "npm", "/usr/bin/cargo", "/usr/bin/rustc"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Logf("no %s: the kept guests are used as they are, see build.sh", tool)
			return false
		}
	}
	for _, dir := range []string{"/usr/lib/rustlib/src/rust/library", "/usr/include/wasm32-wasi/c++/v1"} {
		if _, err := os.Stat(dir); err != nil {
			t.Logf("no %s: the kept guests are used as they are, see build.sh", dir)
			return false
		}
	}
	return true
}

// rebuilt returns a kept guest as build.sh makes it now.
func rebuilt(t testing.TB, name string) []byte {
	t.Helper()
	dir := filepath.Join(root(), "kept-"+hash(t, "."))
	file := filepath.Join(dir, name, name+".wasm")
	if _, err := os.Stat(dir); err != nil {
		work, out := newFolder(t), newFolder(t)
		if err := os.CopyFS(work, sources); err != nil {
			t.Fatal(err)
		}
		run(t, work, []string{"NODE_PATH=" + NodeModules(t)}, "sh", "build.sh", out)
		put(t, out, dir)
	}
	wasm, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return wasm
}

// NodeModules returns a folder with the packages of package.json, which has jco.
func NodeModules(t testing.TB) string {
	t.Helper()
	if modules := os.Getenv("NODE_PATH"); modules != "" {
		return modules
	}
	dir := filepath.Join(root(), "node-"+hash(t, "package.json"))
	if _, err := os.Stat(dir); err != nil {
		content, err := sources.ReadFile("package.json")
		if err != nil {
			t.Fatal(err)
		}
		work := newFolder(t)
		if err := os.WriteFile(filepath.Join(work, "package.json"), content, 0o600); err != nil {
			t.Fatal(err)
		}
		run(t, work, nil, "npm", "install", "--no-audit", "--no-fund")
		put(t, work, dir)
	}
	return filepath.Join(dir, "node_modules")
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
	fmt.Fprintln(h, runtime.Version())
	addFiles(t, h, sources, names...)
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// addFiles writes the files of those names or in folders of those names to w.
func addFiles(t testing.TB, w io.Writer, files fs.FS, names ...string) {
	t.Helper()
	for _, name := range names {
		err := fs.WalkDir(files, name, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			content, err := fs.ReadFile(files, path)
			fmt.Fprintf(w, "%s %d\n%s", path, len(content), content)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
