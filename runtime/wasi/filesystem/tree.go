package filesystem

import (
	"context"
	"io"
	"path"
	"strings"
	"time"

	"github.com/neutrino-local/neutrino-local/runtime/files"
)

// Tree returns a descriptor of the files of an app, which nothing changes. open
// counts the descriptors of the instance.
func Tree(t *files.Tree, open *int) (*Descriptor, error) {
	return newDescriptor(nil, &treeDir{tree: t, path: "/"}, Read, open)
}

// A treeDir is a directory of a tree.
type treeDir struct {
	readOnly
	tree *files.Tree
	path string
}

// find returns the node at name, which must not lead out of the directory.
func (d *treeDir) find(name string) (*files.Node, string, error) {
	depth := 0
	for _, part := range strings.Split(name, "/") {
		switch part {
		case "", ".":
		case "..":
			if depth--; depth < 0 {
				return nil, "", NotPermitted
			}
		default:
			depth++
		}
	}
	full := path.Join(d.path, name)
	if strings.HasSuffix(name, "/") {
		full += "/"
	}
	n, err := d.tree.Find(full)
	return n, full, err
}

func (d *treeDir) open(name string, _ bool, o OpenFlags, f Flags) (file, dir, error) {
	n, full, err := d.find(name)
	switch {
	case err != nil:
		return nil, nil, err
	case o&(Create|Exclusive) == Create|Exclusive:
		return nil, nil, Exist
	case f&(Write|MutateDirectory) != 0:
		return nil, nil, ReadOnly
	case n.IsDir():
		return nil, &treeDir{tree: d.tree, path: full}, nil
	case o&OpenDirectory != 0:
		return nil, nil, NotDirectory
	}
	r, done, err := n.Use(context.Background()) // local content: it does not wait
	if err != nil {
		return nil, nil, err
	}
	return &treeFile{ReaderAt: r, done: done, node: n, tree: d.tree}, nil, nil
}

func (d *treeDir) stat(name string, _ bool) (Stat, error) {
	n, _, err := d.find(name)
	if err != nil {
		return Stat{}, err
	}
	return nodeStat(d.tree, n), nil
}

func nodeStat(t *files.Tree, n *files.Node) Stat {
	s := Stat{Type: RegularFile, Links: 1, Size: uint64(n.Size()), ID: ID{Volume: t, Inode: n.Inode}}
	if n.IsDir() {
		s.Type = Directory
	}
	return s
}

func (d *treeDir) list() ([]Entry, error) {
	n, err := d.tree.Find(d.path)
	if err != nil {
		return nil, err
	}
	entries := make([]Entry, len(n.Children))
	for i, c := range n.Children {
		entries[i] = Entry{RegularFile, c.Name}
		if c.IsDir() {
			entries[i].Type = Directory
		}
	}
	return entries, nil
}

func (d *treeDir) readlink(name string) (string, error) {
	if _, _, err := d.find(name); err != nil {
		return "", err
	}
	return "", Invalid // nothing here is a link
}

func (d *treeDir) Close() error { return nil }

// A treeFile is a file of a tree.
type treeFile struct {
	io.ReaderAt
	done func() error
	node *files.Node
	tree *files.Tree
}

func (f *treeFile) WriteAt([]byte, int64) (int, error)  { return 0, ReadOnly }
func (f *treeFile) Truncate(int64) error                { return ReadOnly }
func (f *treeFile) Sync() error                         { return nil }
func (f *treeFile) Close() error                        { return f.done() }
func (f *treeFile) stat() (Stat, error)                 { return nodeStat(f.tree, f.node), nil }
func (f *treeFile) setTimes(time.Time, time.Time) error { return ReadOnly }

// readOnly has the changes that a tree refuses.
type readOnly struct{}

func (readOnly) mkdir(string) error                                { return ReadOnly }
func (readOnly) rmdir(string) error                                { return ReadOnly }
func (readOnly) unlink(string) error                               { return ReadOnly }
func (readOnly) symlink(string, string) error                      { return ReadOnly }
func (readOnly) rename(string, dir, string) error                  { return ReadOnly }
func (readOnly) link(string, bool, dir, string) error              { return ReadOnly }
func (readOnly) setTimes(string, bool, time.Time, time.Time) error { return ReadOnly }
