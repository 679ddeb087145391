package main

import (
	"context"
	"fmt"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/registry/pack"
	"github.com/neutrino-local/neutrino-local/registry/remote"
	"github.com/neutrino-local/neutrino-local/runtime"
	"github.com/neutrino-local/neutrino-local/store"
	"github.com/neutrino-local/neutrino-local/web/apitype"
)

// A source is where the artifact of a deployment comes from.
type source interface {
	// name returns what the app calls itself.
	name(ctx context.Context) (string, error)
	// make gets the artifact ready to be pushed, and returns its lock.
	make(ctx context.Context) (artifact.Lock, error)
	// push pushes it, once it is made.
	push(ctx context.Context, ref string, o remote.Options) (artifact.Digest, error)
}

// A folderSource packages the app in a folder.
type folderSource struct {
	deploy   *deploy
	manifest string
	app      *pack.App // once it is made
}

func (s *folderSource) name(context.Context) (string, error) {
	m, err := pack.Read(s.manifest)
	if err != nil {
		return "", err
	}
	return m.Name, nil
}

func (s *folderSource) make(ctx context.Context) (_ artifact.Lock, err error) {
	d := s.deploy
	if d.builds() && !d.watching { // a watch builds by itself
		if err := buildApp(ctx, s.manifest, "", d.std.Err); err != nil {
			return artifact.Lock{}, err
		}
	}
	d.phase(store.Packaging)
	if s.app, err = packDir(ctx, s.manifest, d.server.Profile, d.cacheDir, d.server.Limits); err != nil {
		return artifact.Lock{}, err
	}
	for _, warning := range s.app.Warnings {
		fmt.Fprintf(d.std.Err, "Warning: %s\n", warning)
	}
	return s.app.Lock, nil
}

func (s *folderSource) push(ctx context.Context, ref string, o remote.Options) (artifact.Digest, error) {
	return remote.Push(ctx, ref, s.app, o)
}

// A registrySource copies an app from a registry, with the credentials of who
// deploys it: the server never asks another registry for anything.
type registrySource struct {
	deploy   *deploy
	ref      string
	artifact *remote.Artifact // once it was asked for
}

func (s *registrySource) pull(ctx context.Context) (err error) {
	if s.artifact != nil {
		return nil
	}
	d := s.deploy
	options := d.credentials.options(s.ref, d.client)
	if d.server.Limits != nil {
		options.MaxBytes = d.server.Limits.AppBytes
	}
	s.artifact, err = remote.Pull(ctx, s.ref, options)
	return err
}

func (s *registrySource) name(ctx context.Context) (string, error) {
	if err := s.pull(ctx); err != nil {
		return "", err
	}
	return s.artifact.Lock.Metadata.Name, nil
}

func (s *registrySource) make(ctx context.Context) (artifact.Lock, error) {
	if err := s.pull(ctx); err != nil {
		return artifact.Lock{}, err
	}
	if err := checkLock(s.artifact.Lock, s.deploy.server); err != nil {
		return artifact.Lock{}, fmt.Errorf("%s: %w", s.artifact.Ref, err)
	}
	fmt.Fprintf(s.deploy.say, "Copying %s (%s)\n", s.artifact.Ref, s.artifact.Digest)
	return s.artifact.Lock, nil
}

func (s *registrySource) push(ctx context.Context, ref string, o remote.Options) (artifact.Digest, error) {
	return s.artifact.Push(ctx, ref, o)
}

// checkLock refuses what packaging would have refused, for an artifact that
// something else has packaged.
func checkLock(l artifact.Lock, server apitype.Server) error {
	if len(l.Triggers) == 0 {
		return fmt.Errorf("the app is %w: it has no triggers", store.ErrInvalid)
	}
	for _, t := range l.Triggers {
		if t.Type != "http" {
			return fmt.Errorf("trigger type %.100q is %w: only http triggers run here, and in the cloud", t.Type, store.ErrInvalid)
		}
	}
	for _, c := range l.Components {
		if len(c.TriggerDependencies) > 0 {
			return fmt.Errorf("component %q is %w: %w", c.ID, store.ErrInvalid, runtime.ErrMiddleware)
		}
	}
	if server.Profile != defaultProfile {
		return nil
	}
	for _, c := range l.Components {
		for _, label := range c.Metadata.KeyValueStores {
			if label != "default" {
				return fmt.Errorf("key-value store %.100q of component %q is %w: the cloud has only \"default\"", label, c.ID, store.ErrInvalid)
			}
		}
		for _, label := range c.Metadata.Databases {
			return fmt.Errorf("SQLite database %.100q of component %q is %w: the cloud has no SQLite", label, c.ID, store.ErrInvalid)
		}
	}
	return nil
}
