package registry

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/registry/blob"
)

// pullBlob is GET of a blob, whole or in ranges.
func (s *Server) pullBlob(w http.ResponseWriter, r *http.Request, t target) error {
	if _, err := s.index.BlobTouched(r.Context(), t.repository, string(t.digest)); err != nil {
		return missing(err, errBlobUnknown)
	}
	f, err := s.blobs.Open(t.digest)
	if err != nil {
		return missing(err, errBlobUnknown)
	}
	defer f.Close()
	return serveContent(w, r, f, t.digest, "application/octet-stream")
}

// headBlob is HEAD of a blob. A client that is told that the blob is here will
// not push it, so it is kept for a grace period from now.
func (s *Server) headBlob(w http.ResponseWriter, r *http.Request, t target) error {
	touched, err := s.index.BlobTouched(r.Context(), t.repository, string(t.digest))
	if err != nil {
		return missing(err, errBlobUnknown)
	}
	if time.Since(touched) > s.grace/2 {
		if err := s.touch(r.Context(), t); err != nil {
			return missing(err, errBlobUnknown)
		}
	}
	size, err := s.blobs.Stat(t.digest)
	if err != nil {
		return missing(err, errBlobUnknown)
	}
	h := w.Header()
	contentHeaders(h, t.digest, "application/octet-stream")
	h.Set("Accept-Ranges", "bytes")
	h.Set("Content-Length", strconv.FormatInt(size, 10))
	return nil
}

// touch links a blob again, unless it has been forgotten meanwhile.
func (s *Server) touch(ctx context.Context, t target) error {
	return s.index.MountBlob(ctx, t.repository, t.repository, string(t.digest))
}

func contentHeaders(h http.Header, d artifact.Digest, mediaType string) {
	h.Set("Content-Type", mediaType)
	h.Set("Docker-Content-Digest", string(d))
	h.Set("Etag", `"`+string(d)+`"`)
	h.Set("Cache-Control", "private, no-transform")
}

// serveContent answers GET and HEAD with content, as HTTP has it for ranges and
// conditions.
func serveContent(w http.ResponseWriter, r *http.Request, f blob.File, d artifact.Digest, mediaType string) error {
	switch header := r.Header.Get("Range"); {
	case header == "":
	case !strings.HasPrefix(header, "bytes="), f.Size() == 0:
		// A unit that we do not know means nothing, and some clients ask for a
		// range of everything that they pull.
		r = r.Clone(r.Context())
		r.Header.Del("Range")
	case r.Header.Get("If-Range") == "" && !satisfiable(header, f.Size()):
		err := fmt.Errorf("%w: %.60q of %d bytes", errRange, header, f.Size())
		return headedError{err, map[string]string{"Content-Range": fmt.Sprintf("bytes */%d", f.Size())}}
	}
	contentHeaders(w.Header(), d, mediaType)
	http.ServeContent(w, r, "", time.Time{}, f)
	return nil
}

// deleteBlob is DELETE of a blob: the repository has it no more. Its bytes go
// when nothing else needs them.
func (s *Server) deleteBlob(w http.ResponseWriter, r *http.Request, t target) error {
	if err := s.index.UnlinkBlob(r.Context(), t.repository, string(t.digest)); err != nil {
		return missing(err, errBlobUnknown)
	}
	w.WriteHeader(http.StatusAccepted)
	return nil
}
