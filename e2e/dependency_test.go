package e2e

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/neutrino-local/neutrino-local/e2e/guests/components"
)

const dependencyManifest = `spin_manifest_version = 2
application.name = "front"
[[trigger.http]]
route = "/..."
component = "front"
[component.front]
source = "front.wasm"
allowed_outbound_hosts = ["http://127.0.0.1:*"]
[component.front.dependencies]
"front:door/handler" = { path = "web.wasm", export = "wasi:http/incoming-handler@0.2.4"INHERIT }
`

// TestDependencies deploys a component that depends on a real one: packaged here,
// copied uncomposed from a registry, and composed for other runtimes. What the
// dependency does not inherit is refused as Spin words it.
func TestDependencies(t *testing.T) {
	web, err := os.ReadFile(filepath.Join("guests", "components", components.RustHTTP, "rust-http.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	front, err := os.ReadFile(filepath.Join("guests", "front", "front.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("origin")) }))
	defer origin.Close()
	s := newServer(t)
	s.start("--ephemeral", "--failover", "instant")
	app := func(dir, inherit string) string {
		dir = filepath.Join(s.dir, dir)
		for name, content := range map[string][]byte{
			"front.wasm": front, "web.wasm": web, "spin.toml": []byte(strings.Replace(dependencyManifest, "INHERIT", inherit, 1)),
		} {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	denied, allowed := app("denied", ""), app("allowed", `, inherit_configuration = ["allowed_outbound_hosts"]`)
	registry := strings.TrimPrefix(s.base, "http://")
	s.must(s.client("push", registry+"/local/pushed:plain", "-f", denied))
	s.must(s.client("push", registry+"/local/pushed:composed", "-f", denied, "--compose"))
	const refusal = `InternalError(Some("\"wasi:http/outgoing-handler\" is not permitted"))`
	tests := []struct {
		name, fetched string
		deploy        []string
	}{
		{"denied", refusal, []string{"-f", denied}},
		{"allowed", "origin", []string{"-f", allowed}},
		{"plain", refusal, []string{"-f", filepath.Join(s.dir, "a"), "--from-registry", registry + "/local/pushed:plain"}},
		{"composed", refusal, []string{"-f", filepath.Join(s.dir, "b"), "--from-registry", registry + "/local/pushed:composed"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for i, arg := range tt.deploy {
				if arg == "-f" {
					if err := os.MkdirAll(tt.deploy[i+1], 0o755); err != nil {
						t.Fatal(err)
					}
				}
			}
			s.must(s.client(append([]string{"deploy", "--no-confirm", "--create-name", tt.name, "--wait", "live"}, tt.deploy...)...))
			for path, want := range map[string]string{"/": "Hello from Rust", "/pass/" + strings.TrimPrefix(origin.URL, "http://"): tt.fetched} {
				status, got, err := s.get(http.DefaultClient, tt.name, path)
				if err != nil || status != http.StatusOK || !strings.Contains(got, want) {
					t.Errorf("%s: status %d, %.300q, %v; want 200 and %q", path, status, got, err, want)
				}
			}
		})
	}
	s.stop()
}

// TestDownloadedSource deploys a component from a URL, and again when nothing is
// there any more: it is in the cache that the flag names, under its digest.
func TestDownloadedSource(t *testing.T) {
	s := newServer(t)
	s.start("--ephemeral", "--failover", "instant")
	wasm, err := os.ReadFile(filepath.Join(s.place("files", "files"), "main.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(wasm) }))
	defer origin.Close()
	dir, cache := filepath.Join(s.dir, "app"), filepath.Join(s.dir, "cache")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	manifest := `spin_manifest_version = 2
application.name = "far"
[[trigger.http]]
route = "/..."
component = "web"
executor = { type = "wagi" }
[component.web]
source = { url = "` + origin.URL + `/web.wasm", digest = "` + digestOf(wasm) + `" }
`
	if err := os.WriteFile(filepath.Join(dir, "spin.toml"), []byte(manifest), 0o644); err != nil {
		t.Fatal(err)
	}
	s.must(s.client("deploy", "--no-confirm", "--create-name", "far", "-f", dir, "--cache-dir", cache))
	origin.Close()
	s.must(s.client("deploy", "--no-confirm", "-f", dir, "--cache-dir", cache))
	if r := s.client("check", "-f", dir, "--cache-dir", filepath.Join(s.dir, "other")); r.code != 4 || !strings.Contains(r.stderr, `source of component "web"`) {
		t.Errorf("with another cache: exit code %d, %s", r.code, r.stderr)
	}
	s.stop()
}
