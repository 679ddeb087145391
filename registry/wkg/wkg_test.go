package wkg

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/store"
)

const component = "\x00asm\x0d\x00\x01\x00"

// serve starts a registry that has test:tool in some versions below prefix, and
// returns its host.
func serve(t *testing.T, metadata, prefix string, versions ...string) string {
	t.Helper()
	oci := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/.well-known/wasm-pkg/registry.json" {
			if metadata == "" {
				http.NotFound(w, r)
				return
			}
			fmt.Fprint(w, strings.ReplaceAll(metadata, "HOST", r.Host))
			return
		}
		oci.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	host := strings.TrimPrefix(s.URL, "http://")
	for _, v := range versions {
		push(t, host+"/"+prefix+"test/tool:"+v, static.NewLayer([]byte(component+v), artifact.PackageWasmType))
	}
	return host
}

func push(t *testing.T, ref string, layer v1.Layer) {
	t.Helper()
	image, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		t.Fatal(err)
	}
	target, err := name.ParseReference(ref)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(target, image); err != nil {
		t.Fatal(err)
	}
}

func client(t *testing.T) *Client {
	dir := t.TempDir()
	return &Client{CacheDir: filepath.Join(dir, "cache"), Config: filepath.Join(dir, "config.toml"), MaxBytes: 1 << 20}
}

func TestFetch(t *testing.T) {
	const oci = `{"preferredProtocol":"oci","oci":{"registry":"HOST","namespacePrefix":"pkgs/"}}`
	tests := []struct {
		name, metadata, prefix, version, want string
	}{
		{"exact", "", "", "=1.0.0", "1.0.0"},
		{"newest of a range", "", "", "^1", "1.2.0"},
		{"of two bounds", "", "", ">=1.0, <1.2", "1.1.0"},
		{"a pre-release if it is named", "", "", "=2.0.0-rc.1", "2.0.0-rc.1"},
		{"as the registry says", oci, "pkgs/", "=1.1.0", "1.1.0"},
		{"as older registries say", `{"ociRegistry":"HOST","ociNamespacePrefix":"old/"}`, "old/", "*", "1.2.0"},
		{"both protocols", `{"oci":{"registry":"HOST"},"warg":{}}`, "", "1", "1.2.0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			host := serve(t, tt.metadata, tt.prefix, "1.0.0", "1.1.0", "1.2.0", "2.0.0-rc.1", "latest")
			path, err := client(t).Fetch(t.Context(), Package{host, "test:tool", tt.version})
			if err != nil {
				t.Fatal(err)
			}
			if b, err := os.ReadFile(path); err != nil || string(b) != component+tt.want {
				t.Errorf("%s has %q, %v, want version %s", path, b, err, tt.want)
			}
		})
	}
}

func TestFetchRefuses(t *testing.T) {
	host := serve(t, "", "", "1.0.0")
	push(t, host+"/test/text:1.0.0", static.NewLayer([]byte("text"), "text/plain"))
	push(t, host+"/test/large:1.0.0", static.NewLayer(make([]byte, 2<<20), artifact.PackageWasmType))
	warg := serve(t, `{"preferredProtocol":"warg","warg":{"url":"HOST"}}`, "")
	tests := []struct {
		name string
		p    Package
		want string
		kind error
	}{
		{"no such version", Package{host, "test:tool", "3"}, "has no version in that range", store.ErrNotFound},
		{"no component", Package{host, "test:text", "1"}, "no layer of it is of type application/wasm", store.ErrInvalid},
		{"too large", Package{host, "test:large", "1"}, "2097152 bytes", store.ErrLimit},
		{"warg", Package{warg, "test:tool", "1"}, `by the protocol "warg"`, nil},
		{"no registry", Package{"", "test:tool", "1"}, "no registry is known", store.ErrNotFound},
		{"no host", Package{"a b", "test:tool", "1"}, "want a host", store.ErrInvalid},
		{"a path", Package{host + "/x", "test:tool", "1"}, "want a host", store.ErrInvalid},
		{"no range", Package{host, "test:tool", "new"}, `"new" is no version`, store.ErrInvalid},
		{"no package", Package{host, "tool", "1"}, "write namespace:name", store.ErrInvalid},
		{"no repository", Package{host, "test:../../x", "1"}, "write namespace:name", store.ErrInvalid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := client(t).Fetch(t.Context(), tt.p)
			if err == nil || !strings.Contains(err.Error(), tt.want) || tt.kind != nil && !errors.Is(err, tt.kind) {
				t.Errorf("Fetch(%v) = %v, want %q of kind %v", tt.p, err, tt.want, tt.kind)
			}
		})
	}
}

// What was got once needs no registry, and what was changed is got again.
func TestFetchOffline(t *testing.T) {
	host := serve(t, "", "", "1.0.0")
	c := client(t)
	p := Package{host, "test:tool", "=1.0.0"}
	path, err := c.Fetch(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	offline := *c
	offline.Transport = noNetwork{}
	if again, err := offline.Fetch(t.Context(), p); err != nil || again != path {
		t.Errorf("offline: %s, %v, want %s", again, err, path)
	}
	if err := os.WriteFile(path, []byte("other"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := offline.Fetch(t.Context(), p); err == nil {
		t.Error("what was changed in the cache is used")
	}
	if _, err := c.Fetch(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != component+"1.0.0" {
		t.Errorf("after it was got again: %q, %v", b, err)
	}
}

type noNetwork struct{}

func (noNetwork) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("no network")
}

// The user's configuration says where packages are that name no registry.
func TestConfig(t *testing.T) {
	host := serve(t, "", "mine/", "1.0.0")
	for _, config := range []string{
		"default_registry = \"pkgs.test\"\n[registry.\"pkgs.test\"]\ntype = \"oci\"\noci = { registry = \"HOST\", namespacePrefix = \"mine/\" }\n",
		"[namespace_registries]\ntest = { registry = \"pkgs.test\", metadata = { preferredProtocol = \"oci\", oci = { registry = \"HOST\", namespacePrefix = \"mine/\" } } }\n",
		"[package_registry_overrides]\n\"test:tool\" = \"HOST\"\n[registry.\"HOST\".oci]\nregistry = \"HOST\"\nnamespacePrefix = \"mine/\"\n",
	} {
		c := client(t)
		if err := os.WriteFile(c.Config, []byte(strings.ReplaceAll(config, "HOST", host)), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Fetch(t.Context(), Package{"", "test:tool", "=1.0.0"}); err != nil {
			t.Errorf("%s: %v", config, err)
		}
	}
	c := client(t)
	if err := os.WriteFile(c.Config, []byte("default_registry = ["), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Fetch(t.Context(), Package{"", "test:tool", "=1.0.0"}); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("a broken configuration: %v", err)
	}
}

// A registry that never ends, in one answer or in pages of them.
func TestEndless(t *testing.T) {
	for name, tags := range map[string]http.HandlerFunc{
		"one list": func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"name":"test/tool","tags":["0.0.1"`)
			for i := 0; ; i++ {
				if _, err := fmt.Fprintf(w, `,"1.0.%d"`, i); err != nil {
					return
				}
			}
		},
		"pages": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Link", `</v2/test/tool/tags/list?last=x>; rel="next"`)
			fmt.Fprint(w, `{"name":"test/tool","tags":["0.0.1"]}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			mux := http.NewServeMux()
			mux.HandleFunc("/v2/", func(http.ResponseWriter, *http.Request) {})
			mux.HandleFunc("/v2/test/tool/tags/list", tags)
			s := httptest.NewServer(mux)
			defer s.Close()
			_, err := client(t).Fetch(t.Context(), Package{strings.TrimPrefix(s.URL, "http://"), "test:tool", "1"})
			if !errors.Is(err, errEndless) {
				t.Errorf("Fetch = %v, want %v", err, errEndless)
			}
		})
	}
}
