package sqlite

import (
	"fmt"
	"testing"
	"time"

	"github.com/neutrino-local/neutrino-local/store"
)

func benchApp(b *testing.B, db *DB) store.App {
	b.Helper()
	app := store.App{ID: store.NewAppID(), Name: "hello", Account: store.LocalAccountName}
	if err := db.CreateApp(b.Context(), app); err != nil {
		b.Fatal(err)
	}
	return app
}

func deploy(b *testing.B, db *DB, app store.AppID) store.Deployment {
	b.Helper()
	d, err := db.CreateDeployment(b.Context(), store.Deployment{App: app}, &store.Revision{Repository: "local/hello", Digest: "sha256:0", Blobs: []string{"sha256:1", "sha256:2"}})
	if err != nil {
		b.Fatal(err)
	}
	return d
}

// The cost of the switch must not grow with the revisions there are.
func BenchmarkCommitDeployment(b *testing.B) {
	for _, kept := range []int{1, 2000} {
		b.Run(fmt.Sprintf("revisions=%d", kept), func(b *testing.B) {
			db := openTemp(b)
			app := benchApp(b, db)
			for range kept {
				deploy(b, db, app.ID)
			}
			var commits time.Duration // without what makes a deployment ready for it
			for b.Loop() {
				d := deploy(b, db, app.ID)
				start := time.Now()
				if err := db.CommitDeployment(b.Context(), d.ID, start); err != nil {
					b.Fatal(err)
				}
				commits += time.Since(start)
				if err := db.EndDeployment(b.Context(), d.ID, store.Live, "", "", start); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(commits.Nanoseconds())/float64(b.N), "commit-ns/op")
		})
	}
}

func BenchmarkCreateDeployment(b *testing.B) {
	db := openTemp(b)
	app := benchApp(b, db)
	for b.Loop() {
		deploy(b, db, app.ID)
	}
}

func BenchmarkAddPhase(b *testing.B) {
	db := openTemp(b)
	d := deploy(b, db, benchApp(b, db).ID)
	for b.Loop() {
		if err := db.AddPhase(b.Context(), d.ID, store.PhaseEvent{Phase: store.Pulling, At: time.Now()}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLinkBlob(b *testing.B) {
	db := openTemp(b)
	n := 0
	for b.Loop() {
		n++
		if err := db.LinkBlob(b.Context(), "local/hello", fmt.Sprintf("sha256:%064x", n)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBlobLinked(b *testing.B) {
	db := openTemp(b)
	if err := db.LinkBlob(b.Context(), "local/hello", "sha256:1"); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if ok, err := db.BlobLinked(b.Context(), "local/hello", "sha256:1"); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}

func BenchmarkTag(b *testing.B) {
	db := openTemp(b)
	ctx := b.Context()
	for i := range 1000 {
		if err := db.PutManifest(ctx, store.Manifest{Repository: "local/hello", Digest: fmt.Sprint("sha256:", i)}, fmt.Sprint("v", i)); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if _, err := db.Tag(ctx, "local/hello", "v500"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReopen(b *testing.B) {
	db := openTemp(b)
	for b.Loop() {
		again, err := Open(b.Context(), db.path)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := again.Apps(b.Context()); err != nil {
			b.Fatal(err)
		}
		if err := again.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpenNew(b *testing.B) {
	dir := b.TempDir()
	n := 0
	for b.Loop() {
		n++
		db, err := Open(b.Context(), fmt.Sprintf("%s/%d.db", dir, n))
		if err != nil {
			b.Fatal(err)
		}
		if err := db.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
