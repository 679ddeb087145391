// Package storetest is the contract of a store of apps, revisions, deployments
// and the index of a registry: what store/sqlite promises, as tests that any
// other store can run.
package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/neutrino-local/neutrino-local/store"
)

// A Store is all that the contract covers. Callers ask for less, each with an
// interface of its own.
type Store interface {
	CreateApp(ctx context.Context, a store.App) error
	App(ctx context.Context, id store.AppID) (store.App, error)
	AppNamed(ctx context.Context, account string, name store.AppName) (store.App, error)
	Apps(ctx context.Context) ([]store.App, error)
	DeleteApp(ctx context.Context, id store.AppID) error
	SetListeners(ctx context.Context, id store.AppID, addresses []string) error
	TouchApps(ctx context.Context, used map[store.AppID]time.Time) error

	CreateDeployment(ctx context.Context, dep store.Deployment, rev *store.Revision) (store.Deployment, error)
	AddPhase(ctx context.Context, id store.DeploymentID, e store.PhaseEvent) error
	CommitDeployment(ctx context.Context, id store.DeploymentID, at time.Time) error
	AddCut(ctx context.Context, id store.DeploymentID, n int) error
	EndDeployment(ctx context.Context, id store.DeploymentID, phase, failedIn store.Phase, reason string, at time.Time) error
	Deployment(ctx context.Context, id store.DeploymentID) (store.Deployment, error)
	Deployments(ctx context.Context, app store.AppID, limit int) ([]store.Deployment, error)
	OpenDeployments(ctx context.Context) ([]store.Deployment, error)
	Recover(ctx context.Context, at time.Time) ([]store.Deployment, error)

	Revision(ctx context.Context, app store.AppID, n store.RevisionNumber) (store.Revision, error)
	Revisions(ctx context.Context, app store.AppID) ([]store.Revision, error)
	SetRevisionBlobs(ctx context.Context, app store.AppID, n store.RevisionNumber, blobs []string, size int64) error
	PruneRevisions(ctx context.Context, app store.AppID, keep int) ([]store.Revision, error)
	RevisionBlobs(ctx context.Context) ([]string, error)

	PutManifest(ctx context.Context, m store.Manifest, tag string) error
	Manifest(ctx context.Context, repository, digest string) (store.Manifest, error)
	DeleteManifest(ctx context.Context, repository, digest string) error
	Referrers(ctx context.Context, repository, subject, artifactType string) ([]store.Manifest, error)
	PutTag(ctx context.Context, t store.Tag) error
	Tag(ctx context.Context, repository, name string) (store.Tag, error)
	DeleteTag(ctx context.Context, repository, name string) error
	Tags(ctx context.Context, repository, last string, n int) ([]string, error)
	Repositories(ctx context.Context, last string, n int) ([]string, error)
	DeleteRepository(ctx context.Context, name string) error

	LinkBlob(ctx context.Context, repository, digest string) error
	BlobLinked(ctx context.Context, repository, digest string) (bool, error)
	BlobKnown(ctx context.Context, digest string) (bool, error)
	MountBlob(ctx context.Context, from, to, digest string) error
	UnlinkBlob(ctx context.Context, repository, digest string) error
	BlobReferenced(ctx context.Context, digest string) (bool, error)
	ReferencedBlobs(ctx context.Context) ([]string, error)
	UnreferencedBlobs(ctx context.Context, before time.Time, n int) ([]string, error)
	ForgetBlob(ctx context.Context, digest string, before time.Time) (bool, error)
}

// Run tests the stores that open returns: an empty one each time. What open
// cleans up with t.Cleanup is a place to check the files.
func Run(t *testing.T, open func(t *testing.T) Store) {
	tests := []struct {
		name string
		test func(t *testing.T, s Store)
	}{
		{"apps", apps},
		{"app conflicts", appConflicts},
		{"app not found", appNotFound},
		{"listeners", listeners},
		{"touch", touch},
		{"revision", revision},
		{"numbers", numbers},
		{"numbers at once", numbersAtOnce},
		{"deployment", deployment},
		{"phases", phases},
		{"commit", commit},
		{"rollback", rollback},
		{"recover", recovery},
		{"prune", prune},
		{"delete app", deleteApp},
		{"history", history},
		{"manifests", manifests},
		{"tags", tags},
		{"repositories", repositories},
		{"referrers", referrers},
		{"links", links},
		{"collection", collection},
		{"collection at once", collectionAtOnce},
		{"cancelled", cancelled},
		{"hammer", hammer},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, open(t)) })
	}
}

// check fails the test at once if err is not nil.
func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// must is check for a call that returns something too.
func must[T any](v T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		check(t, err)
		return v
	}
}

// wants fails the test if err is not of a kind.
func wants(t *testing.T, what string, err, kind error) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("%s: error %v, want %v", what, err, kind)
	}
}

var start = time.Date(2026, 3, 4, 5, 6, 7, 890_123_456, time.UTC)

// newApp creates an app.
func newApp(t *testing.T, s Store, name store.AppName) store.AppID {
	t.Helper()
	id := store.NewAppID()
	check(t, s.CreateApp(t.Context(), store.App{ID: id, Name: name, Account: store.LocalAccountName, CreatedAt: start}))
	return id
}

// deploy makes a revision and its deployment, and commits and ends it.
func deploy(t *testing.T, s Store, app store.AppID) store.Deployment {
	t.Helper()
	d := begin(t, s, app)
	check(t, s.CommitDeployment(t.Context(), d.ID, start))
	check(t, s.EndDeployment(t.Context(), d.ID, store.Live, "", "", start))
	return must(s.Deployment(t.Context(), d.ID))(t)
}

// begin makes a revision and its deployment.
func begin(t *testing.T, s Store, app store.AppID) store.Deployment {
	t.Helper()
	return must(s.CreateDeployment(t.Context(), store.Deployment{App: app, StartedAt: start}, &store.Revision{Repository: "local/x", Digest: "sha256:m"}))(t)
}

// back makes a deployment of a revision that is there.
func back(t *testing.T, s Store, app store.AppID, n store.RevisionNumber) store.Deployment {
	t.Helper()
	return must(s.CreateDeployment(t.Context(), store.Deployment{App: app, Revision: n, Rollback: true, StartedAt: start}, nil))(t)
}

func wantApp(t *testing.T, s Store, app store.AppID, current, previous, latest store.RevisionNumber) {
	t.Helper()
	a := must(s.App(t.Context(), app))(t)
	if a.Current != current || a.Previous != previous || a.Latest != latest {
		t.Errorf("current %s, previous %s, latest %s; want %s, %s, %s", a.Current, a.Previous, a.Latest, current, previous, latest)
	}
}
