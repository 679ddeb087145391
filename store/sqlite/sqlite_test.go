package sqlite

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/neutrino-local/neutrino-local/store"
)

func openTemp(t testing.TB) *DB {
	t.Helper()
	db, err := Open(context.Background(), filepath.Join(t.TempDir(), "a ?#%b.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Check(context.Background()); err != nil {
			t.Error(err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func TestSpine(t *testing.T) {
	ctx := t.Context()
	db := openTemp(t)
	app := store.App{ID: store.NewAppID(), Name: "hello", Account: store.LocalAccountName, CreatedAt: time.Now(), Listeners: []string{"127.0.0.1:0"}}
	if err := db.CreateApp(ctx, app); err != nil {
		t.Fatal(err)
	}
	d, err := db.CreateDeployment(ctx, store.Deployment{App: app.ID, Policy: store.Mixed, Seed: 1 << 63}, &store.Revision{Repository: "local/hello", Digest: "sha256:1", Blobs: []string{"sha256:2"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.AddPhase(ctx, d.ID, store.PhaseEvent{Phase: store.Pulling, At: time.Now()}); err != nil {
		t.Fatal(err)
	}
	if err := db.CommitDeployment(ctx, d.ID, time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := db.EndDeployment(ctx, d.ID, store.Live, "", "", time.Now()); err != nil {
		t.Fatal(err)
	}
	got, err := db.App(ctx, app.ID)
	d, derr := db.Deployment(ctx, d.ID)
	t.Logf("%+v %v\n%+v %v", got, err, d, derr)
	if err := db.LinkBlob(ctx, "local/hello", "sha256:2"); err != nil {
		t.Fatal(err)
	}
	if err := db.PutManifest(ctx, store.Manifest{Repository: "local/hello", Digest: "sha256:1", Blobs: []string{"sha256:2"}}, "1"); err != nil {
		t.Fatal(err)
	}
	tags, err := db.Tags(ctx, "local/hello", "", 10)
	t.Log(tags, err)
}
