//go:build amd64 || arm64

package memory

import (
	"bytes"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// Pages of the scratch mapping of a proof. The first half is an image, each
// half is treated alike: some pages are left alone, some read, some written,
// and some written and then paged out.
const (
	proofImage = 8
	proofPages = 16
)

// treatment of the page i of a half.
func treatment(i int) (read, write, pageOut bool) {
	switch i % proofImage {
	case 0, 1:
		return false, false, false
	case 2, 3:
		return true, false, false
	case 4, 5:
		return false, true, false
	}
	return false, true, true
}

// prove tries the source on a scratch mapping, and returns what does not work.
func (s *mappedSource) prove() (err error) {
	content := make([]byte, proofImage*s.page)
	for i := range content {
		content[i] = byte(1 + i%251)
	}
	image := &Image{min: uint64(proofPages * s.page), max: maxMemory}
	if image.backing, err = s.newImage(contentOf(content)); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, image.backing.close()) }()
	slot, err := s.newSlot(image.min)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, slot.close()) }()
	if err := slot.bind(image, image.min); err != nil {
		return err
	}
	m := slot.(*mappedSlot)
	want := append(content, make([]byte, len(content))...)
	for _, round := range []string{"first", "second"} {
		m.treat()
		if err := m.proveFind(); err != nil {
			return err
		}
		if err := m.reset(new(Result)); err != nil {
			return err
		}
		if !bytes.Equal(m.base, want) {
			return fmt.Errorf("not all is put back at the %s reset", round)
		}
		m.treat()
		if err := m.discard(new(Result)); err != nil {
			return err
		}
		if !bytes.Equal(m.base, want) {
			return fmt.Errorf("not all is put back when pages are dropped for the %s time", round)
		}
		if err := m.discard(new(Result)); err != nil { // to be as if never read
			return err
		}
	}
	s.counts = m.proveFaults() == nil // if not, every reset looks for pages
	return nil
}

func contentOf(b []byte) content {
	return content{segments: []Segment{{0, b}}, size: uint64(len(b))}
}

// treat does to each page what its number says.
func (m *mappedSlot) treat() {
	page := m.source.page
	var sum byte
	for i := range proofPages {
		b := m.base[i*page : (i+1)*page]
		read, write, pageOut := treatment(i)
		if read {
			sum += b[page/2]
		}
		if write {
			b[page/3] ^= 0xff
		}
		if pageOut {
			_ = unix.Madvise(b, unix.MADV_PAGEOUT) // needs Linux 5.4, and swap to have an effect
		}
	}
	m.base[4*page] ^= sum&1 | 2 // a page that is written anyway
}

// proveFind checks that each page that was written is found, and that not all
// are.
func (m *mappedSlot) proveFind() error {
	if m.source.finder == nil {
		return nil
	}
	found, err := m.findAll()
	if err != nil {
		return err
	}
	for i := range proofPages {
		read, write, pageOut := treatment(i)
		if write && !found[i] {
			return fmt.Errorf("page %d was written and is not found (paged out: %t)", i, pageOut)
		}
		if !write && !read && found[i] {
			return fmt.Errorf("page %d was not touched and is found", i)
		}
	}
	return m.proveSwapped()
}

// proveSwapped checks that a page is found which is not present but has an
// entry as one in swap has. Without swap there are no such pages, but the guard
// pages of Linux 6.13 look the same.
func (m *mappedSlot) proveSwapped() error {
	page := m.source.page
	last := m.base[(proofPages-1)*page : proofPages*page]
	if unix.Madvise(last, unix.MADV_GUARD_INSTALL) != nil {
		return nil
	}
	found, err := m.findAll()
	if removeErr := unix.Madvise(last, unix.MADV_GUARD_REMOVE); err != nil || removeErr != nil {
		return errors.Join(err, removeErr)
	}
	if !found[proofPages-1] {
		return errors.New("a page like one that is swapped out is not found")
	}
	return nil
}

func (m *mappedSlot) findAll() (found [proofPages]bool, err error) {
	l := lists.Get().(*list)
	defer lists.Put(l)
	if _, err := m.source.finder.find(m.base, l); err != nil {
		return found, err
	}
	for _, r := range l.regions[:l.n] {
		from, to := r.within(m.base)
		for at := from; at < to; at += uint64(m.source.page) {
			found[at/uint64(m.source.page)] = true
		}
	}
	return found, nil
}
