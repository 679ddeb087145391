package registry

import (
	"context"
	"net/http"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/store"
)

// pullManifest is GET and HEAD of a manifest.
func (s *Server) pullManifest(w http.ResponseWriter, r *http.Request, t target) error {
	m, err := s.find(r.Context(), t)
	if err != nil {
		return missing(err, errManifestUnknown)
	}
	f, err := s.blobs.Open(artifact.Digest(m.Digest))
	if err != nil {
		return missing(err, errManifestUnknown)
	}
	defer f.Close()
	return serveContent(w, r, f, artifact.Digest(m.Digest), m.MediaType)
}

// find returns the manifest that t names.
func (s *Server) find(ctx context.Context, t target) (store.Manifest, error) {
	digest := string(t.digest)
	if t.tag != "" {
		tag, err := s.index.Tag(ctx, t.repository, t.tag)
		if err != nil {
			return store.Manifest{}, err
		}
		digest = tag.Digest
	}
	return s.index.Manifest(ctx, t.repository, digest)
}

// deleteManifest is DELETE of a tag, or of a manifest with all of its tags.
func (s *Server) deleteManifest(w http.ResponseWriter, r *http.Request, t target) error {
	var err error
	if t.tag != "" {
		err = s.index.DeleteTag(r.Context(), t.repository, t.tag)
	} else {
		err = s.index.DeleteManifest(r.Context(), t.repository, string(t.digest))
	}
	if err != nil {
		return missing(err, errManifestUnknown)
	}
	w.WriteHeader(http.StatusAccepted)
	return nil
}
