package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/neutrino-local/neutrino-local/web/apitype"
	"github.com/neutrino-local/neutrino-local/web/client"
)

func ledgerCommand(g *globals) *cobra.Command {
	c := &cobra.Command{Use: "ledger", Short: "Look at the replies that apps gave, and assert on them"}
	c.AddCommand(ledgerShow(g), ledgerAssert(g))
	return c
}

func ledgerShow(g *globals) *cobra.Command {
	var format string
	var counts bool
	w := &workspace{globals: g}
	query := client.LedgerQuery{}
	since := sinceFlag{span: spanFlag(7 * 24 * time.Hour)}
	c := &cobra.Command{
		Use:   "show [APP]",
		Short: "Show the replies of an app, or of all apps with --all",
		Args:  cobra.MaximumNArgs(1),
	}
	w.addFlags(c)
	f := c.Flags()
	all := f.Bool("all", false, "the replies of all apps")
	f.IntVar(&query.Revision, "version", 0, "only of this version")
	f.IntVar(&query.Status, "status", 0, "only with this status")
	f.StringVar(&query.Path, "path", "", "only of paths that begin so")
	f.StringVar(&query.Outcome, "outcome", "", "only with this outcome: ok, trap, timeout, limit, queue, cut, no_route, client_gone")
	f.Var(&since, "since", "RFC 3339, seconds since 1970, or how long ago: 30m, 7d")
	f.IntVarP(&query.Limit, "max-records", "n", 100, "at most so many records, the newest")
	f.BoolVar(&counts, "counts", false, "counts by version and second instead of records")
	formatFlag(c, &format)
	c.RunE = func(c *cobra.Command, args []string) error {
		server, err := w.ledgerOf(c, args, *all, &query.App)
		if err != nil {
			return err
		}
		query.Since = since.time(time.Now())
		if counts {
			return showCounts(c.Context(), g, server, query, format)
		}
		l, err := readLedger(c.Context(), server, query)
		if err != nil {
			return err
		}
		if format == "json" {
			return writeJSON(g.std.Out, l)
		}
		for _, r := range l.Records {
			printRecord(g, r)
		}
		if l.Dropped > 0 {
			fmt.Fprintf(g.std.Err, "%d older records are gone: the ledger keeps %d (--ledger-size)\n", l.Dropped, l.Size)
		}
		return nil
	}
	return c
}

// ledgerPage is the most records that the server gives at once.
const ledgerPage = 10_000

// readLedger returns the newest records, in as many pages as that takes.
func readLedger(ctx context.Context, server *apiClient, q client.LedgerQuery) (all apitype.Ledger, err error) {
	if q.Limit <= ledgerPage {
		return server.Ledger(ctx, q)
	}
	most := q.Limit
	q.Limit, q.Oldest = ledgerPage, true
	var records []apitype.Record
	for {
		if all, err = server.Ledger(ctx, q); err != nil {
			return all, err
		}
		records = append(records, all.Records...)
		if len(all.Records) < ledgerPage {
			break
		}
		q.After = all.Next
	}
	all.Records = records[max(0, len(records)-most):]
	return all, nil
}

// ledgerOf finds the app whose records are meant and puts its id into id.
func (w *workspace) ledgerOf(c *cobra.Command, args []string, all bool, id *string) (*apiClient, error) {
	if all {
		if len(args) > 0 || w.appName != "" || w.appID != "" {
			return nil, usagef("--all and the name of an app exclude each other")
		}
		return w.client()
	}
	server, app, err := w.find(c, args)
	*id = app.ID
	return server, err
}

func showCounts(ctx context.Context, g *globals, server *apiClient, q client.LedgerQuery, format string) error {
	counts, err := server.Counts(ctx, q.App, q.Since)
	if err != nil {
		return err
	}
	if format == "json" {
		return writeJSON(g.std.Out, counts)
	}
	for _, n := range counts {
		g.printf("%s  r%d  %d replies, %d failed\n", n.Second.UTC().Format(time.RFC3339), n.Revision, n.Replies, n.Failed)
	}
	return nil
}

func printRecord(g *globals, r apitype.Record) {
	g.printf("%s  %s/r%d  %-11s  %d  %s %s  %s  %d bytes  %s\n",
		r.Time.UTC().Format("2006-01-02T15:04:05.000Z"), r.App, r.Revision, r.Outcome, r.Status, r.Method, r.Path,
		(time.Duration(r.DurationUS) * time.Microsecond).String(), r.Bytes, r.Request)
}

func ledgerAssert(g *globals) *cobra.Command {
	var format string
	w := &workspace{globals: g}
	ask := apitype.Assertion{}
	var overlap time.Duration
	c := &cobra.Command{
		Use:   "assert [APP]",
		Short: "Fail, and print the records, if replies were not as they should be",
		Args:  cobra.MaximumNArgs(1),
	}
	w.addFlags(c)
	f := c.Flags()
	f.BoolVar(&ask.SinceDeploy, "since-deploy", false, "only replies since the last deployment began")
	f.BoolVar(&ask.No5xx, "no-5xx", false, "no reply has a status from 500")
	f.BoolVar(&ask.NoneLost, "none-lost", false, "each request had a whole reply")
	f.BoolVar(&ask.BothSeen, "both-seen", false, "both the old and the new revision replied")
	f.DurationVar(&overlap, "max-overlap", 0, "the new revision's first lease to the old one's last is at most this")
	formatFlag(c, &format)
	c.RunE = func(c *cobra.Command, args []string) error {
		server, app, err := w.find(c, args)
		if err != nil {
			return err
		}
		if f.Changed("max-overlap") {
			ask.MaxOverlapMS = new(overlap.Milliseconds())
		}
		verdict, err := server.Assert(c.Context(), app.ID, ask)
		if err != nil {
			return err
		}
		if format == "json" {
			err = writeJSON(g.std.Out, verdict)
		} else {
			printVerdict(g, verdict)
		}
		if err == nil && !verdict.Pass {
			err = coded(exitError, errSilent)
		}
		return err
	}
	return c
}

func printVerdict(g *globals, v apitype.Verdict) {
	g.printf("%d replies, overlap %d ms\n", v.Replies, v.OverlapMS)
	for _, f := range v.Failures {
		g.printf("FAILED %s: %s\n", f.Assertion, f.Message)
		for _, r := range f.Records {
			g.printf("  ")
			printRecord(g, r)
		}
	}
	if v.Pass {
		g.printf("ok\n")
	}
}
