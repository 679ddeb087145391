package remote

import (
	"context"
	"fmt"
	"io"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/store"
)

// An Artifact is a Spin app in a registry, of which manifest and lock are here.
type Artifact struct {
	Ref      string
	Digest   artifact.Digest
	Manifest artifact.Manifest
	Raw      []byte // the manifest as it is in the registry
	Lock     artifact.Lock

	image v1.Image // reads layers from there
}

// Pull gets the manifest and the lock of the app at ref, checks them, and leaves
// the layers where they are; to push them on, ctx must last. What is no Spin app, or a broken one, is an error of
// kind store.ErrInvalid, one over the limit of store.ErrLimit.
func Pull(ctx context.Context, ref string, o Options) (*Artifact, error) {
	source, err := o.parse(ref)
	if err != nil {
		return nil, err
	}
	d, err := remote.Get(source, o.options(ctx, source)...)
	if err != nil {
		return nil, explain(ctx, source, err)
	}
	a := &Artifact{Ref: source.String(), Digest: artifact.Digest(d.Digest.String()), Raw: d.Manifest}
	if !d.MediaType.IsImage() {
		return nil, fmt.Errorf("%s is %w: %.100s, and no Spin app", source, store.ErrInvalid, d.MediaType)
	}
	if a.Manifest, err = artifact.ParseManifest(d.Manifest); err != nil {
		return nil, fmt.Errorf("%s is %w: %w", source, store.ErrInvalid, err)
	}
	if o.MaxBytes > 0 && a.Manifest.Size() > o.MaxBytes {
		return nil, fmt.Errorf("%s has %d bytes of layers, which is %w of %d for an app", source, a.Manifest.Size(), store.ErrLimit, o.MaxBytes)
	}
	if a.image, err = d.Image(); err != nil {
		return nil, explain(ctx, source, err)
	}
	return a, a.readLock(ctx, source, o)
}

// readLock gets the lock and checks it against the manifest.
func (a *Artifact) readLock(ctx context.Context, source name.Reference, o Options) error {
	var broken error // of the registry, which explain is for
	lock, err := a.Manifest.ReadLock(func(d artifact.Descriptor) ([]byte, error) {
		var b []byte
		b, broken = readBlob(source.Context().Digest(string(d.Digest)), d.Size, o.options(ctx, source))
		return b, broken
	})
	switch {
	case broken != nil:
		return explain(ctx, source, broken)
	case err != nil:
		return fmt.Errorf("%s is %w: %w", source, store.ErrInvalid, err)
	}
	a.Lock = lock
	return nil
}

// readBlob gets a blob, or a little more than size of it.
func readBlob(blob name.Digest, size int64, options []remote.Option) ([]byte, error) {
	l, err := remote.Layer(blob, options...)
	if err != nil {
		return nil, err
	}
	r, err := l.Compressed()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(io.LimitReader(r, size+1))
}

// Push pushes what is at a.Ref to ref in another registry, byte for byte.
func (a *Artifact) Push(ctx context.Context, ref string, o Options) (artifact.Digest, error) {
	return o.push(ctx, ref, a.image, a.Digest)
}

// Copy copies a Spin app from one registry to another and returns what it is.
func Copy(ctx context.Context, from, to string, source, target Options) (*Artifact, error) {
	a, err := Pull(ctx, from, source)
	if err != nil {
		return nil, err
	}
	_, err = a.Push(ctx, to, target)
	return a, err
}
