package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/registry/pack"
	"github.com/neutrino-local/neutrino-local/store"
)

// A check is one run of the verb.
type check struct {
	workspace
	profile   string
	cacheDir  string
	variables []string
	format    string
}

func checkCommand(g *globals) *cobra.Command {
	k := &check{workspace: workspace{globals: g}}
	c := &cobra.Command{
		Use:   "check",
		Short: "Find what a deploy would refuse, without a server",
		Long: `Package the app in this folder as a deploy does, and say what a deploy would
refuse and what it would warn of, one line each with file, line and column.
Nothing is built, pushed or changed. Exit code 4: a deploy would be refused.`,
		Args: cobra.NoArgs,
	}
	f := c.Flags()
	f.StringVarP(&k.from, "from", "f", manifestName, "the app's spin.toml, or the folder that has it")
	f.StringVar(&k.profile, "profile", defaultProfile, "whose limits: "+strings.Join(profileNames(), " or "))
	f.StringArrayVar(&k.variables, "variable", nil, "as for deploy: check these values too")
	f.StringVar(&k.cacheDir, "cache-dir", "", "where downloaded components are kept")
	formatFlag(c, &k.format)
	c.RunE = func(c *cobra.Command, _ []string) error { return k.run(c.Context()) }
	return c
}

// A finding is something that a deploy would refuse, or warn of.
type finding struct {
	Severity string `json:"severity"` // error, warning or note
	Text     string `json:"text"`
	Hint     string `json:"hint,omitempty"`
}

func (k *check) run(ctx context.Context) error {
	p, err := findProfile(k.profile)
	if err != nil {
		return err
	}
	manifest, err := k.manifest()
	if err != nil {
		return err
	}
	found, err := k.find(ctx, manifest, p)
	if err != nil {
		return err
	}
	refused := false
	for _, f := range found {
		refused = refused || f.Severity == "error"
	}
	if err := k.print(found, refused, filepath.Base(manifest)); err != nil {
		return err
	}
	if refused {
		return coded(exitRefused, errSilent)
	}
	return nil
}

// find packages the app and returns what there is to say. What is not the app's
// fault is an error.
func (k *check) find(ctx context.Context, manifest string, p profile) ([]finding, error) {
	app, err := packDir(ctx, manifest, p.name, k.cacheDir, p.limits())
	if err != nil {
		return refusals(err)
	}
	found := []finding{}
	for _, warning := range app.Warnings {
		found = append(found, finding{Severity: "warning", Text: warning})
	}
	if _, err := store.ParseAppName(app.Name); err != nil {
		found = append(found, finding{Severity: "warning", Text: err.Error(), Hint: store.HintOf(err) + " with --create-name"})
	}
	more, err := k.values(app.Lock)
	return append(found, more...), err
}

// values checks the variables: all that are given, and that none is missing. If
// none is given, those that are needed are told.
func (k *check) values(lock artifact.Lock) ([]finding, error) {
	if len(k.variables) > 0 {
		_, err := pack.Variables(k.variables, lock)
		return refusals(err)
	}
	if err := lock.CheckValues(nil); err != nil {
		return []finding{{Severity: "note", Text: "a deploy needs values: " + err.Error(), Hint: store.HintOf(err)}}, nil
	}
	return nil, nil
}

// refusals returns an error as findings, one for each line of it.
func refusals(err error) (found []finding, _ error) {
	switch _, ok := errors.AsType[*pack.Problems](err); {
	case err == nil:
		return nil, nil
	case exitCode(err) != exitRefused && !ok:
		return nil, err
	}
	for line := range strings.Lines(err.Error()) {
		found = append(found, finding{Severity: "error", Text: strings.TrimSuffix(line, "\n")})
	}
	found[len(found)-1].Hint = store.HintOf(err)
	return found, nil
}

func (k *check) print(found []finding, refused bool, name string) error {
	if k.format == "json" {
		return writeJSON(k.std.Out, found)
	}
	for _, f := range found {
		out, text := k.std.Out, f.Severity+": "+f.Text
		if f.Severity == "error" {
			out, text = k.std.Err, f.Text
		}
		if f.Hint != "" {
			text += "; " + f.Hint
		}
		fmt.Fprintln(out, text)
	}
	if !refused {
		k.printf("%s: nothing that a deploy would refuse\n", name)
	}
	return nil
}
