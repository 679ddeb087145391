package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pressly/goose/v3"

	"github.com/neutrino-local/neutrino-local/store"
)

func TestLatest(t *testing.T) {
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil || len(files) != latest || !strings.HasPrefix(files[latest-1], fmt.Sprintf("migrations/%05d_", latest)) {
		t.Errorf("migrations %v, %v; latest is %d", files, err, latest)
	}
}

// addSome makes one of each thing, so that a test can see whether they last.
func addSome(t *testing.T, db *DB) store.App {
	t.Helper()
	ctx := t.Context()
	app := store.App{ID: store.NewAppID(), Name: "hello", Account: store.LocalAccountName, CreatedAt: time.Unix(1, 2), Listeners: []string{"127.0.0.1:80"}}
	check(t, db.CreateApp(ctx, app))
	d, err := db.CreateDeployment(ctx, store.Deployment{App: app.ID}, &store.Revision{Digest: "sha256:m", Variables: map[string]string{"k": "v"}})
	check(t, err)
	check(t, db.CommitDeployment(ctx, d.ID, time.Unix(3, 0)))
	check(t, db.LinkBlob(ctx, "local/hello", "sha256:c"))
	check(t, db.PutManifest(ctx, store.Manifest{Repository: "local/hello", Digest: "sha256:m", Blobs: []string{"sha256:c"}, PushedAt: time.Unix(4, 0)}, "1"))
	return app
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// all reads what addSome has made, and whatever else there is.
func all(t *testing.T, db *DB) []any {
	t.Helper()
	ctx := t.Context()
	apps, err := db.Apps(ctx)
	check(t, err)
	got := []any{apps}
	for _, a := range apps {
		deps, err := db.Deployments(ctx, a.ID, 0)
		check(t, err)
		revs, err := db.Revisions(ctx, a.ID)
		check(t, err)
		got = append(got, deps, revs)
	}
	for _, table := range []string{"manifests", "manifest_blobs", "tags", "blobs", "blob_links", "repositories"} {
		rows, err := strs(db.read.QueryContext(ctx, `SELECT count(*) FROM `+table))
		check(t, err)
		got = append(got, rows)
	}
	return got
}

func TestReopenKeepsEverything(t *testing.T) {
	path := filepath.Join(t.TempDir(), "neutrino.db")
	db, err := Open(t.Context(), path)
	check(t, err)
	addSome(t, db)
	want := all(t, db)
	check(t, db.Close())
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v; want mode 0600", info, err)
	}
	check(t, os.Chmod(path, 0o644))
	db, err = Open(t.Context(), path)
	check(t, err)
	defer closeChecked(t, db)
	if diff := cmp.Diff(want, all(t, db)); diff != "" {
		t.Errorf("after reopening: -want +got\n%s", diff)
	}
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v; want mode 0600", info, err)
		}
	}
}

func TestMigratesOlder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "neutrino.db")
	p, err := pool(path, writeDSN, 1)
	check(t, err)
	files, err := fs.Sub(migrations, "migrations")
	check(t, err)
	g, err := goose.NewProvider(goose.DialectSQLite3, p, files)
	check(t, err)
	_, err = g.UpTo(t.Context(), 1)
	check(t, err)
	_, err = p.ExecContext(t.Context(), `INSERT INTO apps (id, name, account, created_at, last_used) VALUES ('x', 'hello', 'local', 0, 0)`)
	check(t, err)
	check(t, p.Close())
	db := openAt(t, path)
	_, err = db.AppNamed(t.Context(), "local", "hello")
	check(t, err)
	check(t, db.LinkBlob(t.Context(), "r", "sha256:c"))
}

// snapshot returns the bytes of all files of a directory but -shm, which holds
// no data.
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	entries, err := os.ReadDir(dir)
	check(t, err)
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), "-shm") {
			b, err := os.ReadFile(filepath.Join(dir, e.Name()))
			check(t, err)
			all[e.Name()] = string(b)
		}
	}
	return all
}

// A database that is not ours to write is refused, and not a byte of it changes,
// not even when its process has died without closing it.
func TestRefusesOthers(t *testing.T) {
	tests := []struct {
		name, sql, want string
	}{
		{"newer", `INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, 1)`, "was written by a newer neutrino-local (schema 99, this one knows 2)"},
		{"another program", `DROP TABLE goose_db_version`, "is of another program"},
	}
	for _, tt := range tests {
		for _, crashed := range []bool{false, true} {
			dir := t.TempDir()
			path := filepath.Join(dir, "neutrino.db")
			db, err := Open(t.Context(), path)
			check(t, err)
			_, err = db.write.ExecContext(t.Context(), tt.sql)
			check(t, err)
			if crashed { // the -wal stays behind
				left := snapshot(t, dir)
				check(t, db.Close())
				for name, b := range left {
					check(t, os.WriteFile(filepath.Join(dir, name), []byte(b), 0o600))
				}
			} else {
				check(t, db.Close())
			}
			before := snapshot(t, dir)
			_, err = Open(t.Context(), path)
			if !errors.Is(err, store.ErrInvalid) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), tt.want) || store.HintOf(err) == "" {
				t.Errorf("%s: error %v, want one that says %q", tt.name, err, tt.want)
			}
			if after := snapshot(t, dir); !maps.Equal(before, after) {
				t.Errorf("%s, crashed %t: the files have changed: %v, then %v", tt.name, crashed, sizes(before), sizes(after))
			}
		}
	}
}

func sizes(files map[string]string) map[string]int {
	n := make(map[string]int)
	for name, b := range files {
		n[name] = len(b)
	}
	return n
}

// wantFault checks that an error names the file, says what is wrong in words and
// has a next step.
func wantFault(t *testing.T, err error, path, text string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), text) || store.HintOf(err) == "" {
		t.Errorf("error %v (hint %q), want one that says %q of %s", err, store.HintOf(err), text, path)
	}
}

func TestFaults(t *testing.T) {
	ctx := t.Context()
	t.Run("no directory", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "none", "neutrino.db")
		_, err := Open(ctx, path)
		wantFault(t, err, path, "no such file")
	})
	t.Run("a directory", func(t *testing.T) {
		path := t.TempDir()
		_, err := Open(ctx, path)
		wantFault(t, err, path, "is a directory")
	})
	t.Run("not a database", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "neutrino.db")
		check(t, os.WriteFile(path, bytes.Repeat([]byte("no SQLite. "), 1000), 0o600))
		_, err := Open(ctx, path)
		wantFault(t, err, path, "damaged or not a SQLite database")
	})
	t.Run("read-only directory", func(t *testing.T) {
		dir := t.TempDir()
		if os.Geteuid() == 0 { // whom no mode keeps out
			dir = "/sys"
		}
		check(t, os.Chmod(dir, 0o555))
		path := filepath.Join(dir, "neutrino.db")
		_, err := Open(ctx, path)
		wantFault(t, err, path, "denied")
	})
	t.Run("read-only", func(t *testing.T) {
		db := openTemp(t)
		_, err := db.write.ExecContext(ctx, `PRAGMA query_only = 1`)
		check(t, err)
		wantFault(t, db.LinkBlob(ctx, "r", "sha256:c"), db.path, "it is read-only")
	})
}

func TestDamage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "neutrino.db")
	db, err := Open(t.Context(), path)
	check(t, err)
	for i := range 200 {
		check(t, db.LinkBlob(t.Context(), "r", fmt.Sprintf("sha256:%0100d", i)))
	}
	check(t, db.Close())
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	check(t, err)
	info, err := f.Stat()
	check(t, err)
	for at := int64(8 * 4096); at < info.Size(); at += 4096 { // the heads of pages
		_, err := f.WriteAt(bytes.Repeat([]byte{0xff}, 64), at)
		check(t, err)
	}
	check(t, f.Close())
	db, err = Open(t.Context(), path)
	if err != nil {
		wantFault(t, err, path, "damaged")
		return
	}
	defer db.Close()
	if err := db.Check(t.Context()); err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("Check = %v, want what is damaged", err)
	}
	_, err = db.UnreferencedBlobs(t.Context(), time.Now(), 0)
	_, err2 := db.Tags(t.Context(), "r", "", 0)
	wantFault(t, errors.Join(err, err2), path, "it is damaged")
}

// A full disk fails what needs room, harms nothing and can be got over.
func TestDiskFull(t *testing.T) {
	ctx := t.Context()
	db := openTemp(t)
	addSome(t, db)
	var pages int
	check(t, db.write.QueryRowContext(ctx, `PRAGMA page_count`).Scan(&pages))
	limit := func(n int) {
		check(t, db.write.QueryRowContext(ctx, fmt.Sprintf(`PRAGMA max_page_count = %d`, n)).Scan(new(int)))
	}
	limit(pages)
	var err error
	n := 0
	for ; err == nil && n < 10_000; n++ {
		err = db.LinkBlob(ctx, "r", fmt.Sprintf("sha256:%0200d", n))
	}
	wantFault(t, err, db.path, "the disk is full")
	if ok, err := db.BlobLinked(ctx, "r", fmt.Sprintf("sha256:%0200d", n-1)); ok || err != nil {
		t.Errorf("what failed is there: %t, %v", ok, err)
	}
	limit(10 * pages)
	check(t, db.LinkBlob(ctx, "r", fmt.Sprintf("sha256:%0200d", n-1)))
}

// A file may be open more than once, and opened new by several at a time.
func TestManyOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "neutrino.db")
	var wg sync.WaitGroup
	dbs := make([]*DB, 4)
	for i := range dbs {
		wg.Go(func() {
			db, err := Open(context.Background(), path)
			if err != nil {
				t.Error(err)
				return
			}
			dbs[i] = db
			for n := range 20 {
				if err := db.LinkBlob(context.Background(), "r", fmt.Sprintf("sha256:%d-%d", i, n)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for i, db := range dbs {
		if db == nil {
			continue
		}
		if ok, err := db.BlobLinked(t.Context(), "r", fmt.Sprintf("sha256:%d-19", (i+1)%4)); !ok || err != nil {
			t.Errorf("what another has written: %t, %v", ok, err)
		}
		closeChecked(t, db)
	}
}

func TestManyTags(t *testing.T) {
	ctx := t.Context()
	db := openTemp(t)
	check(t, db.PutManifest(ctx, store.Manifest{Repository: "r", Digest: "sha256:m"}, ""))
	check(t, db.change(ctx, "tags", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 9999)
			INSERT INTO tags (repository, name, digest, updated_at) SELECT 'r', format('v%d', i), 'sha256:m', 0 FROM n`)
		return err
	}))
	var got []string
	for last := ""; len(got)%100 == 0 && len(got) < 20_000; last = got[len(got)-1] {
		page, err := db.Tags(ctx, "r", last, 100)
		check(t, err)
		if len(page) == 0 {
			break
		}
		got = append(got, page...)
	}
	if len(got) != 10_000 || !slices.IsSorted(got) || len(slices.Compact(got)) != 10_000 {
		t.Errorf("%d tags in pages, want 10,000 in order", len(got))
	}
	check(t, db.DeleteManifest(ctx, "r", "sha256:m"))
}
