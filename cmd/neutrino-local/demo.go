package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/neutrino-local/neutrino-local/web/apitype"
	"github.com/neutrino-local/neutrino-local/web/client"
)

// The sample app of `up --demo`: a WAGI guest written in C that says which
// version it is.
//
//go:embed demo/spin.toml demo/hello.wasm demo/page.html
var demoFiles embed.FS

const (
	demoApp     = "demo"
	demoRate    = 200 // requests a second
	demoClients = 4
	demoMargin  = time.Second // of load before and after the upgrade
	demoSlice   = 250 * time.Millisecond
)

// demo deploys the sample app, sends it a steady load, upgrades it meanwhile,
// and prints what the ledger saw. It goes the way that a developer's deploy
// goes: package, push over HTTP, create, upgrade.
func demo(ctx context.Context, server apitype.Server, token string, std stdio) error {
	dir, err := os.MkdirTemp("", "neutrino-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := unpackDemo(dir, "1"); err != nil {
		return err
	}
	g := &globals{std: std, server: server.URLs.Base, token: token}
	c := client.New(server.URLs.Base, token)
	fmt.Fprintf(std.Out, "\n== Deploying version 1 of the sample app ==\n")
	if err := demoDeploy(ctx, g, c, dir); err != nil {
		return err
	}
	if err := unpackDemo(dir, "2"); err != nil {
		return err
	}
	fmt.Fprintf(std.Out, "\n== Upgrading it under %d requests/s ==\n", demoRate)
	started := time.Now()
	load := &demoLoad{url: server.URLs.Base, host: demoApp + ".localhost"}
	err = load.during(ctx, func(ctx context.Context) error { return demoDeploy(ctx, g, c, dir) })
	if err != nil {
		return err
	}
	return demoReport(ctx, std.Out, c, server, load, started)
}

func unpackDemo(dir, version string) error {
	return fs.WalkDir(demoFiles, "demo", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := demoFiles.ReadFile(path)
		if err != nil {
			return err
		}
		if entry.Name() == manifestName {
			content = []byte(strings.Replace(string(content), `VERSION = "1"`, fmt.Sprintf("VERSION = %q", version), 1))
		}
		return os.WriteFile(filepath.Join(dir, entry.Name()), content, 0o644)
	})
}

// demoDeploy creates the app, or upgrades it if an earlier demo has left it.
func demoDeploy(ctx context.Context, g *globals, c *client.Client, dir string) error {
	args := []string{"deploy", "--no-confirm", "--wait", "live", "--from", dir, "--server", g.server}
	_, err := c.App(ctx, demoApp)
	switch {
	case err == nil:
		args = append(args, "--app-name", demoApp)
	case isCode("not_found")(err):
		args = append(args, "--create-name", demoApp)
	default:
		return err
	}
	root := newRoot("neutrino-local", g.std)
	root.SetArgs(append(args, "--token", g.token))
	root.SetOut(g.std.Out)
	root.SetErr(g.std.Err)
	return root.ExecuteContext(ctx)
}

// A demoLoad asks an app at a steady rate and counts what it gets.
type demoLoad struct {
	url, host string

	mu     sync.Mutex
	bodies map[string]int // replies by the first line of their body; guarded by mu
	failed []string       // what went wrong, at most a few; guarded by mu
	sent   int            // guarded by mu
	broken int            // requests that failed; guarded by mu
}

// during keeps up the load while do runs, and for a moment before and after.
func (l *demoLoad) during(ctx context.Context, do func(context.Context) error) error {
	l.bodies = map[string]int{}
	loadCtx, stop := context.WithCancel(ctx)
	defer stop()
	transport := &http.Transport{MaxIdleConnsPerHost: demoClients}
	defer transport.CloseIdleConnections()
	http := &http.Client{Transport: transport, Timeout: 30 * time.Second}
	var g errgroup.Group
	for range demoClients {
		g.Go(func() error { l.run(loadCtx, http); return nil })
	}
	err := pause(ctx, demoMargin)
	if err == nil {
		err = do(ctx)
	}
	if err == nil {
		err = pause(ctx, demoMargin)
	}
	stop()
	return errors.Join(err, g.Wait())
}

// run asks until ctx ends. A request that has begun is finished, so that none
// looks lost.
func (l *demoLoad) run(ctx context.Context, c *http.Client) {
	tick := time.NewTicker(time.Second * demoClients / demoRate)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			l.count(l.ask(context.WithoutCancel(ctx), c))
		}
	}
}

func (l *demoLoad) ask(ctx context.Context, c *http.Client) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, l.url+"/load", nil)
	if err != nil {
		return "", err
	}
	req.Host = l.host
	resp, err := c.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %s: %s", resp.Status, body)
	}
	return string(body), err
}

func (l *demoLoad) count(body string, err error) {
	const mostTold = 3
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent++
	if err == nil {
		l.bodies[body]++
		return
	}
	l.broken++
	if len(l.failed) < mostTold {
		l.failed = append(l.failed, err.Error())
	}
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// demoReport prints what the ledger has of the upgrade: replies by revision over
// time, the overlap, and how many requests failed.
func demoReport(ctx context.Context, w io.Writer, c *client.Client, server apitype.Server, load *demoLoad, since time.Time) error {
	app, err := c.App(ctx, demoApp)
	if err != nil {
		return err
	}
	l, err := c.Ledger(ctx, client.LedgerQuery{App: app.ID, Since: since, Limit: maxDemoRecords})
	if err != nil {
		return err
	}
	verdict, err := c.Assert(ctx, app.ID, apitype.Assertion{SinceDeploy: true, No5xx: true, NoneLost: true, BothSeen: true})
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "\n== What the ledger saw ==\n")
	demoChart(w, l.Records)
	load.mu.Lock()
	defer load.mu.Unlock()
	failed := load.broken
	for _, f := range verdict.Failures {
		failed += len(f.Records)
		fmt.Fprintf(w, "FAILED %s: %s\n", f.Assertion, f.Message)
	}
	fmt.Fprintf(w, "requests: %d, failed: %d, both revisions answered for %d ms\n", load.sent, failed, verdict.OverlapMS)
	for _, why := range load.failed {
		fmt.Fprintf(w, "  %s\n", why)
	}
	base := reachable(ctx, app.URLs)
	fmt.Fprintf(w, `
== Try next ==
  the app:     %s
  the page:    %s
  roll back:   neutrino-local rollback demo
  its log:     neutrino-local logs demo --follow
  the ledger:  neutrino-local ledger show demo
  yours:       neutrino-local deploy -f YOUR_APP
Serving until Ctrl-C.
`, base, server.URLs.UI)
	if failed > 0 {
		return fmt.Errorf("%d requests of the demo failed", failed)
	}
	return nil
}

const maxDemoRecords = 10_000

// demoChart draws replies by revision, a line for each slice of time.
func demoChart(w io.Writer, records []apitype.Record) {
	if len(records) == 0 {
		fmt.Fprintln(w, "no replies")
		return
	}
	first := records[0].Time
	for _, r := range records {
		if r.Time.Before(first) {
			first = r.Time
		}
	}
	slices := map[int]map[int]int{} // slice → revision → replies
	last, low := 0, records[0].Revision
	for _, r := range records {
		n := int(r.Time.Sub(first) / demoSlice)
		if slices[n] == nil {
			slices[n] = map[int]int{}
		}
		slices[n][r.Revision]++
		last, low = max(last, n), min(low, r.Revision)
	}
	const perMark = 2 // replies
	fmt.Fprintf(w, "   time  replies by revision, ○ r%d and ● r%d, a mark is %d replies\n", low, low+1, perMark)
	for n := range last + 1 {
		older, newer := slices[n][low], slices[n][low+1]
		at := (time.Duration(n) * demoSlice).Seconds()
		fmt.Fprintf(w, "%6.2f s  %3d %3d  %s%s\n", at, older, newer,
			strings.Repeat("○", (older+perMark-1)/perMark), strings.Repeat("●", (newer+perMark-1)/perMark))
	}
}
