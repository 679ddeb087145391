package e2e

import (
	"context"
	"errors"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/neutrino-local/neutrino-local/e2e/guests/components"
	"github.com/neutrino-local/neutrino-local/e2e/guests/siege"
)

// BenchmarkSiege is what four clients see of an app that greets while another app
// does harm, in one way at a time, for four clients of its own, and for a crowd of
// 200. A guest that would not end is ended after a second. An op is a second; with
// NEUTRINO_BENCH_FULL=1 it is four, and there are a million divisions in the loop
// that has only those. Requests and errors are of the app that greets:
//
//	NEUTRINO_BENCH_FULL=1 go test ./e2e -run '^$' -bench Siege -benchtime 1x
func BenchmarkSiege(b *testing.B) {
	op, divisions := time.Second, 20_000
	if os.Getenv("NEUTRINO_BENCH_FULL") != "" {
		op, divisions = 4*time.Second, 1_000_000
	}
	s := newServer(b)
	s.start("--ephemeral", "--failover", "instant", "--handler-timeout", "1s")
	s.must(s.client("deploy", "--no-confirm", "--create-name", "well", "-f", s.component("well", components.CHTTP)))
	attacks := siege.Attacks(divisions)
	apps := s.deployAttacks(attacks)
	b.Run("none", func(b *testing.B) {
		s.benchBeside(b, op, 1, func(ctx context.Context) error { <-ctx.Done(); return nil })
	})
	for i, a := range attacks {
		b.Run(a.Name, func(b *testing.B) {
			s.benchBeside(b, op, 4, func(ctx context.Context) error { return s.harm(ctx, apps[i], a, patience) })
		})
	}
	b.Run("crowd", func(b *testing.B) {
		s.benchBeside(b, op, 200, func(ctx context.Context) error { _ = s.harm(ctx, apps[0], attacks[0], patience); return nil })
	})
	b.Run("clients that leave", func(b *testing.B) {
		s.benchBeside(b, op, 4, func(context.Context) error { s.leave(apps[0], "/b"); return nil })
	})
	s.stop()
}

// benchBeside measures the app that is well while others do harm again and again.
func (s *server) benchBeside(b *testing.B, op time.Duration, clients int, harm func(context.Context) error) {
	defer s.in(b)()
	var took []time.Duration
	failed := 0
	for b.Loop() {
		ctx, end := context.WithTimeout(context.Background(), op)
		var others sync.WaitGroup
		for range clients {
			others.Go(func() {
				for ctx.Err() == nil {
					if err := harm(ctx); err != nil && ctx.Err() == nil && !errors.Is(err, errEnded) {
						b.Error(err)
						return
					}
				}
			})
		}
		all, bad := s.timeWell(ctx, 4)
		took, failed = append(took, all...), failed+bad
		others.Wait()
		end()
	}
	b.ReportMetric(0, "ns/op") // it is given
	b.ReportMetric(float64(len(took)), "requests")
	b.ReportMetric(float64(failed), "errors")
	b.ReportMetric(milli(quantile(took, 0.5)), "p50-ms")
	b.ReportMetric(milli(quantile(took, 0.99)), "p99-ms")
	b.ReportMetric(milli(slices.Max(took)), "max-ms")
}

// timeWell asks the app that is well over some connections until ctx ends.
func (s *server) timeWell(ctx context.Context, connections int) (took []time.Duration, failed int) {
	all, bad := make([][]time.Duration, connections), make([]int, connections)
	var clients sync.WaitGroup
	for i := range connections {
		clients.Go(func() {
			var w *wire
			for ctx.Err() == nil {
				var err error
				if w == nil {
					if w, err = dialWire(s.address(), "well.localhost", "/"); err != nil {
						bad[i]++
						return
					}
				}
				d, err := w.ask()
				if all[i] = append(all[i], d); err != nil {
					bad[i]++
					w.conn.Close()
					w = nil
				}
			}
			if w != nil {
				w.conn.Close()
			}
		})
	}
	clients.Wait()
	for _, n := range bad {
		failed += n
	}
	return slices.Concat(all...), failed
}
