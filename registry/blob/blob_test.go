package blob_test

import (
	"bytes"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/registry/blob"
	"github.com/neutrino-local/neutrino-local/registry/blob/blobtest"
	"github.com/neutrino-local/neutrino-local/store"
)

func openDisk(t testing.TB, dir string) *blob.Disk {
	t.Helper()
	d, err := blob.OpenDisk(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatalf("OpenDisk: %v", err)
	}
	return d
}

func TestMemory(t *testing.T) {
	blobtest.Run(t, func(*testing.T) blob.Store { return blob.NewMemory() })
}

func TestDisk(t *testing.T) {
	blobtest.Run(t, func(t *testing.T) blob.Store {
		dir := t.TempDir()
		t.Cleanup(func() { checkNoUploads(t, dir) })
		return openDisk(t, dir)
	})
}

func checkNoUploads(t *testing.T, dir string) {
	t.Helper()
	left, err := os.ReadDir(filepath.Join(dir, "uploads"))
	if err != nil || len(left) != 0 {
		t.Errorf("uploads/ has %v, %v, want nothing", left, err)
	}
}

func pathOf(dir string, d artifact.Digest) string {
	return filepath.Join(dir, d.Algorithm(), d.Hex())
}

func TestDiskIsThereAfterRestart(t *testing.T) {
	dir := t.TempDir()
	first := openDisk(t, dir)
	content := blobtest.Bytes(1, 10_000)
	d := blobtest.Put(t, first, content)
	u, err := first.Create()
	if err != nil {
		t.Fatalf("Create: %v", err)
	}
	if _, err := u.Append(bytes.NewReader(content)); err != nil {
		t.Fatalf("Append: %v", err)
	}
	// No Close: the first process was killed with an upload under way.
	second := openDisk(t, dir)
	defer second.Close()
	checkNoUploads(t, dir)
	if size, err := second.Stat(d); size != 10_000 || second.Used() != 10_000 || err != nil {
		t.Errorf("Stat = %d, %v; Used = %d, want 10000", size, err, second.Used())
	}
	if err := errors.Join(u.Cancel(), first.Close()); err != nil {
		t.Error(err)
	}
}

// A power cut can leave a name without all of its bytes. The test hurts files
// behind the store's back, as old or as young as it wants them.
func TestDiskFindsWhatAPowerCutHurt(t *testing.T) {
	whole := blobtest.Bytes(1, 10_000)
	zeros := make([]byte, len(whole))
	tests := []struct {
		name    string
		after   []byte        // what the cut left
		age     time.Duration // of the file, against "synced"
		wantErr error
	}{
		{"shorter", whole[:100], 0, store.ErrNotFound},
		{"empty", nil, 0, store.ErrNotFound},
		{"of the right size", zeros, 0, store.ErrNotFound},
		{"unhurt", whole, 0, nil},
		{"unhurt and synced", whole, time.Hour, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			before := openDisk(t, dir)
			d := blobtest.Put(t, before, whole)
			if err := before.Close(); err != nil {
				t.Fatal(err)
			}
			path := pathOf(dir, d)
			synced, err := os.Stat(filepath.Join(dir, "synced"))
			if err != nil {
				t.Fatal(err)
			}
			at := synced.ModTime().Add(-tt.age)
			if err := errors.Join(os.WriteFile(path, tt.after, 0o600), os.Chtimes(path, at, at)); err != nil {
				t.Fatal(err)
			}
			after := openDisk(t, dir)
			defer after.Close()
			if _, err := after.Stat(d); !errors.Is(err, tt.wantErr) {
				t.Errorf("Stat = %v, want %v", err, tt.wantErr)
			}
			if _, err := os.Stat(path); tt.wantErr != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the hurt file is still there: %v", err)
			}
			blobtest.Put(t, after, whole)
			f, err := after.Open(d)
			if err != nil {
				t.Fatalf("Open after the content was pushed again: %v", err)
			}
			defer f.Close()
			if after.Used() != int64(len(whole)) {
				t.Errorf("Used() = %d, want %d", after.Used(), len(whole))
			}
		})
	}
}

// A push heals a suspect before anybody has looked at it.
func TestDiskReplacesASuspect(t *testing.T) {
	dir := t.TempDir()
	content := blobtest.Bytes(1, 5000)
	before := openDisk(t, dir)
	d := blobtest.Put(t, before, content)
	if err := before.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(pathOf(dir, d), make([]byte, 5000), 0o600); err != nil {
		t.Fatal(err)
	}
	after := openDisk(t, dir)
	defer after.Close()
	blobtest.Put(t, after, content)
	if got, err := os.ReadFile(pathOf(dir, d)); !bytes.Equal(got, content) || err != nil {
		t.Errorf("the file has %d bytes that are not the content, %v", len(got), err)
	}
}

func TestDiskThatCannotWrite(t *testing.T) {
	dir := t.TempDir()
	d := openDisk(t, dir)
	defer d.Close()
	if err := os.RemoveAll(filepath.Join(dir, "uploads")); err != nil {
		t.Fatal(err)
	}
	u, err := d.Create()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := u.Append(bytes.NewReader([]byte("x"))); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Append = %v, want %v", err, fs.ErrNotExist)
	}
	if err := u.Commit(artifact.SHA256([]byte("x"))); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Commit = %v, want %v", err, fs.ErrNotExist)
	}
}

func TestOpenDiskIgnoresStrangers(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "sha256", "ab"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "sha256", "ab", "note"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	d := openDisk(t, dir)
	defer d.Close()
	if got := blobtest.Digests(t, d); len(got) != 0 || d.Used() != 0 {
		t.Errorf("the store has %v, want nothing", got)
	}
}

func BenchmarkPut(b *testing.B) {
	for _, size := range []struct {
		name string
		n    int
	}{{"16KiB", 16 << 10}, {"64MiB", 64 << 20}} {
		content := blobtest.Bytes(1, size.n)
		d := artifact.SHA256(content)
		run := func(b *testing.B, s blob.Store) {
			b.SetBytes(int64(size.n))
			b.ReportAllocs()
			for b.Loop() {
				u, err := s.Create()
				if err != nil {
					b.Fatal(err)
				}
				if _, err := u.Append(bytes.NewReader(content)); err != nil {
					b.Fatal(err)
				}
				if err := errors.Join(u.Commit(d), s.Delete(d)); err != nil {
					b.Fatal(err)
				}
			}
		}
		b.Run("memory/"+size.name, func(b *testing.B) { run(b, blob.NewMemory()) })
		b.Run("disk/"+size.name, func(b *testing.B) {
			d := openDisk(b, b.TempDir())
			defer d.Close()
			run(b, d)
		})
	}
}
