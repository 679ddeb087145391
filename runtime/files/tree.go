// Package files shows the static files of a component to its guest: a read-only
// tree straight over content that is known by its digest.
//
// A Tree is built once for a component and shared by all its requests. Nothing
// is copied to disk. However many guests have a file open, its content is opened
// once, and closed when the last of them closes it.
package files

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
)

// Content is the bytes of a file. ReadAt may be called by several goroutines at
// once.
type Content interface {
	io.ReaderAt
	io.Closer
	Size() int64
}

// An Open opens content by its digest.
type Open func(ctx context.Context, d artifact.Digest) (Content, error)

// A Node is a file or a directory of a tree. It does not change, but for the
// content that it has open.
type Node struct {
	Name     string
	Inode    uint64
	Children []*Node // of a directory, by name; nil for a file

	dir    bool
	size   int64
	digest artifact.Digest
	inline []byte // if digest is ""
	open   Open

	mu      sync.Mutex
	users   int     // guarded by mu; of content
	content Content // guarded by mu; nil if nobody uses it
}

// A Tree has the files of a component.
type Tree struct {
	root  *Node
	nodes map[string]*Node // by path; the root is "."
}

// Bounds of what one component may mount.
const (
	maxFiles = 50_000 // directories too
	maxPath  = 4096
)

// New builds the tree of files. It opens each content once to see that it is
// there and how large it is.
func New(ctx context.Context, list []artifact.File, open Open) (*Tree, error) {
	if len(list) > maxFiles {
		return nil, fmt.Errorf("%d files, the limit is %d", len(list), maxFiles)
	}
	root := &Node{Name: ".", Inode: 1, dir: true}
	t := &Tree{root: root, nodes: map[string]*Node{".": root}}
	for _, f := range list {
		if err := t.add(ctx, f, open); err != nil {
			return nil, fmt.Errorf("file %.200q: %w", f.Path, err)
		}
	}
	for _, n := range t.nodes {
		slices.SortFunc(n.Children, func(a, b *Node) int { return strings.Compare(a.Name, b.Name) })
	}
	return t, nil
}

func (t *Tree) add(ctx context.Context, f artifact.File, open Open) error {
	if !fs.ValidPath(f.Path) || f.Path == "." || len(f.Path) > maxPath || strings.ContainsAny(f.Path, "\\\x00") {
		return errors.New("invalid file mount: want a relative path, and no \".\" or \"..\" in it")
	}
	if t.nodes[f.Path] != nil {
		return errors.New("mounted twice, or a directory too")
	}
	n := &Node{Name: path.Base(f.Path), digest: f.Digest, open: open}
	if f.Inline != nil {
		if f.Digest != "" && f.Digest.Algorithm() == "sha256" && artifact.SHA256(*f.Inline) != f.Digest {
			return fmt.Errorf("its inline content is not %s", f.Digest)
		}
		n.inline, n.digest, n.size = slices.Clip(*f.Inline), "", int64(len(*f.Inline))
	} else {
		c, err := open(ctx, f.Digest)
		if err != nil {
			return err
		}
		n.size = c.Size()
		if err := c.Close(); err != nil {
			return err
		}
	}
	parent, err := t.directory(path.Dir(f.Path))
	if err != nil {
		return err
	}
	t.link(parent, f.Path, n)
	return nil
}

// directory returns the directory p and makes it, and those above it, if it is
// not there.
func (t *Tree) directory(p string) (*Node, error) {
	if n := t.nodes[p]; n != nil {
		if !n.dir {
			return nil, fmt.Errorf("%q is a file", p)
		}
		return n, nil
	}
	parent, err := t.directory(path.Dir(p))
	if err != nil {
		return nil, err
	}
	if len(t.nodes) > maxFiles {
		return nil, fmt.Errorf("more than %d files and directories", maxFiles)
	}
	n := &Node{Name: path.Base(p), dir: true}
	t.link(parent, p, n)
	return n, nil
}

func (t *Tree) link(parent *Node, p string, n *Node) {
	n.Inode = uint64(len(t.nodes)) + 1
	parent.Children = append(parent.Children, n)
	t.nodes[p] = n
}

// Len returns how many files and directories there are, the root not counted.
func (t *Tree) Len() int { return len(t.nodes) - 1 }

// Find returns the file or directory at p, which is slash-separated. A leading
// slash, ".", ".." within the tree and slashes at the end mean what they do in
// any file system; nothing is above the root. A path through a file finds
// nothing.
func (t *Tree) Find(p string) (*Node, error) {
	clean := strings.TrimPrefix(path.Clean("/"+p), "/")
	if clean == "" {
		clean = "."
	}
	n := t.nodes[clean]
	if n == nil {
		return nil, t.missing(clean)
	}
	if !n.dir && strings.HasSuffix(p, "/") {
		return nil, ErrNotDirectory
	}
	return n, nil
}

// ErrNotDirectory is returned for a path that leads through a file.
var ErrNotDirectory = errors.New("not a directory")

func (t *Tree) missing(p string) error {
	for dir := path.Dir(p); dir != "."; dir = path.Dir(dir) {
		if n := t.nodes[dir]; n != nil && !n.dir {
			return ErrNotDirectory
		}
	}
	return fs.ErrNotExist
}

// IsDir reports whether n is a directory.
func (n *Node) IsDir() bool { return n.dir }

// Size returns the length of a file's content.
func (n *Node) Size() int64 { return n.size }

// Use opens the content of a file for reading at any place. The caller calls
// done when it does not read any more, once.
func (n *Node) Use(ctx context.Context) (r io.ReaderAt, done func() error, err error) {
	if n.dir {
		return nil, nil, errors.New("is a directory")
	}
	if n.digest == "" {
		return bytes.NewReader(n.inline), func() error { return nil }, nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.users == 0 {
		if n.content, err = n.open(ctx, n.digest); err != nil {
			return nil, nil, err
		}
	}
	n.users++
	return n.content, sync.OnceValue(n.release), nil
}

func (n *Node) release() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.users--; n.users > 0 {
		return nil
	}
	c := n.content
	n.content = nil
	return c.Close()
}
