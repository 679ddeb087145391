package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/store"
)

// maxTagParams is the most tags that one push may set.
const maxTagParams = 100

// putManifest is PUT of a manifest by a tag, or by its digest and any number of
// tags.
func (s *Server) putManifest(w http.ResponseWriter, r *http.Request, t target) error {
	tags := r.URL.Query()["tag"]
	if t.tag != "" {
		tags = []string{t.tag} // "tag" is for pushes by digest
	}
	if len(tags) > maxTagParams {
		return fmt.Errorf("%w: %d tags in one push, at most %d", errTagInvalid, len(tags), maxTagParams)
	}
	for _, tag := range tags {
		if err := checkTag(tag); err != nil {
			return err
		}
	}
	b := s.newBody(w, r)
	b.name, b.limit = "manifest-size", s.limits.Manifest
	var err error
	if b.up, err = s.uploads.start(t.repository, b.cut); err != nil {
		return err
	}
	defer b.up.release()
	p, err := s.keepManifest(r, t, b, tags)
	if err = errors.Join(err, s.uploads.end(b.up)); err != nil {
		return err
	}
	h := w.Header()
	if p.doc.Subject != nil {
		h.Set("Oci-Subject", string(p.doc.Subject.Digest))
	}
	if t.tag == "" && len(tags) > 0 {
		h.Set("Oci-Tag", strings.Join(tags, ", "))
	}
	for _, d := range p.lacking {
		warn(h, "%s is not in this repository", d)
	}
	created(w, t.repository, "manifests", p.digest)
	return nil
}

// A pushed is a manifest that is kept now.
type pushed struct {
	doc     *document
	digest  artifact.Digest
	lacking []string // what it names and the repository does not have
}

// keepManifest receives a manifest and makes it, its tags and its references
// known at once.
func (s *Server) keepManifest(r *http.Request, t target, b *body, tags []string) (p pushed, err error) {
	b.up.blob.Expect(t.digest.Algorithm())
	if err := b.store(); err != nil {
		return p, err
	}
	ctx := context.WithoutCancel(r.Context()) // it is all here: a client that leaves now has pushed it
	raw, done, err := s.load(r.Context(), b.up.blob, b.up.blob.Size())
	if err != nil {
		return p, err
	}
	defer done()
	doc, err := parseDocument(raw, r.Header.Get("Content-Type"))
	if err != nil {
		return p, err
	}
	d := t.digest
	if d == "" {
		d = artifact.SHA256(raw)
	}
	m := store.Manifest{
		Repository: t.repository, Digest: string(d), MediaType: doc.MediaType, Size: int64(len(raw)),
		ArtifactType: doc.referrerType(),
	}
	if doc.Subject != nil {
		m.Subject = string(doc.Subject.Digest)
	}
	if doc.Annotations != nil {
		m.Annotations = *doc.Annotations
	}
	needs, lacking, err := s.references(ctx, &m, doc)
	if err != nil {
		return p, err
	}
	defer s.names.lock(d)()
	if err := b.up.blob.Commit(d); err != nil {
		return p, err
	}
	return pushed{doc, d, lacking}, missing(s.index.PushManifest(ctx, m, needs, tags...), errManifestBlobUnknown)
}

// load reads a manifest into memory, where there is room for a few of them.
func (s *Server) load(ctx context.Context, r io.ReaderAt, size int64) (raw []byte, done func(), err error) {
	select {
	case s.parsing <- struct{}{}:
	case <-ctx.Done():
		return nil, nil, context.Cause(ctx)
	}
	done = func() { <-s.parsing }
	raw = make([]byte, size)
	if _, err := io.ReadFull(io.NewSectionReader(r, 0, size), raw); err != nil {
		done()
		return nil, nil, err
	}
	return raw, done, nil
}

// references fills in m.Blobs and returns those that must be there now, and what
// is not there. Sparse images and indexes are taken, since the rest may come
// later, but a Spin app has to be whole.
func (s *Server) references(ctx context.Context, m *store.Manifest, doc *document) (needs, lacking []string, err error) {
	content := doc.content()
	for _, d := range slices.Concat(content, doc.Manifests) {
		m.Blobs = append(m.Blobs, string(d.Digest))
	}
	if lacking, err = s.index.Missing(ctx, m.Repository, m.Blobs); err != nil {
		return nil, nil, err
	}
	absent := make(map[artifact.Digest]bool, len(lacking))
	for _, d := range lacking {
		absent[artifact.Digest(d)] = true
	}
	for _, d := range content {
		size, err := s.sizeOf(d, absent[d.Digest])
		switch {
		case err == nil && size != d.Size:
			return nil, nil, fmt.Errorf("%w: %s has %d bytes, and the manifest says %d", errManifestInvalid, d.Digest, size, d.Size)
		case err == nil:
			needs = append(needs, string(d.Digest))
		case !errors.Is(err, store.ErrNotFound):
			return nil, nil, err
		case doc.spin() && !d.foreign():
			return nil, nil, fmt.Errorf("%w: %s; push it first", errManifestBlobUnknown, d.Digest)
		}
	}
	if doc.spin() {
		err = s.checkApp(doc)
	}
	return needs, lacking, err
}

func (s *Server) sizeOf(d descriptor, absent bool) (int64, error) {
	if absent {
		return 0, store.ErrNotFound
	}
	return s.blobs.Stat(d.Digest)
}

// checkApp holds a Spin app to the limit on the sum of its distinct layers.
func (s *Server) checkApp(doc *document) error {
	sizes := map[artifact.Digest]int64{}
	for _, d := range doc.Layers {
		sizes[d.Digest] = d.Size
	}
	var sum int64
	for _, size := range sizes {
		if sum += size; sum < 0 {
			return fmt.Errorf("%w: the sizes of its layers", errSizeInvalid)
		}
	}
	return over("app-size", s.limits.App, sum)
}
