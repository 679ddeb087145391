package artifact

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func tarball(t testing.TB, headers ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, h := range headers {
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(bytes.Repeat([]byte("x"), int(h.Size))); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func unpack(b []byte, limits ArchiveLimits) (map[string]string, error) {
	files := make(map[string]string)
	for f, err := range Archive(bytes.NewReader(b), limits) {
		if err != nil {
			return files, err
		}
		content, err := io.ReadAll(f)
		if err != nil {
			return files, err
		}
		files[f.Path] = string(content)
	}
	return files, nil
}

func TestArchive(t *testing.T) {
	b := tarball(t,
		tar.Header{Name: "./", Typeflag: tar.TypeDir},
		tar.Header{Name: "./a/", Typeflag: tar.TypeDir},
		tar.Header{Name: "./a/b", Typeflag: tar.TypeReg, Size: 3},
		tar.Header{Name: "c", Typeflag: tar.TypeReg})
	got, err := unpack(b, ArchiveLimits{Bytes: 3, Entries: 4})
	if diff := cmp.Diff(map[string]string{"a/b": "xxx", "c": ""}, got); err != nil || diff != "" {
		t.Errorf("Archive: %v (-want +got):\n%s", err, diff)
	}
}

func TestArchiveErrors(t *testing.T) {
	file := func(name string, size int64) tar.Header {
		return tar.Header{Name: name, Typeflag: tar.TypeReg, Size: size}
	}
	tests := []struct {
		name    string
		archive []byte
		want    string
	}{
		{"outside", tarball(t, file("../a", 0)), "invalid file mount"},
		{"inside and out", tarball(t, file("a/../../b", 0)), "invalid file mount"},
		{"absolute", tarball(t, file("/etc/passwd", 0)), "invalid file mount"},
		{"link", tarball(t, tar.Header{Name: "a", Typeflag: tar.TypeSymlink, Linkname: "/"}), "neither a file nor a directory"},
		{"hard link", tarball(t, tar.Header{Name: "a", Typeflag: tar.TypeLink, Linkname: "b"}), "neither a file nor a directory"},
		{"device", tarball(t, tar.Header{Name: "a", Typeflag: tar.TypeChar}), "neither a file nor a directory"},
		{"twice", tarball(t, file("a", 0), file("a", 0)), "there twice"},
		{"file and directory", tarball(t, file("a", 0), file("a/b", 0)), "is a file"},
		{"large", tarball(t, file("a", 101)), "more than the limit of 100 bytes"},
		{"large in sum", tarball(t, file("a", 60), file("b", 60)), "more than the limit"},
		{"many", tarball(t, file("a", 0), file("b", 0), file("c", 0), file("d", 0), file("e", 0)), "more than 4 entries"},
		{"no gzip", []byte("plain text here"), "gzip"},
		{"cut short", tarball(t, file("a", 50))[:40], "unexpected EOF"},
	}
	for _, tt := range tests {
		_, err := unpack(tt.archive, ArchiveLimits{Bytes: 100, Entries: 4})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Archive(%s) = %v, want %q", tt.name, err, tt.want)
		}
	}
}

func TestArchiveBomb(t *testing.T) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for range 40 { // extended headers in front of one file that never comes
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"comment": strings.Repeat("x", 1<<19)}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := unpack(b.Bytes(), ArchiveLimits{Bytes: 100, Entries: 100}); err == nil || !strings.Contains(err.Error(), "more than the limit") {
		t.Errorf("Archive of endless headers = %v", err)
	}
}

func FuzzArchive(f *testing.F) {
	f.Add(tarball(f, tar.Header{Name: "a/b", Typeflag: tar.TypeReg, Size: 3}))
	f.Fuzz(func(t *testing.T, b []byte) {
		files, _ := unpack(b, ArchiveLimits{Bytes: 1 << 16, Entries: 16})
		sum := 0
		for path, content := range files {
			if !ValidFilePath(path) {
				t.Fatalf("path %q", path)
			}
			sum += len(content)
		}
		if sum > 1<<16 || len(files) > 16 {
			t.Fatalf("%d bytes in %d files", sum, len(files))
		}
	})
}
