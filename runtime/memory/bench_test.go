package memory

import (
	"fmt"
	"os"
	"testing"
	"time"
)

// BenchmarkReset has a guest like a JavaScript engine: 3.6 MB of image in a
// memory of 145 pages. It writes so many pages, and is reset: "ns/use" is what
// the guest pays, "ns/reset" what comes after.
func BenchmarkReset(b *testing.B) {
	for _, method := range methods(b) {
		for _, pages := range []int{1, 70, 100, 1000} {
			b.Run(fmt.Sprintf("%s/%d", method, pages), func(b *testing.B) {
				s := newSpace(b, Config{Method: method})
				content := make([]byte, 3_600_000)
				for i := range content {
					content[i] = byte(i * 7)
				}
				m := newImage(b, s, ImageConfig{Segments: []Segment{{1024, content}}, Min: 145 * wasmPage})
				g := newGuest(b, s, 128<<20, m)
				page := os.Getpagesize()
				step := len(g.b) / page / pages * page
				var use, reset time.Duration
				n := 0
				for b.Loop() {
					start := time.Now()
					for i := range pages {
						g.b[i*step+100]++
					}
					use += time.Since(start)
					reset += g.reset(b).Took
					n++
				}
				b.ReportMetric(float64(use.Nanoseconds())/float64(n), "ns/use")
				b.ReportMetric(float64(reset.Nanoseconds())/float64(n), "ns/reset")
				g.release(b)
			})
		}
	}
}

// BenchmarkReserve is room for an instance, of a spare mapping and of a new one.
func BenchmarkReserve(b *testing.B) {
	for name, spare := range map[string]int{"spare": 1, "new": -1} {
		b.Run(name, func(b *testing.B) {
			s := newSpace(b, Config{Spare: spare})
			m := newImage(b, s, ImageConfig{Segments: []Segment{{0, make([]byte, 1<<20)}}, Min: 145 * wasmPage})
			for b.Loop() {
				g := newGuest(b, s, 128<<20, m)
				g.b[0]++
				g.release(b)
			}
		})
	}
}
