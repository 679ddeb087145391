package e2e

import (
	"bufio"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestWatch edits an app while `deploy --watch` looks on: each change is built and
// becomes a revision, what the build writes does not, a build that fails waits for
// the next change, and Ctrl-C ends it with 0.
func TestWatch(t *testing.T) {
	s := newServer(t)
	s.start("--ephemeral", "--failover", "instant")
	dir := filepath.Join(s.dir, "app")
	put := func(name, content string) {
		t.Helper()
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		half := filepath.Join(s.dir, "half") // a change is there at once or not at all
		if err := os.WriteFile(half, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(half, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	wasm, err := os.ReadFile(filepath.Join(s.place("files", "files"), "main.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	put("tool.wasm", string(wasm))
	put("page.src", "one\n")
	put("spin.toml", `spin_manifest_version = 2
application.name = "shop"
[[trigger.http]]
route = "/..."
component = "web"
executor = { type = "wagi" }
[component.web]
source = "web.wasm"
files = ["page.txt"]
[component.web.build]
command = ["cp tool.wasm web.wasm", "grep -v fail page.src > page.txt"]
watch = ["*"]
`)
	cmd := exec.Command(binary, "deploy", "--watch", "--build", "--no-confirm", "--create-name", "shop", "-f", dir)
	cmd.Env = s.env()
	said, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(patience, func() { cmd.Process.Kill() })
	defer timer.Stop()
	lines := bufio.NewScanner(said)
	// wait reads until the watch waits for the next change, and returns what it said.
	wait := func() string {
		t.Helper()
		var text strings.Builder
		for lines.Scan() {
			if text.WriteString(lines.Text() + "\n"); strings.HasPrefix(lines.Text(), "Watching for changes") {
				return text.String()
			}
		}
		t.Fatalf("it ended:\n%s", text.String())
		return ""
	}
	shows := func(want string) {
		t.Helper()
		status, got, err := s.get(http.DefaultClient, "shop", "/page.txt")
		if err != nil || status != http.StatusOK || !strings.Contains(got, want) {
			t.Errorf("status %d, %q, %v; want %q", status, got, err, want)
		}
	}
	wait()
	shows("one")
	put("page.src", "two\n")
	if said := wait(); !strings.Contains(said, "Changed: page.src") {
		t.Errorf("it said\n%s", said)
	}
	shows("two")
	put("page.src", "fail\n")
	if said := wait(); !strings.Contains(said, "build component web") {
		t.Errorf("of a build that fails it said\n%s", said)
	}
	shows("two")
	put("page.src", "three\n")
	wait()
	shows("three")
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() {
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("after Ctrl-C: %v", err)
	}
	var app struct{ Latest int }
	s.json(&app, "app", "status", "shop")
	if app.Latest != 3 { // one for each change that was built, none for outputs
		t.Errorf("there are %d revisions, want 3", app.Latest)
	}
	s.stop()
}
