package blob

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/store"
)

// Memory is a Store that lasts as long as its process.
type Memory struct {
	mu      sync.RWMutex
	content map[artifact.Digest]slabs // guarded by mu; what is in it never changes
	used    atomic.Int64
}

// NewMemory returns an empty store.
func NewMemory() *Memory { return &Memory{content: map[artifact.Digest]slabs{}} }

// Create begins an upload.
func (m *Memory) Create() (Upload, error) {
	return &memoryUpload{store: m, hash: newDigester("")}, nil
}

// Open returns content.
func (m *Memory) Open(d artifact.Digest) (File, error) {
	s, err := m.find(d)
	if err != nil {
		return nil, err
	}
	return memoryFile{io.NewSectionReader(s, 0, s.size())}, nil
}

// Stat returns the size of content.
func (m *Memory) Stat(d artifact.Digest) (int64, error) {
	s, err := m.find(d)
	return s.size(), err
}

func (m *Memory) find(d artifact.Digest) (slabs, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	s, ok := m.content[d]
	if !ok {
		return nil, fmt.Errorf("blob %s: %w", d, store.ErrNotFound)
	}
	return s, nil
}

// Delete removes content.
func (m *Memory) Delete(d artifact.Digest) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.content[d]
	if !ok {
		return fmt.Errorf("blob %s: %w", d, store.ErrNotFound)
	}
	delete(m.content, d)
	m.used.Add(-s.size())
	return nil
}

// All lists what is kept.
func (m *Memory) All() iter.Seq2[artifact.Digest, error] {
	return func(yield func(artifact.Digest, error) bool) {
		m.mu.RLock()
		all := slices.Collect(maps.Keys(m.content))
		m.mu.RUnlock()
		for _, d := range all {
			if !yield(d, nil) {
				return
			}
		}
	}
}

// Used returns the bytes of all content.
func (m *Memory) Used() int64 { return m.used.Load() }

// Close does nothing.
func (m *Memory) Close() error { return nil }

type memoryFile struct{ *io.SectionReader }

func (memoryFile) Close() error { return nil }

// slabs are bytes in pieces of slabSize, the last one shorter, so that content
// grows without being copied.
type slabs [][]byte

const slabSize = 256 << 10

func (s slabs) size() int64 {
	if len(s) == 0 {
		return 0
	}
	return int64(len(s)-1)*slabSize + int64(len(s[len(s)-1]))
}

func (s slabs) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, errors.New("negative offset")
	}
	for n < len(p) && off < s.size() {
		c := copy(p[n:], s[off/slabSize][off%slabSize:])
		n += c
		off += int64(c)
	}
	if n < len(p) {
		err = io.EOF
	}
	return n, err
}

type memoryUpload struct {
	store *Memory
	hash  digester
	slabs slabs
	size  atomic.Int64
	ended bool
}

func (u *memoryUpload) Size() int64 { return u.size.Load() }

func (u *memoryUpload) Expect(algorithm string) {
	if u.size.Load() == 0 {
		u.hash = newDigester(algorithm)
	}
}

func (u *memoryUpload) Append(r io.Reader) (int64, error) {
	if u.ended {
		return 0, errEnded
	}
	return u.hash.copy((*slabWriter)(u), r)
}

type slabWriter memoryUpload

func (w *slabWriter) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		if k := len(w.slabs); k == 0 || len(w.slabs[k-1]) == slabSize {
			room := slabSize
			if k == 0 {
				room = min(slabSize, len(rest)) // most content is small
			}
			w.slabs = append(w.slabs, make([]byte, 0, room))
		}
		last := &w.slabs[len(w.slabs)-1]
		take := min(len(rest), slabSize-len(*last))
		*last = append(*last, rest[:take]...)
		rest = rest[take:]
	}
	w.size.Add(int64(len(p)))
	return len(p), nil
}

func (u *memoryUpload) ReadAt(p []byte, off int64) (int, error) { return u.slabs.ReadAt(p, off) }

func (u *memoryUpload) Commit(want artifact.Digest) error {
	if u.ended {
		return errEnded
	}
	u.ended = true
	s := u.slabs
	u.slabs = nil
	if err := u.hash.check(want, io.NewSectionReader(s, 0, s.size())); err != nil {
		return err
	}
	if k := len(s); k > 0 && cap(s[k-1])-len(s[k-1]) > slabSize/8 {
		s[k-1] = slices.Clip(slices.Clone(s[k-1]))
	}
	u.store.mu.Lock()
	defer u.store.mu.Unlock()
	if _, ok := u.store.content[want]; !ok {
		u.store.content[want] = s
		u.store.used.Add(s.size())
	}
	return nil
}

func (u *memoryUpload) Cancel() error {
	u.ended = true
	u.slabs = nil
	return nil
}

var errEnded = errors.New("the upload has ended")
