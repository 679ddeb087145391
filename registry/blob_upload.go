package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/store"
)

// startUpload is POST /v2/NAME/blobs/uploads/: a mount, a whole blob in one
// request, or the begin of an upload.
func (s *Server) startUpload(w http.ResponseWriter, r *http.Request, t target) error {
	q := r.URL.Query()
	if q.Has("mount") {
		mounted, err := s.mount(w, r, t, q.Get("mount"), q.Get("from"))
		if mounted || err != nil {
			return err
		}
	}
	algorithm, err := algorithmOf(q.Get("digest-algorithm"), q.Get("digest"))
	if err != nil {
		return err
	}
	b := s.newBody(w, r)
	if b.up, err = s.uploads.start(t.repository, b.cut); err != nil {
		return err
	}
	defer b.up.release()
	b.up.blob.Expect(algorithm)
	if q.Has("digest") {
		want := artifact.Digest(q.Get("digest"))
		err := s.finish(w, r, t, b, want)
		if err != nil {
			err = errors.Join(err, s.uploads.end(b.up)) // nobody knows its id
		}
		return err
	}
	return s.accepted(w, b.up)
}

// algorithmOf returns the algorithm that an upload will be named by, as far as
// its first request says.
func algorithmOf(algorithm, digest string) (string, error) {
	if digest != "" {
		d, err := parsed(digest)
		return d.Algorithm(), err
	}
	switch algorithm {
	case "", "sha256", "sha512":
		return algorithm, nil
	}
	return "", fmt.Errorf("%w: algorithm %.40q; use sha256 or sha512", errDigestInvalid, algorithm)
}

// mount makes a blob of another repository of the account part of this one. If
// there is no such blob the client has to upload it.
func (s *Server) mount(w http.ResponseWriter, r *http.Request, t target, digest, from string) (bool, error) {
	d, err := parsed(digest)
	if err != nil {
		return false, err
	}
	if from == "" {
		from, err = s.index.BlobSource(r.Context(), account(t.repository), digest)
	} else if err = checkName(from); err == nil && account(from) != account(t.repository) {
		err = store.ErrNotFound
	}
	if err == nil {
		_, err = s.blobs.Stat(d)
	}
	if err == nil {
		err = s.index.MountBlob(r.Context(), from, t.repository, digest)
	}
	if err != nil {
		if errors.Is(err, store.ErrNotFound) {
			return false, nil
		}
		return false, err
	}
	created(w, t.repository, "blobs", d)
	return true, nil
}

// patchUpload is PATCH of an upload: one more chunk, or a stream.
func (s *Server) patchUpload(w http.ResponseWriter, r *http.Request, t target) error {
	b := s.newBody(w, r)
	var err error
	if b.up, err = s.uploads.take(r.Context(), t.repository, t.upload, b.cut); err != nil {
		return err
	}
	defer b.up.release()
	if err := s.receive(r, b); err != nil {
		return err
	}
	return s.accepted(w, b.up)
}

// putUpload is PUT of an upload: the rest of the blob, if any, and its digest.
func (s *Server) putUpload(w http.ResponseWriter, r *http.Request, t target) error {
	want, err := parsed(r.URL.Query().Get("digest"))
	if err != nil {
		return err
	}
	b := s.newBody(w, r)
	if b.up, err = s.uploads.take(r.Context(), t.repository, t.upload, b.cut); err != nil {
		return err
	}
	defer b.up.release()
	b.up.blob.Expect(want.Algorithm())
	return s.finish(w, r, t, b, want)
}

// receive appends a body to its upload, at the place that the request names.
func (s *Server) receive(r *http.Request, b *body) error {
	if header := r.Header.Get("Content-Range"); header != "" {
		sp, err := parseContentRange(header)
		if err != nil {
			return err
		}
		length := sp.last - sp.first + 1
		if b.want >= 0 && b.want != length {
			return fmt.Errorf("%w: Content-Range %s and Content-Length %d", errSizeInvalid, header, b.want)
		}
		b.want = length
		if have := b.up.blob.Size(); sp.first != have {
			err := fmt.Errorf("%w: it begins at %d, and %d bytes are here", errUploadRange, sp.first, have)
			return headedError{err, place(b.up)}
		}
	}
	return s.check(b.up, b.store())
}

// check ends an upload that can not go on: the store failed, or it is bigger
// than it may be. What merely broke off, or came too early, can be resumed.
func (s *Server) check(up *upload, err error) error {
	if err == nil {
		return nil
	}
	for _, passing := range []error{errBody, errCut, errSizeInvalid, errTooMany} {
		if errors.Is(err, passing) {
			return err
		}
	}
	return errors.Join(err, s.uploads.end(up))
}

// finish receives the last of a blob and gives it to the repository, even if the
// client leaves now.
func (s *Server) finish(w http.ResponseWriter, r *http.Request, t target, b *body, want artifact.Digest) error {
	if err := s.receive(r, b); err != nil {
		return err
	}
	defer s.names.lock(want)()
	if err := b.up.blob.Commit(want); err != nil {
		return errors.Join(err, s.uploads.end(b.up))
	}
	if err := s.uploads.end(b.up); err != nil {
		return err
	}
	if err := s.index.LinkBlob(context.WithoutCancel(r.Context()), t.repository, string(want)); err != nil {
		return err
	}
	created(w, t.repository, "blobs", want)
	return nil
}

// uploadStatus is GET of an upload: how much has arrived.
func (s *Server) uploadStatus(w http.ResponseWriter, _ *http.Request, t target) error {
	up, err := s.uploads.find(t.repository, t.upload)
	if err != nil {
		return err
	}
	for k, v := range place(up) {
		w.Header().Set(k, v)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// cancelUpload is DELETE of an upload.
func (s *Server) cancelUpload(w http.ResponseWriter, r *http.Request, t target) error {
	up, err := s.uploads.take(r.Context(), t.repository, t.upload, func() {})
	if err != nil {
		return err
	}
	defer up.release()
	if err := s.uploads.end(up); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) accepted(w http.ResponseWriter, up *upload) error {
	for k, v := range place(up) {
		w.Header().Set(k, v)
	}
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusAccepted)
	return nil
}

// place returns the headers that say where an upload goes on.
func place(up *upload) map[string]string {
	return map[string]string{
		"Location":           "/v2/" + up.repository + "/blobs/uploads/" + up.id,
		"Range":              "0-" + strconv.FormatInt(max(up.blob.Size()-1, 0), 10),
		"Docker-Upload-Uuid": up.id,
	}
}

// created answers 201 with the place of what was made.
func created(w http.ResponseWriter, repository, what string, d artifact.Digest) {
	h := w.Header()
	h.Set("Location", "/v2/"+repository+"/"+what+"/"+string(d))
	h.Set("Docker-Content-Digest", string(d))
	h.Set("Content-Length", "0")
	w.WriteHeader(http.StatusCreated)
}
