package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestPageOfAnotherSite lets pages of other origins, in a real browser, try what
// a page can: scripts, forms, frames, streams, from another host, from another
// port of this one, and from a guest below /_apps/. None reads or changes
// anything.
func TestPageOfAnotherSite(t *testing.T) {
	chromium(t)
	s := newServer(t)
	s.start("--ephemeral", "--failover-window", "0s")
	dir := s.place("hello", "app", version(1))
	s.must(s.client("deploy", "--no-confirm", "--create-name", "shop", "--wait", "live", "-f", dir))

	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<!doctype html><title>evil</title><p>A page of another site")
	}))
	t.Cleanup(site.Close)
	port := site.URL[strings.LastIndex(site.URL, ":"):]
	origins := map[string]string{
		"another host":              "http://evil.example" + port + "/",
		"another port of this host": site.URL + "/",
		"the host of an app":        strings.Replace(s.base, "127.0.0.1", "shop.localhost", 1) + "/small",
		"a guest below /_apps/":     s.base + "/_apps/shop/small",
	}
	b := open(t, s.base, "evil.example 127.0.0.1")
	for name, from := range origins {
		b.do(chromedp.Navigate(from))
		for _, attempt := range attempts {
			if got := js[string](b, fmt.Sprintf("(async (base) => { %s })(%q)", attempt.script, s.base)); !strings.HasPrefix(got, "refused") {
				t.Errorf("%s: %s: %s", name, attempt.what, got)
			}
		}
		b.postForm(s.base + "/_neutrino/apps/shop/delete")
		if text := b.text(); !strings.Contains(text, "forbidden") {
			t.Errorf("%s: a form that deletes the app is answered: %s", name, text)
		}
	}
	b.forget()
	s.checkUnharmed()
	s.stop()
}

// attempts are what a page can do to another origin by script. Each says
// "refused" or what it got.
var attempts = []struct{ what, script string }{
	{"read the apps", `return fetch(base + "/api/v1/apps").then(async r => r.status === 403 ? "refused" : r.status + await r.text(), e => "refused " + e)`},
	{"read the apps blindly", `return fetch(base + "/api/v1/apps", { mode: "no-cors" }).then(async r => await r.text() === "" ? "refused" : "read", e => "refused " + e)`},
	{"delete the app", `return fetch(base + "/api/v1/apps/shop", { method: "DELETE" }).then(r => r.ok ? "deleted" : "refused", e => "refused " + e)`},
	{"stop the server", `return fetch(base + "/api/v1/server/stop", { method: "POST", mode: "no-cors", body: "{}" }).then(r => r.ok ? "stopped" : "refused", e => "refused " + e)`},
	{"watch the events", `return new Promise(done => { const s = new EventSource(base + "/api/v1/events");
		s.onopen = () => { s.close(); done("open") }; s.onerror = () => { s.close(); done("refused") } })`},
	{"load the page as a script", `return new Promise(done => { const s = document.createElement("script"); s.src = base + "/api/v1/apps";
		s.onload = () => done("loaded"); s.onerror = () => done("refused"); document.head.append(s) })`},
	{"push to the registry", `return fetch(base + "/v2/local/shop/blobs/uploads/", { method: "POST", mode: "no-cors" }).then(r => r.ok ? "pushed" : "refused", e => "refused " + e)`},
	{"frame the page", `return new Promise(done => { const f = document.createElement("iframe"); f.src = base + "/_neutrino/";
		f.onload = () => { let seen = "refused"; try { if (f.contentDocument && f.contentDocument.querySelector("main")) seen = "framed" } catch (e) {} done(seen) };
		document.body.append(f) })`},
}

// postForm sends a form from the page that is shown, as a click on a button of it
// would, and waits for the answer.
func (b *browser) postForm(action string) {
	b.t.Helper()
	js[any](b, fmt.Sprintf(`(() => { window.sent = true; const f = document.createElement("form"); f.method = "post"; f.action = %q;
		f.innerHTML = '<input name="name" value="shop">'; document.body.append(f); setTimeout(() => f.submit()); return null })()`, action))
	b.until(`!window.sent && document.readyState === "complete"`)
}

// TestRebinding lets a name of a stranger lead to this machine, as DNS rebinding
// does: the page under that name gets nothing.
func TestRebinding(t *testing.T) {
	chromium(t)
	s := newServer(t)
	s.start("--ephemeral", "--failover-window", "0s")
	dir := s.place("hello", "app", version(1))
	s.must(s.client("deploy", "--no-confirm", "--create-name", "shop", "--wait", "live", "-f", dir))
	evil := strings.Replace(s.base, "127.0.0.1", "evil.example", 1)
	b := open(t, evil, "evil.example 127.0.0.1")
	for _, path := range []string{"/_neutrino/", "/api/v1/apps", "/v2/_catalog", "/metrics", "/_apps/shop/small", "/"} {
		b.visit(path)
		if text := b.text(); !strings.Contains(text, "no app has the host") || strings.Contains(text, "shop\"") {
			t.Errorf("%s%s says: %s", evil, path, text)
		}
	}
	if got := js[string](b, `fetch("/api/v1/apps/shop", { method: "DELETE" }).then(r => "" + r.status)`); got != "421" {
		t.Errorf("DELETE from a rebound name = %s, want 421", got)
	}
	b.forget()
	s.checkUnharmed()
	s.stop()
}

// checkUnharmed fails the test unless the server runs and has its app, without
// uploads that nobody has begun.
func (s *server) checkUnharmed() {
	s.t.Helper()
	var app struct{ Current int }
	s.json(&app, "app", "status", "shop")
	if app.Current != 1 {
		s.t.Errorf("the app shop has r%d, want r1", app.Current)
	}
}
