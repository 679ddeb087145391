package registry

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
)

// TestCrane pushes and pulls with the library of crane, with each way to log in.
func TestCrane(t *testing.T) {
	for _, store := range stores {
		for _, auth := range []struct {
			name   string
			change func(*Config)
		}{
			{"anonymous", func(*Config) {}},
			{"basic", func(c *Config) { withSecrets(c); c.Basic = true }},
			{"bearer", withSecrets},
		} {
			t.Run(store+"/"+auth.name, func(t *testing.T) { crane(t, newFixture(t, store, auth.change)) })
		}
	}
}

func crane(t *testing.T, f *fixture) {
	opts := []remote.Option{
		remote.WithContext(t.Context()), remote.WithAuth(&authn.Basic{Username: "x", Password: "s-one"}), remote.WithJobs(8),
	}
	ref := func(s string) name.Reference {
		r, err := name.ParseReference(strings.TrimPrefix(f.url, "http://")+"/"+s, name.Insecure)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	image, err := random.Image(50_000, 6)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref("one/crane:v1"), image, opts...); err != nil {
		t.Fatalf("Write: %v", err)
	}
	got, err := remote.Image(ref("one/crane:v1"), opts...)
	if err != nil {
		t.Fatalf("Image: %v", err)
	}
	sameLayers(t, image, got)
	if err := remote.Write(ref("one/copy:v1"), got, opts...); err != nil { // mounts the layers
		t.Fatalf("Write of a copy: %v", err)
	}
	index := mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: image})
	index = mutate.Subject(index, describeImage(t, image)).(v1.ImageIndex)
	if err := remote.WriteIndex(ref("one/crane:all"), index, opts...); err != nil {
		t.Fatalf("WriteIndex: %v", err)
	}
	referrers, err := remote.Referrers(ref("one/crane@"+describeImage(t, image).Digest.String()).(name.Digest), opts...)
	if err != nil {
		t.Fatalf("Referrers: %v", err)
	}
	if m, err := referrers.IndexManifest(); err != nil || len(m.Manifests) != 1 {
		t.Errorf("Referrers = %+v, %v, want the index", m, err)
	}
	tags, err := remote.List(ref("one/crane").Context(), opts...)
	if strings.Join(tags, " ") != "all v1" || err != nil {
		t.Errorf("List = %v, %v, want all and v1", tags, err)
	}
	if err := remote.Delete(ref("one/crane:all"), opts...); err != nil {
		t.Errorf("Delete: %v", err)
	}
}

func describeImage(t *testing.T, image v1.Image) v1.Descriptor {
	t.Helper()
	digest, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	size, err := image.Size()
	if err != nil {
		t.Fatal(err)
	}
	return v1.Descriptor{MediaType: artifact.ManifestType, Digest: digest, Size: size}
}

func sameLayers(t *testing.T, want, got v1.Image) {
	t.Helper()
	wantLayers, err := want.Layers()
	if err != nil {
		t.Fatal(err)
	}
	gotLayers, err := got.Layers()
	if err != nil || len(gotLayers) != len(wantLayers) {
		t.Fatalf("%d layers, %v, want %d", len(gotLayers), err, len(wantLayers))
	}
	for i := range wantLayers {
		var b [2][]byte
		for j, l := range []v1.Layer{wantLayers[i], gotLayers[i]} {
			r, err := l.Compressed()
			if err != nil {
				t.Fatal(err)
			}
			if b[j], err = io.ReadAll(r); err != nil {
				t.Fatal(err)
			}
			r.Close()
		}
		if !bytes.Equal(b[0], b[1]) {
			t.Errorf("layer %d differs", i)
		}
	}
}

// TestHTTP2 pushes and pulls over HTTP/2 without TLS, where a body that is cut
// must not take the connection with it.
func TestHTTP2(t *testing.T) {
	f := newFixture(t, "disk")
	server := httptest.NewUnstartedServer(f.Server)
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	defer server.Close()
	transport := &http.Transport{Protocols: server.Config.Protocols}
	defer transport.CloseIdleConnections()
	do := func(method, path string, body io.Reader) *http.Response {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, body)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := transport.RoundTrip(r)
		if err != nil {
			t.Fatalf("%s %s: %v", method, path, err)
		}
		t.Cleanup(func() { resp.Body.Close() })
		return resp
	}
	at := do("POST", "/v2/h2/x/blobs/uploads/", nil).Header.Get("Location")
	body, hold := io.Pipe()
	hanging := make(chan int)
	go func() { hanging <- do("PATCH", at, body).StatusCode }()
	if _, err := hold.Write(content(1, 1000)); err != nil {
		t.Fatal(err)
	}
	c := content(2, 300_000)
	d := artifact.SHA256(c)
	if got := do("POST", "/v2/h2/x/blobs/uploads/?digest="+string(d), bytes.NewReader(c)); got.StatusCode != 201 {
		t.Errorf("POST beside a body that hangs = %d, want 201", got.StatusCode)
	}
	if got := do("DELETE", at, nil); got.StatusCode != 204 {
		t.Errorf("DELETE of the upload that hangs = %d, want 204", got.StatusCode)
	}
	hold.Close()
	if got := <-hanging; got != 400 && got != 408 {
		t.Errorf("the body that hangs = %d, want 400", got)
	}
	got, err := io.ReadAll(do("GET", blobPath("h2/x", d), nil).Body)
	if !bytes.Equal(got, c) || err != nil {
		t.Errorf("GET = %d bytes, %v, want %d", len(got), err, len(c))
	}
}
