// Package guests has the Spin apps that tests deploy, in source, and builds
// them.
//
// Each folder is an app with a spin.toml, as a user has one: hello, files, echo
// and load are well, the sick ones each fail in a way of their own. What a build
// makes is kept in a folder under the system's temporary one, under a hash of
// everything that it was made from, so that only the first test run has to wait.
package guests

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/pelletier/go-toml/v2"
)

//go:embed hello files echo load sick-*
var sources embed.FS

// building keeps the tests of one process from building the same app twice.
var building sync.Mutex

// Build returns a new folder with the app name, built and ready to deploy. The
// test may change what is in it.
func Build(t testing.TB, name string) (dir string) {
	t.Helper()
	built, err := Built(name)
	if err != nil {
		t.Fatalf("guest %s: %v", name, err)
	}
	dir = filepath.Join(t.TempDir(), name)
	if err := os.CopyFS(dir, os.DirFS(built)); err != nil {
		t.Fatalf("guest %s: %v", name, err)
	}
	return dir
}

// CacheDir returns a folder that tests of all packages and runs may share, for
// the compiled code of guests.
func CacheDir() string { return filepath.Join(root(), "code") }

func root() string {
	return filepath.Join(os.TempDir(), fmt.Sprintf("neutrino-local-guests-%d", os.Getuid()))
}

// Built returns the folder where the app name is built. Nobody may change what is
// in it.
func Built(name string) (string, error) {
	building.Lock()
	defer building.Unlock()
	app, err := fs.Sub(sources, name)
	if err != nil {
		return "", err
	}
	key, err := hash(app)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(root(), name+"-"+key)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	if err := os.MkdirAll(root(), 0o700); err != nil {
		return "", err
	}
	work, err := os.MkdirTemp(root(), "building-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(work)
	if err := copySources(work, app); err != nil {
		return "", err
	}
	if err := runBuilds(work); err != nil {
		return "", err
	}
	if err := os.Rename(work, dir); err != nil {
		if _, statErr := os.Stat(dir); statErr != nil {
			return "", err
		}
		// Another process was faster.
	}
	return dir, nil
}

// hash is over all that a build is made from.
func hash(app fs.FS) (string, error) {
	h := sha256.New()
	fmt.Fprintln(h, runtime.Version())
	err := walk(app, func(name string, content []byte) error {
		fmt.Fprintln(h, name, len(content))
		_, err := h.Write(content)
		return err
	})
	return hex.EncodeToString(h.Sum(nil))[:16], err
}

// walk calls f with each source file. What a build in place has left behind is
// none.
func walk(app fs.FS, f func(name string, content []byte) error) error {
	return fs.WalkDir(app, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || name == "main.wasm" {
			return err
		}
		content, err := fs.ReadFile(app, name)
		if err != nil {
			return err
		}
		return f(name, content)
	})
}

func copySources(dir string, app fs.FS) error {
	return walk(app, func(name string, content []byte) error {
		target := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		return os.WriteFile(target, content, 0o644)
	})
}

// runBuilds runs the build command of each component, as spin build does, but for
// those whose binary is among the sources.
func runBuilds(dir string) error {
	text, err := os.ReadFile(filepath.Join(dir, "spin.toml"))
	if err != nil {
		return err
	}
	var manifest struct {
		Component map[string]struct {
			Source string `toml:"source"`
			Build  struct {
				Command string `toml:"command"`
				Workdir string `toml:"workdir"`
			} `toml:"build"`
		} `toml:"component"`
	}
	if err := toml.Unmarshal(text, &manifest); err != nil {
		return err
	}
	for id, c := range manifest.Component {
		if _, err := os.Stat(filepath.Join(dir, c.Source)); err == nil {
			continue
		}
		cmd := exec.Command("sh", "-c", c.Build.Command)
		cmd.Dir = filepath.Join(dir, c.Build.Workdir)
		cmd.Env = append(cleanEnv(), "GOFLAGS=", "GOWORK=off", "CGO_ENABLED=0", "GOTOOLCHAIN=local")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("component %s: %s: %w\n%s", id, c.Build.Command, err, out)
		}
		if _, err := os.Stat(filepath.Join(dir, c.Source)); err != nil {
			return fmt.Errorf("component %s: the build made no source: %w", id, err)
		}
	}
	return nil
}

// cleanEnv is our environment without what a test runner may have set for a
// build of its own.
func cleanEnv() []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "GOOS=") && !strings.HasPrefix(v, "GOARCH=") {
			env = append(env, v)
		}
	}
	return env
}
