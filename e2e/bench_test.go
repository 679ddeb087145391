package e2e

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// The benchmarks of this package are the figures of the whole server, as its
// users meet it. They are of the built binary on the machine that they run on,
// and nothing in them depends on what they come to:
//
//	go test ./e2e -run '^$' -bench . -benchtime 5s -count 3

// BenchmarkDeploy is the time that the process `deploy` takes to upgrade the Go
// guest hello, without a failover window: with a new binary, which is compiled;
// with the one before the current one, whose code is in the cache on disk; and
// with the current one and another environment.
func BenchmarkDeploy(b *testing.B) {
	s := newServer(b)
	s.start()
	m := s.module("hello")
	deploy := func(flags ...string) {
		s.must(s.client(append([]string{"deploy", "--no-confirm", "--failover", "instant", "-f", m.dir}, flags...)...))
	}
	m.become(0)
	deploy("--create-name", "shop")
	n := 1
	m.become(n)
	deploy()
	for _, c := range []struct {
		name   string
		change func()
	}{
		{"binary=new", func() { n++; m.become(n) }},
		{"binary=cached", func() { n++; m.become(n % 2) }},
		{"binary=same", func() { n++; s.place("hello", "app", version(n)); m.become(m.is) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			defer s.in(b)()
			var took []time.Duration
			for b.Loop() {
				b.StopTimer()
				c.change()
				b.StartTimer()
				began := time.Now()
				deploy()
				took = append(took, time.Since(began))
			}
			b.ReportMetric(milli(quantile(took, 0.5)), "p50-ms")
			b.ReportMetric(milli(slices.Max(took)), "max-ms")
		})
	}
	s.stop()
}

// BenchmarkRequests is requests a second and how long each one took, at 1 and 16
// connections: of net/http alone in a process of its own, of a static_response
// through the whole server, and of a guest in C and one in Go, which are WAGI
// programs: each request has an instance that is as new, starts it, and fuel
// keeps its deadline. The clients run on the same machine.
func BenchmarkRequests(b *testing.B) {
	s := newServer(b)
	s.start("--failover", "instant", "--ephemeral")
	static := filepath.Join(s.dir, "static")
	if err := os.MkdirAll(static, 0o755); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(static, "spin.toml"), []byte(staticManifest), 0o644); err != nil {
		b.Fatal(err)
	}
	dirs := map[string]string{"static": static, "load": s.place("load", "load"), "hello": s.place("hello", "hello")}
	for name, dir := range dirs {
		s.must(s.client("deploy", "--no-confirm", "--create-name", name, "-f", dir))
	}
	bare := startBare(b)
	for _, app := range []string{"bare", "static", "load", "hello"} {
		address := s.address()
		if app == "bare" {
			address = bare
		}
		for _, connections := range []int{1, 16} {
			b.Run(fmt.Sprintf("%s/connections=%d", app, connections), func(b *testing.B) {
				defer s.in(b)()
				benchRequests(b, address, app+".localhost", "/", connections)
			})
		}
	}
	s.stop()
}

const staticManifest = `spin_manifest_version = 2

[application]
name = "static"

[[trigger.http]]
route = "/..."
static_response = { body = "hello\n", headers = { content-type = "text/plain" } }
`

// startBare starts the peer and returns its address.
func startBare(b *testing.B) string {
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	cmd := &exec.Cmd{Path: self, Args: []string{"bare"}, Env: os.Environ(), Stderr: os.Stderr}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		stdin.Close() // it ends with it
		if err := cmd.Wait(); err != nil {
			b.Error(err)
		}
	})
	address, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return strings.TrimSpace(address)
}

// A benchModule is a guest whose binary can become any number of others that do
// the same and that no cache knows.
type benchModule struct {
	t    testing.TB
	dir  string
	path string
	wasm []byte
	is   int // which one the binary is
}

func (s *server) module(guest string) *benchModule {
	s.t.Helper()
	m := &benchModule{t: s.t, dir: s.place(guest, "app")}
	found, err := filepath.Glob(filepath.Join(m.dir, "*.wasm"))
	if err != nil || len(found) != 1 {
		s.t.Fatalf("binaries of %s: %v, %v", guest, found, err)
	}
	m.path = found[0]
	if m.wasm, err = os.ReadFile(m.path); err != nil {
		s.t.Fatal(err)
	}
	return m
}

// become makes the binary the n-th: the same with a custom section.
func (m *benchModule) become(n int) {
	m.is = n
	section := fmt.Appendf(nil, "\x05bench%08x", n)
	wasm := slices.Concat(m.wasm, []byte{0, byte(len(section))}, section)
	if err := os.WriteFile(m.path, wasm, 0o644); err != nil {
		m.t.Fatal(err)
	}
}
