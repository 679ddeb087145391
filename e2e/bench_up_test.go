package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// manyApps is how many apps a state directory has where it has many.
const manyApps = 50

// BenchmarkUp is the time from the start of the process to its ready file (an op)
// and to the first answer of each app, all of them asked at once when the file is
// there; and what the process occupies when it idles after that. All apps have a
// module of their own, whose code is in the cache.
func BenchmarkUp(b *testing.B) {
	b.Run("apps=0", func(b *testing.B) {
		b.Run("new", func(b *testing.B) {
			s := newServer(b)
			benchReady(b, s, nil, func() error { return os.RemoveAll(filepath.Join(s.dir, "state")) })
		})
		b.Run("ephemeral", func(b *testing.B) { benchReady(b, newServer(b), nil, nil, "--ephemeral") })
		benchUp(b, "hello", 0)
	})
	b.Run(fmt.Sprintf("apps=%d", manyApps), func(b *testing.B) {
		b.Run("guest=load", func(b *testing.B) { benchUp(b, "load", manyApps) }) // C, 30 KiB
		b.Run("guest=hello", func(b *testing.B) {                                // Go, 2.2 MiB
			if os.Getenv("NEUTRINO_BENCH_FULL") == "" {
				b.Skip("compiles for half a minute: NEUTRINO_BENCH_FULL=1 runs it")
			}
			benchUp(b, "hello", manyApps)
		})
	})
}

func benchUp(b *testing.B, guest string, apps int) {
	s := newServer(b)
	names := s.prepare(guest, apps)
	b.Run("ready", func(b *testing.B) { benchReady(b, s, names, nil) })
	b.Run("idle", func(b *testing.B) { benchIdle(b, s, names) })
}

// prepare makes a state directory with a number of apps and returns their names.
func (s *server) prepare(guest string, apps int) (names []string) {
	s.t.Helper()
	s.start("--failover", "instant")
	m := s.module(guest)
	for i := range apps {
		name := fmt.Sprintf("app-%d", i)
		m.become(i)
		s.must(s.client("deploy", "--no-confirm", "--create-name", name, "-f", m.dir))
		names = append(names, name)
	}
	s.stop()
	return names
}

// benchReady starts the server again and again. before, if not nil, is called
// before each start.
func benchReady(b *testing.B, s *server, apps []string, before func() error, flags ...string) {
	defer s.in(b)()
	var ready, answers, last []time.Duration
	for b.Loop() {
		if before != nil {
			b.StopTimer()
			if err := before(); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
		}
		began := time.Now()
		s.awaitReady(flags...)
		ready = append(ready, time.Since(began))
		b.StopTimer()
		if len(apps) > 0 {
			first := s.askAll(apps, began)
			answers, last = append(answers, first...), append(last, slices.Max(first))
		}
		s.stop()
		b.StartTimer()
	}
	b.ReportMetric(milli(quantile(ready, 0.5)), "ready-p50-ms")
	b.ReportMetric(milli(slices.Max(ready)), "ready-max-ms")
	if len(apps) > 0 {
		b.ReportMetric(milli(quantile(answers, 0.5)), "answer-p50-ms")
		b.ReportMetric(milli(quantile(last, 0.5)), "answer-last-ms")
	}
}

// in lets the server report to a benchmark for a while.
func (s *server) in(b *testing.B) (leave func()) {
	outer := s.t
	s.t = b
	return func() { s.t = outer }
}

// awaitReady runs `up` until its ready file is there. It looks more often than
// the verb `wait` does.
func (s *server) awaitReady(flags ...string) {
	s.t.Helper()
	ready := s.launch(flags...)
	look := time.NewTicker(500 * time.Microsecond)
	defer look.Stop()
	late := time.After(patience)
	for {
		if _, err := os.Stat(ready); err == nil {
			s.found(ready)
			return
		}
		select {
		case <-look.C:
		case err := <-s.done:
			s.cmd = nil
			s.t.Fatalf("up ended: %v\n%s", err, s.log)
		case <-late:
			s.t.Fatal("up is not ready")
		}
	}
}

// askAll asks all apps at once and returns when each has answered, counted from
// began.
func (s *server) askAll(apps []string, began time.Time) []time.Duration {
	s.t.Helper()
	answered, failed := make([]time.Duration, len(apps)), make([]error, len(apps))
	var wg sync.WaitGroup
	for i, app := range apps {
		wg.Go(func() {
			w, err := dialWire(s.address(), app+".localhost", "/")
			if err != nil {
				failed[i] = err
				return
			}
			defer w.conn.Close()
			_, failed[i] = w.ask()
			answered[i] = time.Since(began)
		})
	}
	wg.Wait()
	for i, err := range failed {
		if err != nil {
			s.t.Fatalf("%s: %v", apps[i], err)
		}
	}
	return answered
}

func (s *server) address() string { return strings.TrimPrefix(s.base, "http://") }

// idleTime is enough for the collector to have run after the last request.
const idleTime = 3 * time.Second

// benchIdle reports what the process occupies when each app has answered once and
// some time has passed.
func benchIdle(b *testing.B, s *server, apps []string) {
	if runtime.GOOS != "linux" {
		b.Skip("reads /proc")
	}
	defer s.in(b)()
	s.awaitReady()
	s.askAll(apps, time.Now())
	<-time.After(idleTime)
	b.ReportMetric(0, "ns/op") // there is no op
	b.ReportMetric(s.occupies("VmRSS"), "RSS-MiB")
	b.ReportMetric(s.occupies("VmHWM"), "peak-MiB")
	s.stop()
}

// occupies returns a field of /proc/PID/status in MiB.
func (s *server) occupies(field string) float64 {
	s.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		s.t.Fatal(err)
	}
	m := regexp.MustCompile(field + `:\s+(\d+) kB`).FindSubmatch(status)
	if m == nil {
		s.t.Fatalf("no %s in %s", field, status)
	}
	kib, err := strconv.Atoi(string(m[1]))
	if err != nil {
		s.t.Fatal(err)
	}
	return float64(kib) / 1024
}
