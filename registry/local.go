package registry

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/registry/blob"
	"github.com/neutrino-local/neutrino-local/store"
)

// Manifest returns the manifest of a repository that ref, a tag or a digest,
// names, and its bytes.
func (s *Server) Manifest(ctx context.Context, repository, ref string) (store.Manifest, []byte, error) {
	tag, d, err := parseReference(ref)
	if err != nil {
		return store.Manifest{}, nil, fmt.Errorf("%w: %w", store.ErrInvalid, err)
	}
	m, err := s.find(ctx, target{repository: repository, tag: tag, digest: d})
	if err != nil {
		return store.Manifest{}, nil, err
	}
	f, err := s.blobs.Open(artifact.Digest(m.Digest))
	if err != nil {
		return store.Manifest{}, nil, fmt.Errorf("manifest %s@%s: %w", repository, m.Digest, err)
	}
	raw, err := io.ReadAll(f)
	return m, raw, errors.Join(err, f.Close())
}

// OpenBlob returns a blob of a repository, or any blob if repository is "".
func (s *Server) OpenBlob(ctx context.Context, repository string, d artifact.Digest) (blob.File, error) {
	if _, err := artifact.ParseDigest(string(d)); err != nil {
		return nil, fmt.Errorf("%w: %w", store.ErrInvalid, err)
	}
	if repository != "" {
		if _, err := s.index.BlobTouched(ctx, repository, string(d)); err != nil {
			return nil, err
		}
	}
	return s.blobs.Open(d)
}

// DeleteManifest forgets a manifest of a repository and its tags.
func (s *Server) DeleteManifest(ctx context.Context, repository string, d artifact.Digest) error {
	return s.index.DeleteManifest(ctx, repository, string(d))
}

// DeleteRepository forgets a repository and all that it holds.
func (s *Server) DeleteRepository(ctx context.Context, repository string) error {
	return s.index.DeleteRepository(ctx, repository)
}

// Repositories returns at most n repositories in byte order, from the one after
// last; all of them if n is 0.
func (s *Server) Repositories(ctx context.Context, last string, n int) ([]string, error) {
	return s.index.Repositories(ctx, last, n)
}

// Tags returns at most n tags of a repository in byte order, from the one after
// last; all of them if n is 0.
func (s *Server) Tags(ctx context.Context, repository, last string, n int) ([]string, error) {
	return s.index.Tags(ctx, repository, last, n)
}

// Referrers returns at most n manifests of a repository whose subject is given,
// in order of their digests.
func (s *Server) Referrers(ctx context.Context, repository string, subject artifact.Digest, n int) ([]store.Manifest, error) {
	return s.index.ReferrersAfter(ctx, repository, string(subject), "", "", n)
}

// Usage is what the registry takes.
type Usage struct {
	Blobs       int
	Bytes       int64
	Limit       int64 // of Bytes and UploadBytes together; 0 if there is none
	Uploads     int   // under way
	UploadBytes int64
}

// Usage counts what the registry takes now.
func (s *Server) Usage() (Usage, error) {
	u := Usage{Bytes: s.blobs.Used(), Limit: s.limits.Store}
	u.Uploads, u.UploadBytes = s.uploads.underWay()
	for _, err := range s.blobs.All() {
		if err != nil {
			return Usage{}, fmt.Errorf("registry usage: %w", err)
		}
		u.Blobs++
	}
	return u, nil
}
