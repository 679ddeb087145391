package e2e

import (
	"encoding/json"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A screen is a page of the UI and what it says when it is there.
type screen struct {
	name, path, says string
}

// TestScreens opens every screen in both colour schemes and at both widths. None
// may complain, ask another host, or have an element outside the viewport, and
// axe-core must find nothing serious. The pictures go to screens/.
func TestScreens(t *testing.T) {
	chromium(t)
	axe := axeSource(t)
	s := newServer(t)
	s.start("--ephemeral", "--failover-window", "1s", "--failover-seed", "7", "--drain-timeout", "1s")
	b := open(t, s.base)
	b.everyLook([]screen{{"overview-empty", "/", "No app yet"}, {"requests-empty", "/_neutrino/requests", "No request yet"},
		{"logs-empty", "/_neutrino/logs", "No app yet"}, {"registry-empty", "/_neutrino/registry", "Nothing was pushed"}}, axe)

	digest := fillForScreens(s)
	b.everyLook([]screen{
		{"overview", "/_neutrino/", "Uptime"},
		{"app", "/_neutrino/apps/shop", "Made afresh"},
		{"app-other", "/_neutrino/apps/a-name-that-is-as-long-as-names-can-be-and-still-is-one-of-them", "Deployments"},
		{"failover", "/_neutrino/apps/shop/failover", "50 % of new requests"},
		{"failover-idle", "/_neutrino/apps/a-name-that-is-as-long-as-names-can-be-and-still-is-one-of-them/failover", "all requests go to"},
		{"delete", "/_neutrino/apps/shop/delete", "Type the name"},
		{"data", "/_neutrino/apps/shop/data", "greeting"},
		{"data-empty", "/_neutrino/apps/a-name-that-is-as-long-as-names-can-be-and-still-is-one-of-them/data", "No pair yet"},
		{"value", "/_neutrino/apps/shop/data/value?store=default&key=greeting", "Save"},
		{"value-binary", "/_neutrino/apps/shop/data/value?store=default&key=binary", "no text that can be edited"},
		{"requests", "/_neutrino/requests", "/cart"},
		{"requests-filtered", "/_neutrino/requests?app=shop&outcome=trap", "No request matches"},
		{"request", "/_neutrino/requests/1", "Log lines of this request"},
		{"logs", "/_neutrino/logs?app=shop", "/cart"},
		{"registry", "/_neutrino/registry", "local/shop"},
		{"tags", "/_neutrino/registry/tags?repository=local/shop", "2"},
		{"manifest", "/_neutrino/registry/manifest?repository=local/shop&reference=" + digest, "schemaVersion"},
	}, axe)
	s.must(s.client("failover", "release", "shop"))

	b.visit("/_neutrino/apps/nobody")
	b.reads("neutrino-local app list")
	b.forget() // the browser complains of the 404
	b.everyLook([]screen{{"error", "/_neutrino/apps/nobody", "neutrino-local app list"}}, axe, "= 404", "status of 404")
}

// TestLoginScreen is TestScreens for a server with a token.
func TestLoginScreen(t *testing.T) {
	chromium(t)
	axe := axeSource(t)
	s := newServer(t)
	s.start("--ephemeral", "--token", "open-sesame")
	b := open(t, s.base)
	b.everyLook([]screen{{"login", "/_neutrino/logs", "Token of the server"}}, axe)
	b.until(`document.activeElement.id === "token"`)
	js[any](b, `document.activeElement.value = "open-sesame"`)
	b.press("\r")
	b.until(`location.pathname === "/_neutrino/logs"`)
	b.checkQuiet("logging in")
}

// fillForScreens makes an app that is held between two revisions and has
// requests and lines, and another one with a long name. It returns the digest of
// an artifact.
func fillForScreens(s *server) string {
	s.t.Helper()
	long := s.place("load", "long", version(1))
	s.must(s.client("deploy", "--no-confirm", "--create-name", "a-name-that-is-as-long-as-names-can-be-and-still-is-one-of-them", "-f", long))
	dir := s.place("hello", "app", version(1))
	s.must(s.client("deploy", "--no-confirm", "--create-name", "shop", "--wait", "live", "-f", dir))
	s.must(s.client("kv", "set", "shop", "greeting", "hello\nthere"))
	s.must(s.client("kv", "set", "shop", "binary", strings.Repeat("\xff\x01", 200)))
	s.must(s.client("kv", "set", "shop", strings.Repeat("a-key-that-is-quite-long-and-has-no-space-in-it", 10), "v"))
	stop := s.ask("shop", "/cart", 20*time.Millisecond)
	defer stop()
	s.must(s.client("failover", "hold", "shop"))
	s.place("hello", "app", version(2))
	s.must(s.client("deploy", "--no-confirm", "-f", dir))
	client := &http.Client{Timeout: patience}
	path := "/a/path/that/is/quite/long/" + strings.Repeat("and-has-no-space-in-it", 10)
	for range 120 {
		if _, _, err := s.get(client, "shop", path); err != nil {
			s.t.Fatal(err)
		}
	}
	var app struct{ Digest string }
	s.json(&app, "app", "status", "shop")
	return app.Digest
}

// everyLook opens screens in both colour schemes and at both widths. What the
// test expects the browser to complain of is in expected.
func (b *browser) everyLook(screens []screen, axe string, expected ...string) {
	b.t.Helper()
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{360, 1920} {
			b.look(scheme, width)
			for _, sc := range screens {
				name := sc.name + "-" + scheme + "-" + strconv.FormatInt(width, 10)
				b.visit(sc.path)
				b.reads(sc.says)
				b.settled()
				for _, text := range js[[]string](b, outside) {
					b.t.Errorf("%s: outside the viewport: %s", name, text)
				}
				b.shoot(name)
				b.checkAxe(name, axe)
				b.checkExpected(name, expected)
			}
		}
	}
}

// settled waits for what a page loads after itself.
func (b *browser) settled() {
	b.t.Helper()
	b.until(`document.readyState === "complete" && (!document.getElementById("chart") || document.querySelector("#chart canvas"))`)
}

func (b *browser) checkExpected(where string, expected []string) {
	b.t.Helper()
next:
	for _, text := range b.forget() {
		for _, e := range expected {
			if strings.Contains(text, e) {
				continue next
			}
		}
		b.t.Errorf("%s: %s", where, text)
	}
}

// outside lists what can be seen only by scrolling sideways. What is in a box
// that scrolls or clips by itself is not looked at.
const outside = `(() => {
	const wide = document.documentElement.clientWidth, found = [];
	if (document.documentElement.scrollWidth > wide) found.push("the page is " + document.documentElement.scrollWidth + " wide");
	const contained = (e) => {
		for (let p = e.parentElement; p && p !== document.body; p = p.parentElement) {
			if (getComputedStyle(p).overflowX !== "visible" || p.tagName === "svg") return true;
		}
		return false;
	};
	for (const e of document.body.querySelectorAll("*")) {
		const r = e.getBoundingClientRect();
		if (!r.width || !r.height || r.right <= wide + 0.5 && r.left >= -0.5 || contained(e)) continue;
		found.push(e.tagName + "." + e.getAttribute("class") + " from " + Math.round(r.left) + " to " + Math.round(r.right) + " of " + wide);
	}
	return found.slice(0, 10);
})()`

// axeSource returns axe-core, which tells what people who cannot see or use a
// mouse would stumble over.
func axeSource(t *testing.T) string {
	t.Helper()
	path := os.Getenv("NEUTRINO_AXE")
	if path == "" {
		needs(t, "axe-core", "npm pack axe-core && tar xzf axe-core-*.tgz && export NEUTRINO_AXE=$PWD/package/axe.min.js")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("NEUTRINO_AXE: %v", err)
	}
	return string(text)
}

// checkAxe fails the test if axe-core finds something serious.
func (b *browser) checkAxe(where, source string) {
	b.t.Helper()
	js[any](b, source+"; null")
	found := js[string](b, `axe.run({ resultTypes: ["violations"] }).then((r) => JSON.stringify(r.violations.map((v) =>
		({ id: v.id, impact: v.impact, help: v.help, nodes: v.nodes.slice(0, 3).map((n) => n.html + " " + n.failureSummary) }))))`)
	var violations []struct {
		ID, Impact, Help string
		Nodes            []string
	}
	if err := json.Unmarshal([]byte(found), &violations); err != nil {
		b.t.Fatal(err)
	}
	for _, v := range violations {
		text := where + ": axe: " + v.Impact + ": " + v.ID + ": " + v.Help + "\n" + strings.Join(v.Nodes, "\n")
		if v.Impact == "serious" || v.Impact == "critical" {
			b.t.Error(text)
		} else {
			b.t.Log(text)
		}
	}
}
