package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestArtifactsByHand pushes artifacts that no packager would make and asks for
// deployments of them. Each is refused with its reason, and nothing changes.
func TestArtifactsByHand(t *testing.T) {
	s := newServer(t)
	s.start("--ephemeral", "--failover-window", "50ms")
	dir := s.place("load", "app", version(1))
	s.must(s.client("deploy", "--no-confirm", "--create-name", "shop", "--wait", "live", "-f", dir))
	wasm, err := os.ReadFile(filepath.Join(dir, "load.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	module := s.pushBlob(wasm)
	const lock = `{"spin_lock_version":0,"metadata":{"name":"shop","triggers":{}},"triggers":[{"id":"t","trigger_type":"http",` +
		`"trigger_config":{"component":"web","executor":{"type":"wagi"},"route":"/..."}}],"components":[{"id":"web",` +
		`"source":{"content_type":"application/wasm","digest":"DIGEST"}FILES}]}`
	good := strings.NewReplacer("DIGEST", module.Digest, "FILES", "").Replace(lock)
	file := func(path string) string {
		return strings.NewReplacer("DIGEST", module.Digest, "FILES",
			`,"files":[{"digest":"`+digestOf([]byte("x"))+`","inline":"eA","path":"`+path+`"}]`).Replace(lock)
	}
	tests := []struct {
		name, lock, want string
	}{
		{"not JSON", `{`, "lock"},
		{"from the future", strings.Replace(good, `"spin_lock_version":0`, `"spin_lock_version":2`, 1), "invalid version 2 > 1"},
		{"a trigger without its component", strings.Replace(good, `"component":"web"`, `"component":"gone"`, 1), "gone"},
		{"a source that is in no layer", strings.ReplaceAll(good, module.Digest, digestOf([]byte("nowhere"))), "sha256:"},
		{"a digest that is none", strings.ReplaceAll(good, module.Digest, "sha256:../../etc/passwd"), "digest"},
		{"a file above its directory", file("../up"), "invalid file mount"},
		{"an absolute file", file("/etc/passwd"), "invalid file mount"},
		{"inline content that is not what the digest says", strings.Replace(file("a"), `"eA"`, `"eQ"`, 1), "digest"},
		{"must understand what nobody does", strings.Replace(good, `"metadata"`, `"must_understand":["magic"],"metadata"`, 1), "magic"},
		{"wasm that is not there", strings.Replace(good, `"web","source"`, `"web2","source"`, 1), "web"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			digest := s.pushManifest(module, s.pushLock(tt.lock))
			status, body := s.deployDigest(digest)
			if status != http.StatusUnprocessableEntity || !strings.Contains(body, tt.want) {
				t.Errorf("status %d, %s; want 422 and %q", status, body, tt.want)
			}
		})
	}
	t.Run("a manifest with a layer that is missing", func(t *testing.T) {
		missing := descriptor{MediaType: "application/vnd.wasm.content.layer.v1+wasm", Digest: digestOf([]byte("missing")), Size: 7}
		resp, body := s.putManifest(missing, s.pushLock(good))
		if resp.StatusCode < 400 || resp.StatusCode >= 500 || !strings.Contains(body, "BLOB_UNKNOWN") {
			t.Errorf("%s %s", resp.Status, body)
		}
	})
	t.Run("a digest that lies", func(t *testing.T) {
		resp, body := s.putBlob([]byte("truth"), digestOf([]byte("lie")))
		if resp.StatusCode != http.StatusBadRequest || !strings.Contains(body, "DIGEST_INVALID") {
			t.Errorf("%s %s", resp.Status, body)
		}
	})
	t.Run("an artifact that is nowhere", func(t *testing.T) {
		if status, body := s.deployDigest(digestOf([]byte("no manifest"))); status != http.StatusNotFound {
			t.Errorf("status %d, %s", status, body)
		}
	})
	var app struct{ Current, Latest int }
	s.json(&app, "app", "status", "shop")
	if app.Current != 1 || app.Latest != 1 {
		t.Errorf("after all that the app has current %d, latest %d; want 1 and 1", app.Current, app.Latest)
	}
	if status, body, err := s.get(http.DefaultClient, "shop", "/"); status != http.StatusOK {
		t.Errorf("status %d, %q, %v", status, body, err)
	}
	s.stop()
}

// TestClientThatWaits sends half a request and waits. The server gives it up
// and meanwhile answers others.
func TestClientThatWaits(t *testing.T) {
	s := newServer(t)
	s.start("--ephemeral")
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("GET / HTTP/1.1\r\nHost: loc")); err != nil {
		t.Fatal(err)
	}
	s.must(s.client("app", "list"))
	conn.SetReadDeadline(time.Now().Add(patience))
	if _, err := io.ReadAll(conn); err != nil {
		t.Errorf("the server keeps a client that does not go on: %v", err)
	}
	s.stop()
}

type descriptor struct {
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
	Size      int    `json:"size"`
}

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func (s *server) send(method, path, contentType string, body []byte) (*http.Response, string) {
	s.t.Helper()
	req, err := http.NewRequest(method, s.base+path, bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp, string(text)
}

func (s *server) putBlob(content []byte, digest string) (*http.Response, string) {
	s.t.Helper()
	return s.send(http.MethodPost, "/v2/local/shop/blobs/uploads/?digest="+digest, "application/octet-stream", content)
}

func (s *server) pushBlob(content []byte) descriptor {
	s.t.Helper()
	digest := digestOf(content)
	if resp, body := s.putBlob(content, digest); resp.StatusCode != http.StatusCreated {
		s.t.Fatalf("push of a blob: %s %s", resp.Status, body)
	}
	return descriptor{MediaType: "application/vnd.wasm.content.layer.v1+wasm", Digest: digest, Size: len(content)}
}

func (s *server) pushLock(lock string) descriptor {
	s.t.Helper()
	d := s.pushBlob([]byte(lock))
	d.MediaType = "application/vnd.fermyon.spin.application.v1+config"
	return d
}

func (s *server) putManifest(layers ...descriptor) (*http.Response, string) {
	s.t.Helper()
	config := s.pushBlob([]byte(`{"architecture":"wasm","os":"Wasip1"}`))
	config.MediaType = "application/vnd.oci.image.config.v1+json"
	text, err := json.Marshal(map[string]any{"schemaVersion": 2, "config": config, "layers": layers})
	if err != nil {
		s.t.Fatal(err)
	}
	return s.send(http.MethodPut, "/v2/local/shop/manifests/byhand", "application/vnd.oci.image.manifest.v1+json", text)
}

func (s *server) pushManifest(layers ...descriptor) (digest string) {
	s.t.Helper()
	resp, body := s.putManifest(layers...)
	if resp.StatusCode != http.StatusCreated {
		s.t.Fatalf("push of a manifest: %s %s", resp.Status, body)
	}
	return resp.Header.Get("Docker-Content-Digest")
}

func (s *server) deployDigest(digest string) (status int, message string) {
	s.t.Helper()
	ask := fmt.Sprintf(`{"repository":"local/shop","digest":%q}`, digest)
	resp, body := s.send(http.MethodPost, "/api/v1/apps/shop/deployments", "application/json", []byte(ask))
	var refusal struct{ Message string }
	if err := json.Unmarshal([]byte(body), &refusal); err != nil {
		s.t.Fatalf("%v: %s", err, body)
	}
	return resp.StatusCode, refusal.Message
}
