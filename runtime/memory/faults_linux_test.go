//go:build amd64 || arm64

package memory

import (
	"bytes"
	"testing"
)

// A witness counts how often pages were looked for.
type witness struct {
	finder
	asked int
}

func (w *witness) find(b []byte, l *list) (int, error) {
	w.asked++
	return w.finder.find(b, l)
}

// TestFaults has a guest that writes the same pages again and again, for which
// nobody has to look, and then one more: that is found, whenever it comes.
func TestFaults(t *testing.T) {
	for _, method := range methods(t) {
		if method == Copy || method == Discard {
			continue
		}
		t.Run(method.String(), func(t *testing.T) {
			s := newSpace(t, Config{Method: method})
			m := newImage(t, s, ImageConfig{Segments: []Segment{{0, bytes.Repeat([]byte{1}, wasmPage)}}, Min: 4 * wasmPage})
			g := newGuest(t, s, 0, m)
			want := bytes.Clone(g.b)
			slot := g.set.memories[0].slot.(*mappedSlot)
			w := &witness{finder: slot.source.finder}
			slot.source.finder = w
			page := slot.source.page
			const rounds = 1000
			for round := range rounds {
				g.b[0], g.b[2*wasmPage] = 0x5e, 0x5e
				if round%100 == 0 {
					g.b[(1+round/100)*page], g.b[len(g.b)-1-round/100*page] = 0x5e, 0x5e
				}
				g.reset(t)
				if !bytes.Equal(g.b, want) {
					t.Fatalf("not as it began after round %d", round)
				}
			}
			if !slot.source.counts {
				t.Skip("needs a system that counts page faults: it was looked for pages each time")
			}
			if w.asked > rounds/2 {
				t.Errorf("%d rounds, and pages were looked for %d times", rounds, w.asked)
			}
			slot.source.counts = false
			before := w.asked
			g.reset(t)
			if w.asked != before+1 {
				t.Error("faults are not counted, and pages were not looked for")
			}
			g.release(t)
		})
	}
}
