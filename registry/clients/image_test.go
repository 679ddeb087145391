package clients

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// An image is what the clients push: its blobs, the config first, and the
// manifest.
type image struct {
	blobs    []blob
	manifest blob
}

type blob struct {
	ocispec.Descriptor
	content []byte
}

func describe(mediaType string, content []byte) blob {
	return blob{ocispec.Descriptor{
		MediaType: mediaType, Digest: digest.FromBytes(content), Size: int64(len(content)),
	}, content}
}

// newImage returns an image whose layers have these sizes. Each seed makes
// another one.
func newImage(t *testing.T, seed uint64, sizes ...int) image {
	t.Helper()
	random := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	m := ocispec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest}
	config := describe(ocispec.MediaTypeImageConfig, []byte(`{"architecture":"wasm","os":"wasip1","rootfs":{"type":"layers","diff_ids":[]}}`))
	m.Config = config.Descriptor
	i := image{blobs: []blob{config}}
	for _, n := range sizes {
		content := make([]byte, n)
		random.Read(content)
		b := describe("application/vnd.wasm.content.layer.v1+data", content)
		i.blobs, m.Layers = append(i.blobs, b), append(m.Layers, b.Descriptor)
	}
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	i.manifest = describe(m.MediaType, text)
	return i
}

// same fails the test unless content is that of the blob.
func (b blob) same(t *testing.T, how string, content []byte) {
	t.Helper()
	if !bytes.Equal(content, b.content) {
		t.Errorf("%s: %d bytes of %s differ from the %d pushed", how, len(content), b.Digest, len(b.content))
	}
}

func sameNames(t *testing.T, how string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s = %q, want %q", how, got, want)
	}
}

// check stops the test at an error.
func check(t *testing.T, how string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", how, err)
	}
}
