package main

import (
	"context"
	"fmt"
	"os"

	"github.com/neutrino-local/neutrino-local/registry/pack"
	"github.com/neutrino-local/neutrino-local/runtime"
	"github.com/neutrino-local/neutrino-local/store"
	"github.com/neutrino-local/neutrino-local/web/apitype"
)

// packDir makes an artifact that a server with these limits accepts and can run.
func packDir(ctx context.Context, manifest, profile string, limits *apitype.Limits) (*pack.App, error) {
	options := pack.Options{Cloud: profile == defaultProfile, Runnable: runnable(featuresOf(profile))}
	if limits != nil {
		options.MaxAppBytes = limits.AppBytes
	}
	return pack.Dir(ctx, manifest, options)
}

// runnable refuses what this build cannot run with these features, by the name
// of what is missing.
func runnable(f runtime.Features) func(pack.Binary) error {
	return func(b pack.Binary) error {
		wasm, err := os.ReadFile(b.Path) // its size is within the limit by now
		if err != nil {
			return err
		}
		err = runtime.Check(f, b.Executor.Type, wasm)
		if hint := store.HintOf(err); hint != "" {
			err = fmt.Errorf("%w: %s", err, hint) // it becomes one of several lines
		}
		return err
	}
}
