package filesystem

import (
	"context"
	"errors"
	"testing"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/runtime/files"
)

func mounted(t *testing.T) *Descriptor {
	t.Helper()
	var list []artifact.File
	for path, content := range map[string]string{"index.html": "<p>", "img/a.svg": "<svg>", "img/deep/b": ""} {
		inline := artifact.Inline(content)
		list = append(list, artifact.File{Path: path, Inline: &inline})
	}
	tree, err := files.New(t.Context(), list, func(context.Context, artifact.Digest) (files.Content, error) { return nil, errors.New("no blobs") })
	if err != nil {
		t.Fatal(err)
	}
	d, err := Tree(tree, new(int))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeIt(t, d) })
	return d
}

func TestTreeIsRead(t *testing.T) {
	d := mounted(t)
	img, err := d.OpenAt(true, "img/", OpenDirectory, Read)
	if err != nil {
		t.Fatal(err)
	}
	defer closeIt(t, img)
	f, err := img.OpenAt(true, "deep/../a.svg", 0, Read)
	if err != nil {
		t.Fatal(err)
	}
	defer closeIt(t, f)
	if b, end, err := f.Read(100, 1); string(b) != "svg>" || !end || err != nil {
		t.Errorf("Read = %q, %v, %v", b, end, err)
	}
	list, err := img.ReadDirectory()
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []Entry{{RegularFile, "a.svg"}, {Directory, "deep"}} {
		if e, ok, err := list.Next(); e != w || !ok || err != nil {
			t.Errorf("Next = %v, %v, %v, want %v", e, ok, err, w)
		}
	}
	if _, ok, _ := list.Next(); ok {
		t.Error("a third entry")
	}
	if st, err := d.StatAt(true, "index.html"); err != nil || st.Type != RegularFile || st.Size != 3 {
		t.Errorf("StatAt = %+v, %v", st, err)
	}
	again, err := d.OpenAt(true, "img/a.svg", 0, Read)
	if err != nil {
		t.Fatal(err)
	}
	defer closeIt(t, again)
	if !f.IsSame(again) || f.IsSame(d) {
		t.Error("IsSame is wrong")
	}
}

func TestTreeIsNotChanged(t *testing.T) {
	d := mounted(t)
	img, err := d.OpenAt(true, "img", 0, Read)
	if err != nil {
		t.Fatal(err)
	}
	defer closeIt(t, img)
	_, err = img.OpenAt(true, "../index.html", 0, Read)
	want(t, "open above the directory", err, NotPermitted)
	_, err = d.OpenAt(true, "index.html", 0, Write)
	want(t, "open for writing", err, ReadOnly)
	_, err = d.OpenAt(true, "new", Create, Read)
	want(t, "create", err, ReadOnly)
	want(t, "rename", d.RenameAt("index.html", d, "x"), ReadOnly)
	_, err = d.ReadlinkAt("index.html")
	want(t, "readlink", err, Invalid)
	_, err = d.ReadlinkAt("none")
	want(t, "readlink of nothing", err, NoEntry)
	_, err = d.OpenAt(true, "index.html/x", 0, Read)
	want(t, "a path through a file", err, NotDirectory)
	_, err = d.OpenAt(true, "index.html/", 0, Read)
	want(t, "a file with a slash", err, NotDirectory)
}
