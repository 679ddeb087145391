package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
)

// contents is content by digest that counts what is open.
type contents struct {
	byDigest map[artifact.Digest]string
	open     atomic.Int64
	opened   atomic.Int64
}

type content struct {
	*strings.Reader
	from *contents
}

func (c content) Close() error { c.from.open.Add(-1); return nil }

func (c *contents) add(s string) artifact.Digest {
	d := artifact.SHA256([]byte(s))
	if c.byDigest == nil {
		c.byDigest = map[artifact.Digest]string{}
	}
	c.byDigest[d] = s
	return d
}

func (c *contents) Open(_ context.Context, d artifact.Digest) (Content, error) {
	s, ok := c.byDigest[d]
	if !ok {
		return nil, fs.ErrNotExist
	}
	c.open.Add(1)
	c.opened.Add(1)
	return content{strings.NewReader(s), c}, nil
}

func inline(s string) *artifact.Inline { i := artifact.Inline(s); return &i }

func TestTree(t *testing.T) {
	var c contents
	tree, err := New(t.Context(), []artifact.File{
		{Path: "b.txt", Inline: inline("small"), Digest: artifact.SHA256([]byte("small"))},
		{Path: "assets/img/a.png", Digest: c.add("picture")},
		{Path: "assets/empty", Inline: inline("")},
		{Path: "Assets", Digest: c.add("not a directory")},
	}, c.Open)
	if err != nil {
		t.Fatal(err)
	}
	for p, want := range map[string]string{
		"/": "dir Assets assets b.txt", ".": "dir Assets assets b.txt", "": "dir Assets assets b.txt", "..": "dir Assets assets b.txt",
		"assets": "dir empty img", "/assets/": "dir empty img", "assets/img/../.": "dir empty img",
		"b.txt": "file 5", "/b.txt": "file 5", "assets/img/a.png": "file 7", "assets/empty": "file 0", "Assets": "file 15",
		"B.txt": "file does not exist", "assets/none": "file does not exist", "none/none": "file does not exist",
		"b.txt/": "not a directory", "b.txt/x": "not a directory", "Assets/x/y": "not a directory",
	} {
		if got := describe(tree, p); got != want {
			t.Errorf("Find(%q) = %s, want %s", p, got, want)
		}
	}
	if got := c.open.Load(); got != 0 {
		t.Errorf("%d contents stay open", got)
	}
	if tree.Len() != 6 {
		t.Errorf("Len = %d, want 6", tree.Len())
	}
}

func describe(tree *Tree, p string) string {
	n, err := tree.Find(p)
	if err != nil {
		return err.Error()
	}
	if !n.IsDir() {
		return fmt.Sprintf("file %d", n.Size())
	}
	s := "dir"
	for _, child := range n.Children {
		s += " " + child.Name
	}
	return s
}

func TestNewRefuses(t *testing.T) {
	var c contents
	there := c.add("x")
	for name, list := range map[string][]artifact.File{
		"above":         {{Path: "../x", Digest: there}},
		"absolute":      {{Path: "/x", Digest: there}},
		"the root":      {{Path: ".", Digest: there}},
		"empty":         {{Path: "", Digest: there}},
		"dots inside":   {{Path: "a/../../x", Digest: there}},
		"backslash":     {{Path: `..\x`, Digest: there}},
		"long":          {{Path: strings.Repeat("x", 5000), Digest: there}},
		"twice":         {{Path: "x", Digest: there}, {Path: "x", Digest: there}},
		"file and dir":  {{Path: "x", Digest: there}, {Path: "x/y", Digest: there}},
		"dir and file":  {{Path: "x/y", Digest: there}, {Path: "x", Digest: there}},
		"missing":       {{Path: "x", Digest: artifact.SHA256(nil)}},
		"lying content": {{Path: "x", Digest: there, Inline: inline("y")}},
	} {
		if _, err := New(t.Context(), list, c.Open); err == nil {
			t.Errorf("%s: New returned no error", name)
		}
	}
	if c.open.Load() != 0 {
		t.Error("contents stay open")
	}
}

func TestUseSharesContent(t *testing.T) {
	var c contents
	tree, err := New(t.Context(), []artifact.File{{Path: "x", Digest: c.add("shared")}}, c.Open)
	if err != nil {
		t.Fatal(err)
	}
	n, _ := tree.Find("x")
	c.opened.Store(0)
	var wg sync.WaitGroup
	first, done, err := n.Use(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for range 50 {
		wg.Go(func() {
			r, done, err := n.Use(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			defer done()
			b, err := io.ReadAll(io.NewSectionReader(r, 0, n.Size()))
			if string(b) != "shared" || err != nil {
				t.Errorf("read %q, %v", b, err)
			}
		})
	}
	wg.Wait()
	if b := make([]byte, 6); !readsAt(first, b) || c.opened.Load() != 1 {
		t.Errorf("opened %d times, want once", c.opened.Load())
	}
	done()
	done() // a second time changes nothing
	if c.open.Load() != 0 {
		t.Error("content stays open after its last user")
	}
}

func readsAt(r io.ReaderAt, b []byte) bool {
	n, err := r.ReadAt(b, 0)
	return n == len(b) && (err == nil || errors.Is(err, io.EOF))
}

func TestManyFiles(t *testing.T) {
	var c contents
	var list []artifact.File
	for i := range 500 {
		list = append(list, artifact.File{Path: fmt.Sprintf("d%d/f%d", i%20, i), Digest: c.add(fmt.Sprint(i))})
	}
	tree, err := New(t.Context(), list, c.Open)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[uint64]bool{}
	for p, n := range tree.nodes {
		if seen[n.Inode] {
			t.Fatalf("inode of %s is not unique", p)
		}
		seen[n.Inode] = true
	}
	if diff := cmp.Diff(520, tree.Len()); diff != "" {
		t.Error(diff)
	}
}

func FuzzFind(f *testing.F) {
	f.Add("a/b", "../a/./b//")
	f.Fuzz(func(t *testing.T, mount, p string) {
		tree, err := New(t.Context(), []artifact.File{{Path: mount, Inline: inline("x")}}, nil)
		if err != nil {
			return
		}
		if n, err := tree.Find(mount); err != nil || n.IsDir() {
			t.Fatalf("Find(%q), as mounted: %v", mount, err)
		}
		if n, err := tree.Find(p); err == nil && n == nil {
			t.Fatalf("Find(%q) found nothing and no error", p)
		}
	})
}
