package wagi

import (
	"context"
	"io"
	"strings"
	"testing"

	experimental "github.com/tetratelabs/wazero/experimental/sys"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/runtime/files"
)

// counted is content that knows how often it is open.
type counted struct {
	*strings.Reader
	open *int
}

func (c counted) Close() error { *c.open--; return nil }

func newTestMount(t *testing.T) (m *mount, open *int) {
	t.Helper()
	open = new(int)
	tree, err := files.New(t.Context(), []artifact.File{
		{Path: "d/file", Digest: "sha256:x"}, {Path: "d/other", Digest: "sha256:x"},
	}, func(context.Context, artifact.Digest) (files.Content, error) {
		*open++
		return counted{strings.NewReader("content"), open}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return newMount(t.Context, tree), open
}

func TestMountOpen(t *testing.T) {
	tests := []struct {
		path string
		flag experimental.Oflag
		want experimental.Errno
	}{
		{"d/file", experimental.O_RDONLY, 0},
		{"", experimental.O_RDONLY, 0},
		{"d", experimental.O_DIRECTORY, 0},
		{"d/file", experimental.O_CREAT, 0}, // it is there already
		{"none", experimental.O_RDONLY, experimental.ENOENT},
		{"none", experimental.O_CREAT, experimental.EROFS},
		{"d/file/x", experimental.O_CREAT, experimental.ENOTDIR},
		{"d/file", experimental.O_CREAT | experimental.O_EXCL, experimental.EEXIST},
		{"d/file", experimental.O_DIRECTORY, experimental.ENOTDIR},
		{"d/file", experimental.O_RDWR, experimental.EROFS},
		{"d/file", experimental.O_WRONLY, experimental.EROFS},
		{"d/file", experimental.O_TRUNC, experimental.EROFS},
		{"d", experimental.O_RDWR, experimental.EISDIR},
	}
	for _, tt := range tests {
		m, _ := newTestMount(t)
		if _, errno := m.OpenFile(tt.path, tt.flag, 0); errno != tt.want {
			t.Errorf("OpenFile(%q, %b) = %v, want %v", tt.path, tt.flag, errno, tt.want)
		}
	}
}

func TestMountRead(t *testing.T) {
	m, open := newTestMount(t)
	f, errno := m.OpenFile("d/file", experimental.O_RDONLY, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	if *open != 0 {
		t.Error("content is open before it is read")
	}
	b := make([]byte, 100)
	if n, errno := f.Read(b[:3]); string(b[:n]) != "con" || errno != 0 {
		t.Errorf("Read = %q, %v", b[:n], errno)
	}
	if n, errno := f.Pread(b, 4); string(b[:n]) != "ent" || errno != 0 {
		t.Errorf("Pread = %q, %v", b[:n], errno)
	}
	if n, errno := f.Read(b); string(b[:n]) != "tent" || errno != 0 {
		t.Errorf("Read = %q, %v", b[:n], errno)
	}
	if n, errno := f.Read(b); n != 0 || errno != 0 {
		t.Errorf("Read at the end = %d, %v", n, errno)
	}
	if at, errno := f.Seek(-2, io.SeekEnd); at != 5 || errno != 0 {
		t.Errorf("Seek = %d, %v", at, errno)
	}
	if _, errno := f.Seek(-1, io.SeekStart); errno == 0 {
		t.Error("Seek before the start: no error")
	}
	if _, errno := f.Write([]byte("x")); errno == 0 {
		t.Error("Write: no error")
	}
	if *open != 1 {
		t.Errorf("content is open %d times", *open)
	}
	m.close() // the guest has left it open
	if *open != 0 || len(m.open) != 0 {
		t.Errorf("content is open %d times after the guest", *open)
	}
}

func TestMountDirectory(t *testing.T) {
	m, _ := newTestMount(t)
	d, errno := m.OpenFile("d", experimental.O_DIRECTORY, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	names := func() (s string) {
		for {
			entries, errno := d.Readdir(1)
			if errno != 0 {
				t.Fatal(errno)
			}
			if len(entries) == 0 {
				return s
			}
			s += entries[0].Name + " "
		}
	}
	if got := names(); got != "file other " {
		t.Errorf("entries %q", got)
	}
	if _, errno := d.Seek(0, io.SeekStart); errno != 0 {
		t.Fatal(errno)
	}
	if got := names(); got != "file other " {
		t.Errorf("entries after a rewind %q", got)
	}
	if _, errno := d.Read(make([]byte, 1)); errno != experimental.EISDIR {
		t.Errorf("Read of a directory: %v", errno)
	}
	a, _ := m.Stat("d/file")
	b, _ := m.Stat("d/other")
	if a.Ino == b.Ino || a.Size != 7 {
		t.Errorf("Stat = %+v and %+v", a, b)
	}
}

func TestMountBoundsOpenFiles(t *testing.T) {
	m, _ := newTestMount(t)
	for range maxOpen {
		if _, errno := m.OpenFile("d/file", experimental.O_RDONLY, 0); errno != 0 {
			t.Fatal(errno)
		}
	}
	if _, errno := m.OpenFile("d/file", experimental.O_RDONLY, 0); errno != experimental.EAGAIN {
		t.Errorf("one more: %v, want EAGAIN", errno)
	}
}
