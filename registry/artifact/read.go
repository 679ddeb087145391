package artifact

import (
	"encoding/json"
	"errors"
	"fmt"
)

// ErrNotSpin says that an artifact is no Spin app.
var ErrNotSpin = errors.New("it is not a Spin app")

// ReadLock returns the lock of the artifact m and checks that m holds what it
// refers to. It is in the layer that is there for it; in very old artifacts it is
// the image config; and an artifact of nothing but a wasm binary, as package
// registries have them, is an app of one http component on every path. Read gets
// a blob, of which no more than the size in its descriptor is wanted; ReadLock
// checks size and digest of what it gets.
func (m Manifest) ReadLock(read func(Descriptor) ([]byte, error)) (Lock, error) {
	d, ok := m.LockLayer()
	if !ok && len(m.Layers) == 1 && (m.Layers[0].MediaType == WasmType || m.Layers[0].MediaType == PackageWasmType) {
		return m.packageLock(), nil
	}
	if !ok && m.Config.MediaType != ConfigType {
		return Lock{}, fmt.Errorf("%w: no layer is of type %s", ErrNotSpin, LockType)
	}
	if d.Size > MaxLockSize {
		return Lock{}, fmt.Errorf("lock: %d bytes, the limit is %d", d.Size, MaxLockSize)
	}
	b, err := read(d)
	if err != nil {
		return Lock{}, err
	}
	if int64(len(b)) != d.Size || !d.Digest.Matches(b) {
		return Lock{}, fmt.Errorf("lock: what is there as %s is something else", d.Digest)
	}
	l, err := ParseLock(b)
	if err != nil && !ok {
		return Lock{}, fmt.Errorf("%w: no layer is of type %s", ErrNotSpin, LockType)
	}
	if err != nil {
		return Lock{}, err
	}
	return l, Check(m, l)
}

// packageLock returns the lock for an artifact that is just a binary.
func (m Manifest) packageLock() Lock {
	name := m.Annotations["org.opencontainers.image.title"]
	if name == "" {
		name = "package"
	}
	return Lock{
		Metadata: Metadata{
			Name:     name,
			Trigger:  json.RawMessage(`{"type":"http"}`),
			Triggers: map[string]json.RawMessage{},
		},
		Triggers:   []Trigger{{ID: "main-http-trigger", Type: "http", Config: json.RawMessage(`{"component":"main","route":"/..."}`)}},
		Components: []Component{{ID: "main", Source: Source{ContentType: "application/wasm", Digest: m.Layers[0].Digest}}},
	}
}
