package artifact

import (
	"encoding/json"
	"fmt"
	"slices"
)

// A Manifest is the OCI image manifest of a Spin app. Spin writes neither
// mediaType nor artifactType.
type Manifest struct {
	SchemaVersion int               `json:"schemaVersion"`
	MediaType     string            `json:"mediaType,omitempty"`
	Config        Descriptor        `json:"config"`
	Layers        []Descriptor      `json:"layers"`
	Annotations   map[string]string `json:"annotations,omitempty"`
}

// ParseManifest returns the image manifest in b. Its descriptors have valid
// digests and sizes that are not negative, and one digest has one size.
func ParseManifest(b []byte) (Manifest, error) {
	if err := bound("manifest", b, MaxManifestSize); err != nil {
		return Manifest{}, err
	}
	var m Manifest
	if err := json.Unmarshal(b, &m); err != nil {
		return Manifest{}, fmt.Errorf("manifest: %w", err)
	}
	if m.SchemaVersion != 2 {
		return Manifest{}, fmt.Errorf("manifest: schemaVersion %d, want 2", m.SchemaVersion)
	}
	if m.MediaType != "" && m.MediaType != ManifestType {
		return Manifest{}, fmt.Errorf("manifest: media type %.100q, want %s", m.MediaType, ManifestType)
	}
	sizes := make(map[Digest]int64, len(m.Layers)+1)
	for i, d := range slices.Concat([]Descriptor{m.Config}, m.Layers) {
		place := fmt.Sprintf("layer %d", i-1)
		if i == 0 {
			place = "config"
		}
		if err := d.check(); err != nil {
			return Manifest{}, fmt.Errorf("manifest: %s: %w", place, err)
		}
		if size, ok := sizes[d.Digest]; ok && size != d.Size {
			return Manifest{}, fmt.Errorf("manifest: %s: %s has two sizes, %d and %d", place, d.Digest, size, d.Size)
		}
		sizes[d.Digest] = d.Size
	}
	return m, nil
}

func (d Descriptor) check() error {
	if _, err := ParseDigest(string(d.Digest)); err != nil {
		return err
	}
	if d.Size < 0 {
		return fmt.Errorf("size %d of %s", d.Size, d.Digest)
	}
	return nil
}

// JSON returns the manifest in canonical form: compact, with sorted keys.
func (m Manifest) JSON() ([]byte, error) {
	b, err := JSON(m)
	if err != nil {
		return nil, err
	}
	var tree map[string]any
	if err := unmarshalNumbers(b, &tree); err != nil {
		return nil, err
	}
	return JSON(tree)
}

// LockLayer returns where the lock is: the last layer of its type or, as in
// very old artifacts, the config. It reports false for what is not a Spin app.
func (m Manifest) LockLayer() (Descriptor, bool) {
	for _, d := range slices.Backward(m.Layers) {
		if d.MediaType == LockType {
			return d, true
		}
	}
	return m.Config, m.Config.MediaType == LockType
}

// Layer returns the layer with digest d.
func (m Manifest) Layer(d Digest) (Descriptor, bool) {
	i := slices.IndexFunc(m.Layers, func(l Descriptor) bool { return l.Digest == d })
	if i < 0 {
		return Descriptor{}, false
	}
	return m.Layers[i], true
}

// Size returns the bytes of the distinct layers: what the limit on the size of
// an app counts. A sum that does not fit is the largest int64.
func (m Manifest) Size() int64 {
	var sum int64
	seen := make(map[Digest]bool, len(m.Layers))
	for _, l := range m.Layers {
		if seen[l.Digest] {
			continue
		}
		seen[l.Digest] = true
		if sum += l.Size; sum < 0 {
			return 1<<63 - 1
		}
	}
	return sum
}

// Blobs returns the digests of the config and the distinct layers, in order.
func (m Manifest) Blobs() []Digest {
	blobs := []Digest{m.Config.Digest}
	seen := map[Digest]bool{m.Config.Digest: true}
	for _, l := range m.Layers {
		if !seen[l.Digest] {
			seen[l.Digest] = true
			blobs = append(blobs, l.Digest)
		}
	}
	return blobs
}
