//go:build amd64 || arm64

package memory

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A mappedSource has memories as mappings.
type mappedSource struct {
	finder finder // nil: pages are always dropped
	counts bool   // page faults are counted: what is known of dirty pages stays true without one
	page   int
}

// newMapped returns the source for a method after proving it.
func newMapped(m Method, page int) (source, error) {
	s := &mappedSource{page: page}
	switch m {
	case Scan, Pagemap:
		fd, err := unix.Open("/proc/self/pagemap", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return nil, fmt.Errorf("/proc/self/pagemap: %w", err)
		}
		s.finder = &reader{fd: fd, page: page}
		if m == Scan {
			s.finder = &scanner{fd: fd, page: page}
		}
	case Discard:
	default:
		return nil, errors.New("unknown method")
	}
	if err := s.prove(); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *mappedSource) close() error {
	if s.finder == nil {
		return nil
	}
	return s.finder.close()
}

// A mappedImage is a sealed file in memory.
type mappedImage struct {
	fd      int
	content []byte // mapped, read only
}

const seals = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE

func (s *mappedSource) newImage(c content) (_ backing, err error) {
	fd, err := unix.MemfdCreate("neutrino-local-image", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, fmt.Errorf("file in memory: %w", err)
	}
	m := &mappedImage{fd: fd}
	defer func() {
		if err != nil {
			err = errors.Join(err, m.close())
		}
	}()
	if err := unix.Ftruncate(fd, int64(c.size)); err != nil {
		return nil, err
	}
	if err := c.parts(func(offset uint64, b []byte) error { return writeAt(fd, b, int64(offset)) }); err != nil {
		return nil, err
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals); err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	m.content, err = unix.Mmap(fd, 0, int(c.size), unix.PROT_READ, unix.MAP_PRIVATE)
	return m, err
}

func writeAt(fd int, b []byte, offset int64) error {
	for len(b) > 0 {
		n, err := unix.Pwrite(fd, b, offset)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		b, offset = b[n:], offset+int64(n)
	}
	return nil
}

func (m *mappedImage) view() []byte { return m.content }

func (m *mappedImage) close() error {
	var errs []error
	if m.content != nil {
		errs = append(errs, unix.Munmap(m.content))
	}
	return errors.Join(append(errs, unix.Close(m.fd))...)
}

// A mappedSlot is a range of addresses. Of it, the image's length is mapped to
// the image, what else is accessible is zero pages, and the rest is a hole.
type mappedSlot struct {
	source     *mappedSource
	whole      []byte // the range and the guard behind it
	base       []byte // the range
	bound      *Image
	accessible uint64 // bytes from the start; whole pages
	known      known  // dirty pages
}

// guard is a hole behind each range: nothing of ours is ever right behind a
// memory of 4 GiB.
const guard = wasmPage

func (s *mappedSource) newSlot(room uint64) (slot, error) {
	page := uint64(s.page)
	room = (room + page - 1) / page * page
	all, err := unix.Mmap(-1, 0, int(room+guard), unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE)
	if err != nil {
		return nil, fmt.Errorf("range of %d bytes: %w", room, err)
	}
	m := &mappedSlot{source: s, whole: all, base: all[:room:room]}
	m.noHuge()
	return m, nil
}

// noHuge asks for small pages, so that a byte written is not two megabytes
// copied. A system without huge pages refuses, and that is as good.
func (m *mappedSlot) noHuge() {
	if len(m.base) > 0 {
		_ = unix.Madvise(m.base, unix.MADV_NOHUGEPAGE)
	}
}

func (m *mappedSlot) room() uint64 { return uint64(len(m.base)) }

func (m *mappedSlot) image() *Image { return m.bound }

func (m *mappedSlot) bind(image *Image, min uint64) error {
	m.bound = image
	if image.backing != nil {
		file := image.backing.(*mappedImage)
		if err := m.mapOver(0, uint64(len(file.content)), unix.PROT_READ|unix.PROT_WRITE, 0, file.fd); err != nil {
			return fmt.Errorf("map the image: %w", err)
		}
		m.noHuge()
		m.accessible = uint64(len(file.content))
	}
	if m.grow(min) == nil {
		return fmt.Errorf("no room for %d bytes", min)
	}
	return nil
}

// mapOver maps [from, to) anew.
func (m *mappedSlot) mapOver(from, to uint64, prot, flags, fd int) error {
	if from == to {
		return nil
	}
	m.known.valid = false
	_, err := unix.MmapPtr(fd, 0, unsafe.Pointer(&m.base[from]), uintptr(to-from), prot, unix.MAP_PRIVATE|unix.MAP_FIXED|unix.MAP_NORESERVE|flags)
	return err
}

// hole takes [from, accessible) away, with its pages and their tables.
func (m *mappedSlot) hole(from uint64) error {
	if err := m.mapOver(from, m.accessible, unix.PROT_NONE, unix.MAP_ANON, -1); err != nil {
		return err
	}
	m.accessible = from
	m.noHuge()
	return nil
}

func (m *mappedSlot) grow(size uint64) []byte {
	page := uint64(m.source.page)
	if to := (size + page - 1) / page * page; to > m.accessible {
		if to > uint64(len(m.base)) || unix.Mprotect(m.base[m.accessible:to], unix.PROT_READ|unix.PROT_WRITE) != nil {
			return nil
		}
		m.accessible = to
	}
	return m.base[:size:size]
}

func (m *mappedSlot) shrink(size uint64) []byte { return m.base[:size:size] }

// reset writes the image over the pages that have been written, or drops all if
// they are too many.
func (m *mappedSlot) reset(r *Result) error {
	if m.accessible == 0 {
		return nil
	}
	if m.source.finder == nil {
		return m.discard(r)
	}
	if err := m.find(); err != nil {
		return err
	}
	r.Pages += m.known.pages
	if m.known.pages*m.source.page > retained {
		return m.discard(r)
	}
	view := m.bound.view()
	for _, g := range m.known.regions {
		from, to := g.within(m.base)
		dst := m.base[from:to]
		n := 0
		if from < uint64(len(view)) {
			n = copy(dst, view[from:])
		}
		clear(dst[n:])
		r.Bytes += len(dst)
		if to > m.bound.min {
			r.beyond += to - max(from, m.bound.min)
		}
	}
	return nil
}

// find brings what is known of dirty pages up to date.
func (m *mappedSlot) find() error {
	count, err := faults()
	if err != nil {
		return err
	}
	if m.known.valid && m.known.faults == count && m.source.counts {
		return nil
	}
	l := lists.Get().(*list)
	defer lists.Put(l)
	m.known.valid = false
	if m.known.pages, err = m.source.finder.find(m.base[:m.accessible], l); err != nil {
		return err
	}
	m.known.regions = append(m.known.regions[:0], l.regions[:l.n]...)
	m.known.faults, m.known.valid = count, true
	return nil
}

// discard drops all pages, and what the memory has grown by.
func (m *mappedSlot) discard(r *Result) error {
	r.Discarded++
	m.known.valid = false
	page := uint64(m.source.page)
	if least := (m.bound.min + page - 1) / page * page; least < m.accessible {
		if err := m.hole(least); err != nil {
			return err
		}
	}
	if m.accessible == 0 {
		return nil
	}
	return unix.Madvise(m.base[:m.accessible], unix.MADV_DONTNEED)
}

func (m *mappedSlot) recycle() (bool, error) {
	return true, m.discard(new(Result))
}

func (m *mappedSlot) unbind() error {
	m.bound = nil
	return m.hole(0)
}

func (m *mappedSlot) close() error {
	m.bound = nil
	return unix.Munmap(m.whole)
}
