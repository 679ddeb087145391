package filesystem

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// Root returns a descriptor of a directory of the host. flags are Read, and
// MutateDirectory if files may be made and written there. open counts the descriptors of
// the instance.
func Root(name string, flags Flags, open *int) (*Descriptor, error) {
	r, err := os.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	return newDescriptor(nil, &rootDir{top: &top{name: name}, root: r, path: "."}, flags, open)
}

// top is what all directories that were opened through one Root share.
type top struct{ name string }

// A rootDir is a directory of the host.
type rootDir struct {
	top  *top
	root *os.Root // the directory itself: nothing leads out of it
	path string   // from the top, when it was opened
}

func (d *rootDir) open(name string, follow bool, o OpenFlags, f Flags) (file, dir, error) {
	st, err := d.root.Lstat(name)
	if err == nil && st.Mode()&fs.ModeSymlink != 0 {
		switch {
		case o&Create != 0 && o&Exclusive != 0:
			return nil, nil, Exist
		case !follow:
			return nil, nil, Loop
		}
		st, err = d.root.Stat(name)
	}
	switch {
	case err == nil && st.IsDir():
		return d.openDir(name, o, f)
	case err == nil && o&OpenDirectory != 0:
		return nil, nil, NotDirectory
	case err != nil && (o&Create == 0 || !errors.Is(err, fs.ErrNotExist)):
		return nil, nil, err
	case err == nil && !st.Mode().IsRegular():
		return nil, nil, Unsupported // a FIFO would block, a device could do anything
	}
	opened, err := d.root.OpenFile(name, goFlags(o, f), 0o666)
	if err != nil {
		return nil, nil, err
	}
	return &rootFile{File: opened, dir: d, name: name}, nil, nil
}

func goFlags(o OpenFlags, f Flags) int {
	flags := os.O_RDONLY
	switch {
	case f&(Read|Write) == Read|Write:
		flags = os.O_RDWR
	case f&Write != 0:
		flags = os.O_WRONLY
	}
	if f&(FileIntegritySync|DataIntegritySync) != 0 {
		flags |= os.O_SYNC
	}
	for _, m := range [...]struct {
		o  OpenFlags
		os int
	}{{Create, os.O_CREATE}, {Exclusive, os.O_EXCL}, {Truncate, os.O_TRUNC}} {
		if o&m.o != 0 {
			flags |= m.os
		}
	}
	return flags
}

func (d *rootDir) openDir(name string, o OpenFlags, f Flags) (file, dir, error) {
	switch {
	case o&Create != 0 && o&Exclusive != 0:
		return nil, nil, Exist
	case o&Truncate != 0, f&Write != 0:
		return nil, nil, IsDirectory
	}
	r, err := d.root.OpenRoot(name)
	if err != nil {
		return nil, nil, err
	}
	return nil, &rootDir{top: d.top, root: r, path: path.Join(d.path, name)}, nil
}

func (d *rootDir) stat(name string, follow bool) (Stat, error) {
	look := d.root.Lstat
	if follow {
		look = d.root.Stat
	}
	info, err := look(name)
	if err != nil {
		return Stat{}, err
	}
	return statOf(info), nil
}

func (d *rootDir) list() ([]Entry, error) {
	f, err := d.root.Open(".")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	found, err := f.ReadDir(-1)
	entries := make([]Entry, len(found))
	for i, e := range found {
		entries[i] = Entry{typeOf(e.Type()), e.Name()}
	}
	return entries, err
}

func (d *rootDir) readlink(name string) (string, error) { return d.root.Readlink(name) }
func (d *rootDir) mkdir(name string) error              { return d.root.Mkdir(strings.TrimRight(name, "/"), 0o777) }

func (d *rootDir) rmdir(name string) error {
	st, err := d.root.Lstat(name)
	switch {
	case err != nil:
		return err
	case !st.IsDir():
		return NotDirectory
	case path.Clean(name) == ".":
		return Invalid
	}
	return d.root.Remove(strings.TrimRight(name, "/"))
}

func (d *rootDir) unlink(name string) error {
	st, err := d.root.Lstat(name)
	switch {
	case err != nil:
		return err
	case st.IsDir():
		return IsDirectory
	case strings.HasSuffix(name, "/"):
		return NotDirectory
	}
	return d.root.Remove(name)
}

func (d *rootDir) symlink(target, name string) error {
	if strings.HasSuffix(name, "/") {
		return NoEntry
	}
	return d.root.Symlink(target, name)
}

// pair returns a root and two names in it for an operation on two directories.
// Both must come from one preopen, and names must not lead up.
func (d *rootDir) pair(name string, to dir, toName string, f func(r *os.Root, from, to string) error) error {
	t, ok := to.(*rootDir)
	if !ok {
		return ReadOnly
	}
	if t == d {
		return f(d.root, name, toName)
	}
	if t.top != d.top {
		return CrossDevice
	}
	if !filepath.IsLocal(name) || !filepath.IsLocal(toName) {
		return NotPermitted
	}
	r, err := os.OpenRoot(d.top.name)
	if err != nil {
		return err
	}
	defer r.Close()
	return f(r, join(d.path, name), join(t.path, toName))
}

// join keeps a slash at the end, which means a directory.
func join(dir, name string) string {
	joined := path.Join(dir, name)
	if strings.HasSuffix(name, "/") {
		joined += "/"
	}
	return joined
}

func (d *rootDir) rename(name string, to dir, toName string) error {
	return d.pair(name, to, toName, func(r *os.Root, from, to string) error {
		st, err := r.Lstat(strings.TrimRight(from, "/"))
		if err != nil {
			return err
		}
		if !st.IsDir() && (strings.HasSuffix(from, "/") || strings.HasSuffix(to, "/")) {
			return NotDirectory
		}
		return renameOver(r, strings.TrimRight(from, "/"), strings.TrimRight(to, "/"), st.IsDir())
	})
}

// renameOver does what systems do if the target is there, of which Go refuses
// some.
func renameOver(r *os.Root, from, to string, isDir bool) error {
	target, err := r.Lstat(to)
	switch {
	case err != nil:
	case !isDir && target.IsDir():
		return IsDirectory
	case isDir && !target.IsDir():
		return NotDirectory
	}
	err = r.Rename(from, to)
	if isDir && errors.Is(err, fs.ErrExist) {
		if err = r.Remove(to); err == nil { // it was empty
			err = r.Rename(from, to)
		}
	}
	return err
}

func (d *rootDir) link(name string, _ bool, to dir, toName string) error {
	return d.pair(name, to, toName, func(r *os.Root, from, to string) error {
		if st, err := r.Lstat(from); err == nil && st.IsDir() {
			return NotPermitted
		}
		if strings.HasSuffix(to, "/") {
			return NoEntry
		}
		return r.Link(from, to)
	})
}

func (d *rootDir) setTimes(name string, follow bool, a, m time.Time) error {
	if st, err := d.root.Lstat(name); err == nil && !follow && st.Mode()&fs.ModeSymlink != 0 {
		return d.linkTimes(name, a, m)
	}
	return d.root.Chtimes(name, a, m)
}

func (d *rootDir) Close() error { return d.root.Close() }

// A rootFile is a file of the host.
type rootFile struct {
	*os.File
	dir  *rootDir
	name string
}

func (f *rootFile) stat() (Stat, error) {
	info, err := f.Stat()
	if err != nil {
		return Stat{}, err
	}
	return statOf(info), nil
}

func (f *rootFile) setTimes(a, m time.Time) error { return fileTimes(f, a, m) }

func typeOf(m fs.FileMode) Type {
	switch m.Type() {
	case 0:
		return RegularFile
	case fs.ModeDir:
		return Directory
	case fs.ModeSymlink:
		return SymbolicLink
	case fs.ModeNamedPipe:
		return FIFO
	case fs.ModeSocket:
		return Socket
	case fs.ModeDevice:
		return BlockDevice
	case fs.ModeDevice | fs.ModeCharDevice:
		return CharacterDevice
	}
	return Unknown
}
