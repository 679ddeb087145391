package e2e

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// TestPage goes through a day with the page: an app is created, upgraded under
// load, held, stepped, released, rolled back; its requests are filtered and its
// log is watched. The page is never loaded again by hand to see what is new.
func TestPage(t *testing.T) {
	chromium(t) // before the server is started
	s := newServer(t)
	s.start("--ephemeral", "--failover-window", "1s", "--health-interval", "10ms", "--failover-seed", "7")
	b := open(t, s.base)
	b.look("light", 1920)
	b.watchShifts()
	b.visit("/")
	b.reads("No app yet")

	dir := s.place("hello", "app", version(1))
	s.must(s.client("deploy", "--no-confirm", "--create-name", "shop", "--wait", "live", "-f", dir))
	b.until(`document.querySelector("#apps table")?.innerText.includes("r1")`)
	b.checkQuiet("a first deploy")

	stop := s.ask("shop", "/cart", 30*time.Millisecond)
	defer stop()
	upgradeOnPage(b, s, dir)
	rollbackOnPage(b)
	stop()
	requestsOnPage(b, s)
	logsOnPage(b, s)
	dataOnPage(b, s)
	deleteOnPage(b)
}

// ask sends requests to an app at a steady pace until stop is called.
func (s *server) ask(app, path string, pace time.Duration) (stop func()) {
	ctx, cancel := context.WithCancel(s.t.Context())
	var wg sync.WaitGroup
	client := &http.Client{Timeout: patience}
	wg.Go(func() {
		tick := time.NewTicker(pace)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				if status, _, err := s.get(client, app, path); err != nil || status != http.StatusOK {
					s.t.Errorf("GET %s of %s = %d, %v", path, app, status, err)
				}
			case <-ctx.Done():
				return
			}
		}
	})
	return func() { cancel(); wg.Wait() }
}

// upgradeOnPage holds an upgrade under load at half, takes one step with the
// keyboard, releases it and sees it end.
func upgradeOnPage(b *browser, s *server, dir string) {
	b.t.Helper()
	b.click(`#apps a[href="/_neutrino/apps/shop"]`)
	b.reads("Deployments")
	b.click(`.appbar a[href$="/failover"]`)
	b.reads("all requests go to r1")
	b.until(legend("r1", ">"))
	b.click(`form[action$="/failover/hold"] button`)
	b.reads("will hold at 50 %")

	s.place("hello", "app", version(2))
	if out := s.must(s.client("deploy", "--no-confirm", "-f", dir)).stdout; !strings.Contains(out, "held") {
		b.t.Errorf("deploy does not say that it is held: %s", out)
	}
	b.reads("50 % of new requests go to r2, the others to r1")
	b.until(legend("r1", ">") + "&&" + legend("r2", ">"))
	b.until(`["r1","r2"].every(r => [...document.querySelectorAll("#replies tbody tr")].some(tr => tr.innerText.startsWith(r)))`)
	b.until(tile("Overlap") + ` > 0 && ` + tile("Failed") + ` === 0`)
	if shift := js[float64](b, "window.shifts"); shift > 0.02 {
		b.t.Errorf("the page shifts while it is live: %.3f", shift)
	}
	b.shoot("held")

	b.do(chromedp.Focus(chromedp.CSS(`form[action$="/failover/step"] button`)))
	b.press("\r")
	b.reads("75 % of new requests go to r2")
	b.click(`form[action$="/failover/release"] button`)
	b.reads("all requests go to r2")
	b.until(legend("r2", ">") + "&&" + legend("r1", "=="))
	b.until(tile("Failed") + ` === 0`)
	b.checkQuiet("a held upgrade")
	s.must(s.client("ledger", "assert", "shop", "--since-deploy", "--no-5xx", "--none-lost", "--both-seen"))
}

// legend is true when the chart's legend has replies of a revision in the last
// second, or (==) has none.
func legend(revision, than string) string {
	return `[...document.querySelectorAll("#legend li")].some(li => li.innerText.startsWith("` + revision +
		` ") && parseInt(li.innerText.slice(` + strconv.Itoa(len(revision)+1) + `)) ` + than + ` 0)`
}

// tile is the number that a tile of the page shows.
func tile(name string) string {
	return `(() => { const t = [...document.querySelectorAll(".tile")].find(t => t.innerText.startsWith("` + name +
		`")); return t ? parseInt(t.querySelector("strong").innerText.replace(/[^0-9]/g, "")) : NaN })()`
}

// watchShifts sums up by how much the layout of pages shifts by itself.
func (b *browser) watchShifts() {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: `
		window.shifts = 0;
		new PerformanceObserver((list) => {
			for (const e of list.getEntries()) if (!e.hadRecentInput) window.shifts += e.value;
		}).observe({ type: "layout-shift", buffered: true });`})
	if err != nil {
		b.t.Fatal(err)
	}
}

func rollbackOnPage(b *browser) {
	b.t.Helper()
	b.visit("/_neutrino/apps/shop")
	b.reads("current")
	b.click(`form[action$="/rollback"] button`)
	b.until(`location.pathname.endsWith("/failover")`)
	b.reads("all requests go to r1")
	b.visit("/_neutrino/apps/shop")
	b.reads("rollback")
	served := `document.querySelector('#instances td[data-label="Queue"]').innerText`
	b.until(served + ` !== ` + strconv.Quote(js[string](b, served))) // by requests that come meanwhile
	b.checkQuiet("a rollback")
}

func requestsOnPage(b *browser, s *server) {
	b.t.Helper()
	client := &http.Client{Timeout: patience}
	for range 100 {
		if _, _, err := s.get(client, "shop", "/"); err != nil {
			b.t.Fatal(err)
		}
	}
	for _, path := range []string{"/sale/1", "/sale/2"} {
		if status, _, err := s.get(client, "shop", path); err != nil || status != http.StatusOK {
			b.t.Fatalf("GET %s = %d, %v", path, status, err)
		}
	}
	b.visit("/_neutrino/requests")
	rows := func(test string) string {
		return `(rows => rows.length > 0 && ` + test + `)([...document.querySelectorAll("#records tbody tr")])`
	}
	b.until(rows(`rows[0].innerText.includes("/sale/2")`))
	b.do(chromedp.SetValue(chromedp.CSS(`[name="path"]`), "/sale/"), chromedp.SetValue(chromedp.CSS(`[name="revision"]`), "r1"))
	b.click(`form.filter button`)
	b.until(rows(`rows.length === 2 && rows.every(r => r.innerText.includes("/sale/"))`))

	b.visit("/_neutrino/requests?app=shop&revision=r2")
	b.until(rows(`rows.every(r => r.innerText.includes("r2"))`))
	b.visit("/_neutrino/requests?outcome=trap")
	b.reads("No request matches")

	b.visit("/_neutrino/requests?path=/sale/2&revision=r1")
	b.click(`#records tbody a`)
	b.reads("GET /sale/2")
	b.reads("Log lines of this request")
	b.until(`["queue", "guest", "reply", "User-Agent", "Content-Type"].every(word => document.querySelector("main").innerText.includes(word))`)

	b.visit("/_neutrino/requests") // more than one page of them
	b.click(`a[rel="prev"]`)
	b.until(rows(`new URL(location).searchParams.has("before") && rows.every(r => Number(r.id.slice(1)) < new URL(location).searchParams.get("before"))`))
	b.checkQuiet("filters of requests")
}

func logsOnPage(b *browser, s *server) {
	b.t.Helper()
	client := &http.Client{Timeout: patience}
	ask := func(path string) {
		b.t.Helper()
		if status, _, err := s.get(client, "shop", path); err != nil || status != http.StatusOK {
			b.t.Fatalf("GET %s = %d, %v", path, status, err)
		}
	}
	b.visit("/_neutrino/logs?app=shop")
	ask("/tail/1")
	b.until(`document.querySelector("#lines").innerText.includes("/tail/1")`)
	b.click("#pause")
	ask("/tail/2")
	b.reads("Resume")
	if js[bool](b, `document.querySelector("#lines").innerText.includes("/tail/2")`) {
		b.t.Error("a paused log goes on")
	}
	b.click("#pause")
	b.until(`document.querySelector("#lines").innerText.includes("/tail/2")`)

	b.visit("/_neutrino/logs?app=shop&stream=stderr&contains=tail/2")
	b.until(`document.querySelectorAll("#lines li").length === 1`)
	ask("/other")
	ask("/tail/2")
	b.until(`document.querySelectorAll("#lines li").length === 2`)
	b.checkQuiet("the log")
}

// dataOnPage sets, edits and deletes pairs, one of which has a key that a form
// could spoil.
func dataOnPage(b *browser, s *server) {
	b.t.Helper()
	b.visit("/_neutrino/apps/shop")
	b.click(`.appbar a[href$="/data"]`)
	b.reads("No pair yet")
	b.do(chromedp.SendKeys(chromedp.CSS("#key"), "greeting"), chromedp.SendKeys(chromedp.CSS("#value"), "hello"))
	b.click(`form[action*="/data/set"] button`)
	b.until(`location.pathname.endsWith("/data/value")`)
	b.do(chromedp.SetValue(chromedp.CSS("#value"), "\nhello\n\tthere\n"))
	js[bool](b, `window.before = true`) // until another page is there, which may look the same
	b.click(`form[action*="/data/set"] button`)
	b.until(`!window.before && document.querySelector("#value")?.value === "\nhello\n\tthere\n"`)
	if got := s.must(s.client("kv", "get", "shop", "greeting")).stdout; got != "\nhello\n\tthere\n" {
		b.t.Errorf("the page has set %q", got)
	}
	odd := "two\nlines & more?"
	s.must(s.client("kv", "set", "shop", odd, "x"))
	b.visit("/_neutrino/apps/shop/data?prefix=two")
	b.click(`form[action*="/data/delete"] button`)
	b.until(`location.pathname.endsWith("/data") && !location.search.includes("prefix")`)
	if got := s.must(s.client("kv", "list", "shop")).stdout; got != "greeting\n" {
		b.t.Errorf("after deleting %q on the page there are %q", odd, got)
	}
	b.checkQuiet("the data")
}

func deleteOnPage(b *browser) {
	b.t.Helper()
	b.visit("/_neutrino/apps/shop/delete")
	b.do(chromedp.SendKeys(chromedp.CSS("#name"), "shop"))
	b.click("button.danger")
	b.reads("No app yet")
	b.checkQuiet("a deletion")
}

// TestPageReconnects kills the server below an open page: the page says that it
// waits, and goes on by itself when the server is back.
func TestPageReconnects(t *testing.T) {
	chromium(t)
	s := newServer(t)
	s.start("--failover-window", "0s")
	dir := s.place("load", "app", version(1))
	s.must(s.client("deploy", "--no-confirm", "--create-name", "shop", "--wait", "live", "-f", dir))
	b := open(t, s.base)
	b.visit("/_neutrino/apps/shop/failover")
	b.until(`document.querySelector("#live.on")`)
	b.checkQuiet("before the crash")
	s.kill()
	b.until(`document.querySelector("#live.off")?.innerText.includes("reconnecting")`)
	s.start("--listen", strings.TrimPrefix(s.base, "http://"))
	b.until(`document.querySelector("#live.on")`)
	b.forget() // the browser complains of the gap

	s.place("load", "app", version(2))
	s.must(s.client("deploy", "--no-confirm", "--wait", "live", "-f", dir))
	b.reads("all requests go to r2")
	b.checkQuiet("after the crash")
	s.stop()
}
