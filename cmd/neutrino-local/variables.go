package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/registry/pack"
	"github.com/neutrino-local/neutrino-local/runtime/spin/variables"
	"github.com/neutrino-local/neutrino-local/store"
	"github.com/neutrino-local/neutrino-local/web/apitype"
)

func variablesCommand(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use: "variables", Short: "List, set and unset the variables of an app",
		Long: `Values belong to a revision. To change them makes a new one, of the same
artifact, with a failover as any other; a rollback brings the old ones back.`,
	}
	c.AddCommand(variablesList(g), variablesSet(g), variablesUnset(g))
	return c
}

func variablesList(g *globals) *cobra.Command {
	var format string
	w := &workspace{globals: g}
	c := &cobra.Command{
		Use: "list [APP]", Aliases: []string{"ls"}, Short: "List the variables of the current revision; of secrets only the names",
		Args: cobra.MaximumNArgs(1),
	}
	w.addFlags(c)
	formatFlag(c, &format)
	c.RunE = func(c *cobra.Command, args []string) error {
		server, app, err := w.find(c, args)
		if err != nil {
			return err
		}
		all, err := server.Variables(c.Context(), app.ID)
		if err != nil {
			return err
		}
		if format == "json" {
			return writeJSON(g.std.Out, all)
		}
		for _, v := range all {
			g.printf("%s\n", describeVariable(v))
		}
		return nil
	}
	return c
}

// describeVariable is a line of `variables list`.
func describeVariable(v apitype.Variable) string {
	switch {
	case v.Secret && v.Set:
		return v.Name + " (secret, set)"
	case v.Secret:
		return v.Name + " (secret, the manifest's default)"
	case v.Value == nil:
		return v.Name + " (not set)"
	case v.Set:
		return fmt.Sprintf("%s = %q", v.Name, *v.Value)
	}
	return fmt.Sprintf("%s = %q (the manifest's default)", v.Name, *v.Value)
}

// A variablesChange is what `variables set` and `unset` have in common.
type variablesChange struct {
	deploy
	in apitype.ChangeVariables
}

func newVariablesChange(g *globals) *variablesChange {
	return &variablesChange{deploy: deploy{workspace: workspace{globals: g}}}
}

func (v *variablesChange) addTo(c *cobra.Command) *cobra.Command {
	v.addFlags(c)
	f := c.Flags()
	f.StringVar(&v.wait, "wait", "healthy", "return when healthy, or when live: the old revision has drained")
	f.BoolVar(&v.skipCheck, "skip-readiness-check", false, "return when the deployment is created")
	f.BoolVar(&v.in.Queue, "queue", false, "wait for a deployment of the app that is under way")
	formatFlag(c, &v.format)
	return c
}

func variablesSet(g *globals) *cobra.Command {
	v := newVariablesChange(g)
	c := &cobra.Command{
		Use: "set [APP] NAME=VALUE...", Short: "Set variables: a new revision with the same artifact",
		Long: `Set variables: NAME=VALUE, NAME=@FILE, @FILE.json or @FILE.toml, as for deploy.
All that the current revision has besides stays. Without APP it is the app of the
workspace, or of --app-name or --app-id.`,
		Args: cobra.MinimumNArgs(1),
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		var app []string
		if !strings.Contains(args[0], "=") && !strings.HasPrefix(args[0], "@") {
			app, args = args[:1], args[1:]
		}
		if len(args) == 0 {
			return usagef("set what? Give NAME=VALUE")
		}
		var err error
		if v.in.Set, err = pack.ParseVariables(args); err != nil {
			return err
		}
		return v.run(c, app, slices.Sorted(maps.Keys(v.in.Set)))
	}
	return v.addTo(c)
}

func variablesUnset(g *globals) *cobra.Command {
	v := newVariablesChange(g)
	c := &cobra.Command{
		Use: "unset APP NAME...", Short: "Unset variables, so that they have the manifest's defaults: a new revision",
		Long: `Unset variables, so that they have the manifest's defaults again. With --app-name or
--app-id all arguments are names of variables.`,
		Args: cobra.MinimumNArgs(1),
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		var app []string
		if v.appName == "" && v.appID == "" {
			app, args = args[:1], args[1:]
		}
		if len(args) == 0 {
			return usagef("unset what? Give the app and the names of variables")
		}
		v.in.Unset = args
		return v.run(c, app, args)
	}
	return v.addTo(c)
}

func (v *variablesChange) run(c *cobra.Command, args, names []string) (err error) {
	if err := v.checkFlags(); err != nil {
		return err
	}
	if v.client, v.target.app, err = v.find(c, args); err != nil {
		return err
	}
	app := v.target.app
	fmt.Fprintf(v.say, "Changing %s of app %s in account %s (version %d → %d)\n",
		strings.Join(names, ", "), app.Name, app.Account.Name, app.Current, app.Latest+1)
	return v.followDeployment(c.Context(), func(ctx context.Context) (apitype.Deployment, error) {
		return v.client.ChangeVariables(ctx, app.ID, v.in)
	})
}

// values returns what --variable gives for an app. What is required may be missing
// where the server takes values from its environment.
func (d *deploy) values(l artifact.Lock) (map[string]string, error) {
	if d.server.Profile == defaultProfile {
		return pack.Variables(d.variables, l)
	}
	values, err := pack.ParseVariables(d.variables)
	if err != nil {
		return nil, err
	}
	if err := l.CheckNames(values); err != nil {
		return nil, fmt.Errorf("%w: %w", store.ErrInvalid, err)
	}
	return values, nil
}

// checkValues refuses values that an app does not declare, and those that lack one
// that it requires, unless the environment has it.
func (p profile) checkValues(l artifact.Lock, values map[string]string) error {
	sources := []variables.Source{variables.Values(values)}
	if environment := p.environment(); environment != nil {
		sources = append(sources, variables.Environment(environment))
	}
	err := l.CheckNames(values)
	if err == nil {
		err = variables.New(l.Variables, sources...).Require()
	}
	if err != nil {
		return fmt.Errorf("%w: %w", store.ErrInvalid, err)
	}
	return nil
}
