package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/neutrino-local/neutrino-local/store"
	"github.com/neutrino-local/neutrino-local/web/apitype"
	"github.com/neutrino-local/neutrino-local/web/client"
)

type apiClient = client.Client

func rollbackCommand(g *globals) *cobra.Command {
	d := &deploy{workspace: workspace{globals: g}}
	c := &cobra.Command{
		Use:   "rollback [APP [VERSION]]",
		Short: "Make an earlier revision of an app current again",
		Long: `Deploy a revision that is there already, with its own variables: nothing is
pushed and no new number is given. Without a version it is the one that was
current before this one.`,
		Args: cobra.MaximumNArgs(2),
	}
	d.addFlags(c)
	f := c.Flags()
	f.StringVar(&d.wait, "wait", "healthy", "return when healthy, or when live: the other revision has drained")
	f.BoolVar(&d.skipCheck, "skip-readiness-check", false, "return when the deployment is created")
	f.StringVar(&d.healthPath, "health-path", "", "also ask the app itself, at this path, whether it is healthy")
	f.DurationVar(&d.readiness, "readiness-timeout", 0, "how long the revision may take to get healthy (default: the server's)")
	f.BoolVar(&d.queue, "queue", false, "wait for a deployment of the app that is under way")
	d.failover.add(c)
	formatFlag(c, &d.format)
	c.RunE = func(c *cobra.Command, args []string) error { return d.rollback(c, args) }
	return c
}

func (d *deploy) rollback(c *cobra.Command, args []string) error {
	if err := d.checkFlags(); err != nil {
		return err
	}
	number, args, err := versionArgument(args)
	if err != nil {
		return err
	}
	if d.client, d.target.app, err = d.find(c, args); err != nil {
		return err
	}
	app, to := d.target.app, number
	if to == 0 {
		to = app.Previous
	}
	if to != 0 {
		fmt.Fprintf(d.say, "Rolling back app %s in account %s (version %d → %d)\n", app.Name, app.Account.Name, app.Current, to)
	}
	req := apitype.CreateDeployment{
		Rollback: true, Revision: number, Queue: d.queue,
		HealthPath: d.healthPath, ReadinessMS: d.readiness.Milliseconds(),
	}
	d.failover.apply(&req)
	return d.follow(c.Context(), req)
}

// versionArgument takes a version off the end of the arguments: 3 or r3.
func versionArgument(args []string) (int, []string, error) {
	if len(args) < 2 {
		return 0, args, nil
	}
	n, err := strconv.Atoi(strings.TrimPrefix(args[1], "r"))
	if err != nil || n < 1 {
		return 0, nil, usagef("%q is not a version: give a number such as 3", args[1])
	}
	return n, args[:1], nil
}

func infoCommand(g *globals) *cobra.Command {
	var format string
	w := &workspace{globals: g}
	c := &cobra.Command{Use: "info", Short: "Show the account and what this workspace is linked to", Args: cobra.NoArgs}
	w.addFlags(c)
	formatFlag(c, &format)
	c.RunE = func(c *cobra.Command, _ []string) error {
		server, err := w.client()
		if err != nil {
			return err
		}
		s, err := server.Server(c.Context())
		if err != nil {
			return err
		}
		dir, err := w.folder()
		if err != nil {
			return err
		}
		l, err := readLink(dir)
		if err != nil {
			return err
		}
		return printInfo(g, format, s, dir, l)
	}
	return c
}

type infoJSON struct {
	Auth struct {
		Accounts []apitype.Account `json:"accounts"`
	} `json:"auth_info"`
	Workspace struct {
		RootDir   string `json:"root_dir"`
		LinkedApp string `json:"linked_app,omitempty"`
		LinkedID  string `json:"linked_app_id,omitempty"`
	} `json:"workspace_info"`
	Server apitype.Server `json:"server"`
}

func printInfo(g *globals, format string, s apitype.Server, dir string, l *link) error {
	if format == "json" {
		info := infoJSON{Server: s}
		info.Auth.Accounts = s.Accounts
		info.Workspace.RootDir = dir
		if l != nil {
			info.Workspace.LinkedApp, info.Workspace.LinkedID = l.Application.Name, l.Application.ID
		}
		return writeJSON(g.std.Out, info)
	}
	g.printf("Auth Info\n  Accounts:\n")
	for _, a := range s.Accounts {
		g.printf("    - %s (id: %s)\n", a.Name, a.ID)
	}
	linked := "none"
	if l != nil {
		linked = fmt.Sprintf("%s (id: %s)", l.Application.Name, l.Application.ID)
	}
	g.printf("Workspace Info\n  Root dir: %s\n  Linked app: %s\n", dir, linked)
	g.printf("Server Info\n  URL: %s\n  Profile: %s\n  State: %s\n", s.URLs.Base, s.Profile, s.State.Path)
	return nil
}

func statusCommand(g *globals) *cobra.Command {
	var format string
	c := &cobra.Command{Use: "status", Short: "Show the server that is running", Args: cobra.NoArgs}
	formatFlag(c, &format)
	c.RunE = func(c *cobra.Command, _ []string) error {
		server, err := g.client("")
		if err != nil {
			return err
		}
		s, err := server.Server(c.Context())
		if err != nil {
			return err
		}
		apps, err := server.Apps(c.Context())
		if err != nil {
			return err
		}
		if format == "json" {
			return writeJSON(g.std.Out, struct {
				apitype.Server
				Apps []apitype.App `json:"apps"`
			}{s, apps})
		}
		g.printf("neutrino-local %s, pid %d, up since %s\n", s.Version, s.PID, s.StartedAt.UTC().Format(timeLayout))
		g.printf("  URL:      %s\n  Registry: %s\n  Page:     %s\n", s.URLs.Base, s.URLs.Registry, s.URLs.UI)
		g.printf("  State:    %s (%s)\n  Profile:  %s\n", s.State.Path, s.State.Mode, s.Profile)
		for _, a := range apps {
			g.printf("  App:      %s, version %d, %s\n", a.Name, a.Current, a.Health)
		}
		return nil
	}
	return c
}

func stopCommand(g *globals) *cobra.Command {
	var timeout time.Duration
	c := &cobra.Command{Use: "stop", Short: "Stop the server when its requests are done", Args: cobra.NoArgs}
	c.Flags().DurationVar(&timeout, "timeout", time.Minute, "how long to wait for it to end")
	c.RunE = func(c *cobra.Command, _ []string) error {
		server, err := g.client("")
		if err != nil {
			return err
		}
		s, err := server.Server(c.Context())
		if err != nil {
			return err
		}
		if err := server.Stop(c.Context()); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(c.Context(), timeout)
		defer cancel()
		err = poll(ctx, func(ctx context.Context) error {
			if _, err := server.Server(ctx); !errors.Is(err, client.ErrUnreachable) {
				return errors.New("it still answers")
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("the server (pid %d) was told to stop, and after %s %w", s.PID, timeout, err)
		}
		g.printf("Stopped the server (pid %d).\n", s.PID)
		return nil
	}
	return c
}

func waitCommand(g *globals) *cobra.Command {
	var readyFile string
	var timeout time.Duration
	c := &cobra.Command{
		Use:   "wait [APP]",
		Short: "Wait until a server is ready, or until a deployment has ended",
		Long: `Wait until the server is ready: it listens and knows its apps. With an app,
wait until its last deployment is live; exit with 3 if that has failed.`,
		Args: cobra.MaximumNArgs(1),
	}
	c.Flags().StringVar(&readyFile, "ready-file", "", "the ready file of the server")
	c.Flags().DurationVar(&timeout, "timeout", time.Minute, "how long to wait")
	c.RunE = func(c *cobra.Command, args []string) error {
		ctx, cancel := context.WithTimeout(c.Context(), timeout)
		defer cancel()
		err := poll(ctx, func(ctx context.Context) error { return g.ready(ctx, readyFile) })
		if err != nil {
			return coded(exitUnreachable, fmt.Errorf("no server is ready after %s: %w", timeout, err))
		}
		if len(args) == 0 {
			return nil
		}
		return g.waitLive(ctx, args[0])
	}
	return c
}

// waitLive follows the last deployment of an app to its end.
func (g *globals) waitLive(ctx context.Context, ref string) error {
	server, err := g.client("")
	if err != nil {
		return err
	}
	last, err := server.Deployments(ctx, ref, 1)
	if err != nil {
		return err
	}
	if len(last) == 0 {
		return fmt.Errorf("app %s has no deployment to wait for", ref)
	}
	for d, err := range server.Follow(ctx, last[0].ID) {
		switch {
		case err != nil:
			return err
		case d.Phase == string(store.Failed):
			return notHealthy(ctx, server, d)
		case d.Phase == string(store.Live):
			return nil
		}
	}
	return ctx.Err()
}

// ready returns nil if the server of the ready file, or else of the flags or the
// locator, says that it is ready.
func (g *globals) ready(ctx context.Context, file string) error {
	if file != "" {
		s, err := readReady(file)
		if err != nil {
			return err
		}
		g = &globals{std: g.std, server: s.URLs.Base, token: s.Token, stateDir: g.stateDir}
	} else if g.server == "" {
		if _, err := readReady(filepath.Join(g.stateDir, locatorName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	server, err := g.client("")
	if err != nil {
		return err
	}
	return server.Ready(ctx)
}

// poll calls ask until it succeeds or ctx ends, and returns its last error.
func poll(ctx context.Context, ask func(context.Context) error) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ask(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}
