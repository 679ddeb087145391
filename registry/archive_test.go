package registry

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/registry/blob"
)

// creations counts the uploads of a store.
type creations struct {
	blob.Store
	n atomic.Int64
}

func (c *creations) Create() (blob.Upload, error) { c.n.Add(1); return c.Store.Create() }

// An archive is unpacked once however often its app is asked for, and what it holds
// is content of its repository alone.
func TestArchiveIsUnpackedOnce(t *testing.T) {
	var counted *creations
	f := newFixture(t, "memory", func(c *Config) {
		counted = &creations{Store: c.Blobs}
		c.Blobs = counted
	})
	var tarball bytes.Buffer
	z := gzip.NewWriter(&tarball)
	w := tar.NewWriter(z)
	var files []string
	wasm := []byte("\x00asm\x0d\x00\x01\x00")
	for i := range 20 {
		page := bytes.Repeat([]byte{byte('a' + i)}, 200)
		if err := w.WriteHeader(&tar.Header{Name: fmt.Sprintf("./p%d", i), Mode: 0o644, Size: int64(len(page))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(page); err != nil {
			t.Fatal(err)
		}
		files = append(files, fmt.Sprintf(`{"path":"p%d","digest":"%s"}`, i, artifact.SHA256(page)))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	lock := []byte(`{"spin_lock_version":0,"triggers":[],"components":[{"id":"web","source":{"content_type":"application/wasm","digest":"` +
		string(artifact.SHA256(wasm)) + `"},"files":[` + strings.Join(files, ",") + `]}]}`)
	config := []byte(`{}`)
	m := artifact.Manifest{SchemaVersion: 2, Config: describe(artifact.ConfigType, config), Layers: []artifact.Descriptor{
		describe(artifact.WasmType, wasm), describe(artifact.ArchiveType, tarball.Bytes()), describe(artifact.LockType, lock),
	}}
	raw := encode(t, m)
	for _, repository := range []string{"local/one", "local/two"} {
		for _, b := range [][]byte{wasm, tarball.Bytes(), lock, config} {
			if err := spinPush(f, repository, b); err != nil {
				t.Fatal(err)
			}
		}
		f.want(201, "PUT", "/v2/"+repository+"/manifests/1", raw, "Content-Type", artifact.ManifestType)
		before := counted.n.Load()
		first, err := f.App(t.Context(), repository, artifact.SHA256(raw))
		if err != nil {
			t.Fatal(err)
		}
		unpacked := counted.n.Load()
		if n := unpacked - before; n != 20 {
			t.Errorf("%s: %d files are unpacked, want 20", repository, n)
		}
		again, err := f.App(t.Context(), repository, artifact.SHA256(raw))
		if err != nil {
			t.Fatal(err)
		}
		if n := counted.n.Load() - unpacked; n != 0 {
			t.Errorf("%s: %d files are unpacked again", repository, n)
		}
		slices.Sort(first.Blobs)
		slices.Sort(again.Blobs)
		if diff := cmp.Diff(first.Blobs, again.Blobs); diff != "" || len(again.Blobs) != 25 {
			t.Errorf("%s: %d blobs, want 25 both times (-first +again):\n%s", repository, len(again.Blobs), diff)
		}
	}
}
