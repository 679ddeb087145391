package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/performance"
	"github.com/chromedp/cdproto/systeminfo"
	"github.com/chromedp/chromedp"
)

// BenchmarkPage is what the Failover screen costs: its first load, a steady
// thousand replies a second, an hour of events.
//
//	NEUTRINO_BENCH_FULL=1 go test ./e2e -run '^$' -bench Page -benchtime 1x
//
// FULL takes a minute for each of its loads, and lets the replayed hour draw as
// often as it would.
func BenchmarkPage(b *testing.B) {
	chromium(b)
	s := newServer(b)
	s.start("--ephemeral", "--failover-seed", "7")
	app := filepath.Join(s.dir, "static")
	deploy := func(body string, flags ...string) {
		if err := os.MkdirAll(app, 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(app, "spin.toml"), []byte(strings.Replace(staticManifest, `hello\n`, body, 1)), 0o644); err != nil {
			b.Fatal(err)
		}
		s.must(s.client(append([]string{"deploy", "--no-confirm", "-f", app}, flags...)...))
	}
	deploy("one", "--create-name", "shop", "--wait", "live")
	s.must(s.client("failover", "hold", "shop"))
	deploy("two")
	b.Run("first", func(b *testing.B) { s.benchFirstLoad(b) })
	b.Run("replies=1000", func(b *testing.B) { s.benchSteady(b, 1000) })
	b.Run("hour", func(b *testing.B) { s.benchHour(b) })
	s.must(s.client("failover", "release", "shop"))
	s.stop()
}

// benchFirstLoad loads the page with an empty cache.
func (s *server) benchFirstLoad(b *testing.B) {
	defer s.in(b)()
	w := open(b, s.base)
	w.onEveryPage(`
		const look = () => {
			if (document.querySelector("#live.on") && document.querySelector("#chart canvas")) window.firstFrame = performance.now();
			else requestAnimationFrame(look);
		};
		requestAnimationFrame(look);`)
	if _, err := chromedp.Call(w.ctx, network.SetCacheDisabled, network.SetCacheDisabledParams{CacheDisabled: true}); err != nil {
		b.Fatal(err)
	}
	frames, bytes := 0.0, 0.0
	for b.Loop() {
		w.mu.Lock()
		w.received = 0
		w.mu.Unlock()
		w.visit("/_neutrino/apps/shop/failover")
		w.until("window.firstFrame")
		frames += js[float64](w, "window.firstFrame")
		w.mu.Lock()
		bytes += w.received
		w.mu.Unlock()
	}
	b.ReportMetric(frames/float64(b.N), "first-frame-ms")
	b.ReportMetric(bytes/1000/float64(b.N), "first-load-kB")
	w.checkQuiet("first load")
}

// onEveryPage runs a script before those of each page.
func (b *browser) onEveryPage(script string) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script})
	if err != nil {
		b.t.Fatal(err)
	}
}

// benchSteady sends a steady load, first without and then with a page open, and
// tells what of a core each process takes.
func (s *server) benchSteady(b *testing.B, rate int) {
	defer s.in(b)()
	took := 3 * time.Second
	if os.Getenv("NEUTRINO_BENCH_FULL") != "" {
		took = time.Minute
	}
	for b.Loop() {
		alone := s.cpuOf(func() { s.sendAt(b, rate, took) }) / took.Seconds()
		w := open(b, s.base)
		w.look("light", 1280)
		w.visit("/_neutrino/apps/shop/failover")
		w.until("document.querySelector('#chart canvas')")
		before := w.cpu()
		watched := s.cpuOf(func() { s.sendAt(b, rate, took) }) / took.Seconds()
		after := w.cpu()
		b.ReportMetric(100*alone, "server-%core")
		b.ReportMetric(100*watched, "server-watched-%core")
		for kind := range after {
			b.ReportMetric(100*(after[kind]-before[kind])/took.Seconds(), strings.ReplaceAll(strings.ToLower(kind), " ", "")+"-%core")
		}
		w.shoot("steady")
		w.checkQuiet("a steady load")
	}
}

// sendAt asks the app at a rate for some time.
func (s *server) sendAt(b *testing.B, rate int, took time.Duration) {
	const wires = 4
	var wg sync.WaitGroup
	for range wires {
		w, err := dialWire(s.address(), "shop.localhost", "/")
		if err != nil {
			b.Fatal(err)
		}
		wg.Go(func() {
			defer w.conn.Close()
			began, sent := time.Now(), 0
			pace := time.NewTicker(5 * time.Millisecond)
			defer pace.Stop()
			for now := began; now.Sub(began) < took; now = <-pace.C {
				for due := int(now.Sub(began).Seconds() * float64(rate) / wires); sent < due; sent++ {
					if _, err := w.ask(); err != nil {
						b.Error(err)
						return
					}
				}
			}
		})
	}
	wg.Wait()
}

// cpuOf returns how many seconds of a core the server takes while do runs.
func (s *server) cpuOf(do func()) float64 {
	s.t.Helper()
	read := func() float64 {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
		if err != nil {
			s.t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(text), ") ")
		fields := strings.Fields(rest)
		ticks := 0.0
		for _, f := range fields[11:13] { // utime and stime: proc(5)
			n, err := strconv.ParseFloat(f, 64)
			if err != nil {
				s.t.Fatal(err)
			}
			ticks += n
		}
		return ticks / 100
	}
	before := read()
	do()
	return read() - before
}

// cpu returns the seconds of a core that the browser's processes took so far, by
// kind.
func (b *browser) cpu() map[string]float64 {
	b.t.Helper()
	all, err := chromedp.CallBrowser(b.ctx, systeminfo.GetProcessInfo, cdp.Empty{})
	if err != nil {
		b.t.Fatal(err)
	}
	took := map[string]float64{}
	for _, p := range all.ProcessInfo {
		if p.Type == "renderer" || p.Type == "GPU" {
			took[p.Type] += p.CPUTime
		}
	}
	return took
}

// benchHour lets a page see an hour of events in a short time: ten frames a
// second of two revisions, and a deployment a minute. Its clock runs with them.
func (s *server) benchHour(b *testing.B) {
	defer s.in(b)()
	yield := 30
	if os.Getenv("NEUTRINO_BENCH_FULL") != "" {
		yield = 1
	}
	w := open(b, s.base)
	w.onEveryPage(replay)
	for b.Loop() {
		w.visit("/_neutrino/apps/shop/failover")
		w.until("window.streams.length && document.querySelector('#chart canvas')")
		js[any](w, fmt.Sprintf("replay(60, %d)", yield)) // a minute: what is made once is there
		heap, nodes := w.memory()
		began := time.Now()
		events := js[float64](w, fmt.Sprintf("replay(3600, %d)", yield))
		b.ReportMetric(time.Since(began).Seconds(), "replay-s")
		heapAfter, nodesAfter := w.memory()
		b.ReportMetric(events, "events")
		b.ReportMetric(heap/1e6, "heap-before-MB")
		b.ReportMetric(heapAfter/1e6, "heap-after-MB")
		b.ReportMetric(nodesAfter-nodes, "nodes-more")
	}
	w.checkQuiet("an hour of events")
}

// memory returns the size of the page's heap and how many nodes it has, after
// its garbage is collected.
func (b *browser) memory() (heap, nodes float64) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, heapprofiler.CollectGarbage, cdp.Empty{})
	if err == nil {
		_, err = chromedp.Call(b.ctx, performance.Enable, performance.EnableParams{})
	}
	if err != nil {
		b.t.Fatal(err)
	}
	found, err := chromedp.Call(b.ctx, performance.GetMetrics, cdp.Empty{})
	if err != nil {
		b.t.Fatal(err)
	}
	for _, m := range found.Metrics {
		switch m.Name {
		case "JSHeapUsedSize":
			heap = m.Value
		case "Nodes":
			nodes = m.Value
		}
	}
	return heap, nodes
}

// replay puts a stream of the test's own in the place of the server's.
const replay = `
	window.streams = [];
	window.EventSource = class extends EventTarget {
		static CLOSED = 2;
		readyState = 1;
		constructor(url) { super(); streams.push(this); setTimeout(() => this.onopen && this.onopen()); }
		close() { this.readyState = 2; }
	};
	const clock = Date.now;
	let ahead = 0;
	Date.now = () => clock() + ahead;
	window.replay = async (seconds, yieldEach) => {
		const app = document.getElementById("chart").dataset.app;
		let sent = 0;
		const say = (name, data) => { sent++; streams[0].dispatchEvent(new MessageEvent(name, { data: JSON.stringify(data) })); };
		for (let s = 0; s < seconds; s++) {
			ahead += 1000;
			const second = new Date(Math.floor(Date.now() / 1000) * 1000).toISOString();
			for (let part = 1; part <= 10; part++) {
				say("counts", [1, 2].map((revision) => ({ second, app, revision, replies: 50 * part, failed: s % 7 ? 0 : 1 })));
			}
			if (s % 60 === 0) {
				const at = new Date(Date.now()).toISOString();
				say("deployment", { id: "d" + ahead, app, revision: 2, from: 1, events: ["creating", "switching", "draining", "live"].map((phase) => ({ phase, at })) });
			}
			if (s % yieldEach === 0) await new Promise(requestAnimationFrame);
		}
		return sent;
	};`
