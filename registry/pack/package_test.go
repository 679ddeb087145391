package pack

import (
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
)

// Sources and dependencies come from a registry of packages: a source in exactly
// its version, a dependency in the newest of its range, and from the cache once
// the registry is gone.
func TestPackages(t *testing.T) {
	s := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer s.Close()
	host := strings.TrimPrefix(s.URL, "http://")
	for _, v := range []string{"1.0.0", "1.1.0"} {
		layer := static.NewLayer([]byte("\x00asm\x0d\x00\x01\x00"+v), artifact.PackageWasmType)
		image, err := mutate.AppendLayers(empty.Image, layer)
		if err != nil {
			t.Fatal(err)
		}
		ref, err := name.ParseReference(host + "/shop/web:" + v)
		if err != nil {
			t.Fatal(err)
		}
		if err := remote.Write(ref, image); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "wasm-pkg.toml"), []byte("[namespace_registries]\nshop = \""+host+"\"\n"))
	write(t, filepath.Join(dir, ManifestName), []byte(`spin_manifest_version = 2
application.name = "shop"
trigger.http = [{ route = "/...", component = "web" }]
[component.web]
source = { registry = "`+host+`", package = "shop:web", version = "1.0.0" }
[component.web.dependencies]
"shop:web/api" = "1.0.0"
`))
	options := Options{CacheDir: t.TempDir(), PackageConfig: filepath.Join(dir, "wasm-pkg.toml")}
	app, err := Dir(t.Context(), dir, options)
	if err != nil {
		t.Fatal(err)
	}
	c := app.Lock.Components[0]
	if got := string(*c.Source.Inline); !strings.HasSuffix(got, "1.0.0") {
		t.Errorf("the source is %q, want 1.0.0", got)
	}
	if got := string(*c.Dependencies["shop:web/api"].Source.Inline); !strings.HasSuffix(got, "1.1.0") {
		t.Errorf("the dependency is %q, want 1.1.0", got)
	}
	s.Close()
	b, err := os.ReadFile(filepath.Join(dir, ManifestName))
	if err != nil {
		t.Fatal(err)
	}
	without, _, _ := strings.Cut(string(b), "[component.web.dependencies]")
	write(t, filepath.Join(dir, ManifestName), []byte(without))
	again, err := Dir(t.Context(), dir, options)
	if err != nil {
		t.Fatalf("without the registry: %v", err)
	}
	if got := again.Lock.Components[0].Source.Digest; got != c.Source.Digest {
		t.Errorf("without the registry the source is %s, want %s", got, c.Source.Digest)
	}
}
