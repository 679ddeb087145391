package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/neutrino-local/neutrino-local/e2e/guests/components"
)

// TestPeer sends the same requests to the same guests here and in `jco serve`,
// the other host of wasi:http that has an instance for each request: status,
// headers and body are the same, byte for byte.
//
// It does not ask for replies without a body: that ends jco 1.35.
func TestPeer(t *testing.T) {
	if os.Getenv("NEUTRINO_TEST_FULL") != "1" {
		t.Skip("compares with jco: NEUTRINO_TEST_FULL=1 does it, with Node 20 and npm")
	}
	s := newServer(t)
	s.start("--profile", "spin", "--ephemeral", "--failover", "instant")
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprintln(w, r.Method, r.URL)
	}))
	defer origin.Close()
	for _, g := range toolchains {
		t.Run(g.name, func(t *testing.T) {
			wasm := components.Build(t, g.name)
			defer s.as(t)()
			s.must(s.client("deploy", "--no-confirm", "--create-name", g.name, "-f", s.component(g.name, wasm)))
			peer := startJco(t, wasm, "--isolate-requests", "instance")
			all := make([]byte, 256)
			for i := range all {
				all[i] = byte(i)
			}
			for _, c := range []struct {
				method, path string
				body         []byte
			}{
				{"GET", "/", nil},
				{"GET", "/?a=b&c=%20d", nil},
				{"GET", "/words/a/b/a", nil},
				{"HEAD", "/words/a/b/a", nil},
				{"OPTIONS", "/words/a", nil},
				{"GET", "/words/%C3%A9/..%2F/%20", nil},
				{"GET", "/pages/20", nil},
				{"POST", "/echo", nil},
				{"POST", "/echo", all},
				{"PUT", "/echo", bytes.Repeat(all, 1000)},
				{"PATCH", "/echo", []byte("patch")},
				{"DELETE", "/echo", []byte("delete")},
				{"POST", "/drain", bytes.Repeat(all, 50)},
				{"GET", "/pass/" + strings.TrimPrefix(origin.URL, "http://") + "/some/path", nil},
			} {
				path := g.path(c.path)
				if g.name == components.CGuest && strings.Contains(c.path, "/words/") || g.name == components.CGuest && strings.HasPrefix(c.path, "/pass/") {
					continue // it takes its verb from the first letter
				}
				ours := observe(t, s.address(), g.name+".localhost", c.method, path, c.body)
				theirs := observe(t, peer, peer, c.method, path, c.body)
				if diff := cmp.Diff(theirs, ours); diff != "" {
					t.Errorf("%s %s differs (-jco +ours):\n%s", c.method, path, diff)
				}
			}
		})
	}
	s.stop()
}

// An observed reply is what a client sees of it, but for the date and for how the
// connection goes on.
type observed struct {
	Status int
	Length int64 // as declared; -1 if it is not
	Header http.Header
	Body   string
	Err    string
}

func observe(t *testing.T, address, host, method, path string, body []byte) observed {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+address+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Host = host
	transport := &http.Transport{DisableCompression: true, DisableKeepAlives: true}
	resp, err := (&http.Client{Transport: transport, Timeout: patience}).Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	all, err := io.ReadAll(resp.Body)
	for _, h := range []string{"Date", "Connection", "Keep-Alive"} {
		resp.Header.Del(h)
	}
	o := observed{Status: resp.StatusCode, Length: resp.ContentLength, Header: resp.Header, Body: string(all)}
	if err != nil {
		o.Err = err.Error()
	}
	return o
}

// startJco starts `jco serve` and returns its address. It cannot choose a free
// port itself: when somebody else was faster, another one is tried.
func startJco(t testing.TB, wasm []byte, flags ...string) (address string) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "guest.wasm")
	if err := os.WriteFile(file, wasm, 0o644); err != nil {
		t.Fatal(err)
	}
	jco := filepath.Join(components.NodeModules(t), ".bin", "jco")
	for range 5 {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address = ln.Addr().String()
		ln.Close()
		args := append([]string{"serve", file, "--host", "127.0.0.1", "--port", address[strings.LastIndex(address, ":")+1:],
			"--jco-dir", filepath.Join(dir, "out")}, flags...)
		cmd := exec.Command(jco, args...) // a context would end it without those that it has started
		cmd.Env = append(os.Environ(), "TMPDIR="+dir)
		if process := startUntil(t, cmd, "Server listening"); process != "" {
			t.Logf("jco ended: %s", process)
			continue
		}
		return address
	}
	t.Fatal("jco does not serve")
	return ""
}

// startUntil starts a process and waits until it prints a word. If it ends before
// that, what it printed is returned; else it is killed with the test, and what it
// has started itself.
func startUntil(t testing.TB, cmd *exec.Cmd, word string) (printed string) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	var all strings.Builder
	for lines := bufio.NewScanner(r); lines.Scan(); {
		fmt.Fprintln(&all, lines.Text())
		if !strings.Contains(lines.Text(), word) {
			continue
		}
		drained := make(chan struct{})
		go func() {
			io.Copy(io.Discard, r)
			close(drained)
		}()
		t.Cleanup(func() {
			killTree(cmd.Process.Pid)
			cmd.Wait()
			r.SetReadDeadline(time.Now()) // whoever still has the other end
			<-drained
		})
		return ""
	}
	cmd.Wait()
	return all.String()
}

// killTree kills a process and its children.
func killTree(pid int) {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid)) // one for each thread
	for _, list := range lists {
		children, _ := os.ReadFile(list)
		for _, child := range strings.Fields(string(children)) {
			if n, err := strconv.Atoi(child); err == nil {
				killTree(n)
			}
		}
	}
	if p, err := os.FindProcess(pid); err == nil {
		p.Kill()
	}
}
