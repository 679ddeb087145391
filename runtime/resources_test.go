package runtime

import (
	"fmt"
	"os"
	goruntime "runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"
)

// A count is of what guests may leave behind.
type count struct {
	routines int
	files    int
	mappings int    // of images; 0 where there are none
	memory   uint64 // of guests
	resident uint64 // of the process; 0 where that is not known
}

// within reports whether there is not more than before, but for what is kept for
// later: goroutines that wait for work, spare mappings, idle instances of the app
// that is well, and what Go has not given back yet.
func (c count) within(before count) bool {
	return c.routines <= before.routines+80 && c.files <= before.files+4 && c.mappings <= before.mappings+50 && c.memory <= before.memory+(8<<20) &&
		c.resident <= before.resident+(160<<20)
}

func resources(t *testing.T, h *Host) count {
	t.Helper()
	debug.FreeOSMemory()
	c := count{routines: goruntime.NumGoroutine(), memory: h.space.Stats().Used}
	if fds, err := os.ReadDir("/proc/self/fd"); err == nil {
		c.files = len(fds)
	}
	if maps, err := os.ReadFile("/proc/self/maps"); err == nil {
		c.mappings = strings.Count(string(maps), "/memfd:")
	}
	if status, err := os.ReadFile("/proc/self/status"); err == nil {
		_, rss, _ := strings.Cut(string(status), "\nVmRSS:")
		_, _ = fmt.Sscan(rss, &c.resident)
		c.resident <<= 10
	}
	return c
}

// awaitResources waits until no more is in use than before.
func awaitResources(t *testing.T, h *Host, before count) {
	t.Helper()
	for deadline := time.After(30 * time.Second); ; {
		after := resources(t, h)
		if after.within(before) {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("there is more than before: %+v, before %+v", after, before)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
