package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"testing"

	"github.com/neutrino-local/neutrino-local/e2e/guests/components"
)

// BenchmarkBusyNeighbour is what wrk sees of an app that greets while guests of
// another app are in busy loops, each until the handler's time is over and then
// again. An op is a run of wrk; with NEUTRINO_BENCH_FULL=1 it is longer and there
// are more of them.
func BenchmarkBusyNeighbour(b *testing.B) {
	needWrk(b)
	seconds, neighbours, connections := 1, []int{0, 4}, []int{16}
	if os.Getenv("NEUTRINO_BENCH_FULL") != "" {
		seconds, neighbours, connections = 4, []int{0, 1, 4}, []int{1, 16}
	}
	s := newServer(b)
	s.start("--ephemeral", "--failover", "instant", "--handler-timeout", "1s")
	s.must(s.client("deploy", "--no-confirm", "--create-name", "busy", "-f", s.component("busy", components.CHTTP)))
	for _, hello := range hellos {
		if hello.guest != components.CGuest && hello.guest != components.JSHello {
			continue
		}
		b.Run(hello.guest, func(b *testing.B) {
			defer s.in(b)()
			s.must(s.client("deploy", "--no-confirm", "--create-name", hello.guest, "-f", s.component(hello.guest, components.Build(b, hello.guest))))
			for _, n := range neighbours {
				for _, c := range connections {
					b.Run(fmt.Sprintf("busy=%d/connections=%d", n, c), func(b *testing.B) {
						defer s.in(b)()
						defer s.disturb(n)()
						benchWrk(b, seconds, c, s.base+"/", hello.guest+".localhost")
					})
				}
			}
		})
	}
	s.stop()
}

// disturb keeps n guests of the app busy in loops, until end is called.
func (s *server) disturb(n int) (end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var loops sync.WaitGroup
	for range n {
		loops.Go(func() {
			for ctx.Err() == nil {
				if err := s.loop(ctx); err != nil && ctx.Err() == nil {
					s.t.Error(err)
					return
				}
			}
		})
	}
	return func() { cancel(); loops.Wait() }
}

// loop asks for a loop that never ends, and returns when the server has ended it.
func (s *server) loop(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.base+"/l", nil)
	if err != nil {
		return err
	}
	req.Host = "busy.localhost"
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusGatewayTimeout {
		return fmt.Errorf("a busy guest ended with %s", resp.Status)
	}
	return nil
}
