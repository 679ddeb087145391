package main

import (
	"encoding/json"
	"time"

	"github.com/spf13/cobra"

	"github.com/neutrino-local/neutrino-local/web/apitype"
	"github.com/neutrino-local/neutrino-local/web/client"
)

func logsCommand(g *globals) *cobra.Command {
	var (
		format, component, region string
		lines, version            int
		follow, verbose           bool
	)
	w := &workspace{globals: g}
	since := sinceFlag{span: spanFlag(7 * 24 * time.Hour)}
	c := &cobra.Command{Use: "logs [APP]", Short: "Show what an app has written", Args: cobra.MaximumNArgs(1)}
	w.addFlags(c)
	f := c.Flags()
	f.IntVarP(&lines, "max-lines", "n", 10, "at most so many lines (alias: --tail)")
	f.IntVar(&lines, "tail", 10, "")
	f.Var(&since, "since", "RFC 3339, seconds since 1970, or how long ago: 30m, 7d")
	f.StringVar(&component, "component-id", "", "only of this component")
	f.IntVar(&version, "deployment-version", 0, "only of this version")
	f.StringVar(&region, "region", "", "accepted and not used: there is one region")
	f.BoolVarP(&verbose, "verbose", "v", false, "show version, stream and request too")
	f.BoolVar(&follow, "follow", false, "go on with what is written from now on")
	f.Lookup("tail").Hidden = true
	formatFlag(c, &format)
	c.RunE = func(c *cobra.Command, args []string) error {
		server, app, err := w.find(c, args)
		if err != nil {
			return err
		}
		query := client.LogQuery{Max: lines, Since: since.time(time.Now()), Component: component, Revision: version}
		print := func(l apitype.LogLine) error { return printLogLine(g, l, format, verbose) }
		if follow {
			for line, err := range server.FollowLogs(c.Context(), app.ID, query) {
				if c.Context().Err() != nil {
					return nil // Ctrl-C is how this ends
				}
				if err != nil {
					return err
				}
				if err := print(line); err != nil {
					return err
				}
			}
			return nil
		}
		found, err := server.Logs(c.Context(), app.ID, query)
		if err != nil {
			return err
		}
		for _, line := range found {
			if err := print(line); err != nil {
				return err
			}
		}
		return nil
	}
	return c
}

// printLogLine prints a line as the cloud's tool does, or as a line of JSON.
func printLogLine(g *globals, l apitype.LogLine, format string, verbose bool) error {
	if format == "json" {
		e := json.NewEncoder(g.std.Out)
		e.SetEscapeHTML(false)
		return e.Encode(l)
	}
	at := l.Time.UTC().Format(time.DateTime)
	if verbose {
		g.printf("%s [%s] version %d %s %s  %s\n", at, l.Component, l.Revision, l.Stream, l.Request, l.Message)
		return nil
	}
	g.printf("%s [%s]  %s\n", at, l.Component, l.Message)
	return nil
}
