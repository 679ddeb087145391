package memory

import (
	"errors"
	"fmt"
	"sync/atomic"
)

// wasmPage is the unit of a memory's size, maxMemory its greatest size.
const (
	wasmPage  = 1 << 16
	maxMemory = 1 << 32
)

// A Segment is content of a memory.
type Segment struct {
	Offset uint64
	Bytes  []byte
}

// ImageConfig is what a memory begins with.
type ImageConfig struct {
	// Segments are written in order: the last one wins. Nothing of them is kept.
	Segments []Segment
	// Min and Max are the bytes that the module wants at first and at most, in
	// whole pages of 64 KiB; a Max of 0 is 4 GiB. Max is refused beyond
	// whatever the module says that the engine runs: raised there by a page, a
	// memory can be shrunk even when it is as large as it may get.
	Min, Max uint64
}

// An Image is what the memory of a module begins with, shared by all its
// instances.
type Image struct {
	space    *Space
	min, max uint64
	backing  backing // nil: all zero
	users    atomic.Int64
	closed   atomic.Bool
}

// content is the checked content of an image.
type content struct {
	segments []Segment
	size     uint64 // whole pages of the system
}

// NewImage makes an image. Its length, up to the last byte that is not zero, is
// counted in the budget, but never refused: the code that it belongs to is
// bounded elsewhere.
func (s *Space) NewImage(cfg ImageConfig) (*Image, error) {
	if cfg.Max == 0 {
		cfg.Max = maxMemory
	}
	if cfg.Min > cfg.Max || cfg.Max > maxMemory || cfg.Min%wasmPage != 0 || cfg.Max%wasmPage != 0 {
		return nil, fmt.Errorf("a memory cannot have %d to %d bytes", cfg.Min, cfg.Max)
	}
	c := content{segments: cfg.Segments}
	for i, seg := range cfg.Segments {
		n := uint64(len(seg.Bytes))
		if seg.Offset > cfg.Min || n > cfg.Min-seg.Offset {
			return nil, fmt.Errorf("data segment %d is at %d to %d of %d bytes", i, seg.Offset, seg.Offset+n, cfg.Min)
		}
		if used := len(trim(seg.Bytes)); used > 0 {
			c.size = max(c.size, seg.Offset+uint64(used))
		}
	}
	page := uint64(s.pageSize)
	c.size = (c.size + page - 1) / page * page
	m := &Image{space: s, min: cfg.Min, max: cfg.Max}
	if c.size > 0 {
		var err error
		if m.backing, err = s.source.newImage(c); err != nil {
			return nil, fmt.Errorf("image of %d bytes: %w", c.size, err)
		}
	}
	s.budget.add(c.size)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.images++
	return m, nil
}

// trim cuts zeros at the end.
func trim(b []byte) []byte {
	for len(b) > 0 && b[len(b)-1] == 0 {
		b = b[:len(b)-1]
	}
	return b
}

// parts are the segments as far as they are within the size: beyond it they are
// zero.
func (c content) parts(write func(offset uint64, b []byte) error) error {
	for _, seg := range c.segments {
		if seg.Offset >= c.size {
			continue
		}
		if err := write(seg.Offset, seg.Bytes[:min(uint64(len(seg.Bytes)), c.size-seg.Offset)]); err != nil {
			return err
		}
	}
	return nil
}

// view returns the content, which may be shorter than the memory: the rest is
// zero.
func (m *Image) view() []byte {
	if m == nil || m.backing == nil {
		return nil
	}
	return m.backing.view()
}

// Close frees the image, which must have no Set.
func (m *Image) Close() error {
	if n := m.users.Load(); n > 0 {
		return fmt.Errorf("an image is closed while %d instances use it", n)
	}
	if m.closed.Swap(true) {
		return nil
	}
	errs := []error{m.space.forget(m)}
	if m.backing != nil {
		m.space.budget.give(uint64(len(m.view())))
		errs = append(errs, m.backing.close())
	}
	return errors.Join(errs...)
}

// forget takes an image from the spare slots that have it.
func (s *Space) forget(m *Image) error {
	s.mu.Lock()
	s.images--
	var bound []slot
	kept := s.spare[:0]
	for _, slot := range s.spare {
		if slot.image() == m {
			bound = append(bound, slot)
		} else {
			kept = append(kept, slot)
		}
	}
	s.spare = kept
	s.mu.Unlock()
	var errs []error
	for _, slot := range bound {
		if err := slot.unbind(); err != nil {
			errs = append(errs, err, s.drop(slot))
			continue
		}
		s.mu.Lock()
		if !s.closed {
			s.spare = append(s.spare, slot)
			slot = nil
		}
		s.mu.Unlock()
		if slot != nil {
			errs = append(errs, s.drop(slot))
		}
	}
	return errors.Join(errs...)
}
