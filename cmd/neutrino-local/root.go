package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// globals are the flags that every verb has.
type globals struct {
	std      stdio
	server   string
	token    string
	stateDir string
}

func newRoot(argv0 string, std stdio) *cobra.Command {
	g := &globals{std: std}
	root := &cobra.Command{
		Use:   "neutrino-local",
		Short: "A Wasm cloud on a laptop: run, upgrade and fail over Spin apps",
		Long: `neutrino-local emulates a cloud for Spin apps on this machine: package as an
OCI artifact, push to the built-in registry, create or upgrade the app, health
check, failover, and a URL that stays the same. It is unofficial and needs no
account, no network, no Docker and no root.

Start the cloud with "neutrino-local up", then "neutrino-local deploy" in the
folder of an app.`,
		Version:           version,
		SilenceUsage:      true,
		SilenceErrors:     true,
		PersistentPreRunE: flagsFromEnvironment,
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usagef("%w\nSee '%s --help'", err, c.CommandPath())
	})
	f := root.PersistentFlags()
	f.StringVar(&g.server, "server", "", "base URL of the server (default: the one that is running)")
	f.StringVar(&g.token, "token", "", "token of the server, if it needs one")
	f.StringVar(&g.stateDir, "state-dir", defaultStateDir(), "where the server keeps its state")
	root.AddCommand(
		upCommand(g), deployCommand(g), appCommand(g), rollbackCommand(g),
		logsCommand(g), infoCommand(g), statusCommand(g), stopCommand(g), waitCommand(g),
		ledgerCommand(g), failoverCommand(g), variablesCommand(g), checkCommand(g), uiCommand(g), pushCommand(g), registryCommand(g),
		inspectCommand(g), runCommand(g), cacheCommand(g), kvCommand(g),
	)
	eachCommand(root, func(c *cobra.Command) {
		if c.HasSubCommands() && c.RunE == nil && c != root {
			c.RunE = func(c *cobra.Command, args []string) error {
				return usagef("%s needs a verb: see '%s --help'", c.CommandPath(), c.CommandPath())
			}
		}
		if check := c.Args; check != nil {
			c.Args = func(c *cobra.Command, args []string) error {
				if err := check(c, args); err != nil {
					return usagef("%w\nUsage: %s", err, c.UseLine())
				}
				return nil
			}
		}
	})
	// As the Spin plugin it is called "neutrino", and only a client.
	if strings.TrimSuffix(filepath.Base(argv0), ".exe") == "neutrino" {
		root.Use = "neutrino"
		hide(root, "up")
	}
	return root
}

func hide(root *cobra.Command, verbs ...string) {
	for _, c := range root.Commands() {
		for _, v := range verbs {
			if c.Name() == v {
				c.Hidden = true
			}
		}
	}
}

func eachCommand(c *cobra.Command, do func(*cobra.Command)) {
	do(c)
	for _, sub := range c.Commands() {
		eachCommand(sub, do)
	}
}

// flagsFromEnvironment gives each flag that the command line does not set the
// value of its variable: NEUTRINO_X for global flags and those of up,
// NEUTRINO_VERB_X for others.
func flagsFromEnvironment(c *cobra.Command, _ []string) error {
	var err error
	c.Flags().VisitAll(func(f *pflag.Flag) {
		name := flagVariable(c, f)
		value := os.Getenv(name)
		if value == "" || f.Changed || err != nil {
			return
		}
		if e := c.Flags().Set(f.Name, value); e != nil {
			err = usagef("%s: %w", name, e)
		}
	})
	if err != nil {
		return err
	}
	if err := c.ValidateFlagGroups(); err != nil { // cobra asks later, and has no exit code
		return usagef("%w", err)
	}
	return nil
}

func flagVariable(c *cobra.Command, f *pflag.Flag) string {
	prefix := "NEUTRINO_"
	if c.InheritedFlags().Lookup(f.Name) == nil && c.Name() != "up" {
		path := strings.Fields(c.CommandPath())[1:]
		prefix += strings.Join(path, "_") + "_"
	}
	return strings.ToUpper(strings.ReplaceAll(prefix+f.Name, "-", "_"))
}

// formatFlag adds --format and its alias --json.
func formatFlag(c *cobra.Command, format *string) {
	c.Flags().StringVar(format, "format", "plain", "plain or json")
	asJSON := c.Flags().Bool("json", false, "the same as --format json")
	c.PreRunE = func(*cobra.Command, []string) error {
		if *asJSON {
			*format = "json"
		}
		if *format != "plain" && *format != "json" {
			return usagef("--format %s: use plain or json", *format)
		}
		return nil
	}
}

func (g *globals) printf(format string, args ...any) { fmt.Fprintf(g.std.Out, format, args...) }
