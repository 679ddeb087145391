package runtime

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pelletier/go-toml/v2"

	"github.com/neutrino-local/neutrino-local/e2e/guests"
	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/router/ledger"
)

// blobs is content by digest, in memory.
type blobs struct {
	mu      sync.Mutex
	content map[artifact.Digest][]byte // guarded by mu
	opened  map[artifact.Digest]int    // guarded by mu
}

type memoryBlob struct{ *bytes.Reader }

func (memoryBlob) Close() error { return nil }

func (b *blobs) add(content []byte) artifact.Digest {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.content == nil {
		b.content, b.opened = map[artifact.Digest][]byte{}, map[artifact.Digest]int{}
	}
	d := artifact.SHA256(content)
	b.content[d] = content
	return d
}

func (b *blobs) Open(_ context.Context, d artifact.Digest) (Blob, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	content, ok := b.content[d]
	if !ok {
		return nil, fmt.Errorf("blob %s: %w", d, fs.ErrNotExist)
	}
	b.opened[d]++
	return memoryBlob{bytes.NewReader(content)}, nil
}

// manifest is as much of a spin.toml as the guests have.
type manifest struct {
	Application struct{ Name, Version, Description string }
	Trigger     struct{ HTTP []map[string]any }
	Component   map[string]struct {
		Source      string
		Description string
		Environment map[string]string
		Files       []any
	}
}

// guestSpec is the spec of a guest of e2e/guests.
func guestSpec(t testing.TB, name string) Spec {
	t.Helper()
	dir, err := guests.Built(name)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "spin.toml"))
	if err != nil {
		t.Fatal(err)
	}
	var m manifest
	if err := toml.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	store := new(blobs)
	s := Spec{App: name, Blobs: store, Lock: artifact.Lock{Metadata: artifact.Metadata{Name: m.Application.Name, Version: m.Application.Version}}}
	for i, trigger := range m.Trigger.HTTP {
		config, err := json.Marshal(trigger)
		if err != nil {
			t.Fatal(err)
		}
		s.Lock.Triggers = append(s.Lock.Triggers, artifact.Trigger{ID: fmt.Sprint("trigger-", i), Type: "http", Config: config})
	}
	for id, c := range m.Component {
		wasm, err := os.ReadFile(filepath.Join(dir, c.Source))
		if err != nil {
			t.Fatal(err)
		}
		s.Lock.Components = append(s.Lock.Components, artifact.Component{
			ID: id, Source: artifact.Source{ContentType: "application/wasm", Digest: store.add(wasm)},
			Environment: c.Environment, Files: mountFiles(t, store, dir, c.Files),
		})
	}
	return s
}

// mountFiles makes the files of a lock: a string is a file, a table a folder.
func mountFiles(t testing.TB, store *blobs, dir string, entries []any) (list []artifact.File) {
	t.Helper()
	for _, e := range entries {
		from, to := "", ""
		switch e := e.(type) {
		case string:
			from, to = e, e
		case map[string]any:
			from, to = e["source"].(string), strings.Trim(e["destination"].(string), "/")
		}
		root := filepath.Join(dir, from)
		err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			content, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			relative, _ := filepath.Rel(root, p)
			f := artifact.File{Path: path.Join(to, filepath.ToSlash(relative)), Digest: artifact.SHA256(content)}
			if len(content) <= artifact.InlineSize {
				inline := artifact.Inline(content)
				f.Inline = &inline
			} else {
				store.add(content)
			}
			list = append(list, f)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return list
}

// wasmSpec is an app of one WAGI component.
func wasmSpec(wasm []byte) Spec {
	store := new(blobs)
	return Spec{App: "test", Blobs: store, Lock: artifact.Lock{
		Metadata: artifact.Metadata{Name: "test"},
		Triggers: []artifact.Trigger{{ID: "t", Type: "http", Config: json.RawMessage(`{"component":"web","route":"/...","executor":{"type":"wagi"}}`)}},
		Components: []artifact.Component{{
			ID: "web", Source: artifact.Source{ContentType: "application/wasm", Digest: store.add(wasm)},
		}},
	}}
}

// akamai has the limits of the default profile, with a shorter deadline.
var akamai = Limits{Memory: 128 << 20, Handler: 30 * time.Second, Request: 10 << 20, Response: 10 << 20}

func newHost(t testing.TB, limits Limits) *Host {
	t.Helper()
	h, err := New(t.Context(), Config{CacheDir: guests.CacheDir(), Limits: limits, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return h
}

// a line of guest output.
type line struct{ Component, Request, Stream, Text string }

// A service is an app behind a real server, HTTP/1.1 and h2c.
type service struct {
	t      testing.TB
	app    *App
	url    string
	client *http.Client
	base   Base
	quiet  bool // forget the output

	mu    sync.Mutex
	lines []line // guarded by mu
	ended chan *ledger.Entry
}

// serve compiles and starts an app and serves it.
func serve(t testing.TB, h *Host, s Spec) *service {
	t.Helper()
	v := &service{t: t, ended: make(chan *ledger.Entry, 1000)}
	s.Output = func(component, request, stream, text string) {
		v.mu.Lock()
		defer v.mu.Unlock()
		if !v.quiet {
			v.lines = append(v.lines, line{component, request, stream, text})
		}
	}
	app, err := h.Compile(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	v.app = app
	if err := app.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(v)
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetHTTP1(true)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	server.Start()
	v.url, v.client = server.URL, server.Client()
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
		if err := app.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return v
}

// ServeHTTP does what the router does around an app.
func (v *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	entry := (*ledger.Ledger)(nil).Begin(ledger.Record{Request: "req"})
	defer func() { v.ended <- entry }()
	ctx := ledger.With(r.Context(), entry)
	if v.base != (Base{}) {
		ctx = WithBase(ctx, v.base)
	}
	v.app.ServeHTTP(w, r.WithContext(ctx))
}

// outcome waits for the end of the next request and returns how it ended.
func (v *service) outcome() ledger.Outcome {
	v.t.Helper()
	select {
	case e := <-v.ended:
		return e.Outcome()
	case <-time.After(30 * time.Second):
		v.t.Fatal("the request does not end")
		return ""
	}
}

// streams returns the lines of one stream.
func (v *service) stream(name string) (texts []string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, l := range v.lines {
		if l.Stream == name {
			texts = append(texts, l.Text)
		}
	}
	return texts
}

// an answer is what a client got.
type answered struct {
	*http.Response
	body string
	err  error // of reading the body
}

func (v *service) do(r *http.Request) answered {
	v.t.Helper()
	resp, err := v.client.Do(r)
	if err != nil {
		v.t.Fatalf("%s %s: %v", r.Method, r.URL, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return answered{resp, string(b), err}
}

func (v *service) get(path string) answered {
	v.t.Helper()
	return v.do(v.request(http.MethodGet, path, nil))
}

func (v *service) request(method, path string, body io.Reader) *http.Request {
	v.t.Helper()
	r, err := http.NewRequestWithContext(v.t.Context(), method, v.url+path, body)
	if err != nil {
		v.t.Fatal(err)
	}
	return r
}

// raw sends bytes and returns all that comes back until the server closes.
func (v *service) raw(text string) string {
	v.t.Helper()
	c := v.dial()
	if _, err := io.WriteString(c, text); err != nil {
		v.t.Fatal(err)
	}
	b, _ := io.ReadAll(c) // a reset is an end too
	return string(b)
}

func (v *service) dial() net.Conn {
	v.t.Helper()
	c, err := new(net.Dialer).DialContext(v.t.Context(), "tcp", strings.TrimPrefix(v.url, "http://"))
	if err != nil {
		v.t.Fatal(err)
	}
	v.t.Cleanup(func() { c.Close() })
	return c
}

// checkGoroutines fails the test if more goroutines run at its end than now.
func checkGoroutines(t *testing.T) {
	t.Helper()
	before := goruntime.NumGoroutine()
	t.Cleanup(func() {
		deadline := time.After(10 * time.Second)
		for goruntime.NumGoroutine() > before {
			select {
			case <-deadline:
				b := make([]byte, 1<<20)
				t.Fatalf("%d goroutines, %d before:\n%s", goruntime.NumGoroutine(), before, b[:goruntime.Stack(b, true)])
			case <-time.After(5 * time.Millisecond):
			}
		}
	})
}

// readReply reads one reply and returns its body.
func readReply(c net.Conn) (string, error) {
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return string(b), err
}

// size returns how many modules are in memory or on their way there.
func (c *code) size() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.entries)
}
