//go:build amd64 || arm64

package memory

import (
	"os"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A lie is a finder that does not tell the truth.
type lie struct {
	reader
	hide func(entry uint64) bool
	show bool // every page
}

func (f *lie) find(b []byte, l *list) (int, error) {
	l.start, l.n, l.pages = uintptr(unsafe.Pointer(&b[0])), 0, 0
	for i := range len(b) / f.page {
		entry := make([]byte, 8)
		if err := readAt(f.fd, entry, 8*(int64(l.start)/int64(f.page)+int64(i))); err != nil {
			return 0, err
		}
		e := *(*uint64)(unsafe.Pointer(&entry[0]))
		if f.show || dirty(e) && !f.hide(e) {
			l.add(i, f.page)
		}
	}
	return l.pages, nil
}

// TestProve has finders that must not be used.
func TestProve(t *testing.T) {
	page := os.Getpagesize()
	tests := []struct {
		name string
		hide func(entry uint64) bool
		show bool
		want string
	}{
		{"honest", func(uint64) bool { return false }, false, ""},
		{"finds nothing", func(uint64) bool { return true }, false, "was written and is not found"},
		{"finds all", nil, true, "was not touched and is found"},
		{"misses swapped pages", func(e uint64) bool { return e&entrySwapped != 0 }, false, "is not found"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if strings.Contains(test.name, "swapped") && !swappedPages(t) {
				t.Skip("needs pages that look swapped out: swap, or Linux 6.13")
			}
			fd, err := unix.Open("/proc/self/pagemap", unix.O_RDONLY|unix.O_CLOEXEC, 0)
			if err != nil {
				t.Skipf("needs /proc/self/pagemap: %v", err)
			}
			s := &mappedSource{page: page, finder: &lie{reader{fd, page}, test.hide, test.show}}
			defer s.close()
			if err := s.prove(); test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("prove = %v, want %q", err, test.want)
			}
		})
	}
}

func TestDirty(t *testing.T) {
	tests := []struct {
		entry uint64
		want  bool
	}{
		{0, false},
		{entryPresent | entryFile, false},
		{entryPresent, true},
		{entrySwapped, true},
		{entrySwapped | entryFile, true}, // on its way between two places
		{entryFile, false},
	}
	for _, test := range tests {
		if got := dirty(test.entry); got != test.want {
			t.Errorf("dirty(%#x) = %t", test.entry, got)
		}
	}
}
