package remote

import (
	"bytes"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/registry/pack"
	"github.com/neutrino-local/neutrino-local/store"
)

// An image shows a packaged app as what the registry library pushes. Its bytes
// are those of the app, never encoded anew.
type image struct {
	app    *pack.App
	parsed *v1.Manifest
	layers []v1.Layer
}

func newImage(app *pack.App) (*image, error) {
	m, err := v1.ParseManifest(bytes.NewReader(app.Manifest))
	if err != nil {
		return nil, fmt.Errorf("manifest of %s: %w", app.Name, err)
	}
	img := &image{app: app, parsed: m}
	for _, l := range app.Layers {
		h, err := v1.NewHash(string(l.Digest))
		if err != nil {
			return nil, fmt.Errorf("layer of %s: %w", app.Name, err)
		}
		img.layers = append(img.layers, layer{l, h})
	}
	return img, nil
}

func (i *image) Layers() ([]v1.Layer, error)               { return i.layers, nil }
func (i *image) MediaType() (types.MediaType, error)       { return artifact.ManifestType, nil }
func (i *image) Size() (int64, error)                      { return int64(len(i.app.Manifest)), nil }
func (i *image) ConfigName() (v1.Hash, error)              { return i.parsed.Config.Digest, nil }
func (i *image) RawConfigFile() ([]byte, error)            { return i.app.Config, nil }
func (i *image) Digest() (v1.Hash, error)                  { return v1.NewHash(string(i.app.Digest)) }
func (i *image) Manifest() (*v1.Manifest, error)           { return i.parsed, nil }
func (i *image) RawManifest() ([]byte, error)              { return i.app.Manifest, nil }
func (i *image) LayerByDiffID(h v1.Hash) (v1.Layer, error) { return i.LayerByDigest(h) }

func (i *image) ConfigFile() (*v1.ConfigFile, error) {
	return v1.ParseConfigFile(bytes.NewReader(i.app.Config))
}

func (i *image) LayerByDigest(h v1.Hash) (v1.Layer, error) {
	for _, l := range i.layers {
		if got, err := l.Digest(); err == nil && got == h {
			return l, nil
		}
	}
	return nil, fmt.Errorf("layer %s: %w", h, store.ErrNotFound)
}

// A layer shows a layer of an app. What is compressed about it, if anything, is
// its own matter.
type layer struct {
	pack.Layer
	hash v1.Hash
}

func (l layer) Digest() (v1.Hash, error)             { return l.hash, nil }
func (l layer) DiffID() (v1.Hash, error)             { return l.hash, nil }
func (l layer) Compressed() (io.ReadCloser, error)   { return l.Open() }
func (l layer) Uncompressed() (io.ReadCloser, error) { return l.Open() }
func (l layer) Size() (int64, error)                 { return l.Layer.Size, nil }
func (l layer) MediaType() (types.MediaType, error)  { return types.MediaType(l.Layer.MediaType), nil }
