package e2e

import (
	"bytes"
	"crypto/sha256"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/neutrino-local/neutrino-local/e2e/guests/components"
)

// TestPrograms runs what the adapter makes of programs of preview 1, as commands
// of 0.2.
func TestPrograms(t *testing.T) {
	for _, p := range []struct{ name, crash, root string }{
		{components.CProgram, "abort", "."},
		{components.RustCommand, "panic", "."},
		{components.GoCommand, "panic", "/"}, // Go resolves names from there
	} {
		t.Run(p.name, func(t *testing.T) {
			s := newServer(t)
			file := filepath.Join(s.dir, "program.wasm")
			if err := os.WriteFile(file, components.Build(t, p.name), 0o644); err != nil {
				t.Fatal(err)
			}
			t.Run("arguments", func(t *testing.T) {
				s.prints(t, "one\ntwo words\n\n", "run", file, "args", "one", "two words", "")
			})
			t.Run("environment", func(t *testing.T) {
				s.prints(t, "A=1\nB=\n", "run", "--env", "A=1", "--env", "B=", file, "env")
				s.prints(t, "", "run", file, "env") // ours is not passed on
			})
			t.Run("exit codes", func(t *testing.T) {
				for args, want := range map[string]int{"exit 0": 0, "exit 1": 1, "exit 7": 1, "": 0, p.crash: 1} { // 0.2 knows ok and not ok
					r := s.client(append([]string{"run", file}, strings.Fields(args)...)...)
					if r.code != want {
						t.Errorf("%q exits with %d, want %d\n%s", args, r.code, want, r.stderr)
					}
					if crashed := strings.Contains(r.stderr, "wasm stack trace"); args == p.crash && p.name != components.GoCommand && !crashed {
						t.Errorf("a crash shows no trace: %s", r.stderr)
					}
				}
			})
			t.Run("stderr", func(t *testing.T) {
				if r := s.must(s.client("run", file, "stderr")); r.stdout != "" || r.stderr != "to stderr\n" {
					t.Errorf("stdout %q, stderr %q", r.stdout, r.stderr)
				}
			})
			t.Run("files", func(t *testing.T) {
				s.t = t
				work := filepath.Join(s.dir, "work")
				if err := os.Mkdir(work, 0o755); err != nil {
					t.Fatal(err)
				}
				s.must(s.client("run", "--dir", work+"::"+p.root, file, "files")) // also directories, clocks, random
				if r := s.client("run", file, "files"); r.code == 0 {
					t.Error("it has files without --dir")
				}
			})
			t.Run("stdin to stdout", func(t *testing.T) { s.pipes(t, file) })
		})
	}
}

func (s *server) prints(t *testing.T, want string, args ...string) {
	t.Helper()
	if r := s.client(args...); r.code != 0 || r.stdout != want {
		t.Errorf("%v = %q, exit code %d; want %q\n%s", args, r.stdout, r.code, want, r.stderr)
	}
}

// pipes sends a lot through a program.
func (s *server) pipes(t *testing.T, file string) {
	size := int64(full(t, 48, 8)) << 20
	in := io.LimitReader(rand.NewChaCha8([32]byte{1}), size)
	sent, came := sha256.New(), sha256.New()
	var errs bytes.Buffer
	cmd := exec.Command(binary, "run", file, "cat")
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = s.env(), io.TeeReader(in, sent), came, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %s", err, errs.String())
	}
	if !bytes.Equal(sent.Sum(nil), came.Sum(nil)) {
		t.Errorf("what came of %d bytes is not what was sent", size)
	}
}
