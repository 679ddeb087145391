package components

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// SpinApp returns the component of an app in JavaScript, as `npm run build` makes
// it in the folder name of apps: dist/NAME.wasm. It is built once on a machine, and
// only with NEUTRINO_TEST_FULL=1: without it the test is skipped. The app finds
// the packages of package.json here, and those in the folder sdk of apps that it
// names as "file:../sdk/…". One with overrides has packages of its own.
func SpinApp(t testing.TB, apps fs.FS, name string) []byte {
	t.Helper()
	if os.Getenv("NEUTRINO_TEST_FULL") != "1" {
		t.Skipf("app %s: NEUTRINO_TEST_FULL=1 builds it, with Node 20 and npm", name)
	}
	building.Lock()
	defer building.Unlock()
	h := sha256.New()
	addFiles(t, h, sources, "package.json", "spin.mjs")
	addFiles(t, h, apps, name+"/package.json", name+"/src", "sdk")
	file := filepath.Join(root(), fmt.Sprintf("app-%s-%s.wasm", name, hex.EncodeToString(h.Sum(nil)[:8])))
	if wasm, err := os.ReadFile(file); err == nil {
		return wasm
	}
	dir, alone, err := layOut(newFolder(t), apps, name, NodeModules(t))
	if err != nil {
		t.Fatal(err)
	}
	if alone {
		run(t, dir, nil, "npm", "install", "--no-audit", "--no-fund", "--ignore-scripts")
	}
	run(t, dir, nil, "npm", "run", "--silent", "build")
	made := filepath.Join(dir, "dist", name+".wasm")
	wasm, err := os.ReadFile(made)
	if err != nil {
		t.Fatal(err)
	}
	put(t, made, file)
	return wasm
}

// layOut makes a tree in work where an app finds what it is built with. It returns
// the app's folder, and whether npm has yet to install its packages there.
func layOut(work string, apps fs.FS, name, modules string) (dir string, alone bool, err error) {
	all := filepath.Join(work, "apps")
	if err := os.CopyFS(all, apps); err != nil {
		return "", false, err
	}
	if err := os.CopyFS(filepath.Join(work, "components"), sources); err != nil {
		return "", false, err
	}
	if err := os.Symlink(modules, filepath.Join(all, "node_modules")); err != nil {
		return "", false, err
	}
	dir = filepath.Join(all, name)
	content, err := os.ReadFile(filepath.Join(dir, "package.json"))
	if err != nil {
		return "", false, err
	}
	var app struct {
		Dependencies map[string]string `json:"dependencies"`
		Overrides    map[string]string `json:"overrides"`
	}
	if err := json.Unmarshal(content, &app); err != nil {
		return "", false, fmt.Errorf("package.json of %s: %w", name, err)
	}
	if len(app.Overrides) > 0 {
		return dir, true, nil
	}
	for dependency, version := range app.Dependencies {
		folder, ok := strings.CutPrefix(version, "file:")
		if !ok {
			continue
		}
		link := filepath.Join(dir, "node_modules", dependency)
		if err := os.MkdirAll(filepath.Dir(link), 0o700); err != nil {
			return "", false, err
		}
		if err := os.Symlink(filepath.Join(dir, folder), link); err != nil {
			return "", false, err
		}
	}
	return dir, false, nil
}
