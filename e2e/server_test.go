package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait of these tests; none of it is a promise about time.
const patience = 2 * time.Minute

// A server is a neutrino-local that a test has started, and the folder of its
// state and of the files by which it is found.
type server struct {
	t    testing.TB
	dir  string
	cmd  *exec.Cmd
	log  *bytes.Buffer // what it printed; read it after it ended
	base string        // http://127.0.0.1:PORT
	done chan error
}

func newServer(t testing.TB) *server {
	t.Helper()
	s := &server{t: t, dir: t.TempDir()}
	t.Cleanup(func() {
		if s.cmd != nil {
			s.kill()
		}
		if t.Failed() && s.log != nil {
			t.Logf("the server printed:\n%s", tail(s.log.String(), 20_000))
		}
	})
	return s
}

func tail(s string, n int) string {
	if len(s) > n {
		return "…" + s[len(s)-n:]
	}
	return s
}

// env is that of every command of the test: its own state, the shared cache.
func (s *server) env() []string {
	return append(os.Environ(),
		"HOME="+s.dir, "XDG_STATE_HOME="+filepath.Join(s.dir, "state"), "XDG_CACHE_HOME="+sharedCache)
}

// start runs `up` on the same state directory as before and waits until it is
// ready.
func (s *server) start(flags ...string) {
	s.t.Helper()
	ready := s.launch(flags...)
	s.must(s.client("wait", "--ready-file", ready, "--timeout", patience.String()))
	s.found(ready)
}

// launch runs `up` and returns where its ready file is going to be.
func (s *server) launch(flags ...string) (ready string) {
	s.t.Helper()
	ready = filepath.Join(s.dir, "ready.json")
	os.Remove(ready)
	args := append([]string{"up", "--listen", "127.0.0.1:0", "--ready-file", ready}, flags...)
	s.cmd = exec.Command(binary, args...)
	s.log = new(bytes.Buffer)
	s.cmd.Env, s.cmd.Stdout, s.cmd.Stderr = s.env(), s.log, s.log
	if err := s.cmd.Start(); err != nil {
		s.cmd = nil
		s.t.Fatal(err)
	}
	s.done = make(chan error, 1)
	go func(cmd *exec.Cmd, done chan error) { done <- cmd.Wait() }(s.cmd, s.done)
	return ready
}

// found notes the address in a ready file.
func (s *server) found(ready string) {
	s.t.Helper()
	r, err := readReadyFile(ready)
	if err != nil {
		s.t.Fatal(err)
	}
	s.base = r.URLs.Base
}

// kill ends the server with SIGKILL, as a crash does.
func (s *server) kill() {
	s.cmd.Process.Kill()
	<-s.done
	s.cmd = nil
}

// stop ends the server with SIGINT and fails the test unless it exits with 0.
func (s *server) stop() {
	s.t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGINT); err != nil {
		s.t.Fatal(err)
	}
	select {
	case err := <-s.done:
		s.cmd = nil
		if err != nil {
			s.t.Fatalf("after SIGINT: %v", err)
		}
	case <-time.After(patience):
		s.t.Fatal("the server does not end after SIGINT")
	}
}

// A result is how a client command ended.
type result struct {
	args           []string
	stdout, stderr string
	code           int
}

// client runs a verb to its end.
func (s *server) client(args ...string) result {
	cmd := exec.Command(binary, args...)
	var out, errs bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr = s.env(), &out, &errs
	err := cmd.Run()
	r := result{args: args, stdout: out.String(), stderr: errs.String()}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		r.code = exit.ExitCode()
	} else if err != nil {
		r.code, r.stderr = -1, err.Error()
	}
	return r
}

// must fails the test unless the command exited with 0.
func (s *server) must(r result) result {
	s.t.Helper()
	if r.code != 0 {
		s.t.Fatalf("%s: exit code %d\n%s%s", strings.Join(r.args, " "), r.code, r.stdout, r.stderr)
	}
	return r
}

// json runs a verb with --format json and decodes what it prints.
func (s *server) json(into any, args ...string) {
	s.t.Helper()
	r := s.must(s.client(append(args, "--format", "json")...))
	if err := json.Unmarshal([]byte(r.stdout), into); err != nil {
		s.t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, r.stdout)
	}
}

// get asks an app by its host and returns status and body.
func (s *server) get(c *http.Client, app, path string) (int, string, error) {
	req, err := http.NewRequest(http.MethodGet, s.base+path, nil)
	if err != nil {
		return 0, "", err
	}
	req.Host = app + ".localhost"
	resp, err := c.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body), err
}

// full returns the count of a long test: all of it under NEUTRINO_TEST_FULL, a
// few otherwise.
func full(t *testing.T, all, few int) int {
	t.Helper()
	n := few
	if os.Getenv("NEUTRINO_TEST_FULL") != "" {
		n = all
	}
	t.Logf("%d of %d rounds (NEUTRINO_TEST_FULL=1 runs all)", n, all)
	return n
}

// place puts a guest into a folder of the test, and fails it if it cannot.
func (s *server) place(guest, dir string, values ...string) string {
	s.t.Helper()
	path := filepath.Join(s.dir, dir)
	if err := placeGuest(guest, path, values...); err != nil {
		s.t.Fatal(err)
	}
	return path
}

func version(n int) string { return fmt.Sprintf("VERSION=v%d", n) }
