package clients

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// binary is the built neutrino-local. TestMain sets it once.
var binary string

func TestMain(m *testing.M) { os.Exit(withBinary(m)) }

func withBinary(m *testing.M) int {
	dir, err := os.MkdirTemp("", "neutrino-clients-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "neutrino-local")
	build := exec.Command("go", "build", "-o", binary, "./cmd/neutrino-local")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build neutrino-local: %v\n%s", err, out)
		return 2
	}
	return m.Run()
}

// A registry is a running neutrino-local, and how to log in.
type registry struct {
	host     string // host:port
	user     string // "" for anonymous
	password string
}

const password = "open-sesame"

// patience bounds what should take a moment.
const patience = time.Minute

// start runs a server until the test ends.
func start(t *testing.T, auth string) registry {
	t.Helper()
	dir := t.TempDir()
	ready := filepath.Join(dir, "ready.json")
	args := []string{"up", "--ephemeral", "--listen", "127.0.0.1:0", "--ready-file", ready}
	r := registry{}
	if auth != "anonymous" {
		r.user, r.password = "someone", password
		args = append(args, "--require-token", "--token", password, "--registry-auth", auth)
	}
	var log bytes.Buffer
	server := exec.Command(binary, args...)
	server.Env = append(os.Environ(), "HOME="+dir, "XDG_STATE_HOME="+dir, "XDG_CACHE_HOME="+dir)
	server.Stdout, server.Stderr = &log, &log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		server.Process.Signal(syscall.SIGINT)
		err := server.Wait()
		if err != nil || t.Failed() {
			t.Errorf("the server: %v\n%s", err, log.String())
		}
	})
	wait := exec.Command(binary, "wait", "--ready-file", ready, "--timeout", patience.String())
	wait.Env = server.Env
	if out, err := wait.CombinedOutput(); err != nil {
		t.Fatalf("wait: %v\n%s", err, out)
	}
	text, err := os.ReadFile(ready)
	if err != nil {
		t.Fatal(err)
	}
	var place struct{ URLs struct{ Registry string } }
	if err := json.Unmarshal(text, &place); err != nil {
		t.Fatal(err)
	}
	r.host = place.URLs.Registry
	return r
}

// TestClients runs each client with each way to log in.
func TestClients(t *testing.T) {
	clients := []struct {
		name string
		test func(*testing.T, registry)
	}{
		{"oras", testOras},
		{"regclient", testRegclient},
		{"containerd", testContainerd},
		{"crane", testCrane},
		{"skopeo", testSkopeo},
		{"sigstore", testSigstore},
	}
	for _, auth := range []string{"anonymous", "basic", "bearer"} {
		t.Run(auth, func(t *testing.T) {
			r := start(t, auth)
			for _, c := range clients {
				t.Run(c.name, func(t *testing.T) { c.test(t, r) })
			}
		})
	}
}

// command runs a program and returns what it prints.
func command(t *testing.T, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, out.String(), errs.String())
	}
	return out.String()
}
