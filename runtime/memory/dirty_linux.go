//go:build amd64 || arm64

package memory

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A finder lists the pages of a mapping that are not the image's own: those
// which are present and of no file, or swapped out. Zero pages that were only
// read may be left out.
type finder interface {
	// find replaces what l has, and returns how many pages there are. It may
	// stop at the most that l can take.
	find(b []byte, l *list) (pages int, err error)
	close() error
}

// A list has regions of dirty pages.
type list struct {
	start   uintptr // of what was looked at
	pages   int
	n       int // regions in use
	regions []region
	entries []byte // of pagemap
}

// A region is struct page_region of the kernel.
type region struct{ start, end, categories uint64 }

// lists keeps lists for reuse. Each has room for as many regions as there are
// pages in what a memory may retain.
var lists = sync.Pool{New: func() any {
	return &list{regions: make([]region, retained/os.Getpagesize()+1)}
}}

// full reports whether there are more pages than are worth copying.
func (l *list) full(page int) bool { return l.pages*page > retained }

// within returns where a region is in a range that has it.
func (r region) within(b []byte) (from, to uint64) {
	start := uint64(uintptr(unsafe.Pointer(unsafe.SliceData(b))))
	return r.start - start, r.end - start
}

// A scanner asks with the ioctl PAGEMAP_SCAN.
type scanner struct {
	fd   int
	page int
}

// scanArgument is struct pm_scan_arg of the kernel.
type scanArgument struct {
	size, flags, start, end, walkEnd, vec, vecLen, maxPages uint64
	inverted, mask, anyOf, returned                         uint64
}

// Categories of pages, and the number of the ioctl.
const (
	isFile    = 1 << 2
	isPresent = 1 << 3
	isSwapped = 1 << 4
	isZero    = 1 << 5

	pagemapScan = 0xc0606610
)

// find asks until it has been told of all pages: the kernel may stop earlier.
func (s *scanner) find(b []byte, l *list) (int, error) {
	l.start = uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	l.n, l.pages = 0, 0
	end := uint64(l.start) + uint64(len(b))
	for at := uint64(l.start); at < end && !l.full(s.page); {
		next, err := s.scan(at, end, l)
		if err != nil {
			return 0, fmt.Errorf("PAGEMAP_SCAN: %w", err)
		}
		if next <= at && !l.full(s.page) {
			return 0, fmt.Errorf("PAGEMAP_SCAN: stopped at %#x of %#x to %#x", next, at, end)
		}
		at = next
	}
	return l.pages, nil
}

// scan adds the regions of [start, end) to l, and returns how far it came.
func (s *scanner) scan(start, end uint64, l *list) (next uint64, err error) {
	room := l.regions[l.n:]
	a := scanArgument{
		start: start, end: end, vec: uint64(uintptr(unsafe.Pointer(unsafe.SliceData(room)))), vecLen: uint64(len(room)),
		maxPages: uint64(len(l.regions) - l.pages), inverted: isFile | isZero, mask: isFile | isZero, anyOf: isPresent | isSwapped, returned: isPresent,
	}
	a.size = uint64(unsafe.Sizeof(a))
	n, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(s.fd), pagemapScan, uintptr(unsafe.Pointer(&a)))
	runtime.KeepAlive(l)
	if errno == unix.EINTR {
		return s.scan(start, end, l)
	}
	if errno != 0 {
		return 0, errno
	}
	if n > uintptr(len(room)) {
		return 0, fmt.Errorf("%d regions in room for %d", n, len(room))
	}
	for _, r := range room[:n] {
		if r.start < start || r.end > end || r.start >= r.end {
			return 0, fmt.Errorf("region %#x to %#x is not in %#x to %#x", r.start, r.end, start, end)
		}
		l.pages += int(r.end-r.start) / s.page
		l.n++
	}
	if n > 0 { // walkEnd may lag behind what was put out, when that was much
		a.walkEnd = max(a.walkEnd, room[n-1].end)
	}
	return a.walkEnd, nil
}

func (s *scanner) close() error { return unix.Close(s.fd) }

// A reader reads one entry for each page from /proc/self/pagemap.
type reader struct {
	fd   int
	page int
}

// Bits of an entry.
const (
	entryPresent = 1 << 63
	entrySwapped = 1 << 62
	entryFile    = 1 << 61
)

// dirty reports whether the page of an entry may differ from what began there.
func dirty(entry uint64) bool {
	return entry&entrySwapped != 0 || entry&entryPresent != 0 && entry&entryFile == 0
}

// entriesAtOnce is how many entries are read by one call.
const entriesAtOnce = 8192

func (d *reader) find(b []byte, l *list) (int, error) {
	l.start = uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	l.n, l.pages = 0, 0
	if l.entries == nil {
		l.entries = make([]byte, 8*entriesAtOnce)
	}
	first, pages := int64(l.start)/int64(d.page), len(b)/d.page
	for at := 0; at < pages; at += entriesAtOnce {
		entries := l.entries[:8*min(entriesAtOnce, pages-at)]
		if err := readAt(d.fd, entries, 8*(first+int64(at))); err != nil {
			return 0, fmt.Errorf("/proc/self/pagemap: %w", err)
		}
		for i := 0; i < len(entries); i += 8 {
			entry := binary.NativeEndian.Uint64(entries[i:])
			if entry != 0 && dirty(entry) && l.add(at+i/8, d.page) {
				return l.pages, nil
			}
		}
	}
	return l.pages, nil
}

func readAt(fd int, b []byte, offset int64) error {
	for len(b) > 0 {
		n, err := unix.Pread(fd, b, offset)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return err
		case n == 0:
			return io.ErrUnexpectedEOF
		default:
			b, offset = b[n:], offset+int64(n)
		}
	}
	return nil
}

// add notes a page, and reports that there is no room for more.
func (l *list) add(index, page int) (full bool) {
	start := uint64(l.start) + uint64(index)*uint64(page)
	l.pages++
	if last := l.n - 1; last >= 0 && l.regions[last].end == start {
		l.regions[last].end += uint64(page)
	} else {
		l.regions[l.n] = region{start: start, end: start + uint64(page)}
		l.n++
	}
	return l.pages == len(l.regions)
}

func (d *reader) close() error { return unix.Close(d.fd) }
