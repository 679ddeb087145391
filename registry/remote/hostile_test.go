package remote

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/store"
)

// hostileRegistry serves one manifest and blobs under any digest.
func hostileRegistry(t *testing.T, mediaType, manifest string, blobs map[artifact.Digest]string) string {
	host, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, last, _ := strings.Cut(r.URL.Path, "/blobs/")
		switch {
		case r.URL.Path == "/v2/":
		case strings.Contains(r.URL.Path, "/manifests/"):
			w.Header().Set("Content-Type", mediaType)
			fmt.Fprint(w, manifest)
		default:
			fmt.Fprint(w, blobs[artifact.Digest(last)])
		}
	}))
	return host
}

func TestPullOfHostileArtifacts(t *testing.T) {
	const lock = `{"spin_lock_version":0,"triggers":[],"components":[]}`
	d := func(s string) artifact.Descriptor {
		return artifact.Descriptor{MediaType: artifact.LockType, Digest: artifact.SHA256([]byte(s)), Size: int64(len(s))}
	}
	manifest := func(layers ...artifact.Descriptor) string {
		b, err := json.Marshal(artifact.Manifest{SchemaVersion: 2, Config: artifact.Descriptor{MediaType: artifact.ConfigType, Digest: artifact.SHA256(nil)}, Layers: layers})
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	lies := d(lock)
	lies.Size++
	other := d("something else")
	huge := d(lock)
	huge.Size = artifact.MaxLockSize + 1
	missing := `{"spin_lock_version":0,"triggers":[],"components":[{"id":"a","source":{"digest":"` + string(other.Digest) + `"}}]}`
	traversal := `{"spin_lock_version":0,"triggers":[],"components":[{"id":"a","source":{"digest":"` + string(artifact.SHA256(nil)) + `"},"files":[{"inline":"","path":"../../etc/x"}]}]}`
	const future = `{"spin_lock_version":9,"triggers":[],"components":[]}`
	tests := []struct {
		name, mediaType, manifest string
		lock                      string
		kind                      error
		want                      string
	}{
		{"fine", artifact.ManifestType, manifest(d(lock)), lock, nil, ""},
		{"no app", artifact.ManifestType, manifest(artifact.Descriptor{MediaType: "x", Digest: other.Digest}), lock, store.ErrInvalid, "not a Spin app"},
		{"index", artifact.IndexType, `{"schemaVersion":2,"manifests":[]}`, lock, store.ErrInvalid, "no Spin app"},
		{"no JSON", artifact.ManifestType, `{`, lock, store.ErrInvalid, "manifest"},
		{"bad digest", artifact.ManifestType, `{"schemaVersion":2,"config":{"digest":"sha256:../../x"}}`, lock, store.ErrInvalid, "digest"},
		{"size lies", artifact.ManifestType, manifest(lies), lock, store.ErrInvalid, "something else"},
		{"digest lies", artifact.ManifestType, manifest(other), "other bytes", nil, "error verifying sha256 checksum"},
		{"huge lock", artifact.ManifestType, manifest(huge), lock, store.ErrInvalid, "the limit is"},
		{"no lock", artifact.ManifestType, manifest(d("{}")), "{}", store.ErrInvalid, "no lock"},
		{"missing layer", artifact.ManifestType, manifest(d(missing)), missing, store.ErrInvalid, "no layer has its source"},
		{"path leads out", artifact.ManifestType, manifest(d(traversal)), traversal, store.ErrInvalid, "invalid file mount"},
		{"old", artifact.ManifestType, manifest(d(future)), future, store.ErrInvalid, "invalid version 9 > 1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			blobs := map[artifact.Digest]string{artifact.SHA256([]byte(tt.lock)): tt.lock, other.Digest: "other bytes"}
			host := hostileRegistry(t, tt.mediaType, tt.manifest, blobs)
			_, err := Pull(t.Context(), host+"/a/b:1", Options{PlainHTTP: true})
			if tt.want == "" {
				if err != nil {
					t.Errorf("Pull = %v", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) || tt.kind != nil && !errors.Is(err, tt.kind) {
				t.Errorf("Pull = %v, want %q of kind %v", err, tt.want, tt.kind)
			}
		})
	}
}
