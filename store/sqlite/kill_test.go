package sqlite

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/neutrino-local/neutrino-local/store"
)

const writerEnv = "NEUTRINO_TEST_WRITER"

// TestMain is also the process that TestKill kills.
func TestMain(m *testing.M) {
	if path := os.Getenv(writerEnv); path != "" {
		fmt.Fprintln(os.Stderr, writeForEver(path))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// writeForEver upgrades an app and links blobs, and prints what it has been told
// is done.
func writeForEver(path string) error {
	ctx := context.Background()
	db, err := Open(ctx, path)
	if err != nil {
		return err
	}
	if _, err := db.Recover(ctx, time.Now()); err != nil {
		return err
	}
	app, err := db.AppNamed(ctx, store.LocalAccountName, "hello")
	if err != nil {
		return err
	}
	for {
		d, err := db.CreateDeployment(ctx, store.Deployment{App: app.ID}, &store.Revision{Digest: "sha256:m", Blobs: []string{"sha256:c"}})
		if err != nil {
			return err
		}
		fmt.Println("created", int(d.Revision))
		if err := db.LinkBlob(ctx, "r", fmt.Sprintf("sha256:%d", d.Revision)); err != nil {
			return err
		}
		fmt.Println("linked", int(d.Revision))
		if err := db.CommitDeployment(ctx, d.ID, time.Now()); err != nil {
			return err
		}
		fmt.Println("committed", int(d.Revision))
		if _, err := db.PruneRevisions(ctx, app.ID, 5); err != nil {
			return err
		}
		if err := db.EndDeployment(ctx, d.ID, store.Live, "", "", time.Now()); err != nil {
			return err
		}
		fmt.Println("live", int(d.Revision))
	}
}

// done is the highest revision that was acknowledged for each verb.
type done map[string]store.RevisionNumber

// runAndKill lets a writer work until it has printed so many lines, kills it, and
// adds what it has printed to seen.
func runAndKill(t *testing.T, path string, lines int, seen done) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), writerEnv+"="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	check(t, err)
	check(t, cmd.Start())
	in := bufio.NewScanner(out)
	for n := 0; in.Scan(); n++ {
		var verb string
		var rev store.RevisionNumber
		if _, err := fmt.Sscanf(in.Text(), "%s %d", &verb, &rev); err != nil {
			t.Fatalf("%q: %v", in.Text(), err)
		}
		seen[verb] = rev
		if n == lines {
			check(t, cmd.Process.Kill()) // and read what it has still said
		}
	}
	if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() != -1 {
		t.Fatalf("the writer ended by itself: %v", err)
	}
}

// What was acknowledged before a kill -9 is there after it, and nothing is half
// there.
func TestKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "neutrino.db")
	db, err := Open(t.Context(), path)
	check(t, err)
	app := addSome(t, db)
	check(t, db.Close())
	seen := make(done)
	for round := range 10 {
		// The first is killed before it has committed anything.
		runAndKill(t, path, min(round, 1)*rand.IntN(100), seen)
		db, err := Open(t.Context(), path)
		check(t, err)
		checkSurvivors(t, db, app.ID, seen)
		closeChecked(t, db)
	}
}

func checkSurvivors(t *testing.T, db *DB, id store.AppID, seen done) {
	t.Helper()
	ctx := t.Context()
	app, err := db.App(ctx, id)
	check(t, err)
	if app.Latest < seen["created"] || app.Latest > seen["created"]+1 || app.Current < seen["committed"] || app.Current > app.Latest {
		t.Errorf("acknowledged %v, found %+v", seen, app)
	}
	for _, n := range []store.RevisionNumber{app.Current, app.Previous} {
		if n == 0 {
			continue // killed before the first commit: the app has no previous revision
		}
		if rev, err := db.Revision(ctx, id, n); err != nil || len(rev.Blobs) != 2 && n > 1 {
			t.Errorf("revision %+v, %v; want it whole", rev, err)
		}
	}
	for n := store.RevisionNumber(2); n <= seen["linked"]; n++ {
		// A number whose writer was killed before linking has no blob.
		known, err := db.BlobLinked(ctx, "r", fmt.Sprintf("sha256:%d", n))
		if err != nil || !known && n == seen["linked"] {
			t.Errorf("link of %s is lost, %v", n, err)
		}
	}
	recovered, err := db.Recover(ctx, time.Now())
	check(t, err)
	for _, d := range recovered {
		if committed := app.Current == d.Revision; committed != (d.Phase == store.Live) {
			t.Errorf("current %s, and recovered %+v", app.Current, d)
		}
	}
}
