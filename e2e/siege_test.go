package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/neutrino-local/neutrino-local/e2e/guests/components"
	"github.com/neutrino-local/neutrino-local/e2e/guests/siege"
)

// TestSiege has apps do harm in all ways at once, beside one that is well and
// answers all of its requests. Twice: what the server occupies after the second
// time is what it occupied after the first.
func TestSiege(t *testing.T) {
	s := newServer(t)
	s.start("--ephemeral", "--failover", "instant")
	s.must(s.client("deploy", "--no-confirm", "--create-name", "well", "-f", s.component("well", components.CHTTP)))
	attacks := siege.Attacks(20_000)
	s.lay(attacks)
	before := s.holdings()
	s.lay(attacks)
	if before.resident > 0 {
		s.await("the server to hold what it did", func() bool { return s.holdings().within(before) })
	}
	t.Logf("before %+v, after %+v", before, s.holdings())
	s.stop()
}

// lay lays siege: the apps that do harm are there for as long as it lasts.
func (s *server) lay(attacks []siege.Attack) {
	s.t.Helper()
	apps := s.deployAttacks(attacks)
	ctx, end := context.WithCancel(s.t.Context())
	defer end()
	var harm, well sync.WaitGroup
	for i, a := range attacks {
		for range 2 {
			harm.Go(func() {
				for range 2 {
					if err := s.harm(ctx, apps[i], a, 300*time.Millisecond); err != nil {
						s.t.Errorf("%s: %v", a.Name, err)
					}
				}
			})
		}
	}
	harm.Go(func() { s.leave(apps[0], "/l") })
	for range 2 {
		well.Go(func() {
			if n, err := s.askWell(ctx); err != nil {
				s.t.Errorf("the app that is well, after %d requests: %v", n, err)
			}
		})
	}
	harm.Wait()
	end()
	well.Wait()
	for i, app := range apps {
		if !slices.Contains(apps[:i], app) {
			s.must(s.client("app", "delete", "--no-confirm", app))
		}
	}
}

// askWell asks the app that is well until ctx ends, and says how often.
func (s *server) askWell(ctx context.Context) (n int, err error) {
	w, err := dialWire(s.address(), "well.localhost", "/")
	if err != nil {
		return 0, err
	}
	defer w.conn.Close()
	for ; ctx.Err() == nil; n++ {
		if _, err := w.ask(); err != nil {
			return n, err
		}
	}
	return n, nil
}

// deployAttacks deploys the guests of attacks and returns the app of each.
func (s *server) deployAttacks(attacks []siege.Attack) (apps []string) {
	s.t.Helper()
	names := map[*byte]string{}
	for _, a := range attacks {
		name, ok := names[&a.Wasm[0]]
		if !ok {
			name = fmt.Sprintf("sick%d", len(names))
			names[&a.Wasm[0]] = name
			s.must(s.client("deploy", "--no-confirm", "--create-name", name, "-f", s.component(name, a.Wasm)))
		}
		apps = append(apps, name)
	}
	return apps
}

// errEnded is of a guest that would have ended by itself, had it had the time.
var errEnded = errors.New("the server has ended a guest")

// harm sends the request of an attack. Unless its guest ends by itself, the client
// leaves when its patience is over or the server's.
func (s *server) harm(ctx context.Context, app string, a siege.Attack, patience time.Duration) error {
	if a.Status == 0 {
		var leave context.CancelFunc
		ctx, leave = context.WithTimeout(ctx, patience)
		defer leave()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.base+a.Path, nil)
	if err != nil {
		return err
	}
	req.Host = app + ".localhost"
	resp, err := http.DefaultClient.Do(req)
	if ctx.Err() != nil {
		return nil // it has left
	}
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil && ctx.Err() == nil {
		return err
	}
	switch ended := resp.StatusCode == http.StatusGatewayTimeout; {
	case resp.StatusCode == a.Status, ended && a.Status == 0:
		return nil
	case ended:
		return fmt.Errorf("%w: want status %d", errEnded, a.Status)
	}
	return fmt.Errorf("status %s, want %d", resp.Status, a.Status)
}

// leave has clients that go at each byte of their requests.
func (s *server) leave(app, path string) {
	request := "POST " + path + " HTTP/1.1\r\nHost: " + app + ".localhost\r\nContent-Length: 8\r\n\r\n12345678"
	for n := range len(request) + 1 {
		c, err := net.DialTimeout("tcp", s.address(), patience)
		if err != nil {
			s.t.Error(err)
			return
		}
		if n%2 == 0 {
			_ = c.(*net.TCPConn).SetLinger(0) // by a reset
		}
		if _, err := io.WriteString(c, request[:n]); err != nil {
			s.t.Error(err)
		}
		c.Close()
	}
}

// holdings are what the server holds of the machine; 0 where that is not known.
type holdings struct {
	resident           float64 // MiB
	mappings, memfds   int
	files, connections int
}

// within reports whether there is not more than before, but for what the Go
// runtime has not given back yet and for what is kept to be used again.
func (h holdings) within(before holdings) bool {
	return h.resident <= 1.5*before.resident+128 && h.memfds <= before.memfds+50 && h.mappings <= before.mappings+200 &&
		h.files <= before.files+8 && h.connections <= before.connections+8
}

func (s *server) holdings() (h holdings) {
	s.t.Helper()
	if runtime.GOOS != "linux" {
		return h
	}
	h.resident = s.occupies("VmRSS")
	dir := fmt.Sprintf("/proc/%d/", s.cmd.Process.Pid)
	maps, err := os.ReadFile(dir + "maps")
	if err != nil {
		s.t.Fatal(err)
	}
	h.mappings, h.memfds = strings.Count(string(maps), "\n"), strings.Count(string(maps), "/memfd:")
	files, err := os.ReadDir(dir + "fd")
	if err != nil {
		s.t.Fatal(err)
	}
	for _, f := range files {
		if to, _ := os.Readlink(dir + "fd/" + f.Name()); strings.HasPrefix(to, "socket:") {
			h.connections++
		}
	}
	h.files = len(files) - h.connections
	return h
}
