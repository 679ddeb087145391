package main

import (
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/neutrino-local/neutrino-local/store"
	"github.com/neutrino-local/neutrino-local/web/apitype"
)

func appCommand(g *globals) *cobra.Command {
	c := &cobra.Command{Use: "app", Aliases: []string{"apps"}, Short: "Look at apps and manage them"}
	c.AddCommand(appList(g), appStatus(g), appHistory(g), appDelete(g), appLink(g), appUnlink(g), appExpose(g))
	return c
}

const timeLayout = "2006-01-02 15:04:05 MST"

func appList(g *globals) *cobra.Command {
	var format string
	var verbose bool
	c := &cobra.Command{Use: "list", Short: "List the apps", Args: cobra.NoArgs}
	c.Flags().BoolVarP(&verbose, "verbose", "v", false, "show ids too")
	formatFlag(c, &format)
	c.RunE = func(c *cobra.Command, _ []string) error {
		server, err := g.client("")
		if err != nil {
			return err
		}
		apps, err := server.Apps(c.Context())
		if err != nil {
			return err
		}
		names := make([]string, 0, len(apps))
		for _, a := range apps {
			name := a.Name
			if verbose {
				name = fmt.Sprintf("%s (%s)", a.Name, a.ID)
			}
			names = append(names, name)
		}
		if format == "json" {
			return writeJSON(g.std.Out, names)
		}
		for _, name := range names {
			g.printf("%s\n", name)
		}
		return nil
	}
	return c
}

// appStatusJSON is the cloud's shape, and below it what it does not have.
type appStatusJSON struct {
	ID          string    `json:"id"`
	Name        string    `json:"name"`
	URLs        []string  `json:"urls"`
	CreatedAt   time.Time `json:"created_at"`
	Invocations int64     `json:"invocations"`

	Current    int                 `json:"current"`
	Previous   int                 `json:"previous"`
	Latest     int                 `json:"latest"`
	Digest     string              `json:"digest,omitempty"`
	Health     string              `json:"health"`
	Problem    string              `json:"problem,omitempty"`
	Errors     int64               `json:"errors"`
	Listeners  []string            `json:"listeners"`
	Routes     []apitype.Route     `json:"routes"`
	Deployment *apitype.Deployment `json:"deployment,omitempty"`
}

func appStatus(g *globals) *cobra.Command {
	var format string
	w := &workspace{globals: g}
	since := spanFlag(7 * 24 * time.Hour)
	c := &cobra.Command{Use: "status [APP]", Short: "Show one app", Args: cobra.MaximumNArgs(1)}
	w.addFlags(c)
	c.Flags().Var(&since, "usage-since", "count the invocations of this long, 5m to 7d")
	formatFlag(c, &format)
	c.RunE = func(c *cobra.Command, args []string) error {
		server, app, err := w.find(c, args)
		if err != nil {
			return err
		}
		if app, err = server.AppSince(c.Context(), app.ID, time.Now().Add(-time.Duration(since))); err != nil {
			return err
		}
		if format == "json" {
			return writeJSON(g.std.Out, appStatusJSON{
				app.ID, app.Name, app.URLs, app.CreatedAt, app.Requests,
				app.Current, app.Previous, app.Latest, app.Digest, app.Health, app.Problem,
				app.Errors, app.Listeners, app.Routes, app.Deployment,
			})
		}
		g.printf("Name: %s\nID: %s\n", app.Name, app.ID)
		for _, u := range app.URLs {
			g.printf("URL: %s\n", u)
		}
		g.printf("Created at: %s\nInvocations: %d in the past %s\n", app.CreatedAt.UTC().Format(timeLayout), app.Requests, since.words())
		printServing(g, app)
		return nil
	}
	return c
}

func printServing(g *globals, app apitype.App) {
	switch {
	case app.Current == 0:
		g.printf("Version: none is live yet\n")
	default:
		g.printf("Version: %d (%s)\nHealth: %s\n", app.Current, app.Digest, app.Health)
	}
	if app.Problem != "" {
		g.printf("Problem: %s\n", app.Problem)
	}
	if d := app.Deployment; d != nil {
		state := d.Phase
		if d.Held {
			state = fmt.Sprintf("held at %d %%", d.Share)
		}
		g.printf("Last deployment: version %d, %s\n", d.Revision, state)
	}
}

// find returns the app that the arguments, the flags or the link name.
func (w *workspace) find(c *cobra.Command, args []string) (*apiClient, apitype.App, error) {
	if len(args) > 0 {
		if w.appName != "" || w.appID != "" {
			return nil, apitype.App{}, usagef("name the app once: %q and a flag", args[0])
		}
		w.appName = args[0]
	}
	server, err := w.client()
	if err != nil {
		return nil, apitype.App{}, err
	}
	app, err := w.app(c.Context(), server)
	return server, app, err
}

func appHistory(g *globals) *cobra.Command {
	var format string
	w := &workspace{globals: g}
	c := &cobra.Command{Use: "history [APP]", Short: "Show the deployments of an app, newest first", Args: cobra.MaximumNArgs(1)}
	w.addFlags(c)
	formatFlag(c, &format)
	c.RunE = func(c *cobra.Command, args []string) error {
		server, app, err := w.find(c, args)
		if err != nil {
			return err
		}
		deployments, err := server.Deployments(c.Context(), app.ID, 0)
		if err != nil {
			return err
		}
		if format == "json" {
			return writeJSON(g.std.Out, deployments)
		}
		t := tabwriter.NewWriter(g.std.Out, 0, 0, 3, ' ', 0)
		fmt.Fprintln(t, "Event\tTimestamp\tDetails")
		for _, d := range deployments {
			event := "deployment"
			if d.Rollback {
				event = "rollback"
			}
			details := fmt.Sprintf("Version - %d", d.Revision)
			if d.Phase != string(store.Live) {
				details += ", " + d.Phase
			}
			if d.Reason != "" {
				details += ": " + d.Reason
			}
			fmt.Fprintf(t, "%s\t%s\t%s\n", event, d.StartedAt.Local().Format(time.RFC3339), details)
		}
		return t.Flush()
	}
	return c
}

func appDelete(g *globals) *cobra.Command {
	w := &workspace{globals: g}
	var noConfirm bool
	c := &cobra.Command{Use: "delete [APP]", Short: "Delete an app and all its revisions", Args: cobra.MaximumNArgs(1)}
	w.addFlags(c)
	c.Flags().BoolVarP(&noConfirm, "no-confirm", "y", false, "do not ask")
	c.RunE = func(c *cobra.Command, args []string) error {
		server, app, err := w.find(c, args)
		if err != nil {
			return err
		}
		if !noConfirm {
			if !g.std.terminal() {
				return usagef("deleting app '%s' needs --no-confirm where nobody can be asked", app.Name)
			}
			ok, err := g.std.confirm(fmt.Sprintf("Are you sure you want to delete the app '%s' (%s)?", app.Name, app.ID))
			if err != nil || !ok {
				return errors.Join(err, errors.New("cancelled: nothing was deleted"))
			}
		}
		if err := server.DeleteApp(c.Context(), app.ID); err != nil {
			return err
		}
		g.printf("Deleted app successfully.\n")
		return nil
	}
	return c
}

func appLink(g *globals) *cobra.Command {
	w := &workspace{globals: g}
	c := &cobra.Command{Use: "link [APP]", Short: "Link this workspace to an app", Args: cobra.MaximumNArgs(1)}
	w.addFlags(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 0 && w.appName == "" && w.appID == "" {
			return usagef("name the app: 'neutrino-local app link --app-name NAME'")
		}
		server, app, err := w.find(c, args)
		if err != nil {
			return err
		}
		info, err := server.Server(c.Context())
		if err != nil {
			return err
		}
		dir, err := w.folder()
		if err != nil {
			return err
		}
		if err := writeLink(dir, linkTo(app, info)); err != nil {
			return err
		}
		g.printf("Workspace linked to app %s\n", app.Name)
		return nil
	}
	return c
}

func appUnlink(g *globals) *cobra.Command {
	w := &workspace{globals: g}
	c := &cobra.Command{Use: "unlink", Short: "Remove the link of this workspace", Args: cobra.NoArgs}
	w.addFlags(c)
	c.RunE = func(*cobra.Command, []string) error {
		dir, err := w.folder()
		if err != nil {
			return err
		}
		removed, err := removeLink(dir)
		if err != nil {
			return err
		}
		if !removed {
			return fmt.Errorf("%s: this workspace is not linked to an app", dir)
		}
		g.printf("Workspace unlinked\n")
		return nil
	}
	return c
}

func appExpose(g *globals) *cobra.Command {
	w := &workspace{globals: g}
	var listen, remove string
	c := &cobra.Command{Use: "expose [APP]", Short: "Give an app a listener of its own", Args: cobra.MaximumNArgs(1)}
	w.addFlags(c)
	c.Flags().StringVar(&listen, "listen", "", "HOST:PORT; port 0 means any")
	c.Flags().StringVar(&remove, "remove", "", "HOST:PORT of a listener to close")
	c.MarkFlagsOneRequired("listen", "remove")
	c.MarkFlagsMutuallyExclusive("listen", "remove")
	c.RunE = func(c *cobra.Command, args []string) error {
		server, app, err := w.find(c, args)
		if err != nil {
			return err
		}
		if remove != "" {
			return server.RemoveListener(c.Context(), app.ID, remove)
		}
		bound, err := server.AddListener(c.Context(), app.ID, listen)
		if err != nil {
			return err
		}
		g.printf("http://%s/\n", bound.Address)
		return nil
	}
	return c
}
