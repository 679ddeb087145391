//go:build amd64 || arm64

package memory

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// swappedPages reports whether there is a way to have one.
func swappedPages(t *testing.T) bool {
	b, err := unix.Mmap(-1, 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(b)
	return hasSwap(t) || unix.Madvise(b, unix.MADV_GUARD_INSTALL) == nil
}

func hasSwap(t *testing.T) bool {
	b, err := os.ReadFile("/proc/swaps")
	if err != nil {
		t.Log(err)
	}
	return bytes.Count(b, []byte("\n")) > 1
}

// TestPagedOut has a secret in pages that are in swap when the memory is reset.
func TestPagedOut(t *testing.T) {
	if !hasSwap(t) {
		t.Skip("needs swap: the proof of each method goes as far as it can without")
	}
	each(t, func(t *testing.T, method Method) {
		s := newSpace(t, Config{Method: method})
		m := newImage(t, s, ImageConfig{Segments: []Segment{{0, bytes.Repeat([]byte{1}, wasmPage)}}, Min: 2 * wasmPage})
		g := newGuest(t, s, 0, m)
		for round := range 3 {
			for i := range g.b {
				g.b[i] = 0x5e
			}
			if method != Copy {
				if err := unix.Madvise(g.b, unix.MADV_PAGEOUT); err != nil {
					t.Skipf("needs MADV_PAGEOUT: %v", err)
				}
			}
			g.reset(t)
			if bytes.IndexByte(g.b, 0x5e) >= 0 {
				t.Fatalf("the secret is found in round %d", round)
			}
		}
		g.release(t)
	})
}

// TestGivesBack counts mappings, descriptors and resident pages.
func TestGivesBack(t *testing.T) {
	for _, method := range methods(t) {
		if method == Copy {
			continue
		}
		t.Run(method.String(), func(t *testing.T) {
			fds, maps := descriptors(t), mappings(t)
			s, err := New(Config{Method: method, Spare: 4})
			if err != nil {
				t.Fatal(err)
			}
			images := make([]*Image, 3)
			for i := range images {
				if images[i], err = s.NewImage(ImageConfig{Segments: []Segment{{0, []byte{byte(1 + i)}}}, Min: 2 * wasmPage}); err != nil {
					t.Fatal(err)
				}
			}
			if got, most := descriptors(t)-fds, len(images)+1; got > most {
				t.Errorf("%d descriptors for %d images", got, len(images))
			}
			for range 10 {
				var guests []*guest
				for i := range 12 {
					g := newGuest(t, s, 1<<24, images[i%3])
					g.Grow(20)
					for at := 0; at < len(g.b); at += 1000 {
						g.b[at] = 1
					}
					guests = append(guests, g)
				}
				if got, want := resident(t, guests[0]), len(guests[0].b); got < want {
					t.Errorf("%d bytes are resident of %d that were written", got, want)
				}
				if got, most := mappings(t)-maps, 12*4+len(images)+60; got > most { // some are of Go itself
					t.Fatalf("%d mappings for 12 memories", got)
				}
				last := guests[11]
				for _, g := range guests {
					g.release(t)
				}
				if got := resident(t, last); got > wasmPage {
					t.Fatalf("%d bytes of a spare mapping are resident", got)
				}
				if st := s.Stats(); st.Spare != 4 || st.Reserved != 4*(1<<24) {
					t.Fatalf("stats = %+v", st)
				}
			}
			for _, m := range images {
				if err := m.Close(); err != nil {
					t.Error(err)
				}
			}
			if st := s.Stats(); st.Spare != 4 {
				t.Errorf("stats = %+v", st)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			if got := descriptors(t); got != fds {
				t.Errorf("%d descriptors, there were %d", got, fds)
			}
			if got := mappings(t); got > maps+60 {
				t.Errorf("%d mappings, there were %d", got, maps)
			}
			if b, err := os.ReadFile("/proc/self/maps"); err != nil || bytes.Contains(b, []byte("neutrino-local-image")) {
				t.Errorf("an image is still mapped (%v)", err)
			}
		})
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skipf("needs /proc: %v", err)
	}
	return len(entries)
}

func mappings(t *testing.T) int {
	t.Helper()
	b, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Skipf("needs /proc: %v", err)
	}
	return bytes.Count(b, []byte("\n"))
}

// resident returns the bytes of a guest's range that are in memory.
func resident(t *testing.T, g *guest) int {
	t.Helper()
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		t.Skipf("needs /proc: %v", err)
	}
	defer f.Close()
	begin := uintptr(unsafe.Pointer(unsafe.SliceData(g.b)))
	end := begin + 1<<24
	sum, inside := 0, false
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var from, to uintptr
		var kib int
		if n, _ := fmt.Sscanf(lines.Text(), "%x-%x ", &from, &to); n == 2 {
			inside = from >= begin && to <= end+guard
		} else if n, _ := fmt.Sscanf(lines.Text(), "Rss: %d kB", &kib); n == 1 && inside {
			sum += kib << 10
		}
	}
	return sum
}

// TestRetained writes a little less and a little more than what is worth copying.
func TestRetained(t *testing.T) {
	for _, method := range []Method{Scan, Pagemap} {
		t.Run(method.String(), func(t *testing.T) {
			s, err := New(Config{Method: method})
			if err != nil {
				t.Skip(err)
			}
			defer s.Close()
			m := newImage(t, s, ImageConfig{Segments: []Segment{{0, bytes.Repeat([]byte("image"), 40_000)}}, Min: 200 * wasmPage})
			g := newGuest(t, s, 1<<24, m)
			want := bytes.Clone(g.b) // reads all of it: the pages of zeros are there now
			page := os.Getpagesize()
			if r := g.reset(t); method == Scan && r.Pages != 0 {
				t.Errorf("%+v for a memory that was only read", r)
			}
			write := func(pages int) {
				for i := range pages {
					g.b[i*(len(g.b)/page/pages)*page+17]++
				}
			}
			write(retained / page)
			if r := g.reset(t); method == Scan && (r.Pages != retained/page || r.Discarded != 0 || r.Bytes != retained) {
				t.Errorf("%+v for %d pages", r, retained/page)
			}
			if got := resident(t, g); got < retained && method == Scan {
				t.Errorf("%d bytes are resident", got)
			}
			write(retained/page + 1)
			if r := g.reset(t); r.Discarded != 1 || r.Bytes != 0 {
				t.Errorf("%+v for %d pages", r, retained/page+1)
			}
			if got := resident(t, g); got != 0 {
				t.Errorf("%d bytes are resident", got)
			}
			if !bytes.Equal(g.b, want) {
				t.Error("memory differs")
			}
			g.release(t)
		})
	}
}

// TestNoRoom has a system that gives no addresses, or not many.
func TestNoRoom(t *testing.T) {
	s := newSpace(t, Config{Method: Discard})
	m := newImage(t, s, ImageConfig{Min: 3 * wasmPage})
	s.source = narrow{s.source, 2 * wasmPage}
	if _, err := s.Reserve([]*Image{m}, 0); !errors.Is(err, unix.ENOMEM) {
		t.Errorf("Reserve = %v", err)
	}
	if st := s.Stats(); st.Used != 0 || st.InUse != 0 {
		t.Errorf("stats = %+v", st)
	}
	s.source = narrow{s.source.(narrow).source, 8 * wasmPage}
	g := newGuest(t, s, 0, m)
	if _, ok := g.Grow(1); !ok {
		t.Error("growing within the room was refused")
	}
	if _, ok := g.Grow(5); ok {
		t.Error("growing beyond the room was not refused")
	}
	if got, n := g.set.Refused(); n != 1 || got != (Refusal{LimitSystem, 0, 9 * wasmPage}) {
		t.Errorf("refused %d times: %v", n, got)
	}
	if got := g.set.Size(); got != 4*wasmPage || s.Stats().Used != got {
		t.Errorf("size = %d, %d are accounted", got, s.Stats().Used)
	}
	g.reset(t)
	g.release(t)
}

// A narrow source gives no more than most bytes.
type narrow struct {
	source
	most uint64
}

func (n narrow) newSlot(room uint64) (slot, error) {
	if room > n.most {
		return nil, unix.ENOMEM
	}
	return n.source.newSlot(room)
}

// TestFallBack has a process that may open nothing, so that no method works but
// the one that needs nothing.
func TestFallBack(t *testing.T) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	none := limit
	none.Cur = 0
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &none); err != nil {
		t.Fatal(err)
	}
	s, err := New(Config{})
	_, forcedErr := New(Config{Method: Scan})
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if !errors.Is(forcedErr, unix.EMFILE) {
		t.Errorf("the forced method is refused with %v", forcedErr)
	}
	if s.Method() != Copy || len(s.Rejected()) != 3 {
		t.Errorf("the method is %v; rejected: %v", s.Method(), s.Rejected())
	}
	for i, name := range []string{"scan", "pagemap", "discard"} {
		if err := s.Rejected()[i]; !strings.Contains(err.Error(), name) || !errors.Is(err, unix.EMFILE) {
			t.Errorf("%s is rejected with %v", name, err)
		}
	}
}
