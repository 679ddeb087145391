package runtime

import (
	"bytes"
	"fmt"
	"os"
	goruntime "runtime"
	"runtime/debug"
	"testing"

	"github.com/neutrino-local/neutrino-local/runtime/memory"
)

// BenchmarkIdle is what an instance holds that has answered requests and waits
// for the next one: its share of this process's resident memory, and how much of
// that is on the Go heap. An op is all of them.
func BenchmarkIdle(b *testing.B) {
	const instances, requests = 64, 3
	for _, hello := range hellos {
		b.Run(hello.language, func(b *testing.B) {
			g := newGreeter(b, benchApp(b, memory.Auto, componentSpec(hello.wasm(b))))
			first := g.instance(b) // has for all what they share
			defer first.Close(b.Context())
			first.greet(b)
			for b.Loop() {
				var idle [instances]*greeting
				before := resident(b)
				for i := range idle {
					idle[i] = g.instance(b)
					for range requests {
						idle[i].greet(b)
					}
				}
				after := resident(b)
				for _, in := range idle {
					in.Close(b.Context())
				}
				b.ReportMetric(float64(after.pss-before.pss)/instances, "B/instance")
				b.ReportMetric(float64(after.heap-before.heap)/instances, "heap-B/instance")
			}
		})
	}
}

// A holding is what this process holds, in bytes.
type holding struct {
	pss  int // of pages that are shared, its part
	heap int // that is in use
}

// resident gives back what nobody holds, and returns what is left.
func resident(b *testing.B) holding {
	debug.FreeOSMemory()
	rollup, err := os.ReadFile("/proc/self/smaps_rollup")
	if err != nil {
		b.Skip(err)
	}
	_, pss, _ := bytes.Cut(rollup, []byte("\nPss:"))
	var kib int
	if _, err := fmt.Sscan(string(pss), &kib); err != nil {
		b.Fatal(err)
	}
	var m goruntime.MemStats
	goruntime.ReadMemStats(&m)
	return holding{kib << 10, int(m.HeapAlloc)}
}
