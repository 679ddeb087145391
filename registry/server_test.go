package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/registry/blob"
	"github.com/neutrino-local/neutrino-local/registry/blob/blobtest"
	"github.com/neutrino-local/neutrino-local/store/sqlite"
)

// A fixture is a registry behind real HTTP.
type fixture struct {
	*Server
	t    testing.TB
	db   *sqlite.DB
	http *httptest.Server
	url  string
	dir  string // of blobs on disk, or ""
}

// kinds of blob stores that each test that takes a kind runs with.
var stores = []string{"memory", "disk"}

func newFixture(t testing.TB, store string, changes ...func(*Config)) *fixture {
	t.Helper()
	f := &fixture{t: t}
	var err error
	if f.db, err = sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "test.db")); err != nil {
		t.Fatal(err)
	}
	cfg := Config{Index: f.db, Log: slog.New(slog.DiscardHandler)}
	if store == "disk" {
		f.dir = filepath.Join(t.TempDir(), "blobs")
		if cfg.Blobs, err = blob.OpenDisk(f.dir, cfg.Log); err != nil {
			t.Fatal(err)
		}
	} else {
		cfg.Blobs = blob.NewMemory()
	}
	for _, change := range changes {
		change(&cfg)
	}
	if f.Server, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	f.http = httptest.NewServer(f.Server)
	f.url = f.http.URL
	t.Cleanup(func() {
		f.http.Close()
		if err := f.Server.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("Close: %v", err)
		}
		if err := cfg.Blobs.Close(); err != nil {
			t.Errorf("Close of the blobs: %v", err)
		}
		if err := f.db.Check(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
		if err := f.db.Close(); err != nil {
			t.Errorf("Close of the database: %v", err)
		}
		f.checkNoUploads()
	})
	return f
}

// checkNoUploads looks for what uploads may have left.
func (f *fixture) checkNoUploads() {
	f.t.Helper()
	if n, size := f.uploads.underWay(); n != 0 || size != 0 {
		f.t.Errorf("%d uploads of %d bytes are under way, want none", n, size)
	}
	if f.dir == "" {
		return
	}
	left, err := os.ReadDir(filepath.Join(f.dir, "uploads"))
	if err != nil || len(left) != 0 {
		f.t.Errorf("uploads/ has %v, %v, want nothing", left, err)
	}
}

// A reply is a response with its body read.
type reply struct {
	*http.Response
	body []byte
}

// do sends a request; head is pairs of a header's name and value.
func (f *fixture) do(method, path string, body io.Reader, head ...string) reply {
	f.t.Helper()
	r, err := http.NewRequestWithContext(f.t.Context(), method, f.url+path, body)
	if err != nil {
		f.t.Fatal(err)
	}
	for i := 0; i < len(head); i += 2 {
		r.Header.Set(head[i], head[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		f.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		f.t.Fatalf("%s %s: body: %v", method, path, err)
	}
	return reply{resp, got}
}

// want is do with a check of the status.
func (f *fixture) want(status int, method, path string, body []byte, head ...string) reply {
	f.t.Helper()
	got := f.do(method, path, bytes.NewReader(body), head...)
	if got.StatusCode != status {
		f.t.Fatalf("%s %s = %d %s, want %d", method, path, got.StatusCode, got.body, status)
	}
	return got
}

// code returns the code of an error body, and checks its form.
func (r reply) code(t testing.TB) string {
	t.Helper()
	var e struct{ Errors []errorBody }
	if err := json.Unmarshal(r.body, &e); err != nil || len(e.Errors) != 1 || e.Errors[0].Message == "" {
		t.Fatalf("%s %s: %q is no error body", r.Request.Method, r.Request.URL, r.body)
	}
	if ct := r.Header.Get("Content-Type"); ct != "application/json" {
		t.Errorf("%s %s: the error is %q, want application/json", r.Request.Method, r.Request.URL, ct)
	}
	return e.Errors[0].Code
}

// pushBlob pushes content in one request.
func (f *fixture) pushBlob(repository string, content []byte) artifact.Digest {
	f.t.Helper()
	d := artifact.SHA256(content)
	f.want(201, "POST", "/v2/"+repository+"/blobs/uploads/?digest="+string(d), content)
	return d
}

// image returns a manifest of an image with the layers, after pushing them and a
// config.
func (f *fixture) image(repository string, layers ...[]byte) []byte {
	f.t.Helper()
	config := []byte("{}")
	f.pushBlob(repository, config)
	m := artifact.Manifest{SchemaVersion: 2, MediaType: artifact.ManifestType,
		Config: describe(artifact.ConfigType, config)}
	for _, l := range layers {
		f.pushBlob(repository, l)
		m.Layers = append(m.Layers, describe("application/octet-stream", l))
	}
	return encode(f.t, m)
}

func describe(mediaType string, content []byte) artifact.Descriptor {
	return artifact.Descriptor{MediaType: mediaType, Digest: artifact.SHA256(content), Size: int64(len(content))}
}

func encode(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func decode(t testing.TB, text []byte, v any) {
	t.Helper()
	if err := json.Unmarshal(text, v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

// pushManifest pushes a manifest by a tag or a digest.
func (f *fixture) pushManifest(repository, ref string, raw []byte) reply {
	f.t.Helper()
	return f.want(201, "PUT", "/v2/"+repository+"/manifests/"+ref, raw, "Content-Type", artifact.ManifestType)
}

func blobPath(repository string, d artifact.Digest) string {
	return fmt.Sprintf("/v2/%s/blobs/%s", repository, d)
}

// aged makes a server's grace period so short that all is old at once.
func aged(cfg *Config) { cfg.Grace = time.Nanosecond }

var content = blobtest.Bytes
