package memory

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
)

// methods are those that reset, on this system.
func methods(t testing.TB) []Method {
	if runtime.GOOS != "linux" {
		return []Method{Copy}
	}
	all := []Method{Scan, Pagemap, Discard, Copy}
	if s, err := New(Config{Method: Scan}); err != nil {
		t.Logf("without scan: %v", err) // a kernel before 6.7
		all = all[1:]
	} else if err := s.Close(); err != nil {
		t.Error(err)
	}
	return all
}

func each(t *testing.T, f func(t *testing.T, m Method)) {
	for _, m := range methods(t) {
		t.Run(m.String(), func(t *testing.T) { f(t, m) })
	}
}

func newSpace(t testing.TB, cfg Config) *Space {
	t.Helper()
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if used := s.Stats().Used; used != 0 {
			t.Errorf("%d bytes are accounted after everything was closed", used)
		}
		if reserved := s.Stats().Reserved; reserved != 0 {
			t.Errorf("%d bytes of addresses are reserved after everything was closed", reserved)
		}
	})
	return s
}

func newImage(t testing.TB, s *Space, cfg ImageConfig) *Image {
	t.Helper()
	m, err := s.NewImage(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

// A guest has a memory as the engine has it.
type guest struct {
	set    *Set
	linear interface{ Reallocate(uint64) []byte }
	b      []byte
	max    uint64 // pages, as the engine knows them
}

func (g *guest) Grow(pages uint32) (uint32, bool) {
	now := uint64(len(g.b)) / wasmPage
	if now+uint64(pages) > g.max {
		return 0, false
	}
	b := g.linear.Reallocate((now + uint64(pages)) * wasmPage)
	if b == nil {
		return 0, false
	}
	g.b = b
	return uint32(now), true
}

func newGuest(t testing.TB, s *Space, limit uint64, m *Image) *guest {
	t.Helper()
	set, err := s.Reserve([]*Image{m}, limit)
	if err != nil {
		t.Fatal(err)
	}
	g := &guest{set: set, linear: set.Allocate(m.min, m.max), max: m.max/wasmPage + 1}
	if g.b = g.linear.Reallocate(m.min); g.b == nil {
		t.Fatal("the minimum was refused")
	}
	return g
}

func (g *guest) reset(t testing.TB) Result {
	t.Helper()
	r, err := g.set.Reset([]Memory{g})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (g *guest) release(t testing.TB) {
	t.Helper()
	if err := g.set.Release(); err != nil {
		t.Error(err)
	}
}

func TestMethods(t *testing.T) {
	if got, want := fmt.Sprint(Auto, Fresh, Method(9)), "auto fresh method 9"; got != want {
		t.Errorf("names are %q, want %q", got, want)
	}
	s := newSpace(t, Config{})
	if got, want := s.Method(), methods(t)[0]; got != want {
		t.Errorf("the method is %v, want %v; rejected: %v", got, want, s.Rejected())
	}
	if _, err := New(Config{Method: Method(17)}); err == nil {
		t.Error("an unknown method is taken")
	}
}

// TestReset lets a guest write patterns of all kinds into its memory, and grow
// it, and looks at all of it after each reset.
func TestReset(t *testing.T) {
	each(t, func(t *testing.T, method Method) {
		random := rand.New(rand.NewPCG(1, 2))
		s := newSpace(t, Config{Method: method})
		for _, segments := range [][]Segment{
			nil,
			{{0, []byte("begin")}},
			{{5, bytes.Repeat([]byte("ab"), 50_000)}, {10, []byte("over")}, {7 * wasmPage, make([]byte, 10)}},
			{{2*wasmPage - 1, []byte{1}}, {0, bytes.Repeat([]byte{7}, 2*wasmPage)}, {wasmPage, make([]byte, wasmPage)}},
			{{8*wasmPage - 3, []byte("end")}},
		} {
			m := newImage(t, s, ImageConfig{Segments: segments, Min: 8 * wasmPage, Max: 200 * wasmPage})
			want := make([]byte, m.min)
			for _, seg := range segments {
				copy(want[seg.Offset:], seg.Bytes)
			}
			g := newGuest(t, s, 0, m)
			for round := range 12 {
				if !bytes.Equal(g.b, want) {
					t.Fatalf("memory differs before round %d", round)
				}
				scribble(t, g, random)
				g.reset(t)
				if got := g.set.Size(); got != m.min || uint64(len(g.b)) != m.min {
					t.Fatalf("size = %d, %d after reset, want %d", got, len(g.b), m.min)
				}
			}
			g.release(t)
		}
	})
}

// scribble writes what the guest may write, in one of several ways, and checks
// that what grows into reach is zero.
func scribble(t *testing.T, g *guest, random *rand.Rand) {
	t.Helper()
	if random.IntN(2) == 0 {
		had := len(g.b)
		if _, ok := g.Grow(uint32(1 + random.IntN(100))); !ok {
			t.Fatal("grow refused")
		}
		if !zero(g.b[had:]) {
			t.Fatal("memory that was grown is not zero")
		}
	}
	switch random.IntN(4) {
	case 0: // all
		for i := range g.b {
			g.b[i] = byte(i) | 1
		}
	case 1: // one byte each page
		for i := random.IntN(4096); i < len(g.b); i += 4096 {
			g.b[i] = 0xff
		}
	case 2: // a few places
		for range 50 {
			g.b[random.IntN(len(g.b))] ^= 0x55
		}
	case 3: // first and last, and a run over the edge of pages
		g.b[0], g.b[len(g.b)-1] = 1, 1
		at := random.IntN(len(g.b) - 10_000)
		copy(g.b[at:], bytes.Repeat([]byte("secret"), 1500))
	}
}

func zero(b []byte) bool {
	for len(b) > 0 {
		n := min(len(b), len(zeros))
		if !bytes.Equal(b[:n], zeros[:n]) {
			return false
		}
		b = b[n:]
	}
	return true
}

var zeros [wasmPage]byte

// TestSecret plants a secret beyond what the memory began with, and looks for it
// after a reset and another growth, and in the next instance that gets the room.
func TestSecret(t *testing.T) {
	each(t, func(t *testing.T, method Method) {
		s := newSpace(t, Config{Method: method})
		a := newImage(t, s, ImageConfig{Segments: []Segment{{100, []byte("image a")}}, Min: 2 * wasmPage})
		b := newImage(t, s, ImageConfig{Min: wasmPage})
		secret := []byte("the secret of one guest")
		plant := func(g *guest) {
			for at := 50; at < len(g.b)-len(secret); at += 30_000 {
				copy(g.b[at:], secret)
			}
			copy(g.b[len(g.b)-len(secret):], secret)
		}
		look := func(where string, g *guest) {
			t.Helper()
			if bytes.Contains(g.b, secret) {
				t.Fatalf("the secret is found %s", where)
			}
		}
		grow := func(g *guest, pages uint32) {
			t.Helper()
			if _, ok := g.Grow(pages); !ok {
				t.Fatal("grow refused")
			}
		}
		for _, size := range []uint32{10, 100, 1} { // above and below what is worth copying
			g := newGuest(t, s, 1<<30, a)
			grow(g, size)
			plant(g)
			g.reset(t)
			look("after a reset", g)
			grow(g, 200)
			look("after growing again", g)
			plant(g)
			g.release(t)
			for _, m := range []*Image{a, b} {
				next := newGuest(t, s, 1<<30, m)
				look("in the next instance", next)
				grow(next, 300)
				look("in the next instance that has grown", next)
				plant(next)
				next.release(t)
			}
		}
	})
}

func TestFresh(t *testing.T) {
	s := newSpace(t, Config{Method: Fresh})
	m := newImage(t, s, ImageConfig{Segments: []Segment{{0, []byte("x")}}, Min: wasmPage})
	g := newGuest(t, s, 0, m)
	g.b[1] = 'y'
	if _, err := g.set.Reset([]Memory{g}); !errors.Is(err, ErrFresh) {
		t.Errorf("Reset = %v, want %v", err, ErrFresh)
	}
	g.release(t)
	if g = newGuest(t, s, 0, m); string(g.b[:2]) != "x\x00" {
		t.Errorf("memory begins with %q", g.b[:2])
	}
	g.release(t)
}

// TestHammer has guests of two images at work at once, that take over each
// other's room.
func TestHammer(t *testing.T) {
	each(t, func(t *testing.T, method Method) {
		s := newSpace(t, Config{Method: method, Spare: 3})
		var images []*Image
		for _, c := range []byte("ab") {
			images = append(images, newImage(t, s, ImageConfig{Segments: []Segment{{wasmPage, bytes.Repeat([]byte{c}, 9000)}}, Min: 4 * wasmPage}))
		}
		var all sync.WaitGroup
		for n := range 8 {
			all.Go(func() {
				random := rand.New(rand.NewPCG(uint64(n), 0))
				for range 20 {
					c := random.IntN(2)
					set, err := s.Reserve([]*Image{images[c]}, 1<<24)
					if err != nil {
						t.Error(err)
						return
					}
					g := &guest{set: set, linear: set.Allocate(0, 0), max: 1 << 16}
					g.b = g.linear.Reallocate(images[c].min)
					for range random.IntN(4) {
						if !zero(g.b[:wasmPage]) || bytes.Count(g.b, []byte{"ab"[c]}) != 9000 || !zero(g.b[2*wasmPage:]) {
							t.Error("memory does not begin with its image")
						}
						g.Grow(uint32(random.IntN(30)))
						for range 200 {
							g.b[random.IntN(len(g.b))] = 'x'
						}
						if _, err := set.Reset([]Memory{g}); err != nil {
							t.Error(err)
						}
					}
					if err := set.Release(); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		if st := s.Stats(); st.InUse != 0 || st.Spare > 3 {
			t.Errorf("stats = %+v", st)
		}
	})
}
