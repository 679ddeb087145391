package codecache

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func open(t *testing.T, limit int64) *Cache {
	t.Helper()
	c, err := Open(filepath.Join(t.TempDir(), "code"), limit)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func put(t *testing.T, c *Cache, key, content string) {
	t.Helper()
	d, err := c.Begin(key)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Write("a", []byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(d.Dir(), "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := d.Write("sub/b", nil); err != nil {
		t.Fatal(err)
	}
	if err := d.Commit("of " + key); err != nil {
		t.Fatal(err)
	}
}

func keys(t *testing.T, c *Cache) (names []string) {
	t.Helper()
	list, err := c.List()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range list {
		names = append(names, i.Key)
	}
	return names
}

// TestDamage changes one thing of an entry at a time.
func TestDamage(t *testing.T) {
	for name, damage := range map[string]func(dir string) error{
		"byte": func(dir string) error { return os.WriteFile(filepath.Join(dir, "a"), []byte("xontent"), 0o600) },
		"cut":  func(dir string) error { return os.Truncate(filepath.Join(dir, "a"), 3) },
		"gone": func(dir string) error { return os.Remove(filepath.Join(dir, "sub", "b")) },
		"more": func(dir string) error { return os.WriteFile(filepath.Join(dir, "sub", "c"), nil, 0o600) },
		"link": func(dir string) error {
			return errors.Join(os.Remove(filepath.Join(dir, "a")), os.Symlink("/dev/zero", filepath.Join(dir, "a")))
		},
		"no index":    func(dir string) error { return os.Remove(filepath.Join(dir, indexName)) },
		"empty index": func(dir string) error { return os.Truncate(filepath.Join(dir, indexName), 0) },
		"cut index":   func(dir string) error { return os.Truncate(filepath.Join(dir, indexName), 30) },
	} {
		c := open(t, 0)
		if _, err := c.Find("k"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: an empty cache: %v", name, err)
		}
		put(t, c, "k", "content")
		e, err := c.Find("k")
		if err != nil {
			t.Fatal(err)
		}
		if b, err := e.Read("a"); string(b) != "content" || err != nil {
			t.Errorf("Read = %q, %v", b, err)
		}
		if err := damage(e.Dir()); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Find("k"); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v, want ErrDamaged", name, err)
		}
		if _, err := c.Find("k"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: afterwards: %v, want fs.ErrNotExist", name, err)
		}
		put(t, c, "k", "content")
		if _, err := c.Find("k"); err != nil {
			t.Errorf("%s: made again: %v", name, err)
		}
	}
}

func TestTrim(t *testing.T) {
	c := open(t, 2000)
	for n, k := range []string{"a", "b", "c"} {
		put(t, c, k, string(make([]byte, 500)))
		used := time.Unix(int64(1000+n), 0)
		if err := os.Chtimes(filepath.Join(c.dir, k, indexName), used, used); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Find("a"); err != nil { // used last now
		t.Fatal(err)
	}
	put(t, c, "d", string(make([]byte, 800)))
	if diff := cmp.Diff([]string{"d", "a"}, keys(t, c)); diff != "" {
		t.Error(diff)
	}
	put(t, c, "too large", string(make([]byte, 5000)))
	if diff := cmp.Diff([]string{"d", "a"}, keys(t, c)); diff != "" {
		t.Error("after one that does not fit:", diff)
	}
}

func TestSweep(t *testing.T) {
	c := open(t, 0)
	put(t, c, "k", "content")
	old, err := c.Begin("old")
	if err != nil {
		t.Fatal(err)
	}
	long := time.Now().Add(-2 * abandoned)
	if err := os.Chtimes(old.Dir(), long, long); err != nil {
		t.Fatal(err)
	}
	young, err := c.Begin("young")
	if err != nil {
		t.Fatal(err)
	}
	if c, err = Open(c.dir, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(old.Dir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an abandoned draft: %v", err)
	}
	if err := young.Commit(""); err != nil {
		t.Errorf("a draft at work: %v", err)
	}
	gone, err := c.Clear()
	if err != nil || len(gone) != 2 || len(keys(t, c)) != 0 {
		t.Errorf("Clear = %v, %v, and %v is left", gone, err, keys(t, c))
	}
	rest, err := os.ReadDir(c.dir)
	if err != nil || len(rest) != 0 {
		t.Errorf("%v is left in the folder, %v", rest, err)
	}
}

// TestManyProcesses has writers, readers and one that clears, who know nothing
// of each other: who finds an entry finds all of it.
func TestManyProcesses(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "code")
	var work sync.WaitGroup
	for n := range 4 {
		work.Go(func() {
			c, err := Open(dir, 3000)
			if err != nil {
				t.Error(err)
				return
			}
			for i := range 50 {
				key := fmt.Sprint("k", i%5)
				e, err := c.Find(key)
				if err == nil {
					if b, err := e.Read("a"); err == nil && string(b) != key { // it may have been removed meanwhile
						t.Errorf("%s has %q", key, b)
					}
					continue
				}
				d, err := c.Begin(key)
				if err != nil {
					t.Error(err)
					return
				}
				if err := errors.Join(d.Write("a", []byte(key)), d.Commit("")); err != nil {
					t.Error(err)
				}
				if n == 0 && i%10 == 0 {
					if _, err := c.Clear(); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	work.Wait()
}
