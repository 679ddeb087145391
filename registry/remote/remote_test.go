package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	ggcr "github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/neutrino-local/neutrino-local/registry"
	"github.com/neutrino-local/neutrino-local/registry/blob"
	"github.com/neutrino-local/neutrino-local/registry/pack"
	"github.com/neutrino-local/neutrino-local/store"
	"github.com/neutrino-local/neutrino-local/store/sqlite"
)

const manifest = `spin_manifest_version = 2
[application]
name = "hello"
[[trigger.http]]
route = "/..."
component = "web"
executor = { type = "wagi" }
[component.web]
source = "web.wasm"
files = ["static/*"]
`

// app lays an app with a few files and packages it.
func app(t testing.TB, o pack.Options) (*pack.App, string) {
	t.Helper()
	dir := t.TempDir()
	files := map[string][]byte{
		"spin.toml":        []byte(manifest),
		"web.wasm":         append([]byte("\x00asm\x01\x00\x00\x00"), make([]byte, 100<<10)...),
		"static/small.txt": []byte("small"),
		"static/empty.txt": nil,
	}
	for i := range 20 {
		files[fmt.Sprintf("static/%d.txt", i)] = bytes.Repeat([]byte{byte(i)}, 1000)
	}
	for name, b := range files {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, b, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	a, err := pack.Dir(t.Context(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return a, dir
}

// serve serves h and returns its host and port, and a function that tells the
// requests so far, as method and path.
func serve(t testing.TB, h http.Handler) (host string, requests func() []string) {
	t.Helper()
	seen := make(chan []string, 1)
	seen <- nil
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen <- append(<-seen, r.Method+" "+r.URL.Path)
		h.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://"), func() []string {
		all := <-seen
		seen <- nil
		return all
	}
}

func foreign() http.Handler { return ggcr.New(ggcr.Logger(log.New(io.Discard, "", 0))) }

func ours(t testing.TB, change func(*registry.Config)) http.Handler {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"))
	if err != nil {
		t.Fatal(err)
	}
	cfg := registry.Config{Index: db, Blobs: blob.NewMemory(), Log: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&cfg)
	}
	s, err := registry.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(s.Close(context.WithoutCancel(t.Context())), db.Close()); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestPush(t *testing.T) {
	for name, handler := range map[string]http.Handler{"foreign": foreign(), "ours": ours(t, nil)} {
		for _, archive := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s archive %v", name, archive), func(t *testing.T) {
				host, requests := serve(t, handler)
				a, _ := app(t, pack.Options{Archive: archive})
				var done, total int64
				o := Options{PlainHTTP: true, Progress: func(d, t int64) { done, total = d, t }}
				ref := fmt.Sprintf("%s/local/hello-%v:1", host, archive)
				got, err := Push(t.Context(), ref, a, o)
				if err != nil || got != a.Digest {
					t.Fatalf("Push = %s, %v, want %s", got, err, a.Digest)
				}
				if done != total || total < a.Size {
					t.Errorf("progress ended at %d of %d, want %d at least", done, total, a.Size)
				}
				pulled, err := Pull(t.Context(), ref, Options{PlainHTTP: true, MaxBytes: a.Size})
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(pulled.Raw, a.Manifest) || pulled.Digest != a.Digest {
					t.Errorf("pulled manifest %s, want %s", pulled.Raw, a.Manifest)
				}
				want, _ := a.Lock.JSON()
				lock, _ := pulled.Lock.JSON()
				if diff := cmp.Diff(string(want), string(lock)); diff != "" {
					t.Errorf("pulled lock (-want +got):\n%s", diff)
				}
				requests()
				if _, err := Push(t.Context(), ref, a, o); err != nil {
					t.Fatal(err)
				}
				for _, r := range requests() {
					if strings.HasPrefix(r, "POST") || strings.HasPrefix(r, "PUT") {
						t.Errorf("the second push has a %s: it is all there", r)
					}
				}
			})
		}
	}
}

func TestCopy(t *testing.T) {
	from, _ := serve(t, foreign())
	to, _ := serve(t, ours(t, nil))
	a, _ := app(t, pack.Options{})
	if _, err := Push(t.Context(), from+"/team/hello:v1", a, Options{PlainHTTP: true}); err != nil {
		t.Fatal(err)
	}
	for _, ref := range []string{from + "/team/hello:v1", from + "/team/hello@" + string(a.Digest)} {
		got, err := Copy(t.Context(), ref, to+"/local/hello:7", Options{PlainHTTP: true}, Options{PlainHTTP: true})
		if err != nil {
			t.Fatal(err)
		}
		if got.Digest != a.Digest || got.Lock.Metadata.Name != "hello" {
			t.Errorf("Copy(%s) = %s of %q, want %s", ref, got.Digest, got.Lock.Metadata.Name, a.Digest)
		}
	}
	pulled, err := Pull(t.Context(), to+"/local/hello:7", Options{PlainHTTP: true})
	if err != nil || pulled.Digest != a.Digest {
		t.Fatalf("Pull of the copy = %v", err)
	}
	if _, err := Pull(t.Context(), from+"/team/hello:v1", Options{PlainHTTP: true, MaxBytes: 1000}); !errors.Is(err, store.ErrLimit) {
		t.Errorf("Pull of what is too large = %v, want ErrLimit", err)
	}
	if _, err := Pull(t.Context(), from+"/team/hello:v2", Options{PlainHTTP: true}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Pull of nothing = %v, want ErrNotFound", err)
	}
}

func TestToken(t *testing.T) {
	const secret = "s3cret"
	host, _ := serve(t, ours(t, func(c *registry.Config) {
		c.Auth = registry.Auth{RequireToken: true, Token: func(s string) (string, bool) { return "", s == secret }}
	}))
	a, _ := app(t, pack.Options{})
	for name, o := range map[string]Options{"token": {Token: secret}, "password": {Username: "x", Password: secret}} {
		o.PlainHTTP = true
		if _, err := Push(t.Context(), host+"/local/hello:1", a, o); err != nil {
			t.Errorf("Push with a %s: %v", name, err)
		}
	}
	for _, o := range []Options{{}, {Token: "other"}, {Username: "x", Password: "other"}} {
		o.PlainHTTP = true
		_, err := Push(t.Context(), host+"/local/hello:1", a, o)
		if !errors.Is(err, ErrDenied) || store.HintOf(err) == "" {
			t.Errorf("Push with %+v = %v (hint %q), want ErrDenied", o, err, store.HintOf(err))
		}
		if err != nil && strings.Contains(err.Error(), "other") {
			t.Errorf("the error %v has the secret", err)
		}
	}
}

func TestTokenStaysHome(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Authorization"); got != "" {
			t.Errorf("another host got %q", got)
		}
		http.NotFound(w, r)
	}))
	defer other.Close()
	host, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v2/" {
			http.Redirect(w, r, other.URL+r.URL.Path, http.StatusTemporaryRedirect)
		}
	}))
	if _, err := Pull(t.Context(), host+"/a/b:1", Options{PlainHTTP: true, Token: "s"}); err == nil {
		t.Error("Pull of nothing is fine")
	}
}

func TestLimitOfTheRegistry(t *testing.T) {
	host, _ := serve(t, ours(t, func(c *registry.Config) { c.Limits.App = 1000 }))
	a, _ := app(t, pack.Options{})
	_, err := Push(t.Context(), host+"/local/hello:1", a, Options{PlainHTTP: true})
	if !errors.Is(err, store.ErrLimit) || !strings.Contains(err.Error(), "1000") {
		t.Errorf("Push = %v, want ErrLimit with the limit", err)
	}
}

func TestUnreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	a, _ := app(t, pack.Options{})
	_, err = Push(t.Context(), l.Addr().String()+"/local/hello:1", a, Options{PlainHTTP: true})
	if !errors.Is(err, ErrUnreachable) || store.HintOf(err) == "" {
		t.Errorf("Push = %v, want ErrUnreachable with a hint", err)
	}
	if _, err = Push(t.Context(), "Bad Ref", a, Options{}); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("Push to a bad reference = %v, want ErrInvalid", err)
	}
}

func TestFileThatChanges(t *testing.T) {
	host, requests := serve(t, ours(t, nil))
	a, dir := app(t, pack.Options{})
	if err := os.WriteFile(filepath.Join(dir, "static", "3.txt"), bytes.Repeat([]byte("x"), 1000), 0o644); err != nil {
		t.Fatal(err)
	}
	fast := remote.Backoff{Duration: time.Millisecond, Steps: 1}
	_, err := Push(t.Context(), host+"/local/hello:1", a, Options{PlainHTTP: true, backoff: &fast})
	if !errors.Is(err, store.ErrConflict) || !strings.Contains(err.Error(), "static/3.txt changed while it was packaged") {
		t.Errorf("Push = %v, want ErrConflict that names the file", err)
	}
	for _, r := range requests() {
		if strings.HasPrefix(r, "PUT") && strings.Contains(r, "/manifests/") {
			t.Error("a manifest was pushed")
		}
	}
}

func TestCancel(t *testing.T) {
	why := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	host, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cancel(why)
		<-r.Context().Done()
	}))
	a, _ := app(t, pack.Options{})
	if _, err := Push(ctx, host+"/local/hello:1", a, Options{PlainHTTP: true}); !errors.Is(err, why) {
		t.Errorf("Push = %v, want the cause", err)
	}
}
