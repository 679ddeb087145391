package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// needs ends a test that cannot run here: it is skipped with one line that says
// what is needed and how to get it, and fails where everything has to run.
func needs(t testing.TB, what, how string) {
	t.Helper()
	if os.Getenv("NEUTRINO_TEST_FULL") != "" {
		t.Fatalf("needs %s, and NEUTRINO_TEST_FULL is set: %s", what, how)
	}
	t.Skipf("needs %s: %s", what, how)
}

func chromium(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	needs(t, "Chromium", "apt-get install chromium")
	return ""
}

// A browser is a window of Chromium on one site. It notes what a page must not
// do: errors in the console, requests that fail, requests to other hosts.
type browser struct {
	t    testing.TB
	ctx  context.Context
	base string // the site; nothing else may be asked

	mu       sync.Mutex
	urls     map[network.RequestID]string // guarded by mu
	broken   []string                     // guarded by mu
	received float64                      // guarded by mu; bytes as they were sent, with heads
}

// open starts a Chromium of its own for a site. Names that are not this machine
// lead nowhere but for those that resolve names: "evil.example 127.0.0.1".
func open(t testing.TB, base string, resolve ...string) *browser {
	t.Helper()
	rules := []string{}
	for _, r := range resolve {
		rules = append(rules, "MAP "+r)
	}
	rules = append(rules, "MAP * ~NOTFOUND", "EXCLUDE 127.0.0.1", "EXCLUDE localhost", "EXCLUDE *.localhost")
	b := &browser{t: t, base: base, urls: map[network.RequestID]string{}}
	ctx, stop := chromedp.NewExecAllocator(t.Context(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium(t)), chromedp.UserDataDir(t.TempDir()),
		chromedp.NoSandbox, chromedp.DisableGPU, // tests may be root, in a container
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("host-resolver-rules", strings.Join(rules, ", ")),
	)...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(ctx, chromedp.WithListener(b.listen))
	t.Cleanup(cancel)
	b.ctx = ctx
	if err := chromedp.Do(ctx); err != nil { // the browser lives as long as this context
		t.Fatal(err)
	}
	return b
}

// listen notes what happens in the window.
func (b *browser) listen(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	note := func(format string, args ...any) { b.broken = append(b.broken, fmt.Sprintf(format, args...)) }
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		note("exception: %s", e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			text, _ := json.Marshal(e.Args)
			note("console %s: %s", e.Type, text)
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			note("console %s: %s %s", e.Entry.Level, e.Entry.Text, e.Entry.URL)
		}
	case *network.EventRequestWillBeSent:
		b.urls[e.RequestID] = e.Request.Method + " " + e.Request.URL
		if u, err := url.Parse(e.Request.URL); err != nil || u.Scheme != "data" && u.Scheme+"://"+u.Host != b.base {
			note("request to another host: %s", e.Request.URL)
		}
	case *network.EventResponseReceived:
		if e.Response.Status >= 400 {
			note("%s = %d", b.urls[e.RequestID], e.Response.Status)
		}
	case *network.EventLoadingFinished:
		b.received += e.EncodedDataLength
	case *network.EventLoadingFailed:
		if !e.Canceled { // leaving a page cancels its event stream
			note("%s: %s", b.urls[e.RequestID], e.ErrorText)
		}
	}
}

// checkQuiet fails the test if a page did what it must not since the last look.
func (b *browser) checkQuiet(where string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, text := range b.broken {
		b.t.Errorf("%s: %s", where, text)
	}
	b.broken = nil
}

// forget drops what was noted: the test has provoked it.
func (b *browser) forget() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	noted := b.broken
	b.broken = nil
	return noted
}

func (b *browser) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

// visit goes to a page of the site.
func (b *browser) visit(path string) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.base + path))
}

func (b *browser) click(selector string) {
	b.t.Helper()
	b.do(chromedp.Click(chromedp.CSS(selector)))
}

// press gives a key to what has the focus.
func (b *browser) press(key string) {
	b.t.Helper()
	b.do(chromedp.KeyEvent(key))
}

// js returns what an expression in the page is, a promise's value included.
func js[T any](b *browser, expression string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// until waits until an expression in the page is true. A page that is just being
// replaced has no answer.
func (b *browser) until(expression string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	pace := time.NewTicker(30 * time.Millisecond)
	defer pace.Stop()
	var last error
	for {
		var ok bool
		if ok, last = chromedp.Run(ctx, chromedp.Evaluate[bool]("!!("+expression+")")); ok && last == nil {
			return
		}
		select {
		case <-pace.C:
		case <-ctx.Done():
			b.t.Fatalf("%s never becomes true (%v); the page says: %s", expression, last, b.text())
		}
	}
}

// reads waits until the page says something.
func (b *browser) reads(text string) {
	b.t.Helper()
	b.until("document.body.innerText.includes(" + quoted(text) + ")")
}

// text is what the page says, for failures.
func (b *browser) text() string {
	ctx, cancel := context.WithTimeout(b.ctx, 10*time.Second)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string]("document.body.innerText"))
	if err != nil {
		return err.Error()
	}
	return text
}

func quoted(s string) string {
	text, _ := json.Marshal(s)
	return string(text)
}

// look sets the size of the window and the colour scheme that people prefer.
func (b *browser) look(scheme string, width int64) {
	b.t.Helper()
	height := int64(1080)
	if width < 500 {
		height = 780
	}
	b.do(chromedp.EmulateViewport(width, height))
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// shoot writes a picture of the window to screens/, which git ignores.
func (b *browser) shoot(name string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.MkdirAll("screens", 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join("screens", name+".png"), png, 0o644)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}
