// Package tutorials has apps as the tutorials of the cloud teach them: in
// JavaScript, with the packages of Spin's templates.
//
// The folder sdk has the packages that are for one interface each, with the names
// and functions of those of Spin's SDK that the apps use: an import of the
// interface, and the world that build-tools reads.
package tutorials

import (
	"embed"
	"os"
	"path/filepath"
	"testing"

	"github.com/neutrino-local/neutrino-local/e2e/guests/components"
)

//go:embed */package.json */spin.toml */src sdk
var sources embed.FS

// Build returns a new folder with the app name, built and ready to deploy, or
// skips the test; see components.SpinApp.
func Build(t testing.TB, name string) (dir string) {
	t.Helper()
	wasm := components.SpinApp(t, sources, name)
	manifest, err := sources.ReadFile(name + "/spin.toml")
	if err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(t.TempDir(), name)
	if err := os.MkdirAll(filepath.Join(dir, "dist"), 0o755); err != nil {
		t.Fatal(err)
	}
	for file, content := range map[string][]byte{"spin.toml": manifest, "dist/" + name + ".wasm": wasm} {
		if err := os.WriteFile(filepath.Join(dir, file), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
