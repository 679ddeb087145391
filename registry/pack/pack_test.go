package pack

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/store"
)

const smallest = `spin_manifest_version = 2
[application]
name = "x"
[[trigger.http]]
route = "/"
component = "web"
[component.web]
source = "web.wasm"
`

var wasm = []byte("\x00asm\x01\x00\x00\x00")

// appDir lays an app with one component of 200 bytes and more of a manifest.
func appDir(t testing.TB, more string) string {
	t.Helper()
	dir := t.TempDir()
	for name, b := range map[string][]byte{"spin.toml": []byte(smallest + more), "web.wasm": append(wasm, make([]byte, 200)...)} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestFileThatChanges(t *testing.T) {
	tests := []struct {
		name   string
		change func(path string) error
	}{
		{"other bytes", func(p string) error { return os.WriteFile(p, append(wasm, bytes.Repeat([]byte("x"), 200)...), 0o644) }},
		{"longer", func(p string) error { return os.WriteFile(p, make([]byte, 300), 0o644) }},
		{"shorter", func(p string) error { return os.WriteFile(p, make([]byte, 100), 0o644) }},
		{"gone", os.Remove},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := appDir(t, "")
			app, err := Dir(t.Context(), dir, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if err := tt.change(filepath.Join(dir, "web.wasm")); err != nil {
				t.Fatal(err)
			}
			if _, err = readLayer(app.Layers[0]); err == nil || !strings.Contains(err.Error(), "web.wasm") {
				t.Errorf("reading the layer = %v, want an error that names the file", err)
			}
			if tt.name != "gone" && !errors.Is(err, store.ErrConflict) {
				t.Errorf("reading the layer = %v, want ErrConflict", err)
			}
		})
	}
}

func TestArchiveAboveLayerLimit(t *testing.T) {
	dir := appDir(t, `files = ["many/*"]`)
	if err := os.Mkdir(filepath.Join(dir, "many"), 0o755); err != nil {
		t.Fatal(err)
	}
	content := func(n int) []byte { return bytes.Repeat([]byte{byte(n), byte(n >> 8)}, 100) }
	for n := range artifact.MaxLayers - 2 {
		if err := os.WriteFile(filepath.Join(dir, "many", fmt.Sprintf("%03d", n)), content(n), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	app, err := Dir(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := len(app.Layers); got != artifact.MaxLayers {
		t.Errorf("%d layers, want %d: as many as may be", got, artifact.MaxLayers)
	}
	if err := os.WriteFile(filepath.Join(dir, "many", "last"), content(999), 0o644); err != nil {
		t.Fatal(err)
	}
	app, err = Dir(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(app.Layers) != 3 || app.Layers[1].MediaType != artifact.ArchiveType {
		t.Fatalf("%d layers, want a binary, an archive and a lock", len(app.Layers))
	}
	checkApp(t, app)
	b, err := readLayer(app.Layers[1])
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string]artifact.Digest)
	for f, err := range artifact.Archive(bytes.NewReader(b), artifact.ArchiveLimits{Bytes: 1 << 20, Entries: 1000}) {
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(f)
		if err != nil {
			t.Fatal(err)
		}
		files[f.Path] = artifact.SHA256(content)
	}
	want := make(map[string]artifact.Digest)
	for _, f := range app.Lock.Components[0].Files {
		want[f.Path] = f.Digest
	}
	if diff := cmp.Diff(want, files); diff != "" {
		t.Errorf("the archive has not the files of the lock (-want +got):\n%s", diff)
	}
	if _, err := Dir(t.Context(), dir, Options{MaxAppBytes: 2000}); !errors.Is(err, store.ErrLimit) {
		t.Errorf("an archive over the limit = %v, want ErrLimit", err)
	}
}

func TestLargeFileIsNotRead(t *testing.T) {
	dir := appDir(t, "")
	if err := os.Truncate(filepath.Join(dir, "web.wasm"), 60<<20); err != nil {
		t.Fatal(err)
	}
	m, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	root, err := newAppRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	p := &packer{manifest: m, report: m.report, root: root, options: Options{MaxAppBytes: 50 << 20}, contents: make(map[string]*content)}
	_, err = p.pack(t.Context())
	if !errors.Is(err, store.ErrLimit) || !strings.Contains(err.Error(), "60.0 MiB") || !strings.Contains(err.Error(), "50.0 MiB") {
		t.Errorf("pack = %v, want ErrLimit with both sizes", err)
	}
	for _, c := range p.contents {
		if c.digest != "" {
			t.Errorf("%s was hashed", c.name)
		}
	}
}

func TestLinkPutInPlace(t *testing.T) {
	dir := appDir(t, `files = ["page.txt"]`)
	page := filepath.Join(dir, "page.txt")
	if err := os.WriteFile(page, make([]byte, 500), 0o644); err != nil {
		t.Fatal(err)
	}
	app, err := Dir(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "other")
	if err := errors.Join(os.WriteFile(other, make([]byte, 500), 0o644), os.Remove(page), os.Symlink(other, page)); err != nil {
		t.Fatal(err)
	}
	if _, err := readLayer(app.Layers[1]); err == nil {
		t.Error("a link that leads outside was followed")
	}
}

func TestRunnable(t *testing.T) {
	dir := appDir(t, `
[[trigger.http]]
route = "/other"
component = "web"
[component.idle]
source = "web.wasm"`)
	var asked []string
	_, err := Dir(t.Context(), dir, Options{Runnable: func(b Binary) error {
		asked = append(asked, b.Component+" "+b.Executor.Type)
		if filepath.Base(b.Path) != "web.wasm" {
			t.Errorf("path %q", b.Path)
		}
		return nil
	}})
	if diff := cmp.Diff([]string{"web http"}, asked); err != nil || diff != "" {
		t.Errorf("Runnable: %v (-want +got):\n%s", err, diff)
	}
}

func TestDownload(t *testing.T) {
	body := append(wasm, "downloaded"...)
	requests := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests++
		if r.URL.Path != "/x.wasm" {
			http.NotFound(w, r)
			return
		}
		w.Write(body)
	}))
	defer server.Close()
	cache := t.TempDir()
	source := func(path string, d artifact.Digest) string {
		dir := appDir(t, "")
		manifest := strings.Replace(smallest, `"web.wasm"`, fmt.Sprintf("{ url = %q, digest = %q }", server.URL+path, d), 1)
		if err := os.WriteFile(filepath.Join(dir, "spin.toml"), []byte(manifest), 0o644); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	dir := source("/x.wasm", artifact.SHA256(body))
	for range 2 {
		app, err := Dir(t.Context(), dir, Options{CacheDir: cache})
		if err != nil {
			t.Fatal(err)
		}
		if got := app.Layers[0].Digest; got != artifact.SHA256(body) {
			t.Errorf("digest %s", got)
		}
	}
	if requests != 1 {
		t.Errorf("%d requests, want 1: the second time is from the cache", requests)
	}
	for want, dir := range map[string]string{
		"invalid content digest; expected": source("/x.wasm", artifact.SHA256(nil)),
		"404 Not Found":                    source("/y.wasm", artifact.SHA256([]byte("y"))),
	} {
		if _, err := Dir(t.Context(), dir, Options{CacheDir: cache}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Dir = %v, want %q", err, want)
		}
	}
	if _, err := Dir(t.Context(), source("/x.wasm", artifact.SHA256([]byte("z"))), Options{CacheDir: cache, MaxAppBytes: 10}); err == nil || !strings.Contains(err.Error(), "larger than the limit") {
		t.Errorf("Dir with a large download = %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(cache, ".download-*")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

func TestReadErrors(t *testing.T) {
	if _, err := Read(filepath.Join(t.TempDir(), "spin.toml")); !errors.Is(err, store.ErrNotFound) || store.HintOf(err) == "" {
		t.Errorf("Read of nothing = %v", err)
	}
	dir := appDir(t, "\n#"+strings.Repeat("x", maxManifest))
	if _, err := Read(dir); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("Read of a long manifest = %v", err)
	}
}

func TestCreatedNow(t *testing.T) {
	app, err := Dir(t.Context(), appDir(t, ""), Options{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := artifact.ParseManifest(app.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	created := m.Annotations["org.opencontainers.image.created"]
	if _, err := time.Parse(time.RFC3339, created); err != nil {
		t.Error(err)
	}
}

func TestProblemsOfAnEndlessManifest(t *testing.T) {
	dir := appDir(t, "\n"+manyKeys(2000))
	_, err := Read(dir)
	var problems *Problems
	if !errors.As(err, &problems) || len(problems.List) != maxProblems {
		t.Fatalf("Read = %v", err)
	}
}

func manyKeys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "[component.A%d]\nq = 1\n", i)
	}
	return b.String()
}

func TestProblemsArePrintable(t *testing.T) {
	_, err := Read(appDir(t, "\n\"\\u001b[31mred\" = 1\n\""+strings.Repeat("k", 5000)+"\" = 1\n"))
	if err == nil || strings.ContainsRune(err.Error(), 0x1b) || len(err.Error()) > 3*maxText {
		t.Errorf("Read = %v", err)
	}
}
