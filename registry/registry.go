// Package registry is an OCI registry: the /v2/ API of the OCI Distribution
// specification over a blob.Store and an index of manifests, tags and links.
//
// A blob can be read only through a repository that links it, and a link comes
// from pushing the blob there or from a mount inside the same account, which is
// the first segment of a repository's name. Content is streamed; no lock is held
// while a body is read, so a slow client delays nobody. Blobs that nothing needs
// are freed while pushes go on, and what a client was told of lately is kept for
// a grace period: a push relies on it until its manifest arrives. What a revision
// needs is kept whatever is deleted here.
package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/registry/blob"
	"github.com/neutrino-local/neutrino-local/store"
)

// Limits of what clients may keep here. Zero means none, or the default where
// one is given. Each is in the reply that refuses, by the name in brackets.
type Limits struct {
	App         int64 // bytes of the distinct layers of a Spin app [app-size]
	Blob        int64 // bytes of one blob [registry-max-blob]
	Manifest    int64 // bytes of one manifest [manifest-size]; default 4 MiB
	Store       int64 // bytes of all blobs and uploads [store-size]
	Uploads     int   // uploads under way at once [uploads]; default 512
	UploadBytes int64 // bytes of all uploads under way [upload-bytes]
}

// Config is what a Server is made of.
type Config struct {
	Blobs  blob.Store // not closed by the Server
	Index  Index
	Limits Limits
	Log    *slog.Logger

	Grace     time.Duration // that unreferenced blobs are kept; default an hour
	GCEvery   time.Duration // default ten minutes
	UploadTTL time.Duration // of an upload that nobody works on; default an hour
	Idle      time.Duration // without a byte after which a body is given up; default a minute

	Auth
}

// The Index knows what the repositories hold. Package store/sqlite has one.
// Errors about what is not there wrap store.ErrNotFound.
type Index interface {
	manifests
	tags
	links
	garbage
}

type manifests interface {
	// PushManifest keeps m and points tags at it, all or nothing. Each of needs
	// must be in the repository at that moment, as a blob or a manifest.
	PushManifest(ctx context.Context, m store.Manifest, needs []string, tags ...string) error
	Manifest(ctx context.Context, repository, digest string) (store.Manifest, error)
	DeleteManifest(ctx context.Context, repository, digest string) error
	// ReferrersAfter returns at most n manifests whose subject is given, in order of
	// their digests, from the one after last.
	ReferrersAfter(ctx context.Context, repository, subject, artifactType, last string, n int) ([]store.Manifest, error)
	// Missing returns those of digests that the repository has neither as a blob
	// nor as a manifest.
	Missing(ctx context.Context, repository string, digests []string) ([]string, error)
}

type tags interface {
	Tag(ctx context.Context, repository, name string) (store.Tag, error)
	DeleteTag(ctx context.Context, repository, name string) error
	Tags(ctx context.Context, repository, last string, n int) ([]string, error)
	Repositories(ctx context.Context, last string, n int) ([]string, error)
	DeleteRepository(ctx context.Context, name string) error
}

type links interface {
	LinkBlob(ctx context.Context, repository, digest string) error
	UnlinkBlob(ctx context.Context, repository, digest string) error
	// BlobTouched returns when a client was last told of a blob of a repository.
	BlobTouched(ctx context.Context, repository, digest string) (time.Time, error)
	// BlobSource returns a repository of the account that links the blob.
	BlobSource(ctx context.Context, account, digest string) (repository string, err error)
	MountBlob(ctx context.Context, from, to, digest string) error
}

type garbage interface {
	// UnreferencedBlobs returns at most n digests that nothing needs and nobody
	// was told of since before.
	UnreferencedBlobs(ctx context.Context, before time.Time, n int) ([]string, error)
	// ForgetBlob decides whether that is still so, and takes the blob out of all
	// repositories if it is.
	ForgetBlob(ctx context.Context, digest string, before time.Time) (bool, error)
	// UnknownBlobs returns those of digests that no repository knows.
	UnknownBlobs(ctx context.Context, digests []string) ([]string, error)
	// ForgetEmptyRepositories forgets the repositories that hold nothing.
	ForgetEmptyRepositories(ctx context.Context) error
}

// A Server answers /v2/. Its methods are safe for concurrent use.
type Server struct {
	blobs   blob.Store
	index   Index
	limits  Limits
	log     *slog.Logger
	grace   time.Duration
	idle    time.Duration
	auth    *auth
	uploads *uploads
	names   *stripes      // held while a digest gets or loses its content
	parsing chan struct{} // a token for each manifest in memory

	stop    context.CancelFunc
	running sync.WaitGroup
}

// parsers is how many manifests may be in memory at once.
const parsers = 4

// New returns a server that has begun to collect garbage. Close ends that.
func New(cfg Config) (*Server, error) {
	if cfg.Blobs == nil || cfg.Index == nil || cfg.Log == nil {
		return nil, errors.New("a registry needs blobs, an index and a log")
	}
	if cfg.RequireToken && cfg.Token == nil {
		return nil, errors.New("a registry that requires a token needs to know the tokens")
	}
	cfg.Limits.Manifest = either(cfg.Limits.Manifest, 4<<20)
	cfg.Limits.Uploads = either(cfg.Limits.Uploads, 512)
	s := &Server{
		blobs: cfg.Blobs, index: cfg.Index, limits: cfg.Limits, log: cfg.Log,
		grace:   either(cfg.Grace, time.Hour),
		idle:    either(cfg.Idle, time.Minute),
		auth:    newAuth(cfg.Auth),
		names:   newStripes(),
		parsing: make(chan struct{}, parsers),
	}
	s.uploads = &uploads{
		limits: s.limits, blobs: s.blobs, log: s.log,
		ttl: either(cfg.UploadTTL, time.Hour), open: map[string]*upload{},
	}
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.running.Go(func() { s.uploads.expire(ctx) })
	s.running.Go(func() { s.collect(ctx, either(cfg.GCEvery, 10*time.Minute)) })
	return s, nil
}

func either[T int | int64 | time.Duration](v, otherwise T) T {
	if v == 0 {
		return otherwise
	}
	return v
}

// Close waits for what runs in the background and drops the uploads under way.
// Requests must have ended.
func (s *Server) Close(ctx context.Context) error {
	s.stop()
	done := make(chan struct{})
	go func() { defer close(done); s.running.Wait() }()
	select {
	case <-done:
	case <-ctx.Done():
		return fmt.Errorf("registry: %w", context.Cause(ctx))
	}
	return s.uploads.cancelAll()
}

// ServeHTTP answers one request under /v2/.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Docker-Distribution-Api-Version", "registry/2.0")
	// What is kept here is a stranger's: no browser may run it.
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	if err := s.serve(w, r); err != nil {
		if r.ContentLength != 0 && r.ProtoMajor == 1 {
			h.Set("Connection", "close") // what may be left of the body is not waited for
		}
		s.writeError(w, r, err)
	}
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) error {
	t, err := parsePath(r.URL.Path)
	if err != nil {
		return err
	}
	if err := checkOrigin(r); err != nil {
		return err
	}
	v, ok := verbs[t.kind][r.Method]
	if !ok {
		return methodError(t.kind)
	}
	if err := s.auth.allow(r, t, v.action); err != nil {
		return err
	}
	return v.serve(s, w, r, t)
}

// A verb is what one method does to one kind of thing.
type verb struct {
	action string // that the client must be allowed
	serve  func(*Server, http.ResponseWriter, *http.Request, target) error
}

var verbs = map[kind]map[string]verb{
	kindBase:      {"GET": {known, (*Server).ping}, "HEAD": {known, (*Server).ping}},
	kindToken:     {"GET": {anyone, (*Server).issueToken}, "POST": {anyone, (*Server).issueToken}},
	kindCatalog:   {"GET": {listAll, (*Server).listRepositories}, "HEAD": {listAll, (*Server).listRepositories}},
	kindTags:      {"GET": {mayPull, (*Server).listTags}, "HEAD": {mayPull, (*Server).listTags}},
	kindReferrers: {"GET": {mayPull, (*Server).listReferrers}, "HEAD": {mayPull, (*Server).listReferrers}},
	kindBlob: {
		"GET": {mayPull, (*Server).pullBlob}, "HEAD": {mayPull, (*Server).headBlob},
		"DELETE": {mayDelete, (*Server).deleteBlob},
	},
	kindManifest: {
		"GET": {mayPull, (*Server).pullManifest}, "HEAD": {mayPull, (*Server).pullManifest},
		"PUT": {mayPush, (*Server).putManifest}, "DELETE": {mayDelete, (*Server).deleteManifest},
	},
	kindUploads: {"POST": {mayPush, (*Server).startUpload}},
	kindUpload: {
		"GET": {mayPush, (*Server).uploadStatus}, "HEAD": {mayPush, (*Server).uploadStatus},
		"PATCH": {mayPush, (*Server).patchUpload}, "PUT": {mayPush, (*Server).putUpload},
		"DELETE": {mayPush, (*Server).cancelUpload},
	},
}

// ping says that this is a registry.
func (s *Server) ping(w http.ResponseWriter, r *http.Request, _ target) error {
	return writeJSON(w, r, "application/json", struct{}{})
}

// account returns the account of a repository: the first segment of its name.
func account(repository string) string {
	for i := range len(repository) {
		if repository[i] == '/' {
			return repository[:i]
		}
	}
	return repository
}

var errNotAllowed = errors.New("method not allowed")

func parsed(s string) (artifact.Digest, error) {
	d, err := artifact.ParseDigest(s)
	if err != nil {
		return "", fmt.Errorf("%w: %w", errDigestInvalid, err)
	}
	return d, nil
}
