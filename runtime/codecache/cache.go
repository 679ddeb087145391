// Package codecache keeps compiled code on disk.
//
// An entry is a folder of files under a key, written once: it is made under
// another name and renamed when it is complete, so any number of processes may
// use one cache, and one that dies leaves nothing half done that counts. What a
// file had when the entry was made is noted with it and checked before it is
// given out: an entry that has changed since is removed. The cache holds to a
// size; what was not used for longest goes first.
package codecache

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// DefaultLimit is the size that a cache may have if nobody says.
const DefaultLimit = 4 << 30

// abandoned is the age at which a draft belongs to nobody any more.
const abandoned = time.Hour

const (
	indexName   = "index.json"
	draftPrefix = "draft-"
	trashPrefix = "trash-"
)

// A Cache is a folder of entries.
type Cache struct {
	dir   string
	limit int64
}

// Open opens the cache in dir, which is made if need be. limit is its size in
// bytes; 0: DefaultLimit.
func Open(dir string, limit int64) (*Cache, error) {
	if limit == 0 {
		limit = DefaultLimit
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("cache of compiled code: %w", err)
	}
	c := &Cache{dir: dir, limit: limit}
	return c, c.sweep()
}

// sweep removes what processes that died have left.
func (c *Cache) sweep() error {
	names, err := os.ReadDir(c.dir)
	if err != nil {
		return fmt.Errorf("cache of compiled code: %w", err)
	}
	for _, n := range names {
		draft := strings.HasPrefix(n.Name(), draftPrefix)
		if !draft && !strings.HasPrefix(n.Name(), trashPrefix) {
			continue
		}
		info, err := n.Info()
		if err != nil || draft && time.Since(info.ModTime()) < abandoned {
			continue // gone, or at work
		}
		_ = os.RemoveAll(filepath.Join(c.dir, n.Name())) // the next one tries again
	}
	return nil
}

// Info is what is known of an entry without opening it.
type Info struct {
	Key  string
	Note string
	Size int64
	Used time.Time
}

// List returns all entries, the last used first.
func (c *Cache) List() ([]Info, error) {
	names, err := os.ReadDir(c.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cache of compiled code: %w", err)
	}
	var list []Info
	for _, n := range names {
		if !n.IsDir() || strings.HasPrefix(n.Name(), draftPrefix) || strings.HasPrefix(n.Name(), trashPrefix) {
			continue
		}
		file := filepath.Join(c.dir, n.Name(), indexName)
		stat, err := os.Stat(file)
		if err != nil {
			continue // another process has just removed it
		}
		info := Info{Key: n.Name(), Used: stat.ModTime(), Size: stat.Size()}
		if x, err := readIndex(file); err == nil {
			info.Note = x.Note
			for _, f := range x.Files {
				info.Size += f.Size
			}
		}
		list = append(list, info)
	}
	slices.SortFunc(list, func(a, b Info) int {
		return cmp.Or(b.Used.Compare(a.Used), cmp.Compare(a.Key, b.Key))
	})
	return list, nil
}

// Remove removes an entry; one that is in use stays readable for who has it
// open.
func (c *Cache) Remove(key string) error {
	trash, err := os.MkdirTemp(c.dir, trashPrefix)
	if err != nil {
		return err
	}
	err = os.Rename(filepath.Join(c.dir, key), filepath.Join(trash, "entry"))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, os.RemoveAll(trash))
}

// Clear removes all entries and returns what there was.
func (c *Cache) Clear() ([]Info, error) {
	list, err := c.List()
	errs := []error{err}
	for _, i := range list {
		errs = append(errs, c.Remove(i.Key))
	}
	return list, errors.Join(errs...)
}

// trim keeps what fits, beginning with what was used last.
func (c *Cache) trim() error {
	list, err := c.List()
	if err != nil {
		return err
	}
	var size int64
	var errs []error
	for _, i := range list {
		if size+i.Size > c.limit {
			errs = append(errs, c.Remove(i.Key))
			continue
		}
		size += i.Size
	}
	return errors.Join(errs...)
}

// An index says what an entry has. Its file begins with a line that has the sum
// of the rest.
type index struct {
	Note  string `json:"note"`
	Files []file `json:"files"`
}

type file struct {
	Name string `json:"name"` // with slashes
	Size int64  `json:"size"`
	Sum  uint32 `json:"sum"` // CRC-32C
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (x *index) encode() ([]byte, error) {
	b, err := json.Marshal(x)
	return append(fmt.Appendf(nil, "%08x\n", crc32.Checksum(b, castagnoli)), b...), err
}

func readIndex(name string) (*index, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var sum uint32
	x := new(index)
	if len(b) < 9 {
		return nil, errors.New("index is too short")
	}
	if _, err := fmt.Sscanf(string(b[:9]), "%08x\n", &sum); err != nil || sum != crc32.Checksum(b[9:], castagnoli) {
		return nil, errors.New("index has changed")
	}
	return x, json.Unmarshal(b[9:], x)
}
