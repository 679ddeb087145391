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

// archiveVariable is Spin's: set to anything, files go into archives.
const archiveVariable = "SPIN_OCI_ARCHIVE_LAYERS"

// packDir makes an artifact that a server with these limits accepts and can run.
func packDir(ctx context.Context, manifest, profile, cacheDir string, limits *apitype.Limits) (*pack.App, error) {
	options := pack.Options{
		Cloud: profile == defaultProfile, Runnable: runnable(featuresOf(profile)), CacheDir: cacheDir, Archive: archives(),
	}
	if limits != nil {
		options.MaxAppBytes = limits.AppBytes
	}
	return pack.Dir(ctx, manifest, options)
}

func archives() bool {
	_, set := os.LookupEnv(archiveVariable)
	return set
}

// runnable refuses what this build cannot run with these features, by the name
// of what is missing.
func runnable(f runtime.Features) func(pack.Binary) error {
	return func(b pack.Binary) error {
		wasm, err := composed(b)
		if err == nil && len(b.Middleware) > 0 {
			err = runtime.ErrMiddleware
		}
		if err == nil {
			err = runtime.Check(f, b.Executor.Type, wasm)
		}
		if hint := store.HintOf(err); hint != "" {
			err = fmt.Errorf("%w: %s", err, hint) // it becomes one of several lines
		}
		return err
	}
}

// composed returns a binary with its dependencies inside.
func composed(b pack.Binary) ([]byte, error) {
	wasm, err := os.ReadFile(b.Path) // its size is within the limit by now
	if err != nil {
		return nil, err
	}
	var dependencies []runtime.Dependency
	for _, d := range b.Dependencies {
		part := runtime.Dependency{Name: d.Name, Export: d.Export, Inherit: d.Inherit}
		if part.Wasm, err = os.ReadFile(d.Path); err != nil {
			return nil, err
		}
		dependencies = append(dependencies, part)
	}
	return runtime.Compose(wasm, dependencies)
}
