package codecache

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// ErrDamaged is the fault of an entry that has changed since it was made. It
// has been removed.
var ErrDamaged = errors.New("entry has changed since it was made")

// An Entry is a folder of files that are as they were when it was made.
type Entry struct {
	dir   string
	files []file
}

// Dir returns the folder.
func (e *Entry) Dir() string { return e.dir }

// Read returns what a file has.
func (e *Entry) Read(name string) ([]byte, error) { return os.ReadFile(filepath.Join(e.dir, name)) }

// Check says whether files have come or gone since the entry was found, or changed
// in size. It does not read them.
func (e *Entry) Check() error {
	have, err := list(e.dir)
	if err == nil && !slices.EqualFunc(have, e.files, func(a, b file) bool { return a.Name == b.Name && a.Size == b.Size }) {
		err = errors.New("its files have changed since it was found")
	}
	return err
}

// Find returns the entry of a key, fs.ErrNotExist if there is none, or
// ErrDamaged.
func (c *Cache) Find(key string) (*Entry, error) {
	dir := filepath.Join(c.dir, key)
	x, err := readIndex(filepath.Join(dir, indexName))
	if err == nil {
		err = x.check(dir)
	}
	if errors.Is(err, fs.ErrNotExist) {
		if _, stat := os.Stat(dir); stat != nil {
			return nil, fmt.Errorf("cache of compiled code: %s: %w", key, fs.ErrNotExist)
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("cache of compiled code: %s: %w: %v", key, ErrDamaged, err), c.Remove(key))
	}
	use(dir)
	return &Entry{dir, x.Files}, nil
}

// use notes that an entry is used now, by one clock: that of files is coarser.
// An entry for which this fails only goes earlier.
func use(dir string) {
	now := time.Now()
	_ = os.Chtimes(filepath.Join(dir, indexName), now, now)
}

// check compares the files of dir with the index. A file more or less is a
// difference too: code of another kind of processor is one.
func (x *index) check(dir string) error {
	have, err := scan(dir)
	if err != nil {
		return err
	}
	if !slices.Equal(have, x.Files) {
		return errors.New("its files are not those of its index")
	}
	return nil
}

// scan sums up the files of dir.
func scan(dir string) ([]file, error) {
	files, err := list(dir)
	if err != nil {
		return nil, err
	}
	buf := make([]byte, 1<<20)
	for i := range files {
		if err := files[i].read(dir, buf); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// list returns the files of dir, in the order of their names and without sums.
func list(dir string) (files []file, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil || rel == indexName {
			return err
		}
		if !d.Type().IsRegular() {
			return fmt.Errorf("%s is not a file", rel)
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		files = append(files, file{Name: filepath.ToSlash(rel), Size: info.Size()})
		return nil
	})
	slices.SortFunc(files, func(a, b file) int { return strings.Compare(a.Name, b.Name) })
	return files, err
}

// read sets the size and the sum of f by its content.
func (f *file) read(dir string, buf []byte) error {
	in, err := os.Open(filepath.Join(dir, filepath.FromSlash(f.Name)))
	if err != nil {
		return err
	}
	defer in.Close()
	f.Size, f.Sum = 0, 0
	for {
		n, err := in.Read(buf)
		f.Size += int64(n)
		f.Sum = crc32.Update(f.Sum, castagnoli, buf[:n])
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// A Draft is an entry that is being made. It ends with Commit or Discard.
type Draft struct {
	cache *Cache
	key   string
	dir   string
}

// Begin makes a draft for a key. Several may be under way for one key, in
// several processes; the first that is committed counts.
func (c *Cache) Begin(key string) (*Draft, error) {
	dir, err := os.MkdirTemp(c.dir, draftPrefix)
	if err != nil {
		return nil, fmt.Errorf("cache of compiled code: %w", err)
	}
	return &Draft{c, key, dir}, nil
}

// Dir returns the folder to put files in.
func (d *Draft) Dir() string { return d.dir }

// Write adds a file.
func (d *Draft) Write(name string, content []byte) error {
	return writeSynced(filepath.Join(d.dir, name), content)
}

// Commit makes the draft an entry, unless there is one already, and holds the
// cache to its size. note is for people.
func (d *Draft) Commit(note string) error {
	files, err := scan(d.dir)
	if err != nil {
		return errors.Join(err, d.Discard())
	}
	content, err := (&index{Note: note, Files: files}).encode()
	if err == nil {
		err = writeSynced(filepath.Join(d.dir, indexName), content)
	}
	if err != nil {
		return errors.Join(err, d.Discard())
	}
	to := filepath.Join(d.cache.dir, d.key)
	if err := os.Rename(d.dir, to); err != nil {
		if _, stat := os.Stat(to); stat == nil { // another was faster
			err = nil
		}
		return errors.Join(err, d.Discard())
	}
	use(to)
	return d.cache.trim()
}

// Discard removes the draft.
func (d *Draft) Discard() error { return os.RemoveAll(d.dir) }

func writeSynced(name string, content []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Sync(), f.Close())
}
