package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/neutrino-local/neutrino-local/store"
	"github.com/neutrino-local/neutrino-local/web/apitype"
)

func failoverCommand(g *globals) *cobra.Command {
	c := &cobra.Command{Use: "failover", Short: "Hold, step and release the switch from one revision to the next"}
	at := "50"
	hold := failoverVerb(g, "hold", "Hold the failover of this or the next deployment",
		func(ctx context.Context, s *apiClient, app string) (apitype.Failover, error) {
			return s.Hold(ctx, app, at)
		})
	hold.Flags().StringVar(&at, "at", at, "where to hold: start, or a percentage of new requests")
	c.AddCommand(hold,
		failoverVerb(g, "step", "Move a held failover one step on",
			func(ctx context.Context, s *apiClient, app string) (apitype.Failover, error) { return s.Step(ctx, app) }),
		failoverVerb(g, "release", "Let a held failover go on, or disarm a hold",
			func(ctx context.Context, s *apiClient, app string) (apitype.Failover, error) {
				return s.Release(ctx, app)
			}),
		failoverVerb(g, "status", "Show the failover of an app",
			func(ctx context.Context, s *apiClient, app string) (apitype.Failover, error) {
				return s.Failover(ctx, app)
			}),
	)
	return c
}

func failoverVerb(g *globals, verb, short string, do func(context.Context, *apiClient, string) (apitype.Failover, error)) *cobra.Command {
	var format string
	w := &workspace{globals: g}
	c := &cobra.Command{Use: verb + " [APP]", Short: short, Args: cobra.MaximumNArgs(1)}
	w.addFlags(c)
	formatFlag(c, &format)
	c.RunE = func(c *cobra.Command, args []string) error {
		server, app, err := w.find(c, args)
		if err != nil {
			return err
		}
		state, err := do(c.Context(), server, app.ID)
		if err != nil {
			return err
		}
		if format == "json" {
			return writeJSON(g.std.Out, state)
		}
		printFailover(g, app.Name, state)
		return nil
	}
	return c
}

func printFailover(g *globals, name string, f apitype.Failover) {
	window := time.Duration(f.WindowMS) * time.Millisecond
	g.printf("%s: policy %s, window %s\n", name, f.Policy, window)
	switch {
	case f.Held:
		g.printf("held: %d %% of new requests go to %s, the others to %s\n",
			f.Share, store.RevisionNumber(f.To), store.RevisionNumber(f.From))
	case f.Phase != "":
		g.printf("%s: %d %% of new requests go to %s\n", f.Phase, f.Share, store.RevisionNumber(f.To))
	default:
		g.printf("no failover is under way\n")
	}
	if f.Armed != "" {
		g.printf("the next hold is at %s\n", f.Armed)
	}
}
