package wagi

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"time"

	"github.com/tetratelabs/wazero"
	experimental "github.com/tetratelabs/wazero/experimental/sys"
	"github.com/tetratelabs/wazero/experimental/sysfs"
	"github.com/tetratelabs/wazero/sys"

	"github.com/neutrino-local/neutrino-local/runtime/files"
)

// maxOpen is the most files that one guest may have open.
const maxOpen = 1024

// A mount is the tree of a component as one guest sees it: whatever would write
// fails with EROFS. A guest has one thread, so nothing here is locked.
type mount struct {
	sysfs.AdaptFS // whose files are those of Open

	ctx  func() context.Context // of the guest's call
	tree *files.Tree
	open map[*file]struct{}
}

func newMount(ctx func() context.Context, tree *files.Tree) *mount {
	m := &mount{ctx: ctx, tree: tree, open: map[*file]struct{}{}}
	m.FS = m
	return m
}

func (m *mount) config() wazero.FSConfig {
	return wazero.NewFSConfig().(sysfs.FSConfig).WithSysFSMount(m, "/")
}

// close closes what the guest has left open.
func (m *mount) close() {
	for f := range m.open {
		_ = f.Close() // read only: nothing can be lost
	}
}

func errnoOf(err error) experimental.Errno {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, fs.ErrNotExist):
		return experimental.ENOENT
	case errors.Is(err, files.ErrNotDirectory):
		return experimental.ENOTDIR
	}
	return experimental.EIO
}

const writing = experimental.O_WRONLY | experimental.O_RDWR | experimental.O_TRUNC | experimental.O_APPEND

func (m *mount) OpenFile(path string, flag experimental.Oflag, _ fs.FileMode) (experimental.File, experimental.Errno) {
	n, err := m.tree.Find(path)
	creating := flag&experimental.O_CREAT != 0
	switch {
	case err != nil && creating && errors.Is(err, fs.ErrNotExist):
		return nil, experimental.EROFS
	case err != nil:
		return nil, errnoOf(err)
	case creating && flag&experimental.O_EXCL != 0:
		return nil, experimental.EEXIST
	case flag&experimental.O_DIRECTORY != 0 && !n.IsDir():
		return nil, experimental.ENOTDIR
	case flag&writing != 0 && n.IsDir():
		return nil, experimental.EISDIR
	case flag&writing != 0:
		return nil, experimental.EROFS
	case len(m.open) >= maxOpen:
		return nil, experimental.EAGAIN
	}
	return m.AdaptFS.OpenFile(path, flag, 0)
}

// Open is for AdaptFS, which makes of an fs.File what guests need.
func (m *mount) Open(path string) (fs.File, error) {
	n, err := m.tree.Find(path)
	if err != nil {
		return nil, err
	}
	f := &file{mount: m, info: info{n}}
	size := n.Size()
	if n.IsDir() {
		size = 1 // so that reading it is an error and not its end
	}
	f.SectionReader = io.NewSectionReader(&f.content, 0, size)
	f.content = content{ctx: m.ctx, node: n}
	m.open[f] = struct{}{}
	return f, nil
}

func (m *mount) Stat(path string) (sys.Stat_t, experimental.Errno) {
	n, err := m.tree.Find(path)
	if err != nil {
		return sys.Stat_t{}, errnoOf(err)
	}
	return info{n}.stat(), 0
}

func (m *mount) Lstat(path string) (sys.Stat_t, experimental.Errno) { return m.Stat(path) }

// change is the errno of a change to path, which must be there.
func (m *mount) change(path string) experimental.Errno {
	if _, err := m.tree.Find(path); err != nil {
		return errnoOf(err)
	}
	return experimental.EROFS
}

// create is the errno of making path, which must not be there.
func (m *mount) create(path string) experimental.Errno {
	if _, err := m.tree.Find(path); err == nil {
		return experimental.EEXIST
	}
	return experimental.EROFS
}

func (m *mount) Mkdir(path string, _ fs.FileMode) experimental.Errno { return m.create(path) }
func (m *mount) Symlink(_, path string) experimental.Errno           { return m.create(path) }
func (m *mount) Link(_, path string) experimental.Errno              { return m.create(path) }
func (m *mount) Chmod(path string, _ fs.FileMode) experimental.Errno { return m.change(path) }
func (m *mount) Rename(path, _ string) experimental.Errno            { return m.change(path) }
func (m *mount) Rmdir(path string) experimental.Errno                { return m.change(path) }
func (m *mount) Unlink(path string) experimental.Errno               { return m.change(path) }
func (m *mount) Utimens(path string, _, _ int64) experimental.Errno  { return m.change(path) }
func (m *mount) Readlink(path string) (string, experimental.Errno) {
	if _, err := m.tree.Find(path); err != nil {
		return "", errnoOf(err)
	}
	return "", experimental.EINVAL // not a link
}

// info describes a file or directory. Its Sys has what fs.FileInfo lacks.
type info struct{ *files.Node }

func (i info) stat() sys.Stat_t {
	s := sys.Stat_t{Dev: 1, Ino: sys.Inode(i.Inode), Mode: 0o444, Nlink: 1, Size: i.Size()}
	if i.IsDir() {
		s.Mode = fs.ModeDir | 0o555
	}
	return s
}

func (i info) Name() string       { return i.Node.Name }
func (i info) Mode() fs.FileMode  { return i.stat().Mode }
func (i info) ModTime() time.Time { return time.Unix(0, 0) }
func (i info) Sys() any           { s := i.stat(); return &s }

// A file is one open file or directory of a guest.
type file struct {
	*io.SectionReader // of content

	mount   *mount
	info    info
	content content
	entries int // of a directory, that were read
}

func (f *file) Stat() (fs.FileInfo, error) { return f.info, nil }

// Readdir returns up to n of the entries that were not read yet.
func (f *file) Readdir(n int) ([]fs.FileInfo, error) {
	if !f.info.IsDir() {
		return nil, files.ErrNotDirectory
	}
	left := f.info.Children[f.entries:]
	if n > 0 && n < len(left) {
		left = left[:n]
	}
	f.entries += len(left)
	entries := make([]fs.FileInfo, 0, len(left))
	for _, child := range left {
		entries = append(entries, info{child})
	}
	return entries, nil
}

func (f *file) Close() error {
	delete(f.mount.open, f)
	return f.content.close()
}

// content is what is in a file, opened when it is first read.
type content struct {
	ctx    func() context.Context
	node   *files.Node
	reader io.ReaderAt
	done   func() error // set with reader
}

func (c *content) ReadAt(b []byte, offset int64) (int, error) {
	ctx := c.ctx()
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	if c.reader == nil {
		var err error
		if c.reader, c.done, err = c.node.Use(ctx); err != nil {
			return 0, err
		}
	}
	return c.reader.ReadAt(b, offset)
}

func (c *content) close() error {
	if c.done == nil {
		return nil
	}
	return c.done()
}
