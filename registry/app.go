package registry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/store"
)

// An App is the artifact of a Spin app as a repository has it. It has been
// checked as if a stranger had made it, and all that its lock refers to is here.
type App struct {
	Manifest artifact.Manifest
	Lock     artifact.Lock
	Blobs    []string // digests that the app needs: manifest, config, layers, and the files of archives
	Size     int64    // bytes of the distinct layers
}

// Bounds of what an app may make us read and keep.
const (
	maxArchiveFiles = 100_000
	archiveRatio    = 4       // unpacked bytes to the limit on an app
	maxArchiveBytes = 4 << 30 // where there is no such limit
)

// App returns the app whose manifest has digest d. The files of its archives, if
// it has any, become blobs of the repository. What is wrong with an artifact is
// an error of kind store.ErrInvalid, store.ErrLimit or store.ErrNotFound.
//
// Without a repository it is an app that was read before and that a revision
// keeps, whatever has been deleted from repositories since.
func (s *Server) App(ctx context.Context, repository string, d artifact.Digest) (App, error) {
	app, err := s.app(ctx, repository, d)
	if err != nil {
		return App{}, fmt.Errorf("artifact %s@%s: %w", repository, d, err)
	}
	return app, nil
}

func (s *Server) app(ctx context.Context, repository string, d artifact.Digest) (app App, err error) {
	raw, err := s.rawManifest(ctx, repository, d)
	if err != nil {
		return app, err
	}
	if app.Manifest, err = artifact.ParseManifest(raw); err != nil {
		return app, fmt.Errorf("%w: %w", store.ErrInvalid, err)
	}
	if app.Size, err = s.checkLayers(ctx, repository, app.Manifest); err != nil {
		return app, err
	}
	if app.Lock, err = s.lock(ctx, repository, app.Manifest); err != nil {
		return app, err
	}
	if err := artifact.Check(app.Manifest, app.Lock); err != nil {
		return app, fmt.Errorf("%w: %w", store.ErrInvalid, err)
	}
	app.Blobs = []string{string(d)}
	for _, b := range app.Manifest.Blobs() {
		app.Blobs = append(app.Blobs, string(b))
	}
	unpacked, err := s.unpack(ctx, repository, app)
	app.Blobs = append(app.Blobs, unpacked...)
	return app, err
}

func (s *Server) rawManifest(ctx context.Context, repository string, d artifact.Digest) ([]byte, error) {
	if repository != "" {
		_, raw, err := s.Manifest(ctx, repository, string(d))
		return raw, err
	}
	f, err := s.OpenBlob(ctx, "", d)
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(io.LimitReader(f, s.limits.Manifest))
	return raw, errors.Join(err, f.Close())
}

// checkLayers holds the sizes that a manifest promises against those that are
// here, and returns the sum of the distinct layers.
func (s *Server) checkLayers(ctx context.Context, repository string, m artifact.Manifest) (int64, error) {
	seen := map[artifact.Digest]bool{}
	var sum int64
	for i, l := range append([]artifact.Descriptor{m.Config}, m.Layers...) {
		f, err := s.OpenBlob(ctx, repository, l.Digest)
		if err != nil {
			return 0, fmt.Errorf("layer %s: %w", l.Digest, err)
		}
		size := f.Size()
		f.Close()
		if size != l.Size {
			return 0, fmt.Errorf("layer %s: %w: it has %d bytes, the manifest says %d", l.Digest, store.ErrInvalid, size, l.Size)
		}
		if i > 0 && !seen[l.Digest] {
			seen[l.Digest] = true
			sum += size
		}
	}
	if s.limits.App > 0 && sum > s.limits.App {
		return 0, fmt.Errorf("%w: app-size is %d bytes, the distinct layers have %d", store.ErrLimit, s.limits.App, sum)
	}
	return sum, nil
}

// lock returns the lock of an artifact, also of the older forms that have it
// elsewhere.
func (s *Server) lock(ctx context.Context, repository string, m artifact.Manifest) (artifact.Lock, error) {
	l, err := m.ReadLock(func(d artifact.Descriptor) ([]byte, error) {
		f, err := s.OpenBlob(ctx, repository, d.Digest)
		if err != nil {
			return nil, err
		}
		if f.Size() > artifact.MaxLockSize {
			return nil, errors.Join(over("lock-size", artifact.MaxLockSize, f.Size()), f.Close())
		}
		text, err := io.ReadAll(f)
		return text, errors.Join(err, f.Close())
	})
	if err != nil && !errors.Is(err, store.ErrLimit) && !errors.Is(err, store.ErrNotFound) {
		err = fmt.Errorf("%w: %w", store.ErrInvalid, err)
	}
	return l, err
}

// unpack makes blobs of the files that the lock has and only archives hold, unless
// the repository has them from before, and returns their digests.
func (s *Server) unpack(ctx context.Context, repository string, app App) ([]string, error) {
	lacking, known := map[artifact.Digest]bool{}, map[artifact.Digest]bool{}
	var found []string
	for _, c := range app.Lock.Components {
		for _, f := range c.Files {
			if _, ok := app.Manifest.Layer(f.Digest); ok || f.Inline != nil || known[f.Digest] {
				continue
			}
			known[f.Digest] = true
			if repository == "" { // unpacked before
				if _, err := s.blobs.Stat(f.Digest); err != nil {
					return nil, fmt.Errorf("file %s: %w", f.Path, err)
				}
				continue
			}
			have, err := s.has(ctx, repository, f.Digest)
			switch {
			case err != nil:
				return nil, err
			case have:
				found = append(found, string(f.Digest))
			default:
				lacking[f.Digest] = true
			}
		}
	}
	limits := artifact.ArchiveLimits{Bytes: maxArchiveBytes, Entries: maxArchiveFiles}
	if s.limits.App > 0 {
		limits.Bytes = archiveRatio * s.limits.App
	}
	for _, l := range app.Manifest.Layers {
		if l.MediaType != artifact.ArchiveType || len(lacking) == 0 {
			continue
		}
		kept, err := s.unpackLayer(ctx, repository, l.Digest, limits, lacking)
		if err != nil {
			return nil, fmt.Errorf("layer %s: %w", l.Digest, err)
		}
		found = append(found, kept...)
	}
	for d := range lacking {
		return nil, fmt.Errorf("%w: the lock has a file %s, which is in no layer", store.ErrInvalid, d)
	}
	return found, nil
}

// has reports whether a repository has a blob.
func (s *Server) has(ctx context.Context, repository string, d artifact.Digest) (bool, error) {
	f, err := s.OpenBlob(ctx, repository, d)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, f.Close()
}

func (s *Server) unpackLayer(ctx context.Context, repository string, layer artifact.Digest, limits artifact.ArchiveLimits, lacking map[artifact.Digest]bool) (kept []string, err error) {
	archive, err := s.OpenBlob(ctx, repository, layer)
	if err != nil {
		return nil, err
	}
	defer archive.Close()
	for f, err := range artifact.Archive(archive, limits) {
		if err != nil {
			return nil, fmt.Errorf("%w: %w", store.ErrInvalid, err)
		}
		if err := ctx.Err(); err != nil {
			return nil, context.Cause(ctx)
		}
		d, err := s.keep(ctx, repository, f, lacking)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Path, err)
		}
		if d != "" {
			kept = append(kept, string(d))
			delete(lacking, d)
		}
	}
	return kept, nil
}

// keep makes a blob of the repository of what r holds, if that is wanted.
func (s *Server) keep(ctx context.Context, repository string, r io.Reader, wanted map[artifact.Digest]bool) (artifact.Digest, error) {
	up, err := s.blobs.Create()
	if err != nil {
		return "", err
	}
	defer up.Cancel()
	up.Expect("sha256")
	hash := sha256.New()
	if _, err := up.Append(io.TeeReader(r, hash)); err != nil {
		return "", err
	}
	d := artifact.Digest("sha256:" + hex.EncodeToString(hash.Sum(nil)))
	if !wanted[d] {
		return "", nil
	}
	defer s.names.lock(d)()
	if err := up.Commit(d); err != nil {
		return "", err
	}
	return d, s.index.LinkBlob(ctx, repository, string(d))
}
