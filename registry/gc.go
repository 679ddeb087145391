package registry

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/store"
)

// Freed is what a collection has removed.
type Freed struct {
	Blobs int
	Bytes int64
}

// gcBatch is how many digests are asked about at once.
const gcBatch = 500

// collect frees what nothing needs, again and again until ctx ends.
func (s *Server) collect(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		freed, err := s.GC(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			s.log.ErrorContext(ctx, "registry gc", "err", err)
		case freed.Blobs > 0:
			s.log.InfoContext(ctx, "registry gc", "blobs", freed.Blobs, "bytes", freed.Bytes)
		}
	}
}

// GC frees the blobs that no manifest and no revision needs, and that no client
// was told of during the grace period. Pushes go on meanwhile.
func (s *Server) GC(ctx context.Context) (Freed, error) {
	var freed Freed
	before := time.Now().Add(-s.grace)
	err := s.freeUnreferenced(ctx, before, &freed)
	if err == nil {
		err = s.freeUnknown(ctx, &freed)
	}
	if err == nil {
		err = s.index.ForgetEmptyRepositories(ctx)
	}
	if err != nil {
		return freed, fmt.Errorf("collecting garbage: %w", err)
	}
	return freed, nil
}

// freeUnreferenced frees what the index knows and nothing needs.
func (s *Server) freeUnreferenced(ctx context.Context, before time.Time, freed *Freed) error {
	for {
		digests, err := s.index.UnreferencedBlobs(ctx, before, gcBatch)
		if err != nil {
			return err
		}
		progress := false
		for _, digest := range digests {
			ok, err := s.free(artifact.Digest(digest), freed, func(digest string) (bool, error) {
				return s.index.ForgetBlob(ctx, digest, before)
			})
			if err != nil {
				return err
			}
			progress = progress || ok
		}
		if !progress || len(digests) < gcBatch {
			return nil
		}
	}
}

// freeUnknown frees what the index does not know: what a crash has left between
// the end of an upload and its link, or between forgetting and freeing.
func (s *Server) freeUnknown(ctx context.Context, freed *Freed) error {
	var batch []string
	sweep := func() error {
		unknown, err := s.index.UnknownBlobs(ctx, batch)
		batch = batch[:0]
		for _, digest := range unknown {
			if err != nil {
				return err
			}
			_, err = s.free(artifact.Digest(digest), freed, func(digest string) (bool, error) {
				still, err := s.index.UnknownBlobs(ctx, []string{digest})
				return len(still) == 1, err
			})
		}
		return err
	}
	for digest, err := range s.blobs.All() {
		if err != nil {
			return err
		}
		if batch = append(batch, string(digest)); len(batch) == gcBatch {
			if err := sweep(); err != nil {
				return err
			}
		}
	}
	return sweep()
}

// free removes content if confirm still says so now that nobody can push it.
func (s *Server) free(d artifact.Digest, freed *Freed, confirm func(string) (bool, error)) (bool, error) {
	defer s.names.lock(d)()
	ok, err := confirm(string(d))
	if !ok || err != nil {
		return false, err
	}
	size, err := s.blobs.Stat(d)
	if err == nil {
		err = s.blobs.Delete(d)
	}
	if errors.Is(err, store.ErrNotFound) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	freed.Blobs++
	freed.Bytes += size
	return true, nil
}
