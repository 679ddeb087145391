package e2e

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/neutrino-local/neutrino-local/e2e/guests/components"
)

// TestArtifactsOfOthers deploys the forms of artifact that other tools and older
// versions of Spin have pushed: the lock in the config, a bare wasm package, and
// files in an archive.
func TestArtifactsOfOthers(t *testing.T) {
	s := newServer(t)
	s.start("--ephemeral", "--failover-window", "20ms")
	const trigger = `"triggers":[{"id":"t","trigger_type":"http","trigger_config":{"component":"web","executor":{"type":"wagi"},"route":"/..."}}]`
	files := s.place("files", "files")
	wasm, err := os.ReadFile(filepath.Join(files, "main.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	page := []byte(strings.Repeat("a page from an archive\n", 20))
	module := s.pushBlob(wasm)
	lock := `{"spin_lock_version":0,"metadata":{"name":"shop","triggers":{}},` + trigger + `,"components":[{"id":"web",` +
		`"source":{"content_type":"application/wasm","digest":"` + module.Digest + `"},"files":[{"digest":"` + digestOf(page) + `","path":"sub/page.txt"}]}]}`
	archive := s.pushBlob(tarball(t, "sub/page.txt", page))
	archive.MediaType = "application/vnd.wasm.content.bundle.v1.tar+gzip"
	file := s.pushBlob(page)
	file.MediaType = "application/vnd.wasm.content.layer.v1+data"
	oldConfig := s.pushBlob([]byte(lock))
	oldConfig.MediaType = "application/vnd.fermyon.spin.application.v1+config"
	emptyConfig := s.pushBlob([]byte(`{"architecture":"wasm","os":"Wasip1"}`))
	emptyConfig.MediaType = "application/vnd.oci.image.config.v1+json"
	bare := s.pushBlob(components.CHTTP)
	bare.MediaType = "application/wasm"
	tests := []struct {
		name   string
		config descriptor
		layers []descriptor
		path   string
		want   string
	}{
		{"archive", emptyConfig, []descriptor{module, archive, s.pushLock(lock)}, "/sub/page.txt", string(page)},
		{"oldlock", oldConfig, []descriptor{module, file}, "/sub/page.txt", string(page)},
		{"package", emptyConfig, []descriptor{bare}, "/", "Hello from C"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text, err := json.Marshal(map[string]any{"schemaVersion": 2, "config": tt.config, "layers": tt.layers})
			if err != nil {
				t.Fatal(err)
			}
			resp, body := s.send(http.MethodPut, "/v2/local/shop/manifests/"+tt.name, "application/vnd.oci.image.manifest.v1+json", text)
			if resp.StatusCode != http.StatusCreated {
				t.Fatalf("push: %s %s", resp.Status, body)
			}
			ref := strings.TrimPrefix(s.base, "http://") + "/local/shop:" + tt.name
			dir := filepath.Join(s.dir, "work-"+tt.name)
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			s.must(s.client("deploy", "--no-confirm", "--from-registry", ref, "--create-name", tt.name, "--wait", "live", "-f", dir))
			status, got, err := s.get(http.DefaultClient, tt.name, tt.path)
			if status != http.StatusOK || !strings.Contains(got, strings.TrimSpace(tt.want)) {
				t.Errorf("status %d, %.100q, %v; want 200 and %.60q", status, got, err, tt.want)
			}
		})
	}
	s.stop()
}

func tarball(t *testing.T, name string, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	if err := w.WriteHeader(&tar.Header{Name: "./" + name, Mode: 0o644, Size: int64(len(content))}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
