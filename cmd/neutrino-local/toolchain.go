package main

import (
	"context"
	"slices"
	"strings"

	"github.com/neutrino-local/neutrino-local/registry"
	"github.com/neutrino-local/neutrino-local/registry/artifact"
	wasm "github.com/neutrino-local/neutrino-local/runtime/module"
)

// toolchain tells the API what made a component: its languages, compilers and
// SDKs, each once.
func toolchain(reg *registry.Server) func(context.Context, artifact.Digest) ([]string, error) {
	return func(ctx context.Context, d artifact.Digest) ([]string, error) {
		blob, err := reg.OpenBlob(ctx, "", d)
		if err != nil {
			return nil, err
		}
		defer blob.Close()
		tools, err := wasm.Producers(blob, blob.Size())
		var names []string
		for _, t := range tools {
			if name := strings.TrimSpace(t.Name + " " + t.Version); !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
		return names, err
	}
}
