package applog

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// A guest that prints without end is not held up and does not cost its neighbour
// a line. Each of its lines is in the log or counted there.
func TestFlood(t *testing.T) {
	l := openIn(t, t.TempDir(), Limits{Files: 1000, FileSize: 64 << 10, Queue: 16 << 10})
	const writers, each = 4, 2000
	var floods sync.WaitGroup
	for range writers {
		floods.Go(func() {
			for range each {
				l.Append(Line{App: other, Stream: "stdout", Message: strings.Repeat("flood ", 100)})
			}
		})
	}
	for i := range 50 {
		l.Append(Line{App: hello, Message: fmt.Sprint(i)})
	}
	floods.Wait()
	if got := tail(t, l, Query{App: hello}); len(got) != 50 {
		t.Errorf("the neighbour has %d lines, want 50", len(got))
	}
	var kept, said uint64
	for _, line := range tail(t, l, Query{App: other}) {
		kept++
		if line.Stream == Host {
			var n uint64
			if _, err := fmt.Sscanf(line.Message, "%d lines dropped", &n); err != nil {
				t.Errorf("%q: %v", line.Message, err)
			}
			kept, said = kept-1, said+n
		}
	}
	if said != l.Dropped() || kept+said != writers*each {
		t.Errorf("%d lines kept, %d dropped, %d said to be; want %d in all", kept, l.Dropped(), said, writers*each)
	}
}

// 100 MB of one guest, with the limits as they are: its files stay within theirs.
func TestHundredMegabytes(t *testing.T) {
	dir := t.TempDir()
	l := openIn(t, dir, Limits{})
	line := Line{App: other, Stream: "stdout", Message: strings.Repeat("0123456789abcdef", 4096)}
	for i := range 1600 {
		l.Append(line)
		if i%16 == 0 {
			l.Append(Line{App: hello, Message: fmt.Sprint(i)})
		}
	}
	if n := len(tail(t, l, Query{App: hello})); n != 100 {
		t.Errorf("the neighbour has %d lines, want 100", n)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if n := diskUse(t, filepath.Join(dir, string(other))); n > 32<<20 {
		t.Errorf("%d bytes on disk, want at most 32 MiB", n)
	}
}

// Lines that do not fit are dropped, counted, and the count is in the log.
func TestDropsAreSaid(t *testing.T) {
	l := openIn(t, t.TempDir(), Limits{Queue: 300})
	a, err := l.app(hello)
	if err != nil {
		t.Fatal(err)
	}
	a.io.Lock() // the disk is slow
	for i := range 10 {
		l.Append(Line{App: hello, Revision: 2, Message: fmt.Sprint(strings.Repeat("x", 100), i)})
	}
	a.io.Unlock()
	lines := tail(t, l, Query{App: hello})
	last := lines[len(lines)-1]
	dropped := l.Dropped()
	want := fmt.Sprintf("%d lines dropped: %s", dropped, tooFast)
	if last.Stream != Host || last.Message != want || last.Revision != 2 || dropped == 0 || uint64(len(lines)-1)+dropped != 10 {
		t.Errorf("after %d lines and %d dropped: %+v, want %q", len(lines), dropped, last, want)
	}
}
