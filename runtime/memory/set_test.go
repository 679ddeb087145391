package memory

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLimits(t *testing.T) {
	each(t, func(t *testing.T, method Method) {
		var asked []uint64
		s := newSpace(t, Config{Method: method, Budget: 20 * wasmPage, Reclaim: func(n uint64) { asked = append(asked, n) }})
		m := newImage(t, s, ImageConfig{Min: 2 * wasmPage, Max: 6 * wasmPage})
		large := newImage(t, s, ImageConfig{Min: 5 * wasmPage})

		_, err := s.Reserve([]*Image{m, large}, 6*wasmPage)
		limit, ok := errors.AsType[*LimitError](err)
		if want := (Refusal{LimitInstance, 6 * wasmPage, 7 * wasmPage}); !ok || limit.Refusal != want {
			t.Errorf("Reserve = %v, want %v", err, want)
		}
		g := newGuest(t, s, 5*wasmPage, m)
		refused := func(pages uint32, want Refusal, n int) {
			t.Helper()
			if _, ok := g.Grow(pages); ok {
				t.Fatalf("growing by %d pages to %d was not refused", pages, len(g.b)/wasmPage)
			}
			got, count := g.set.Refused()
			if diff := cmp.Diff(want, got); diff != "" || count != n {
				t.Errorf("refused %d times, want %d (-want +got):\n%s", count, n, diff)
			}
		}
		refused(5, Refusal{LimitModule, 6 * wasmPage, 7 * wasmPage}, 1)
		refused(4, Refusal{LimitInstance, 5 * wasmPage, 6 * wasmPage}, 2)
		refused(5, Refusal{LimitInstance, 5 * wasmPage, 6 * wasmPage}, 3) // what is more of interest stays
		g.reset(t)
		if _, n := g.set.Refused(); n != 0 {
			t.Errorf("%d refusals are left after a reset", n)
		}
		if _, ok := g.Grow(3); !ok {
			t.Error("growing within all limits was refused")
		}

		// The budget has 20 pages; with 5 of them gone and 3 times 5 more it is full.
		var others []*guest
		for range 3 {
			others = append(others, newGuest(t, s, 0, large))
		}
		if asked != nil {
			t.Errorf("asked for %v while there was room", asked)
		}
		_, err = s.Reserve([]*Image{m}, 0)
		limit, ok = errors.AsType[*LimitError](err)
		if want := (Refusal{LimitServer, 20 * wasmPage, 22 * wasmPage}); !ok || limit.Refusal != want {
			t.Errorf("Reserve = %v, want %v", err, want)
		}
		g.reset(t) // gives 3 pages back
		full := others[0]
		if _, ok := full.Grow(4); ok {
			t.Error("growing beyond the budget was not refused")
		}
		if got, n := full.set.Refused(); n != 1 || got != (Refusal{LimitServer, 20 * wasmPage, 21 * wasmPage}) {
			t.Errorf("refused %d times, %v", n, got)
		}
		if diff := cmp.Diff([]uint64{2 * wasmPage, 4 * wasmPage}, asked); diff != "" {
			t.Errorf("asked for (-want +got):\n%s", diff)
		}
		if s.Room(4*wasmPage) || !s.Room(3*wasmPage) {
			t.Error("there is room for 4 pages, or none for 3")
		}
		s.budget.reclaim = func(uint64) { others[2].release(t) }
		if _, ok := full.Grow(4); !ok {
			t.Error("growing was refused though room was made")
		}
		st := s.Stats()
		if st.Used != (2+9+5)*wasmPage || st.Peak != 20*wasmPage || st.RefusedInstance != 1 || st.RefusedServer != 2 || st.InUse != 3 || st.Images != 2 {
			t.Errorf("stats = %+v", st)
		}
		g.release(t)
		full.release(t)
		others[1].release(t)
	})
}

// TestKept has instances that are idle with pages behind what they began with:
// those count, and are not kept if there is no room for them.
func TestKept(t *testing.T) {
	each(t, func(t *testing.T, method Method) {
		const min, grown = 1 * wasmPage, 10 * wasmPage
		s := newSpace(t, Config{Method: method, Budget: 2*(min+grown) + 4*wasmPage})
		m := newImage(t, s, ImageConfig{Min: min})
		use := func(g *guest) {
			t.Helper()
			if _, ok := g.Grow(grown / wasmPage); !ok {
				t.Fatal("grow refused")
			}
			for i := 0; i < len(g.b); i += 512 {
				g.b[i] = 1
			}
			g.reset(t)
		}
		used := func(instances, kept uint64) {
			t.Helper()
			if method != Scan && method != Pagemap {
				kept = 0
			}
			if got, want := s.Stats().Used, instances*min+kept; got != want {
				t.Errorf("%d bytes are accounted, want %d", got, want)
			}
		}
		one := newGuest(t, s, 0, m)
		for range 3 {
			use(one)
			used(1, grown)
		}
		two := newGuest(t, s, 0, m)
		if two.set.Size() != min {
			t.Errorf("size = %d", two.set.Size())
		}
		use(two)
		used(2, 2*grown)
		three := newGuest(t, s, 0, m)
		if _, ok := three.Grow(3); !ok {
			t.Fatal("grow refused")
		}
		three.b[wasmPage], three.b[2*wasmPage] = 1, 1
		s.budget.limit = s.budget.used.Load() - 3*wasmPage
		three.reset(t)
		used(3, 2*grown)
		if _, ok := three.Grow(3); ok {
			t.Error("growing beyond the budget was not refused")
		}
		two.reset(t) // has written nothing, but its pages are still there
		used(3, 2*grown)
		one.release(t)
		two.release(t)
		used(1, 0)
		s.budget.limit = 0
		if _, ok := three.Grow(3); !ok || !zero(three.b) {
			t.Error("grow refused, or not zero")
		}
		three.release(t)
	})
}

func TestImageRefused(t *testing.T) {
	s := newSpace(t, Config{})
	tests := []struct {
		name string
		cfg  ImageConfig
	}{
		{"beyond the end", ImageConfig{Segments: []Segment{{wasmPage - 1, []byte{1, 2}}}, Min: wasmPage}},
		{"far beyond the end", ImageConfig{Segments: []Segment{{1 << 63, nil}}, Min: wasmPage}},
		{"offset that wraps", ImageConfig{Segments: []Segment{{^uint64(0), []byte{1, 2}}}, Min: wasmPage}},
		{"of no memory", ImageConfig{Segments: []Segment{{0, []byte{0}}}}},
		{"more at first than at most", ImageConfig{Min: 2 * wasmPage, Max: wasmPage}},
		{"too large", ImageConfig{Max: maxMemory + wasmPage}},
		{"half a page", ImageConfig{Min: wasmPage / 2}},
	}
	for _, test := range tests {
		if m, err := s.NewImage(test.cfg); err == nil {
			t.Errorf("%s: no error", test.name)
			_ = m.Close()
		}
	}
}

// TestOrder is what does not go: images and spaces that are still used.
func TestOrder(t *testing.T) {
	each(t, func(t *testing.T, method Method) {
		s, err := New(Config{Method: method})
		if err != nil {
			t.Fatal(err)
		}
		m, err := s.NewImage(ImageConfig{Segments: []Segment{{0, []byte{1}}}, Min: wasmPage})
		if err != nil {
			t.Fatal(err)
		}
		g := newGuest(t, s, 0, m)
		if err := m.Close(); err == nil {
			t.Error("an image is closed while it is used")
		}
		if _, err := g.set.Reset(nil); err == nil {
			t.Error("a reset of too few memories is done")
		}
		if err := s.Close(); err == nil {
			t.Error("a space is closed while it is used")
		}
		if _, err := s.Reserve([]*Image{m}, 0); !errors.Is(err, errClosed) {
			t.Errorf("Reserve = %v, want %v", err, errClosed)
		}
		g.b[0]++ // still there
		g.release(t)
		g.release(t)
		if err := errors.Join(m.Close(), m.Close(), s.Close()); err != nil {
			t.Error(err)
		}
		if st := s.Stats(); st.Used != 0 || st.Reserved != 0 || st.Spare != 0 {
			t.Errorf("stats = %+v", st)
		}
	})
}
