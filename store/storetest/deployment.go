package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/neutrino-local/neutrino-local/store"
)

func deployment(t *testing.T, s Store) {
	ctx := t.Context()
	app := newApp(t, s, "hello")
	asked := store.Deployment{
		ID: "11111111-1111-4111-8111-111111111111", App: app, Policy: store.Mixed, Window: 2 * time.Second, Seed: 1<<64 - 1,
		HealthPath: "/healthz", Readiness: time.Minute, DrainTimeout: 35 * time.Second, Warnings: []string{"drops a"}, StartedAt: start,
		Events: []store.PhaseEvent{{Phase: store.Packaging, At: start.Add(-time.Second)}, {Phase: store.Pushing, At: start.Add(-time.Millisecond), Detail: "3 layers"}},
	}
	rev := store.Revision{Repository: "local/hello", Digest: "sha256:m"}
	got := must(s.CreateDeployment(ctx, asked, &rev))(t)
	want := asked
	want.Revision, want.Phase = 1, store.Creating
	want.Events = append(want.Events[:2:2], store.PhaseEvent{Phase: store.Creating, At: start})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("created: -want +got\n%s", diff)
	}
	if rev.Number != 0 || len(asked.Events) != 2 {
		t.Errorf("what was asked for has changed: %v, %v", rev, asked)
	}
	_, err := s.CreateDeployment(ctx, asked, &rev)
	wants(t, "same id", err, store.ErrConflict)
	wantApp(t, s, app, 0, 0, 1) // no number lost to the conflict

	check(t, s.AddPhase(ctx, got.ID, store.PhaseEvent{Phase: store.Compiling, At: start, Detail: "1 of 2"}))
	check(t, s.AddPhase(ctx, got.ID, store.PhaseEvent{Phase: store.Compiling, At: start, Detail: "2 of 2"}))
	check(t, s.EndDeployment(ctx, got.ID, store.Failed, store.Compiling, "no such import", start.Add(time.Second)))
	want.Phase, want.FailedIn, want.Reason, want.EndedAt = store.Failed, store.Compiling, "no such import", start.Add(time.Second)
	want.Events = append(want.Events, store.PhaseEvent{Phase: store.Compiling, At: start, Detail: "1 of 2"},
		store.PhaseEvent{Phase: store.Compiling, At: start, Detail: "2 of 2"}, store.PhaseEvent{Phase: store.Failed, At: start.Add(time.Second)})
	if diff := cmp.Diff(want, must(s.Deployment(ctx, got.ID))(t)); diff != "" {
		t.Errorf("failed: -want +got\n%s", diff)
	}
	wantApp(t, s, app, 0, 0, 1)

	_, err = s.CreateDeployment(ctx, store.Deployment{App: app, Phase: store.Switching}, &rev)
	wants(t, "born committed", err, store.ErrInvalid)
	_, err = s.CreateDeployment(ctx, store.Deployment{App: app, Rollback: true}, &rev)
	wants(t, "rollback to a new revision", err, store.ErrInvalid)
}

// What a deployment may not do: go back, commit by the way, end twice.
func phases(t *testing.T, s Store) {
	ctx := t.Context()
	app := newApp(t, s, "hello")
	d := begin(t, s, app)
	pulling, draining := store.PhaseEvent{Phase: store.Pulling, At: start}, store.PhaseEvent{Phase: store.Draining, At: start}
	wants(t, "switching without a commit", s.AddPhase(ctx, d.ID, store.PhaseEvent{Phase: store.Switching}), store.ErrConflict)
	wants(t, "failed by AddPhase", s.AddPhase(ctx, d.ID, store.PhaseEvent{Phase: store.Failed}), store.ErrConflict)
	wants(t, "live without a commit", s.EndDeployment(ctx, d.ID, store.Live, "", "", start), store.ErrConflict)
	wants(t, "an end that is none", s.EndDeployment(ctx, d.ID, store.Pulling, "", "", start), store.ErrConflict)
	check(t, s.AddPhase(ctx, d.ID, pulling))
	check(t, s.CommitDeployment(ctx, d.ID, start))
	wants(t, "a second commit", s.CommitDeployment(ctx, d.ID, start), store.ErrConflict)
	wants(t, "pulling after the commit", s.AddPhase(ctx, d.ID, pulling), store.ErrConflict)
	wants(t, "failed after the commit", s.EndDeployment(ctx, d.ID, store.Failed, store.Switching, "x", start), store.ErrConflict)
	check(t, s.AddPhase(ctx, d.ID, store.PhaseEvent{Phase: store.Switching, At: start, Detail: "50 %"}))
	check(t, s.AddPhase(ctx, d.ID, draining))
	check(t, s.EndDeployment(ctx, d.ID, store.Live, "", "", start))
	wants(t, "a second end", s.EndDeployment(ctx, d.ID, store.Live, "", "", start), store.ErrConflict)
	wants(t, "a phase after the end", s.AddPhase(ctx, d.ID, draining), store.ErrConflict)
	check(t, s.AddCut(ctx, d.ID, 2))
	check(t, s.AddCut(ctx, d.ID, 1))

	got := must(s.Deployment(ctx, d.ID))(t)
	var seen []store.Phase
	for _, e := range got.Events {
		seen = append(seen, e.Phase)
	}
	if want := []store.Phase{store.Creating, store.Pulling, store.Switching, store.Switching, store.Draining, store.Live}; !cmp.Equal(seen, want) || got.Cut != 3 {
		t.Errorf("phases %v, cut %d; want %v, 3", seen, got.Cut, want)
	}
}

func commit(t *testing.T, s Store) {
	ctx := t.Context()
	app := newApp(t, s, "hello")
	first, second := begin(t, s, app), begin(t, s, app)
	check(t, s.CommitDeployment(ctx, first.ID, start))
	wantApp(t, s, app, 1, 0, 2)
	check(t, s.CommitDeployment(ctx, second.ID, start)) // while the first one drains
	wantApp(t, s, app, 2, 1, 2)
	third := begin(t, s, app)
	if third.From != 2 || first.From != 0 {
		t.Errorf("from %s and %s, want r0 and r2", first.From, third.From)
	}
	check(t, s.EndDeployment(ctx, third.ID, store.Failed, store.Checking, "sick", start))
	wants(t, "commit after the end", s.CommitDeployment(ctx, third.ID, start), store.ErrConflict)
	wantApp(t, s, app, 2, 1, 3)
	wants(t, "commit of nothing", s.CommitDeployment(ctx, "x", start), store.ErrNotFound)
}

func rollback(t *testing.T, s Store) {
	ctx := t.Context()
	app := newApp(t, s, "hello")
	deploy(t, s, app)
	deploy(t, s, app)
	deploy(t, s, app)
	wantApp(t, s, app, 3, 2, 3)
	steps := []struct{ to, current, previous store.RevisionNumber }{
		{2, 2, 3}, // to the one before
		{3, 3, 2}, // and back
		{1, 1, 3},
		{1, 1, 3}, // to where we are: the way back stays
	}
	for _, step := range steps {
		d := back(t, s, app, step.to)
		if d.Revision != step.to || !d.Rollback {
			t.Errorf("rollback to %s: %+v", step.to, d)
		}
		check(t, s.CommitDeployment(ctx, d.ID, start))
		check(t, s.EndDeployment(ctx, d.ID, store.Live, "", "", start))
		wantApp(t, s, app, step.current, step.previous, 3)
	}
	_, err := s.CreateDeployment(ctx, store.Deployment{App: app, Revision: 4, Rollback: true}, nil)
	wants(t, "rollback to what was never there", err, store.ErrNotFound)
	if n := deploy(t, s, app).Revision; n != 4 {
		t.Errorf("after rollbacks the next revision is %s, want r4", n)
	}
}

func recovery(t *testing.T, s Store) {
	ctx := t.Context()
	app := newApp(t, s, "hello")
	deploy(t, s, app)
	var ids []store.DeploymentID
	for _, phase := range []store.Phase{store.Creating, store.Checking, store.Switching, store.Draining} {
		d := begin(t, s, app)
		ids = append(ids, d.ID)
		if phase.Committed() {
			check(t, s.CommitDeployment(ctx, d.ID, start))
		}
		check(t, s.AddPhase(ctx, d.ID, store.PhaseEvent{Phase: phase, At: start}))
	}
	if got := must(s.OpenDeployments(ctx))(t); len(got) != 4 || got[0].ID != ids[0] || got[3].ID != ids[3] {
		t.Errorf("open: %v, want %v", got, ids)
	}
	at := start.Add(time.Hour)
	all := must(s.Recover(ctx, at))(t)
	if len(all) != 4 {
		t.Fatalf("recovered %d deployments, want 4", len(all))
	}
	want := []store.Deployment{
		{Phase: store.Failed, FailedIn: store.Creating, Reason: store.Interrupted},
		{Phase: store.Failed, FailedIn: store.Checking, Reason: store.Interrupted},
		{Phase: store.Live, Recovered: true},
		{Phase: store.Live, Recovered: true},
	}
	for i, d := range all {
		got := store.Deployment{Phase: d.Phase, FailedIn: d.FailedIn, Reason: d.Reason, Recovered: d.Recovered}
		last := d.Events[len(d.Events)-1]
		if !cmp.Equal(got, want[i]) || d.ID != ids[i] || !d.EndedAt.Equal(at) || last.Phase != d.Phase || !last.At.Equal(at) {
			t.Errorf("recovered %+v, want %+v", d, want[i])
		}
		if diff := cmp.Diff(d, must(s.Deployment(ctx, d.ID))(t)); diff != "" {
			t.Errorf("on record: -returned +got\n%s", diff)
		}
	}
	wantApp(t, s, app, 5, 4, 5)
	if again := must(s.Recover(ctx, at))(t); len(again) != 0 {
		t.Errorf("a second time: %v", again)
	}
}

func history(t *testing.T, s Store) {
	ctx := t.Context()
	app := newApp(t, s, "hello")
	var want []store.Deployment
	for range 5 {
		want = append([]store.Deployment{deploy(t, s, app)}, want...)
	}
	deploy(t, s, newApp(t, s, "other"))
	if diff := cmp.Diff(want, must(s.Deployments(ctx, app, 0))(t)); diff != "" {
		t.Errorf("all: -want +got\n%s", diff)
	}
	if diff := cmp.Diff(want[:2], must(s.Deployments(ctx, app, 2))(t)); diff != "" {
		t.Errorf("last two: -want +got\n%s", diff)
	}
}
