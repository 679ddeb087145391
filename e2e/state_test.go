package e2e

import (
	"bytes"
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

// TestNewerState starts on a state directory that a later version has written.
// It is refused, and left as it is.
func TestNewerState(t *testing.T) {
	s := newServer(t)
	s.start()
	s.stop()
	db := s.database()
	if _, err := db.Exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)`); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	r := s.client("up", "--listen", "127.0.0.1:0")
	if r.code == 0 || !strings.Contains(r.stderr, "newer") || !strings.Contains(r.stderr, "neutrino.db") {
		t.Errorf("exit code %d, %s", r.code, r.stderr)
	}
}

// TestFullDisk deploys until the disk of the state directory is full. The deploy
// fails with a reason, what served goes on serving, and a restart with more room
// finds everything whole.
func TestFullDisk(t *testing.T) {
	s := newServer(t)
	disk := filepath.Join(s.dir, "disk")
	mountSmall(t, disk, "4m")
	flags := []string{"--state-dir", disk, "--failover-window", "20ms", "--log-format", "json"}
	s.start(flags...)
	dir := s.place("load", "app", version(1))
	s.must(s.client("deploy", "--no-confirm", "--create-name", "shop", "--wait", "live", "-f", dir))
	var full result
	for n := 2; n < 40 && full.code == 0; n++ {
		s.place("load", "app", version(n))
		pad(t, dir, n)
		full = s.client("deploy", "--no-confirm", "--wait", "live", "-f", dir)
	}
	if full.code == 0 {
		t.Fatal("the disk never got full")
	}
	if text := strings.ToLower(full.stderr); !strings.Contains(text, "no space") && !strings.Contains(text, "full") {
		t.Errorf("exit code %d, and the error does not tell that the disk is full: %s", full.code, full.stderr)
	}
	if status, body, err := s.get(http.DefaultClient, "shop", "/"); status != http.StatusOK {
		t.Errorf("after that the app answers %d, %q, %v", status, body, err)
	}
	s.kill()
	if t.Failed() {
		t.Logf("the server on the full disk printed:\n%s", tail(s.log.String(), 20_000))
	}
	remount(t, disk, "size=64m")
	s.start(flags...)
	if status, body, err := s.get(http.DefaultClient, "shop", "/"); status != http.StatusOK {
		t.Errorf("after a restart the app answers %d, %q, %v", status, body, err)
	}
	s.must(s.client("deploy", "--no-confirm", "--wait", "live", "-f", dir))
	s.stop()

	remount(t, disk, "ro")
	r := s.client("up", "--listen", "127.0.0.1:0", "--state-dir", disk)
	if r.code != 1 || !strings.Contains(r.stderr, "read-only") {
		t.Errorf("on a read-only disk: exit code %d, %s", r.code, r.stderr)
	}
}

// pad makes a deployment large: half a MiB that no other has.
func pad(t *testing.T, dir string, n int) {
	t.Helper()
	content := bytes.Repeat([]byte{byte(n)}, 512<<10)
	if err := os.WriteFile(filepath.Join(dir, "pad.bin"), content, 0o644); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "spin.toml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.Replace(text, []byte("source = \"load.wasm\"\n"), []byte("source = \"load.wasm\"\nfiles = [\"pad.bin\"]\n"), 1)
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
}

// mountSmall mounts a file system in memory, which only root on Linux can.
func mountSmall(t *testing.T, dir, size string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size="+size, "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("needs root on Linux, to mount a small file system: %v %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", "-l", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v %s", err, out)
		}
	})
}

func remount(t *testing.T, dir, option string) {
	t.Helper()
	if out, err := exec.Command("mount", "-o", "remount,"+option, dir).CombinedOutput(); err != nil {
		t.Fatalf("remount: %v %s", err, out)
	}
}

// TestStopFinishesRequests sends SIGTERM while a request is under way. No new one
// is taken, that one gets its whole reply, and the exit code is 0.
func TestStopFinishesRequests(t *testing.T) {
	s := newServer(t)
	s.start("--ephemeral")
	dir := s.place("load", "app", version(1))
	s.must(s.client("deploy", "--no-confirm", "--create-name", "shop", "--wait", "live", "-f", dir))
	r, w := io.Pipe()
	type answer struct {
		body string
		err  error
	}
	answered := make(chan answer, 1)
	go func() {
		req, err := http.NewRequest(http.MethodPost, s.base+"/echo", r)
		if err != nil {
			answered <- answer{err: err}
			return
		}
		req.Host, req.ContentLength = "shop.localhost", 6
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			answered <- answer{err: err}
			return
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		answered <- answer{string(body), err}
	}()
	if _, err := w.Write([]byte("one")); err != nil { // it is under way
		t.Fatal(err)
	}
	s.awaitInFlight("shop")
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	s.awaitRefusal()
	if _, err := w.Write([]byte("two")); err != nil {
		t.Fatal(err)
	}
	w.Close()
	if a := <-answered; a.err != nil || !strings.HasSuffix(a.body, "onetwo") {
		t.Errorf("the request under way got %q, %v", a.body, a.err)
	}
	if err := <-s.done; err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}
	s.cmd = nil
}

// awaitInFlight waits until a revision of the app serves a request.
func (s *server) awaitInFlight(app string) {
	s.t.Helper()
	s.await("a request in flight", func() bool {
		var revisions []struct {
			InFlight int `json:"in_flight"`
		}
		s.getJSON("/api/v1/apps/"+app+"/revisions", &revisions)
		for _, r := range revisions {
			if r.InFlight > 0 {
				return true
			}
		}
		return false
	})
}

// awaitRefusal waits until the server takes no more connections.
func (s *server) awaitRefusal() {
	s.t.Helper()
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	s.await("the server to stop listening", func() bool {
		resp, err := c.Get(s.base + "/_neutrino/health")
		if err == nil {
			resp.Body.Close()
		}
		return err != nil
	})
}

func (s *server) await(what string, there func() bool) {
	s.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for begun := time.Now(); time.Since(begun) < patience; <-tick.C {
		if there() {
			return
		}
	}
	s.t.Fatalf("waited in vain for %s", what)
}
