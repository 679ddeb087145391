package artifact

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const digestA = Digest("sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
const digestB = Digest("sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb")

func TestManifest(t *testing.T) {
	m := Manifest{
		SchemaVersion: 2,
		Config:        Descriptor{ConfigType, digestA, 7},
		Layers:        []Descriptor{{WasmType, digestB, 5}, {FileType, digestB, 5}, {LockType, digestA, 7}},
		Annotations:   map[string]string{"org.opencontainers.image.title": "<x>"},
	}
	b, err := m.JSON()
	if err != nil {
		t.Fatal(err)
	}
	want := `{"annotations":{"org.opencontainers.image.title":"<x>"},"config":{"digest":"` + string(digestA) +
		`","mediaType":"application/vnd.oci.image.config.v1+json","size":7},"layers":[{"digest":"` + string(digestB)
	if !strings.HasPrefix(string(b), want) {
		t.Errorf("JSON() = %s, want prefix %s", b, want)
	}
	got, err := ParseManifest(b)
	if diff := cmp.Diff(m, got); err != nil || diff != "" {
		t.Errorf("ParseManifest(JSON()): %v (-want +got):\n%s", err, diff)
	}
	if got.Size() != 12 {
		t.Errorf("Size() = %d, want 12: each digest counts once", got.Size())
	}
	if diff := cmp.Diff([]Digest{digestA, digestB}, got.Blobs()); diff != "" {
		t.Errorf("Blobs() (-want +got):\n%s", diff)
	}
	if d, ok := got.LockLayer(); !ok || d.Digest != digestA {
		t.Errorf("LockLayer() = %v, %v", d, ok)
	}
}

func TestParseManifestErrors(t *testing.T) {
	manifest := func(layers string) string {
		return `{"schemaVersion":2,"config":{"mediaType":"x","digest":"` + string(digestA) + `","size":1},"layers":[` + layers + `]}`
	}
	tests := []struct{ manifest, want string }{
		{``, "manifest:"},
		{`{"schemaVersion":1}`, "schemaVersion 1, want 2"},
		{`{"schemaVersion":2,"mediaType":"` + IndexType + `"}`, "media type"},
		{`{"schemaVersion":2}`, "config: digest"},
		{manifest(`{"mediaType":"x","digest":"md5:1","size":1}`), "layer 0: digest"},
		{manifest(`{"mediaType":"x","digest":"` + string(digestB) + `","size":-1}`), "layer 0: size -1"},
		{manifest(`{"mediaType":"x","digest":"` + string(digestA) + `","size":2}`), "two sizes, 1 and 2"},
	}
	for _, tt := range tests {
		_, err := ParseManifest([]byte(tt.manifest))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("ParseManifest(%s) = %v, want %q", tt.manifest, err, tt.want)
		}
	}
}

func TestSizeOverflow(t *testing.T) {
	m := Manifest{Layers: []Descriptor{{Digest: digestA, Size: 1<<63 - 1}, {Digest: digestB, Size: 1}}}
	if got := m.Size(); got != 1<<63-1 {
		t.Errorf("Size() = %d", got)
	}
}

func TestCheck(t *testing.T) {
	l, err := ParseLock([]byte(pushed))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		layers []Descriptor
		want   string
	}{
		{[]Descriptor{{WasmType, wasmDigest, 8}}, ""},
		{nil, `component "web": no layer has its source`},
		{[]Descriptor{{WasmType, wasmDigest, 8}, {FileType, l.Components[0].Files[0].Digest, 6}}, "its layer has 6 bytes, its content 5"},
	}
	for _, tt := range tests {
		err := Check(Manifest{Layers: tt.layers}, l)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Check(%v) = %v, want %q", tt.layers, err, tt.want)
		}
	}
	l.Components[0].Files[1].Digest = digestB
	m := Manifest{Layers: []Descriptor{{WasmType, wasmDigest, 8}}}
	if err := Check(m, l); err == nil || !strings.Contains(err.Error(), `file "assets/big.png": no layer has`) {
		t.Errorf("Check with a missing file = %v", err)
	}
	m.Layers = append(m.Layers, Descriptor{ArchiveType, digestA, 8})
	if err := Check(m, l); err != nil {
		t.Errorf("Check with an archive = %v", err)
	}
}

func FuzzParseManifest(f *testing.F) {
	f.Add([]byte(`{"schemaVersion":2,"config":{"mediaType":"x","digest":"` + string(digestA) + `","size":1},"layers":[]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ParseManifest(b)
		if err != nil {
			return
		}
		m.LockLayer()
		if m.Size() < 0 {
			t.Fatal("negative size")
		}
		out, err := m.JSON()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseManifest(out); err != nil {
			t.Fatalf("ParseManifest(%s) of our own JSON: %v", out, err)
		}
	})
}
