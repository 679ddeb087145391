package filesystem

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/neutrino-local/neutrino-local/runtime/wasi/stream"
)

// granted returns a descriptor of a new directory of the host, and its name.
func granted(t *testing.T, flags Flags) (*Descriptor, string) {
	t.Helper()
	name := t.TempDir()
	d, err := Root(name, flags, new(int))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeIt(t, d) })
	return d, name
}

func closeIt(t *testing.T, d *Descriptor) {
	t.Helper()
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}

func put(t *testing.T, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
}

func want(t *testing.T, what string, got error, code error) {
	t.Helper()
	if !errors.Is(got, code) || (got == nil) != (code == nil) {
		t.Errorf("%s = %v, want %v", what, got, code)
	}
}

const all = Read | MutateDirectory

func TestRootReadsAndWrites(t *testing.T) {
	d, name := granted(t, all)
	f, err := d.OpenAt(true, "a.txt", Create|Exclusive, Read|Write)
	if err != nil {
		t.Fatal(err)
	}
	defer closeIt(t, f)
	if n, err := f.Write([]byte("hello world"), 0); n != 11 || err != nil {
		t.Errorf("Write = %d, %v", n, err)
	}
	if b, end, err := f.Read(5, 6); string(b) != "world" || end || err != nil {
		t.Errorf("Read = %q, %v, %v", b, end, err)
	}
	if b, end, err := f.Read(1<<62, 6); string(b) != "world" || !end || err != nil {
		t.Errorf("Read to the end = %q, %v, %v", b, end, err)
	}
	if b, end, err := f.Read(10, 100); len(b) != 0 || !end || err != nil {
		t.Errorf("Read past the end = %q, %v, %v", b, end, err)
	}
	out, err := f.AppendVia()
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.NewOutput(out).BlockingWriteAndFlush(t.Context(), []byte("!")); err != nil {
		t.Error(err)
	}
	in, err := f.ReadVia(6)
	if err != nil {
		t.Fatal(err)
	}
	src := stream.NewInput(in)
	if b, err := src.Read(100); string(b) != "world!" || err != nil {
		t.Errorf("stream = %q, %v", b, err)
	}
	if _, err := src.Read(100); !errors.Is(err, stream.ErrClosed) {
		t.Errorf("stream at its end = %v", err)
	}
	want(t, "SetSize", f.SetSize(3), nil)
	if b, err := os.ReadFile(filepath.Join(name, "a.txt")); string(b) != "hel" || err != nil {
		t.Errorf("file = %q, %v", b, err)
	}
	at := time.Unix(1_000_000, 5)
	want(t, "SetTimes", f.SetTimes(NewTime{}, NewTime{Change: true, Time: at}), nil)
	if st, err := f.Stat(); err != nil || !st.Modified.Equal(at) || st.Size != 3 || st.Type != RegularFile {
		t.Errorf("Stat = %+v, %v", st, err)
	}
	_, err = f.Write(make([]byte, 10), 1<<63-5)
	want(t, "a write past the largest offset", err, FileTooLarge)
	_, _, err = f.Read(1, 1<<63)
	want(t, "a read past the largest offset", err, Invalid)
}

func TestRootChangesDirectories(t *testing.T) {
	d, name := granted(t, all)
	want(t, "mkdir", d.CreateDirectoryAt("sub/"), nil)
	want(t, "mkdir again", d.CreateDirectoryAt("sub"), Exist)
	put(t, filepath.Join(name, "sub", "f"), "x")
	want(t, "rmdir of a full directory", d.RemoveDirectoryAt("sub"), NotEmpty)
	want(t, "unlink of a directory", d.UnlinkFileAt("sub"), IsDirectory)
	want(t, "rmdir of a file", d.RemoveDirectoryAt("sub/f"), NotDirectory)
	sub, err := d.OpenAt(true, "sub", OpenDirectory, Read|MutateDirectory)
	if err != nil {
		t.Fatal(err)
	}
	defer closeIt(t, sub)
	want(t, "rename across directories", sub.RenameAt("f", d, "g"), nil)
	want(t, "times of a link that is not followed", d.SymlinkAt("g", "l"), nil)
	past := NewTime{Change: true, Time: time.Unix(5, 0)}
	want(t, "times of a link that is not followed", d.SetTimesAt(false, "l", past, past), nil)
	if st, err := d.StatAt(false, "l"); err != nil || st.Modified.Unix() != 5 {
		t.Errorf("times of a link = %v, %v", st.Modified, err)
	}
	want(t, "unlink of it", d.UnlinkFileAt("l"), nil)
	want(t, "mkdir", errors.Join(d.CreateDirectoryAt("e1"), d.CreateDirectoryAt("e2")), nil)
	want(t, "rename over an empty directory", d.RenameAt("e1", d, "e2"), nil)
	put(t, filepath.Join(name, "full", "f"), "x")
	want(t, "rename over a full directory", d.RenameAt("e2", d, "full"), NotEmpty)
	want(t, "rename of a file over a directory", d.RenameAt("full/f", d, "e2"), IsDirectory)
	want(t, "rename of a directory over a file", d.RenameAt("e2", d, "full/f"), NotDirectory)
	want(t, "cleaning", errors.Join(d.UnlinkFileAt("full/f"), d.RemoveDirectoryAt("full"), d.RemoveDirectoryAt("e2")), nil)
	want(t, "rename of nothing", d.RenameAt("f", d, "g"), NoEntry)
	want(t, "rename upwards", sub.RenameAt("../g", d, "h"), NotPermitted)
	want(t, "link", d.LinkAt(false, "g", sub, "h"), nil)
	want(t, "symlink", d.SymlinkAt("g", "s"), nil)
	want(t, "symlink out", d.SymlinkAt("/etc/passwd", "t"), NotPermitted)
	if to, err := d.ReadlinkAt("s"); to != "g" || err != nil {
		t.Errorf("ReadlinkAt = %q, %v", to, err)
	}
	_, err = d.ReadlinkAt("g")
	want(t, "readlink of a file", err, Invalid)
	_, err = d.OpenAt(false, "s", 0, Read)
	want(t, "open of a symlink that is not followed", err, Loop)
	a, errA := d.StatAt(true, "s")
	b, errB := sub.StatAt(false, "h")
	if errA != nil || errB != nil || a.ID != b.ID || a.Links != 2 {
		t.Errorf("StatAt of one file by two names = %+v, %v and %+v, %v", a, errA, b, errB)
	}
	al, au := a.Hash()
	if bl, bu := b.Hash(); al != bl || au != bu {
		t.Error("one file has two hashes")
	}
	if st, err := d.StatAt(false, "s"); err != nil || st.Type != SymbolicLink {
		t.Errorf("StatAt = %+v, %v, want a symbolic link", st, err)
	}
	list, err := d.ReadDirectory()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]Type{}
	for {
		e, ok, err := list.Next()
		if err != nil || !ok {
			break
		}
		seen[e.Name] = e.Type
	}
	if len(seen) != 3 || seen["sub"] != Directory || seen["g"] != RegularFile || seen["s"] != SymbolicLink {
		t.Errorf("ReadDirectory = %v", seen)
	}
	want(t, "unlink", d.UnlinkFileAt("s"), nil)
	want(t, "rmdir of itself", d.RemoveDirectoryAt("."), Invalid)
}

func TestNothingLeadsOutOfARoot(t *testing.T) {
	d, name := granted(t, all)
	outside := t.TempDir()
	put(t, filepath.Join(outside, "secret"), "secret")
	if err := os.Symlink(outside, filepath.Join(name, "out")); err != nil {
		t.Skip(err)
	}
	if err := os.Symlink("../../../../../../../../etc", filepath.Join(name, "up")); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/etc/passwd", "../x", "out/secret", "up/passwd", "a/../../x", outside} {
		if _, err := d.OpenAt(true, path, 0, Read); !errors.Is(err, NotPermitted) && !errors.Is(err, NoEntry) {
			t.Errorf("OpenAt(%q) = %v, want not-permitted", path, err)
		}
		if _, err := d.OpenAt(true, path, Create, Write); err == nil {
			t.Errorf("OpenAt(%q) for writing worked", path)
		}
		if err := d.CreateDirectoryAt(path + "/new"); err == nil {
			t.Errorf("CreateDirectoryAt(%q) worked", path)
		}
	}
	if _, err := d.ReadlinkAt("out"); !errors.Is(err, NotPermitted) {
		t.Errorf("ReadlinkAt of a link to the host = %v, want not-permitted", err)
	}
}

func TestDescriptorsDoWhatTheirFlagsSay(t *testing.T) {
	d, name := granted(t, Read)
	put(t, filepath.Join(name, "f"), "x")
	_, err := d.OpenAt(true, "f", 0, Write)
	want(t, "open for writing", err, ReadOnly)
	_, err = d.OpenAt(true, "n", Create, Read)
	want(t, "create", err, ReadOnly)
	_, err = d.OpenAt(true, "f", Truncate, Read)
	want(t, "truncate", err, ReadOnly)
	want(t, "mkdir", d.CreateDirectoryAt("n"), ReadOnly)
	want(t, "unlink", d.UnlinkFileAt("f"), ReadOnly)
	want(t, "times", d.SetTimesAt(true, "f", NewTime{}, NewTime{}), ReadOnly)
	f, err := d.OpenAt(true, "f", 0, Read)
	if err != nil {
		t.Fatal(err)
	}
	defer closeIt(t, f)
	_, err = f.Write([]byte("y"), 0)
	want(t, "write to a file opened for reading", err, BadDescriptor)
	want(t, "set-size of it", f.SetSize(0), BadDescriptor)
	_, err = f.StatAt(true, "x")
	want(t, "stat-at of a file", err, NotDirectory)
	_, _, err = d.Read(1, 0)
	want(t, "read of a directory", err, BadDescriptor)
	for path, code := range map[string]error{"": NoEntry, "a\x00b": Invalid, "f/x": NotDirectory, "none": NoEntry, string(make([]byte, MaxPath+1)): NameTooLong} {
		_, err := d.OpenAt(true, path, 0, Read)
		want(t, "open", err, code)
	}
	_, err = d.OpenAt(true, "f", OpenDirectory, Read)
	want(t, "open of a file as a directory", err, NotDirectory)
}

func TestDescriptorsAreBounded(t *testing.T) {
	open := 0
	name := t.TempDir()
	d, err := Root(name, Read, &open)
	if err != nil {
		t.Fatal(err)
	}
	defer closeIt(t, d)
	put(t, filepath.Join(name, "f"), "")
	open = MaxOpen - 1
	f, err := d.OpenAt(true, "f", 0, Read)
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.OpenAt(true, "f", 0, Read)
	want(t, "one more", err, Quota)
	closeIt(t, f)
	if open != MaxOpen-1 {
		t.Errorf("open = %d after Close", open)
	}
}

func TestCodeOf(t *testing.T) {
	for err, code := range map[error]Code{io.EOF: IO, os.ErrNotExist: NoEntry, os.ErrPermission: Access, Loop: Loop, bytes.ErrTooLarge: IO} {
		if got := CodeOf(err); got != code {
			t.Errorf("CodeOf(%v) = %v, want %v", err, got, code)
		}
	}
	if len(codeNames) != int(CrossDevice)+1 {
		t.Errorf("%d names for %d codes", len(codeNames), CrossDevice+1)
	}
}
