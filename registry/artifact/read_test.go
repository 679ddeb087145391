package artifact

import (
	"errors"
	"strings"
	"testing"
)

func TestReadLock(t *testing.T) {
	const small = `{"spin_lock_version":0,"metadata":{"name":"small","triggers":{}},"triggers":[],"components":[]}`
	of := func(mediaType, content string) Descriptor {
		return Descriptor{mediaType, SHA256([]byte(content)), int64(len(content))}
	}
	blobs := map[Digest]string{}
	for _, content := range []string{small, "{}", pushed} {
		blobs[SHA256([]byte(content))] = content
	}
	read := func(d Descriptor) ([]byte, error) { return []byte(blobs[d.Digest]), nil }
	huge := of(LockType, small)
	huge.Size = MaxLockSize + 1
	lies := of(LockType, small)
	lies.Size++
	tests := []struct {
		name     string
		manifest Manifest
		want     string // the app's name
		wantErr  string
	}{
		{"layer", Manifest{Config: of(ConfigType, "{}"), Layers: []Descriptor{of(LockType, small)}}, "small", ""},
		{"config", Manifest{Config: of(ConfigType, small)}, "small", ""},
		{"config of the lock's type", Manifest{Config: of(LockType, small)}, "small", ""},
		{"package", Manifest{Config: of("x", "{}"), Layers: []Descriptor{of(PackageWasmType, "wasm")}}, "package", ""},
		{"image", Manifest{Config: of(ConfigType, "{}"), Layers: []Descriptor{of("tar", "x")}}, "", "not a Spin app"},
		{"other", Manifest{Config: of("x", small), Layers: []Descriptor{of("tar", "x")}}, "", "not a Spin app"},
		{"incomplete", Manifest{Layers: []Descriptor{of(LockType, pushed)}}, "", "no layer has its source"},
		{"huge", Manifest{Layers: []Descriptor{huge}}, "", "the limit is"},
		{"lies", Manifest{Layers: []Descriptor{lies}}, "", "something else"},
		{"gone", Manifest{Layers: []Descriptor{of(LockType, "gone")}}, "", "something else"},
	}
	for _, tt := range tests {
		l, err := tt.manifest.ReadLock(read)
		if tt.wantErr != "" {
			if err == nil || !strings.Contains(err.Error(), tt.wantErr) {
				t.Errorf("%s: ReadLock = %v, want %q", tt.name, err, tt.wantErr)
			}
			continue
		}
		if err != nil || l.Metadata.Name != tt.want {
			t.Errorf("%s: ReadLock = %q, %v, want %q", tt.name, l.Metadata.Name, err, tt.want)
			continue
		}
		b, err := l.JSON()
		if err != nil {
			t.Error(err)
		}
		if _, err := ParseLock(b); err != nil {
			t.Errorf("%s: its lock is none: %v", tt.name, err)
		}
	}
	why := errors.New("broken")
	m := Manifest{Layers: []Descriptor{of(LockType, small)}}
	if _, err := m.ReadLock(func(Descriptor) ([]byte, error) { return nil, why }); !errors.Is(err, why) {
		t.Errorf("ReadLock = %v, want %v", err, why)
	}
}
