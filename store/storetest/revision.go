package storetest

import (
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/neutrino-local/neutrino-local/store"
)

func revision(t *testing.T, s Store) {
	ctx := t.Context()
	app := newApp(t, s, "hello")
	rev := store.Revision{
		Repository: "local/hello", Digest: "sha256:m", Blobs: []string{"sha256:c", "sha256:c", "sha256:m"}, Size: 1 << 40,
		Variables: map[string]string{"secret": "a'b\"c\x00", "": "ü"}, CreatedAt: start,
	}
	must(s.CreateDeployment(ctx, store.Deployment{App: app}, &rev))(t)
	want := rev
	want.App, want.Number, want.Blobs = app, 1, []string{"sha256:c", "sha256:m"}
	if diff := cmp.Diff(want, must(s.Revision(ctx, app, 1))(t)); diff != "" {
		t.Errorf("revision: -want +got\n%s", diff)
	}
	if diff := cmp.Diff([]store.Revision{want}, must(s.Revisions(ctx, app))(t)); diff != "" {
		t.Errorf("revisions: -want +got\n%s", diff)
	}
	check(t, s.SetRevisionBlobs(ctx, app, 1, []string{"sha256:l", "sha256:d"}, 5))
	want.Blobs, want.Size = []string{"sha256:d", "sha256:l", "sha256:m"}, 5
	if diff := cmp.Diff(want, must(s.Revision(ctx, app, 1))(t)); diff != "" {
		t.Errorf("with new roots: -want +got\n%s", diff)
	}
	must(s.CreateDeployment(ctx, store.Deployment{App: app}, &store.Revision{Digest: "sha256:l"}))(t)
	if got := must(s.RevisionBlobs(ctx))(t); !cmp.Equal(got, want.Blobs) {
		t.Errorf("roots %v, want %v", got, want.Blobs)
	}
	wants(t, "roots of nothing", s.SetRevisionBlobs(ctx, app, 9, nil, 0), store.ErrNotFound)
}

// A number is given once: not again after a failure, a prune or a rollback.
func numbers(t *testing.T, s Store) {
	ctx := t.Context()
	app := newApp(t, s, "hello")
	for range 3 {
		d := begin(t, s, app)
		check(t, s.EndDeployment(ctx, d.ID, store.Failed, store.Pulling, "x", start))
	}
	if pruned := must(s.PruneRevisions(ctx, app, 0))(t); len(pruned) != 3 {
		t.Errorf("pruned %d revisions, want 3", len(pruned))
	}
	if n := begin(t, s, app).Revision; n != 4 {
		t.Errorf("next is %s, want r4", n)
	}
}

func numbersAtOnce(t *testing.T, s Store) {
	const workers, each = 8, 10
	app := newApp(t, s, "hello")
	got := make([]store.RevisionNumber, workers*each)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := range each {
				d, err := s.CreateDeployment(t.Context(), store.Deployment{App: app}, &store.Revision{Digest: "sha256:m"})
				if err != nil {
					t.Error(err)
				}
				if i > 0 && got[w*each+i-1] >= d.Revision {
					t.Errorf("%s after %s", d.Revision, got[w*each+i-1])
				}
				got[w*each+i] = d.Revision
			}
		})
	}
	wg.Wait()
	slices.Sort(got)
	for i, n := range got {
		if n != store.RevisionNumber(i+1) {
			t.Fatalf("numbers %v, want 1 to %d", got, len(got))
		}
	}
	wantApp(t, s, app, 0, 0, workers*each)
}

func prune(t *testing.T, s Store) {
	ctx := t.Context()
	app := newApp(t, s, "hello")
	for range 8 {
		deploy(t, s, app)
	}
	d := back(t, s, app, 2)
	check(t, s.CommitDeployment(ctx, d.ID, start)) // current 2, previous 8
	check(t, s.EndDeployment(ctx, d.ID, store.Live, "", "", start))
	open := back(t, s, app, 4) // from 2 to 4
	other := newApp(t, s, "other")
	deploy(t, s, other)

	if pruned := must(s.PruneRevisions(ctx, app, 20))(t); len(pruned) != 0 {
		t.Errorf("keeping 20 pruned %v", pruned)
	}
	pruned := must(s.PruneRevisions(ctx, app, 3))(t)
	wantNumbers(t, "pruned", pruned, 1, 3, 5)
	if pruned[0].Repository != "local/x" || pruned[0].Digest != "sha256:m" {
		t.Errorf("pruned %+v: no place of its manifest", pruned[0])
	}
	wantNumbers(t, "left", must(s.Revisions(ctx, app))(t), 8, 7, 6, 4, 2)
	check(t, s.EndDeployment(ctx, open.ID, store.Failed, store.Pulling, "x", start))
	wantNumbers(t, "pruned once it has ended", must(s.PruneRevisions(ctx, app, 1))(t), 4, 6, 7)
	wantNumbers(t, "left at last", must(s.Revisions(ctx, app))(t), 8, 2)
	wantNumbers(t, "of the other app", must(s.Revisions(ctx, other))(t), 1)
	_, err := s.CreateDeployment(ctx, store.Deployment{App: app, Revision: 4}, nil)
	wants(t, "rollback to a pruned revision", err, store.ErrNotFound)
	wantApp(t, s, app, 2, 8, 8)
}

func wantNumbers(t *testing.T, what string, revs []store.Revision, want ...store.RevisionNumber) {
	t.Helper()
	var got []store.RevisionNumber
	for _, r := range revs {
		got = append(got, r.Number)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}
