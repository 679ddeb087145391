package pack

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/store"
)

var update = flag.Bool("update", false, "write what is got into the golden files")

// TestGolden packages the files of each archive. Those under want/ are what must
// come of it; "options" and "links" are for the test, and a file that begins with
// "wasm core" or "wasm component" begins as such a binary does.
func TestGolden(t *testing.T) {
	names, err := filepath.Glob("testdata/*/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatal("no golden files", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			t.Parallel()
			a, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name, a)
		})
	}
}

func golden(t *testing.T, name string, a *txtar.Archive) {
	dir := t.TempDir()
	options := lay(t, dir, a)
	app, err := Dir(t.Context(), filepath.Join(dir, "spin.toml"), options)
	got := []txtar.File{}
	add := func(name string, lines ...string) {
		if len(lines) > 0 {
			text := strings.ReplaceAll(strings.Join(lines, "\n"), dir+string(filepath.Separator), "")
			got = append(got, txtar.File{Name: "want/" + name, Data: []byte(text + "\n")})
		}
	}
	if err != nil {
		add("error", err.Error())
		if !errors.Is(err, store.ErrInvalid) && !errors.Is(err, store.ErrLimit) {
			t.Errorf("the error %v has no kind", err)
		}
	} else {
		add("warnings", app.Warnings...)
		lock, err := app.Lock.JSON()
		if err != nil {
			t.Fatal(err)
		}
		add("lock", string(lock))
		add("config", string(app.Config))
		add("manifest", string(app.Manifest))
		add("routes", routeLines(app)...)
		checkApp(t, app)
	}
	if *update {
		a.Files = slices.DeleteFunc(a.Files, func(f txtar.File) bool { return strings.HasPrefix(f.Name, "want/") })
		a.Files = append(a.Files, got...)
		if err := os.WriteFile(name, txtar.Format(a), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want := slices.DeleteFunc(slices.Clone(a.Files), func(f txtar.File) bool { return !strings.HasPrefix(f.Name, "want/") })
	if diff := cmp.Diff(string(txtar.Format(&txtar.Archive{Files: want})), string(txtar.Format(&txtar.Archive{Files: got}))); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func routeLines(app *App) []string {
	var lines []string
	for _, r := range app.Routes {
		lines = append(lines, fmt.Sprintf("%s %s %v %s", r.Component, r.Path, r.Wildcard, r.Description))
	}
	return lines
}

// checkApp checks what must hold of every app: what was made is what a reader of
// strangers' artifacts accepts, and the layers have their digests.
func checkApp(t *testing.T, app *App) {
	t.Helper()
	m, err := artifact.ParseManifest(app.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	lock, err := app.Lock.JSON()
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := artifact.ParseLock(lock)
	if err != nil {
		t.Fatal(err)
	}
	if err := artifact.Check(m, parsed); err != nil {
		t.Error(err)
	}
	if m.Config.Digest != artifact.SHA256(app.Config) || app.Digest != artifact.SHA256(app.Manifest) {
		t.Error("wrong digests of config or manifest")
	}
	if d, ok := m.LockLayer(); !ok || d.Digest != artifact.SHA256(lock) || m.Layers[len(m.Layers)-1] != d {
		t.Errorf("the last layer is not the lock")
	}
	for _, l := range app.Layers {
		b, err := readLayer(l)
		if err != nil || !l.Digest.Matches(b) || l.Size != int64(len(b)) {
			t.Errorf("layer %v: %d bytes, %v", l.Descriptor, len(b), err)
		}
	}
}

func readLayer(l Layer) ([]byte, error) {
	r, err := l.Open()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	_, err = b.ReadFrom(r)
	return b.Bytes(), errors.Join(err, r.Close())
}

// lay writes the files of an archive into dir and returns the options in it.
func lay(t *testing.T, dir string, a *txtar.Archive) Options {
	t.Helper()
	options := Options{Created: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), CacheDir: t.TempDir()}
	options.PackageConfig = filepath.Join(dir, "wasm-pkg.toml")
	for _, f := range a.Files {
		switch {
		case f.Name == "options":
			for line := range strings.Lines(string(f.Data)) {
				setOption(t, &options, strings.TrimSpace(line))
			}
		case f.Name == "links":
			for line := range strings.Lines(string(f.Data)) {
				from, to, _ := strings.Cut(strings.TrimSpace(line), " -> ")
				if err := os.Symlink(to, filepath.Join(dir, from)); err != nil {
					t.Fatal(err)
				}
			}
		case !strings.HasPrefix(f.Name, "want/"):
			write(t, filepath.Join(dir, f.Name), binary(f.Data))
		}
	}
	return options
}

func setOption(t *testing.T, o *Options, line string) {
	key, value, _ := strings.Cut(line, "=")
	switch key {
	case "profile":
		o.Profile = value
	case "limit":
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		o.MaxAppBytes = n
	case "cloud":
		o.Cloud = true
	case "archive":
		o.Archive = true
	case "annotation":
		k, v, _ := strings.Cut(value, "=")
		o.Annotations = map[string]string{k: v}
	case "refuse":
		o.Runnable = func(b Binary) error {
			return fmt.Errorf("executor %s needs %s", b.Executor.Type, value)
		}
	default:
		t.Fatalf("unknown option %q", line)
	}
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

func binary(b []byte) []byte {
	for text, head := range map[string]string{"wasm core": "\x00asm\x01\x00\x00\x00", "wasm component": "\x00asm\x0d\x00\x01\x00"} {
		if rest, ok := bytes.CutPrefix(b, []byte(text)); ok {
			return append([]byte(head), rest...)
		}
	}
	return b
}
