package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// BenchmarkStaticFiles is what the static files of an app cost: its first deploy, a
// deploy of one changed file, and the start of a server that has it. 400 files of
// 4 KiB are a layer each; 500 are more than an artifact may have, and go into an
// archive.
func BenchmarkStaticFiles(b *testing.B) {
	for _, files := range []int{0, 400, 500} {
		b.Run(fmt.Sprintf("files=%d", files), func(b *testing.B) {
			s := newServer(b)
			dir := s.place("files", "app")
			put := func(i int, text string) {
				name := filepath.Join(dir, "assets", fmt.Sprintf("page%d.html", i))
				if err := os.WriteFile(name, fmt.Appendf(nil, "%-4096s", text), 0o644); err != nil {
					b.Fatal(err)
				}
			}
			for i := range files {
				put(i, fmt.Sprint(i))
			}
			n := 0
			deploy := func(flags ...string) {
				s.must(s.client(append([]string{"deploy", "--no-confirm", "-f", dir}, flags...)...))
			}
			s.start("--failover", "instant")
			deploy("--create-name", "warm") // the code is in the cache from here on
			for _, c := range []struct {
				name string
				run  func()
			}{
				{"first", func() { n++; deploy("--create-name", fmt.Sprintf("app-%d", n)) }},
				{"change", func() { n++; put(0, fmt.Sprint("changed ", n)); deploy("--app-name", "warm") }},
			} {
				b.Run("deploy="+c.name, func(b *testing.B) {
					defer s.in(b)()
					var took []time.Duration
					for b.Loop() {
						began := time.Now()
						c.run()
						took = append(took, time.Since(began))
					}
					b.ReportMetric(milli(quantile(took, 0.5)), "p50-ms")
				})
			}
			for i := 1; i <= n; i++ {
				_ = s.client("app", "delete", "--no-confirm", fmt.Sprintf("app-%d", i)) // some were never made
			}
			s.stop()
			b.Run("start", func(b *testing.B) { benchReady(b, s, []string{"warm"}, nil) })
		})
	}
}
