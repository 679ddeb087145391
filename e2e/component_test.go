package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/neutrino-local/neutrino-local/e2e/guests/components"
)

// A toolchain is a guest that serves HTTP, and what it says.
type toolchain struct {
	name  string
	hello string
	other map[string]string // the path for a case, where the guest has another one; "" if it has none
}

var toolchains = []toolchain{
	{components.CGuest, "Hello from C1", map[string]string{
		"/echo": "/e", "/short": "/c", "/status/204": "/s204", "/status/304": "/s304", "/status/404": "/s404",
		"/panic": "/t", "/pages/20": "/p20", "/drain": "/q", "/long": "/k", "/words/b/a/b": "",
	}},
	{components.CPlusPlus, "Hello from C++", nil},
	{components.RustHTTP, "Hello from Rust", nil},
	{components.GoHTTP, "Hello from Go / ", nil},
	{components.JSFetch, "Hello from JavaScript 1", map[string]string{"/panic": "/throw"}},
	{components.JSHandler, "Hello from a handler 1", map[string]string{"/panic": "/throw"}},
	{components.JSSpin, "Hello from JavaScript 1", map[string]string{"/panic": "/throw"}},
}

// path is that of a case.
func (g toolchain) path(of string) string {
	if path, ok := g.other[of]; ok {
		return path
	}
	return of
}

// component makes a folder with an app of one component.
func (s *server) component(name string, wasm []byte) (dir string) {
	s.t.Helper()
	dir = filepath.Join(s.dir, "apps", name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		s.t.Fatal(err)
	}
	manifest := fmt.Sprintf("spin_manifest_version = 2\n[application]\nname = %q\n[[trigger.http]]\nroute = \"/...\"\ncomponent = \"web\"\n"+
		"[component.web]\nsource = \"web.wasm\"\nallowed_outbound_hosts = [\"http://127.0.0.1:*\"]\n", name)
	for file, content := range map[string][]byte{"spin.toml": []byte(manifest), "web.wasm": wasm} {
		if err := os.WriteFile(filepath.Join(dir, file), content, 0o644); err != nil {
			s.t.Fatal(err)
		}
	}
	return dir
}

// TestGuests runs what each toolchain makes through the whole cycle, and asks it
// for what HTTP has in hard cases.
func TestGuests(t *testing.T) {
	s := newServer(t)
	s.start("--profile", "spin", "--ephemeral", "--failover-window", "20ms", "--drain-timeout", patience.String())
	for _, g := range toolchains {
		t.Run(g.name, func(t *testing.T) {
			wasm := components.Build(t, g.name)
			defer s.as(t)()
			dir := s.component(g.name, wasm)
			s.must(s.client("deploy", "--no-confirm", "--create-name", g.name, "--wait", "live", "-f", dir))
			a := newAsker(t, s, g)
			t.Run("bodiless", a.bodiless)
			t.Run("bodies", a.bodies)
			t.Run("echo while it comes", a.echoes)
			t.Run("lengths that are wrong", a.wrongLengths)
			t.Run("fetch", a.fetches)
			t.Run("panic", a.panics)
			t.Run("upgrade", func(t *testing.T) { a.upgrades(t, dir) })
		})
	}
	s.stop()
}

// as lets the server report to a subtest for a while.
func (s *server) as(t *testing.T) (leave func()) {
	outer := s.t
	s.t = t
	return func() { s.t = outer }
}

// An asker sends requests to one app, and counts the connections it takes.
type asker struct {
	s      *server
	guest  toolchain
	client *http.Client
	dials  atomic.Int64
}

func newAsker(t *testing.T, s *server, g toolchain) *asker {
	a := &asker{s: s, guest: g}
	transport := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		a.dials.Add(1)
		return new(net.Dialer).DialContext(ctx, network, s.address())
	}, DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	a.client = &http.Client{Transport: transport, Timeout: patience}
	return a
}

// ask sends a request and reads the reply to its end; err is how the body broke.
func (a *asker) ask(t *testing.T, method, path string, body io.Reader) (resp *http.Response, text string, err error) {
	t.Helper()
	resp, err = a.send(t.Context(), method, path, body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	all, err := io.ReadAll(resp.Body)
	return resp, string(all), err
}

func (a *asker) send(ctx context.Context, method, path string, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+a.guest.name+".localhost"+path, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Neutrino-Explain", "1")
	return a.client.Do(req)
}

// bodiless asks for replies that have no body. If one of them were framed wrongly,
// the connection would not do for the next.
func (a *asker) bodiless(t *testing.T) {
	before := a.dials.Load()
	for _, c := range []struct {
		method, path string
		status       int
		length       bool // may be declared
	}{
		{"GET", "/status/204", 204, false},
		{"GET", "/status/304", 304, false},
		{"GET", "/status/404", 404, true},
		{"HEAD", "/", 200, true},
		{"HEAD", "/status/404", 404, true},
		{"GET", "/status/204", 204, false},
	} {
		resp, body, err := a.ask(t, c.method, a.guest.path(c.path), nil)
		declared := resp.Header.Get("Content-Length")
		if resp.StatusCode != c.status || body != "" || err != nil || !c.length && declared != "" || len(resp.TransferEncoding) > 0 {
			t.Errorf("%s %s = %d %q, length %q, %v, %v; want %d without a body", c.method, c.path, resp.StatusCode, body, declared, resp.TransferEncoding, err, c.status)
		}
	}
	if _, body, err := a.ask(t, "GET", "/", nil); body != a.guest.hello || err != nil {
		t.Errorf("then GET / = %q, %v; want %q", body, err, a.guest.hello)
	}
	if n := a.dials.Load() - before; n > 1 {
		t.Errorf("they took %d connections", n)
	}
}

func (a *asker) bodies(t *testing.T) {
	sent, some := bytes.Repeat([]byte("neutrino"), 40_000), bytes.Repeat([]byte("local"), 4_000)
	sum := fnv.New64a()
	sum.Write(some)
	for _, c := range []struct {
		method, path string
		body         []byte
		want         string
	}{
		{"GET", "/", nil, a.guest.hello},
		{"GET", "/", nil, a.guest.hello}, // the instance is fresh
		{"POST", "/echo", sent, string(sent)},
		{"POST", "/echo", nil, ""},
		{"POST", "/drain", some, fmt.Sprintf("%d bytes, fnv %016x", len(some), sum.Sum64())},
		{"GET", "/pages/20", nil, string(pages(0, 20))},
		{"GET", "/words/b/a/b", nil, "a 1\nb 2\n"},
	} {
		if a.guest.path(c.path) == "" {
			continue
		}
		t.Run(c.method+" "+c.path, func(t *testing.T) {
			resp, body, err := a.ask(t, c.method, a.guest.path(c.path), bytes.NewReader(c.body))
			if resp.StatusCode != 200 || body != c.want || err != nil {
				t.Errorf("%d, %d bytes %.60q, %v; want 200, %d bytes %.60q", resp.StatusCode, len(body), body, err, len(c.want), c.want)
			}
		})
	}
}

// pages is what a guest sends as the pages from one to another.
func pages(from, to int) []byte {
	var all []byte
	for k := from; k < to; k++ {
		for i := range 4096 {
			all = append(all, byte(i+k))
		}
	}
	return all
}

// A talk is a request whose body is under way in both directions.
type talk struct {
	t    *testing.T
	w    *io.PipeWriter
	resp *http.Response
}

// talk begins one. The reply's head must come before the body's end.
func (a *asker) talk(t *testing.T) *talk {
	t.Helper()
	r, w := io.Pipe()
	first := make(chan error, 1)
	go func() {
		_, err := io.WriteString(w, "0123")
		first <- err
	}()
	resp, err := a.send(t.Context(), "POST", a.guest.path("/echo"), r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close(); resp.Body.Close() })
	talk := &talk{t, w, resp}
	if err := <-first; err != nil {
		t.Fatal(err)
	}
	talk.hear("0123")
	return talk
}

func (c *talk) say(s string) {
	c.t.Helper()
	if _, err := io.WriteString(c.w, s); err != nil {
		c.t.Fatal(err)
	}
	c.hear(s)
}

func (c *talk) hear(s string) {
	c.t.Helper()
	b := make([]byte, len(s))
	if _, err := io.ReadFull(c.resp.Body, b); err != nil || string(b) != s {
		c.t.Fatalf("heard %q, %v; want %q", b, err, s)
	}
}

func (c *talk) end() {
	c.t.Helper()
	c.w.Close()
	if rest, err := io.ReadAll(c.resp.Body); len(rest) > 0 || err != nil {
		c.t.Errorf("after the end came %q, %v", rest, err)
	}
}

func (a *asker) echoes(t *testing.T) {
	c := a.talk(t)
	for _, s := range []string{"a", "bc", strings.Repeat("d", 5000)} {
		c.say(s)
	}
	c.end()
}

// wrongLengths asks for replies that are not as long as they say: none may look
// whole.
func (a *asker) wrongLengths(t *testing.T) {
	for path, atMost := range map[string]int{"/short": 10, "/long": 4} {
		t.Run(path, func(t *testing.T) {
			resp, err := a.send(t.Context(), "GET", a.guest.path(path), nil)
			if err != nil {
				return // no reply at all is honest
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			t.Logf("%d, %q, %v", resp.StatusCode, body, err)
			if err == nil && resp.StatusCode < 500 || len(body) > atMost && resp.StatusCode < 500 {
				t.Errorf("it looks whole: %d %q", resp.StatusCode, body)
			}
		})
	}
	if _, body, err := a.ask(t, "GET", "/", nil); body != a.guest.hello || err != nil {
		t.Errorf("then GET / = %q, %v", body, err)
	}
}

// fetches lets the guest pass on a reply whose second half comes when its first
// half has arrived.
func (a *asker) fetches(t *testing.T) {
	goOn := make(chan struct{})
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusTeapot)
		io.WriteString(w, "first "+r.URL.Path)
		http.NewResponseController(w).Flush()
		select {
		case <-goOn:
			io.WriteString(w, " second")
		case <-r.Context().Done():
		}
	}))
	defer origin.Close()
	address := strings.TrimPrefix(origin.URL, "http://")
	if a.guest.name == components.CGuest { // it tells the status and does not read on
		if _, body, err := a.ask(t, "GET", "/f"+address, nil); body != "status 418" || err != nil {
			t.Errorf("fetch = %q, %v; want status 418", body, err)
		}
		return
	}
	resp, err := a.send(t.Context(), "GET", "/pass/"+address+"/some/path", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	first := make([]byte, len("first /some/path"))
	_, err = io.ReadFull(resp.Body, first)
	close(goOn)
	rest, restErr := io.ReadAll(resp.Body)
	if err := errors.Join(err, restErr); err != nil || resp.StatusCode != 418 || string(first)+string(rest) != "first /some/path second" {
		t.Errorf("%d %q %q, %v", resp.StatusCode, first, rest, err)
	}
}

func (a *asker) panics(t *testing.T) {
	resp, body, _ := a.ask(t, "GET", a.guest.path("/panic"), nil)
	if resp.StatusCode != 500 {
		t.Errorf("%d %q, want 500", resp.StatusCode, body)
	}
	if _, body, err := a.ask(t, "GET", "/", nil); body != a.guest.hello || err != nil {
		t.Errorf("then GET / = %q, %v", body, err)
	}
}

// upgrades holds a request of the old revision open through a switch, while
// others come. All of them are whole, and each revision answers.
func (a *asker) upgrades(t *testing.T, dir string) {
	s, name := a.s, a.guest.name
	old := a.talk(t)
	if got := old.resp.Header.Get("Neutrino-Revision"); got != "r1" {
		t.Fatalf("the first revision is %q", got)
	}
	stop := a.visit(t)
	s.must(s.client("failover", "hold", name))
	s.must(s.client("deploy", "--no-confirm", "-f", dir))
	late := time.Now().Add(patience)
	for !strings.Contains(s.must(s.client("failover", "status", name)).stdout, "held: 50 %") {
		if time.Now().After(late) {
			t.Fatal("the switch is not held")
		}
	}
	seen := map[string]int{}
	for seen["r1"] == 0 || seen["r2"] == 0 {
		seen[a.revision(t)]++
		if seen["r1"]+seen["r2"] > 1000 {
			t.Fatalf("while both are held: %v", seen)
		}
	}
	s.must(s.client("failover", "release", name))
	old.say("still there")
	old.end()
	s.must(s.client("wait", name, "--timeout", patience.String()))
	for range 5 {
		if got := a.revision(t); got != "r2" {
			t.Errorf("after the switch %s answers", got)
		}
	}
	stop()
	s.must(s.client("ledger", "assert", name, "--since-deploy", "--no-5xx", "--none-lost", "--both-seen"))
}

// revision asks once and returns who answered.
func (a *asker) revision(t *testing.T) string {
	t.Helper()
	resp, body, err := a.ask(t, "GET", "/", nil)
	if resp.StatusCode != 200 || body != a.guest.hello || err != nil {
		t.Fatalf("GET / = %d %q, %v", resp.StatusCode, body, err)
	}
	return resp.Header.Get("Neutrino-Revision")
}

// visit asks again and again until stop is called, which fails the test if any
// reply was not whole.
func (a *asker) visit(t *testing.T) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan []string)
	go func() {
		var failures []string
		for ctx.Err() == nil {
			resp, err := a.send(context.WithoutCancel(ctx), "POST", a.guest.path("/echo"), strings.NewReader("visit"))
			if err != nil {
				failures = append(failures, err.Error())
				continue
			}
			body, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if resp.StatusCode != 200 || string(body) != "visit" || err != nil {
				failures = append(failures, fmt.Sprintf("%d %q %v", resp.StatusCode, body, err))
			}
		}
		done <- failures
	}()
	return func() {
		cancel()
		if failures := <-done; len(failures) > 0 {
			t.Errorf("%d lost, such as %v", len(failures), slices.Compact(failures)[:1])
		}
	}
}
