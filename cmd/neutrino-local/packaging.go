package main

import (
	"context"
	"fmt"

	"github.com/neutrino-local/neutrino-local/registry/pack"
	"github.com/neutrino-local/neutrino-local/store"
	"github.com/neutrino-local/neutrino-local/web/apitype"
)

// packDir makes an artifact that a server with these limits accepts and can run.
func packDir(ctx context.Context, manifest, profile string, limits *apitype.Limits) (*pack.App, error) {
	options := pack.Options{Cloud: profile == defaultProfile, Runnable: runnable}
	if limits != nil {
		options.MaxAppBytes = limits.AppBytes
	}
	return pack.Dir(ctx, manifest, options)
}

// runnable refuses what no part of this build can run, by the name of what is
// missing.
func runnable(b pack.Binary) error {
	if b.Executor.Type == "wagi" {
		return nil
	}
	err := fmt.Errorf("component %q is %w here: the http executor needs a host for wasi:http/incoming-handler, "+
		"which is not built yet", b.Component, store.ErrInvalid)
	return store.Hint(err, `a wasip1 program runs with executor = { type = "wagi" }`)
}
