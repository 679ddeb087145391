package registry

import (
	"bytes"
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/registry/blob"
	"github.com/neutrino-local/neutrino-local/store/sqlite"
)

// process is a registry of one process on a state directory.
func process(t *testing.T, dir string) (f *fixture, end func()) {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(dir, "test.db"))
	if err != nil {
		t.Fatal(err)
	}
	f = &fixture{t: t, db: db, dir: filepath.Join(dir, "blobs")}
	disk, err := blob.OpenDisk(f.dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if f.Server, err = New(Config{Blobs: disk, Index: db, Log: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(f.Server)
	f.url = server.URL
	return f, func() {
		server.Close()
		if err := f.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if err := disk.Close(); err != nil {
			t.Error(err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestAfterAKill starts a second process on what a first one has acknowledged
// when it stopped without a word, in the middle of an upload.
func TestAfterAKill(t *testing.T) {
	dir := t.TempDir()
	first, endFirst := process(t, dir)
	layer := content(1, 100_000)
	raw := first.image("kill/x", layer)
	first.pushManifest("kill/x", "v1", raw)
	at := first.chunk(first.begin("kill/x", ""), 0, content(2, 50_000))

	second, endSecond := process(t, dir)
	if got := second.want(200, "GET", "/v2/kill/x/manifests/v1", nil); !bytes.Equal(got.body, raw) {
		t.Error("the manifest differs")
	}
	if got := second.want(200, "GET", blobPath("kill/x", artifact.SHA256(layer)), nil); !bytes.Equal(got.body, layer) {
		t.Error("the layer differs")
	}
	if got := second.want(404, "PATCH", at, nil); got.code(t) != "BLOB_UPLOAD_UNKNOWN" {
		t.Errorf("an upload of the first process: %s", got.code(t))
	}
	second.checkNoUploads()
	if freed := second.gc(); freed.Blobs != 0 {
		t.Errorf("freed %+v, want nothing", freed)
	}
	endSecond()
	endFirst()
}
