package e2e

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/neutrino-local/neutrino-local/e2e/guests/components"
)

// hellos greet, and do nothing else, when they are asked for "/".
var hellos = []struct{ language, guest string }{
	{"JavaScript", components.JSHello},
	{"JS (handler)", components.JSHandler}, // for the peer, which cannot share the other one
	{"Go", components.GoHello},
	{"C", components.CGuest},
	{"Rust", components.RustHTTP},
}

// BenchmarkComponents is what wrk sees of components that greet, through the whole
// server: with an instance for each request that is reset or made for it; and of
// the same components in `jco serve`, with an instance for each request and with
// one for all. An op is a run of wrk. It prints all of it as a table at the end:
//
//	NEUTRINO_BENCH_FULL=1 NEUTRINO_TEST_FULL=1 go test ./e2e -run '^$' -bench Components -benchtime 1x -timeout 30m
//
// Without NEUTRINO_BENCH_FULL=1 it is short, and there is no peer.
func BenchmarkComponents(b *testing.B) {
	needWrk(b)
	whole := os.Getenv("NEUTRINO_BENCH_FULL") != ""
	table := &helloTable{seconds: 1, connections: []int{16}, figures: map[string]wrkFigure{}}
	if whole {
		table.seconds, table.connections = 4, []int{1, 16}
	}
	pooled, fresh := newServer(b), newServer(b)
	pooled.start("--ephemeral", "--failover", "instant", "--instances", "auto")
	fresh.start("--ephemeral", "--failover", "instant", "--instances", "fresh")
	for _, hello := range hellos {
		if hello.guest == components.JSHandler && !whole {
			continue
		}
		b.Run(hello.guest, func(b *testing.B) {
			wasm := components.Build(b, hello.guest)
			table.languages = append(table.languages, hello.language)
			table.ours(b, "pooled", hello.guest, pooled, wasm)
			table.ours(b, "fresh", hello.guest, fresh, wasm)
			if whole {
				table.peer(b, "jco-instance", startJco(b, wasm, "--isolate-requests", "instance"))
				table.peer(b, "jco-shared", startJco(b, wasm))
			}
		})
	}
	fmt.Print(table)
	pooled.stop()
	fresh.stop()
}

// A helloTable has figures by language, server and connections.
type helloTable struct {
	seconds     int
	connections []int
	languages   []string // in the order in which they were measured
	figures     map[string]wrkFigure
}

var helloServers = []string{"pooled", "fresh", "jco-instance", "jco-shared"}

func helloKey(language, server string, connections int) string {
	return fmt.Sprintf("%s %s %d", language, server, connections)
}

// ours measures a component in a server of ours.
func (h *helloTable) ours(b *testing.B, server, app string, s *server, wasm []byte) {
	defer s.in(b)()
	s.must(s.client("deploy", "--no-confirm", "--create-name", app, "-f", s.component(app, wasm)))
	h.measure(b, server, func(b *testing.B, connections int) wrkFigure {
		return benchWrk(b, h.seconds, connections, s.base+"/", app+".localhost")
	})
}

// peer measures a component in another server, which may fail: what it comes to
// is in the table then. One guest of jco's answers only once.
func (h *helloTable) peer(b *testing.B, server, address string) {
	url := "http://" + address + "/"
	h.measure(b, server, func(b *testing.B, connections int) (f wrkFigure) {
		for b.Loop() {
			var err error
			if f, err = runWrk(b.Context(), h.seconds, connections, url, address); err != nil {
				f.failed = "is gone"
				continue
			}
			resp, err := (&http.Client{Timeout: 10 * time.Second}).Get(url)
			if err != nil {
				f.failed = "hangs"
				continue
			}
			resp.Body.Close()
		}
		f.report(b)
		return f
	})
}

// measure notes a figure for each number of connections.
func (h *helloTable) measure(b *testing.B, server string, figure func(b *testing.B, connections int) wrkFigure) {
	language := h.languages[len(h.languages)-1]
	for _, connections := range h.connections {
		b.Run(fmt.Sprintf("server=%s/connections=%d", server, connections), func(b *testing.B) {
			h.figures[helloKey(language, server, connections)] = figure(b, connections)
		})
	}
}

// String is the figures, and how often those of pooled instances are the others'.
func (h *helloTable) String() string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "component\tserver\t")
	for _, n := range h.connections {
		fmt.Fprintf(w, "req/s at %d\tp50\tp99\t", n)
	}
	fmt.Fprint(w, "pooled is so many times it\t\n")
	for _, language := range h.languages {
		for _, server := range helloServers {
			h.row(w, language, server)
		}
	}
	w.Flush()
	return text.String()
}

// row is that of a server, if it was measured.
func (h *helloTable) row(w *tabwriter.Writer, language, server string) {
	cells, times := "", []string{}
	for _, n := range h.connections {
		f, ok := h.figures[helloKey(language, server, n)]
		if !ok {
			return
		}
		cells += f.cells()
		if f.failed == "" && f.rate > 0 {
			times = append(times, fmt.Sprintf("%.2g", h.figures[helloKey(language, "pooled", n)].rate/f.rate))
		} else {
			times = append(times, "-")
		}
	}
	fmt.Fprintf(w, "%s\t%s\t%s%s\t\n", language, server, cells, strings.Join(times, ", "))
}
