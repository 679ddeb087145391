package main

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/neutrino-local/neutrino-local/registry/pack"
)

// buildApp runs the build commands of the manifest's components in their order,
// as `spin build` does.
func buildApp(ctx context.Context, manifest, profile string, out io.Writer) error {
	return buildComponents(ctx, manifest, profile, out, []string{""})
}

// buildComponents builds those of the ids that are given; one empty id is all.
func buildComponents(ctx context.Context, manifest, profile string, out io.Writer, ids []string) error {
	m, err := pack.Read(manifest)
	if err != nil {
		return err
	}
	if m, err = m.WithProfile(profile); err != nil {
		return err
	}
	for _, c := range m.Components {
		if c.Build == nil || !slices.Contains(ids, "") && !slices.Contains(ids, c.ID) {
			continue
		}
		for _, command := range c.Build.Commands {
			fmt.Fprintf(out, "Building component %s with `%s`\n", c.ID, command)
			run := shell(ctx, command)
			run.Dir = filepath.Join(m.Root, filepath.FromSlash(c.Build.Workdir))
			run.Stdout, run.Stderr = out, out
			if err := run.Run(); err != nil {
				return fmt.Errorf("build component %s: `%s`: %w", c.ID, command, err)
			}
		}
	}
	return nil
}

func shell(ctx context.Context, command string) *exec.Cmd {
	if runtime.GOOS == "windows" {
		return exec.CommandContext(ctx, "cmd", "/C", command)
	}
	return exec.CommandContext(ctx, "/bin/sh", "-c", command)
}
