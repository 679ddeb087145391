package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/web/client"
)

func registryCommand(g *globals) *cobra.Command {
	c := &cobra.Command{Use: "registry", Short: "Look into the server's registry, and free what nothing needs"}
	c.AddCommand(gcCommand(g), usageCommand(g), tagsCommand(g), manifestCommand(g))
	return c
}

func gcCommand(g *globals) *cobra.Command {
	var format string
	c := &cobra.Command{
		Use:   "gc",
		Short: "Free the blobs that nothing needs",
		Long: `Free the blobs that no manifest and no revision needs and that no client was
told of lately (see --registry-grace of up). Pushes go on meanwhile. The server
does the same by itself, every few minutes.`,
		Args: cobra.NoArgs,
	}
	formatFlag(c, &format)
	c.RunE = func(c *cobra.Command, _ []string) error {
		server, err := g.client("")
		if err != nil {
			return err
		}
		freed, err := server.RegistryGC(c.Context())
		if err != nil {
			return err
		}
		if format == "json" {
			return writeJSON(g.std.Out, freed)
		}
		g.printf("Freed %d blobs (%s)\n", freed.Blobs, sizeText(freed.Bytes))
		return nil
	}
	return c
}

func usageCommand(g *globals) *cobra.Command {
	var format string
	c := &cobra.Command{Use: "usage", Short: "Show how much the registry takes", Args: cobra.NoArgs}
	formatFlag(c, &format)
	c.RunE = func(c *cobra.Command, _ []string) error {
		server, err := g.client("")
		if err != nil {
			return err
		}
		u, err := server.RegistryUsage(c.Context())
		if err != nil {
			return err
		}
		if format == "json" {
			return writeJSON(g.std.Out, u)
		}
		limit := "no limit"
		if u.LimitBytes > 0 {
			limit = "limit " + sizeText(u.LimitBytes)
		}
		g.printf("Blobs:   %d (%s; %s)\nUploads: %d (%s)\n",
			u.Blobs, sizeText(u.Bytes), limit, u.Uploads, sizeText(u.UploadBytes))
		return nil
	}
	return c
}

func tagsCommand(g *globals) *cobra.Command {
	var format string
	c := &cobra.Command{
		Use:   "tags [REPOSITORY]",
		Short: "List the tags of a repository, or the repositories",
		Args:  cobra.MaximumNArgs(1),
	}
	formatFlag(c, &format)
	c.RunE = func(c *cobra.Command, args []string) error {
		server, err := g.client("")
		if err != nil {
			return err
		}
		what, names := "repositories", []string(nil)
		if len(args) == 0 {
			names, err = server.Repositories(c.Context())
		} else {
			what = "tags"
			names, err = server.Tags(c.Context(), withoutHost(args[0], server))
		}
		if err != nil {
			return err
		}
		if format == "json" {
			return writeJSON(g.std.Out, map[string][]string{what: names})
		}
		for _, n := range names {
			g.printf("%s\n", n)
		}
		return nil
	}
	return c
}

func manifestCommand(g *globals) *cobra.Command {
	var format string
	c := &cobra.Command{
		Use:   "manifest REPOSITORY[:TAG|@DIGEST]",
		Short: "Show a manifest and what it needs",
		Args:  cobra.ExactArgs(1),
	}
	formatFlag(c, &format)
	c.RunE = func(c *cobra.Command, args []string) error {
		server, err := g.client("")
		if err != nil {
			return err
		}
		repository, ref := splitReference(withoutHost(args[0], server))
		m, err := server.Manifest(c.Context(), repository, ref)
		if err != nil {
			return err
		}
		return g.printManifest(format, repository, ref, m)
	}
	return c
}

// manifestJSON is what `registry manifest --format json` prints.
type manifestJSON struct {
	Repository string          `json:"repository"`
	Reference  string          `json:"reference"`
	Digest     string          `json:"digest"`
	MediaType  string          `json:"media_type"`
	Size       int             `json:"size"`
	Manifest   json.RawMessage `json:"manifest"`
}

func (g *globals) printManifest(format, repository, ref string, m client.Manifest) error {
	if format == "json" {
		return writeJSON(g.std.Out, manifestJSON{repository, ref, m.Digest, m.MediaType, len(m.Raw), m.Raw})
	}
	g.printf("Digest:  %s\nType:    %s\n", m.Digest, m.MediaType)
	var parts struct {
		ArtifactType string                `json:"artifactType"`
		Config       artifact.Descriptor   `json:"config"`
		Layers       []artifact.Descriptor `json:"layers"`
		Manifests    []artifact.Descriptor `json:"manifests"`
		Subject      *artifact.Descriptor  `json:"subject"`
	}
	if err := json.Unmarshal(m.Raw, &parts); err != nil {
		return fmt.Errorf("manifest %s of %s: %w", m.Digest, repository, err)
	}
	if parts.ArtifactType != "" {
		g.printf("Is a:    %s\n", printable(parts.ArtifactType))
	}
	g.printPart("config", parts.Config)
	for i, l := range parts.Layers {
		g.printPart(fmt.Sprintf("layer %d", i), l)
	}
	for i, l := range parts.Manifests {
		g.printPart(fmt.Sprintf("manifest %d", i), l)
	}
	if parts.Subject != nil {
		g.printPart("subject", *parts.Subject)
	}
	return nil
}

// printPart prints a descriptor of a manifest. Its words are a stranger's.
func (g *globals) printPart(name string, d artifact.Descriptor) {
	if d.Digest != "" {
		g.printf("%s: %s %s %s\n", name, printable(string(d.Digest)), sizeText(d.Size), printable(d.MediaType))
	}
}

// printable returns a stranger's text as a terminal may have it.
func printable(text string) string {
	return strings.Trim(strconv.Quote(fmt.Sprintf("%.200s", text)), `"`)
}

// withoutHost takes the server's own address off a reference.
func withoutHost(ref string, server *client.Client) string {
	_, host, _ := strings.Cut(server.Base(), "://")
	return strings.TrimPrefix(ref, host+"/")
}

// splitReference splits a reference without a host into the repository, and the
// tag or the digest.
func splitReference(ref string) (repository, reference string) {
	if name, digest, ok := strings.Cut(ref, "@"); ok {
		return name, digest
	}
	if i := strings.LastIndexByte(ref, ':'); i > strings.LastIndexByte(ref, '/') {
		return ref[:i], ref[i+1:]
	}
	return ref, "latest"
}
