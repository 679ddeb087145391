package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/neutrino-local/neutrino-local/registry/pack"
	"github.com/neutrino-local/neutrino-local/registry/remote"
)

// A push is one run of the verb that packages an app for any registry.
type push struct {
	workspace
	credentials credentials
	build       bool
	profile     string // of the manifest
	cacheDir    string
	compose     bool
	annotations []string
	format      string
}

func pushCommand(g *globals) *cobra.Command {
	p := &push{workspace: workspace{globals: g}}
	c := &cobra.Command{
		Use:   "push REFERENCE",
		Short: "Package an app and push it to any registry",
		Long: `Package the app in this folder and push it to a registry, as 'spin registry
push' does. Nothing is deployed, and no server is needed but the registry.
Credentials are those of Docker's credential files, unless flags give others.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return p.run(c.Context(), args[0]) },
	}
	f := c.Flags()
	f.StringVarP(&p.from, "from", "f", manifestName, "the app's spin.toml, or the folder that has it")
	f.StringVar(&p.profile, "profile", "", "profile of the manifest to build and package")
	f.BoolVar(&p.build, "build", false, "run the components' build commands first (also SPIN_ALWAYS_BUILD)")
	f.StringVar(&p.cacheDir, "cache-dir", "", "where downloaded components are kept")
	f.BoolVar(&p.compose, "compose", false, "put dependencies into their components, for hosts that do not (this one does)")
	f.StringArrayVar(&p.annotations, "annotation", nil, "KEY=VALUE for the manifest (may be repeated)")
	p.credentials.addFlags(c)
	formatFlag(c, &p.format)
	return c
}

func (p *push) run(ctx context.Context, ref string) error {
	if err := p.credentials.check(); err != nil {
		return err
	}
	annotations := map[string]string{}
	for _, a := range p.annotations {
		key, value, ok := strings.Cut(a, "=")
		if !ok || key == "" {
			return usagef("--annotation %q: want KEY=VALUE", a)
		}
		annotations[key] = value
	}
	manifest, err := p.manifest()
	if err != nil {
		return err
	}
	server, err := p.globals.client("")
	if err != nil {
		return err
	}
	if p.build || envBool("SPIN_ALWAYS_BUILD") {
		if err := buildApp(ctx, manifest, p.profile, p.std.Err); err != nil {
			return err
		}
	}
	options := pack.Options{Profile: p.profile, CacheDir: p.cacheDir, Annotations: annotations, Archive: archives()}
	if p.compose {
		options.Compose = composed
	}
	app, err := pack.Dir(ctx, manifest, options)
	if err != nil {
		return err
	}
	digest, err := remote.Push(ctx, ref, app, p.credentials.options(ref, server))
	if err != nil {
		return err
	}
	if p.format == "json" {
		return writeJSON(p.std.Out, map[string]string{"reference": ref, "digest": string(digest)})
	}
	p.printf("Pushed with digest %s\n", digest)
	return nil
}
