package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/neutrino-local/neutrino-local/e2e/guests/components"
)

// BenchmarkComponents is requests a second of a greeting by components, each with
// an instance of its own, as wrk sees it; and of the same guests in `jco serve`,
// with an instance of its own for each request and with one for all. An op is a
// run of wrk. It prints all of it as a table at the end:
//
//	NEUTRINO_BENCH_FULL=1 NEUTRINO_TEST_FULL=1 go test ./e2e -run '^$' -bench Components -benchtime 1x
//
// Without NEUTRINO_BENCH_FULL=1 it is short, and there is no peer.
func BenchmarkComponents(b *testing.B) {
	if _, err := exec.LookPath("wrk"); err != nil {
		b.Skip("needs wrk: apt-get install wrk")
	}
	seconds, whole := 1, os.Getenv("NEUTRINO_BENCH_FULL") != ""
	if whole {
		seconds = 4
	}
	table := &benchTable{cells: map[string]float64{}}
	s := newServer(b)
	s.start("--profile", "spin", "--ephemeral", "--failover", "instant")
	for _, g := range toolchains {
		b.Run(g.name, func(b *testing.B) {
			wasm := components.Build(b, g.name)
			defer s.in(b)()
			s.must(s.client("deploy", "--no-confirm", "--create-name", g.name, "-f", s.component(g.name, wasm)))
			path := "/words/hello" // it writes no log
			if g.name == components.CGuest {
				path = "/"
			}
			table.measure(b, seconds, g.name, "ours", s.base+path, g.name+".localhost")
			if whole {
				table.measure(b, seconds, g.name, "jco-instance", "http://"+startJco(b, wasm, "--isolate-requests", "instance")+path, "")
				table.measure(b, seconds, g.name, "jco-shared", "http://"+startJco(b, wasm)+path, "")
			}
		})
	}
	fmt.Println(table)
	s.stop()
}

// A benchTable has requests a second by guest, server and connections.
type benchTable struct {
	guests []string
	cells  map[string]float64
}

// measure runs wrk at 1 and 16 connections.
func (r *benchTable) measure(b *testing.B, seconds int, guest, server, url, host string) {
	if len(r.guests) == 0 || r.guests[len(r.guests)-1] != guest {
		r.guests = append(r.guests, guest)
	}
	for _, connections := range []int{1, 16} {
		name := fmt.Sprintf("server=%s/connections=%d", server, connections)
		b.Run(name, func(b *testing.B) {
			var rate float64
			for b.Loop() {
				rate = runWrk(b, seconds, connections, url, host)
			}
			b.ReportMetric(rate, "req/s")
			r.cells[guest+" "+name] = rate
		})
	}
}

var wrkRate = regexp.MustCompile(`Requests/sec:\s+([0-9.]+)`)

// runWrk returns what wrk counts. Replies that are no success fail the benchmark
// unless they are the peer's, whose host is "".
func runWrk(b *testing.B, seconds, connections int, url, host string) float64 {
	args := []string{"-t", "1", "-c", strconv.Itoa(connections), "-d", strconv.Itoa(seconds), "--timeout", "10"}
	if host != "" {
		args = append(args, "-H", "Host: "+host)
	}
	out, err := exec.CommandContext(b.Context(), "wrk", append(args, url)...).CombinedOutput()
	m := wrkRate.FindSubmatch(out)
	if err != nil || m == nil {
		b.Fatalf("wrk: %v\n%s", err, out)
	}
	if host != "" && (strings.Contains(string(out), "Non-2xx") || strings.Contains(string(out), "Socket errors")) {
		b.Fatalf("wrk: %s", out)
	}
	rate, err := strconv.ParseFloat(string(m[1]), 64)
	if err != nil {
		b.Fatal(err)
	}
	return rate
}

func (r *benchTable) String() string {
	var t strings.Builder
	fmt.Fprintf(&t, "%-12s", "requests/s")
	columns := []string{}
	for _, server := range []string{"ours", "jco-instance", "jco-shared"} {
		for _, connections := range []int{1, 16} {
			columns = append(columns, fmt.Sprintf("server=%s/connections=%d", server, connections))
			fmt.Fprintf(&t, "%18s", fmt.Sprintf("%s %d", server, connections))
		}
	}
	for _, guest := range r.guests {
		fmt.Fprintf(&t, "\n%-12s", guest)
		for _, column := range columns {
			if rate, ok := r.cells[guest+" "+column]; ok {
				fmt.Fprintf(&t, "%18.0f", rate)
			} else {
				fmt.Fprintf(&t, "%18s", "-")
			}
		}
	}
	return t.String()
}
