package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/neutrino-local/neutrino-local/store"
	"github.com/neutrino-local/neutrino-local/web/apitype"
	"github.com/neutrino-local/neutrino-local/web/client"
)

// follow creates the deployment, waits for it as the flags say, and tells how it
// went.
func (d *deploy) follow(ctx context.Context, req apitype.CreateDeployment) error {
	d.target.digest = req.Digest
	return d.followDeployment(ctx, func(ctx context.Context) (apitype.Deployment, error) {
		return d.client.Deploy(ctx, d.target.app.ID, req)
	})
}

// followDeployment is follow for whatever creates a deployment.
func (d *deploy) followDeployment(ctx context.Context, create func(context.Context) (apitype.Deployment, error)) error {
	dep, err := create(ctx)
	if err != nil {
		return err
	}
	for _, warning := range dep.Warnings {
		fmt.Fprintf(d.std.Err, "Warning: %s\n", warning)
	}
	if !d.skipCheck {
		dep, err = waitReady(ctx, d.client, dep, d.wait == "live", d.say)
		if err != nil {
			return err
		}
	}
	app, err := d.client.App(ctx, d.target.app.ID)
	if err != nil {
		return err
	}
	if d.format == "json" {
		return writeJSON(d.std.Out, deployed{App: app, Deployment: dep, Digest: d.target.digest})
	}
	printRoutes(ctx, d.say, app)
	return nil
}

// deployed is what `deploy --format json` prints.
type deployed struct {
	App        apitype.App        `json:"app"`
	Deployment apitype.Deployment `json:"deployment"`
	Digest     string             `json:"digest,omitempty"`
}

// waitReady follows a deployment until its revision is healthy and traffic has
// begun to go to it, or until it is live. A deployment that is held is as far as
// it gets.
func waitReady(ctx context.Context, c *client.Client, dep apitype.Deployment, live bool, say io.Writer) (apitype.Deployment, error) {
	line := newStatusLine(say, "Waiting for app to be ready...")
	for now, err := range c.Follow(ctx, dep.ID) {
		if err != nil {
			line.end("")
			return dep, err
		}
		dep = now
		line.show(doing(dep))
		phase := store.Phase(dep.Phase)
		switch {
		case phase == store.Failed:
			line.end(" failed")
			return dep, notHealthy(ctx, c, dep)
		case dep.Held:
			line.end(" ready")
			fmt.Fprintf(say, "held: %d %% of new requests go to %s\n", dep.Share, store.RevisionNumber(dep.Revision))
			return dep, nil
		case phase == store.Live, phase.Committed() && !live && !holdAhead(ctx, c, dep):
			line.end(" ready")
			return dep, nil
		}
	}
	line.end("")
	return dep, fmt.Errorf("deployment %s: the server told no more of it", dep.ID)
}

// doing is what a deployment says of the compilation that it is waiting for, or
// "" if it has not waited for long.
func doing(dep apitype.Deployment) string {
	n := len(dep.Events)
	began := slices.IndexFunc(dep.Events, func(e apitype.PhaseEvent) bool { return e.Phase == string(store.Compiling) })
	if dep.Phase != string(store.Compiling) || began < 0 || dep.Events[n-1].At.Sub(dep.Events[began].At) < time.Second {
		return ""
	}
	return dep.Events[n-1].Detail
}

// holdAhead reports whether the switch is going to be held, or is by now: then
// that is what a deploy waits for.
func holdAhead(ctx context.Context, c *client.Client, dep apitype.Deployment) bool {
	f, err := c.Failover(ctx, dep.App)
	return err == nil && f.Deployment == dep.ID && (f.Armed != "" || f.Held)
}

// notHealthy is the error of a deployment that failed: exit code 3.
func notHealthy(ctx context.Context, c *client.Client, dep apitype.Deployment) error {
	name, serving := dep.App, "no revision serves"
	if app, err := c.App(ctx, dep.App); err == nil {
		name = app.Name
		if app.Current != 0 {
			serving = store.RevisionNumber(app.Current).String() + " keeps serving"
		}
	}
	err := fmt.Errorf("%s/%s: failed in %s: %s (%s)", name, store.RevisionNumber(dep.Revision), dep.FailedIn, dep.Reason, serving)
	return coded(exitUnhealthy, store.Hint(err, fmt.Sprintf("see what it wrote with 'neutrino-local logs --app-name %s'", name)))
}

// printRoutes prints the routes of an app as the cloud's tool does. The first
// URL is one that programs on this machine can resolve.
func printRoutes(ctx context.Context, w io.Writer, app apitype.App) {
	base := reachable(ctx, app.URLs)
	fmt.Fprintln(w, "\nApp Routes:")
	for _, r := range app.Routes {
		wildcard := ""
		if r.Wildcard {
			wildcard = " (wildcard)"
		}
		fmt.Fprintf(w, "- %s: %s%s\n", r.Component, routeURL(base, r.Pattern), wildcard)
		if r.Description != "" {
			fmt.Fprintf(w, "    %s\n", r.Description)
		}
	}
}

func routeURL(base, pattern string) string {
	pattern = strings.TrimSuffix(pattern, "...")
	return strings.TrimSuffix(base, "/") + "/" + strings.Trim(pattern, "/")
}

// reachable returns the first URL, unless the system's resolver does not know
// its host: then the first one whose host is an address.
func reachable(ctx context.Context, urls []string) string {
	if len(urls) == 0 {
		return ""
	}
	u, err := url.Parse(urls[0])
	if err != nil {
		return urls[0]
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if addrs, err := net.DefaultResolver.LookupHost(ctx, u.Hostname()); err == nil && len(addrs) > 0 {
		return urls[0]
	}
	for _, s := range urls {
		if u, err := url.Parse(s); err == nil && net.ParseIP(u.Hostname()) != nil {
			return s
		}
	}
	return urls[0]
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
