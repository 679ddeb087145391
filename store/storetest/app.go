package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/neutrino-local/neutrino-local/store"
)

func apps(t *testing.T, s Store) {
	ctx := t.Context()
	want := []store.App{
		{ID: store.NewAppID(), Name: "alpha", Account: "local", CreatedAt: start, LastUsed: start.Add(time.Hour)},
		{ID: store.NewAppID(), Name: "beta", Account: "local", CreatedAt: start, Listeners: []string{"127.0.0.1:2", "127.0.0.1:1"}},
		{ID: store.NewAppID(), Name: "alpha", Account: "other", CreatedAt: start}, // names are an account's own
	}
	for _, i := range []int{2, 0, 1} {
		check(t, s.CreateApp(ctx, want[i]))
	}
	if diff := cmp.Diff(want, must(s.Apps(ctx))(t)); diff != "" {
		t.Errorf("Apps: -want +got\n%s", diff)
	}
	for _, a := range want {
		if diff := cmp.Diff(a, must(s.App(ctx, a.ID))(t)); diff != "" {
			t.Errorf("App: -want +got\n%s", diff)
		}
		if diff := cmp.Diff(a, must(s.AppNamed(ctx, a.Account, a.Name))(t)); diff != "" {
			t.Errorf("AppNamed: -want +got\n%s", diff)
		}
	}
}

func appConflicts(t *testing.T, s Store) {
	ctx := t.Context()
	a := store.App{ID: store.NewAppID(), Name: "hello", Account: "local", Listeners: []string{"127.0.0.1:80"}}
	check(t, s.CreateApp(ctx, a))
	tests := []struct {
		name string
		app  store.App
		kind error
	}{
		{"name", store.App{ID: store.NewAppID(), Name: "hello", Account: "local"}, store.ErrConflict},
		{"id", store.App{ID: a.ID, Name: "other", Account: "local"}, store.ErrConflict},
		{"listener", store.App{ID: store.NewAppID(), Name: "other", Account: "local", Listeners: a.Listeners}, store.ErrConflict},
		{"bad name", store.App{ID: store.NewAppID(), Name: "No", Account: "local"}, store.ErrInvalid},
		{"bad id", store.App{ID: "x", Name: "other", Account: "local"}, store.ErrInvalid},
		{"no account", store.App{ID: store.NewAppID(), Name: "other"}, store.ErrInvalid},
	}
	for _, tt := range tests {
		wants(t, tt.name, s.CreateApp(ctx, tt.app), tt.kind)
	}
	if diff := cmp.Diff([]store.App{a}, must(s.Apps(ctx))(t)); diff != "" {
		t.Errorf("after refusals: -want +got\n%s", diff)
	}
}

func appNotFound(t *testing.T, s Store) {
	ctx, id := t.Context(), store.NewAppID()
	_, err := s.App(ctx, id)
	wants(t, "App", err, store.ErrNotFound)
	_, err = s.AppNamed(ctx, "local", "nobody")
	wants(t, "AppNamed", err, store.ErrNotFound)
	wants(t, "DeleteApp", s.DeleteApp(ctx, id), store.ErrNotFound)
	wants(t, "SetListeners", s.SetListeners(ctx, id, nil), store.ErrNotFound)
	_, err = s.CreateDeployment(ctx, store.Deployment{App: id}, &store.Revision{Digest: "sha256:m"})
	wants(t, "CreateDeployment", err, store.ErrNotFound)
	_, err = s.PruneRevisions(ctx, id, 1)
	wants(t, "PruneRevisions", err, store.ErrNotFound)
	_, err = s.Revision(ctx, id, 1)
	wants(t, "Revision", err, store.ErrNotFound)
	check(t, s.TouchApps(ctx, map[store.AppID]time.Time{id: start}))
	if n := len(must(s.Revisions(ctx, id))(t)) + len(must(s.Deployments(ctx, id, 0))(t)) + len(must(s.Apps(ctx))(t)); n != 0 {
		t.Errorf("%d things of an app that is not there", n)
	}
}

func listeners(t *testing.T, s Store) {
	ctx := t.Context()
	a, b := newApp(t, s, "a"), newApp(t, s, "b")
	check(t, s.SetListeners(ctx, a, []string{"127.0.0.1:80", "127.0.0.1:0", "127.0.0.1:0"}))
	check(t, s.SetListeners(ctx, b, []string{"127.0.0.1:0"})) // port 0 is another one each time
	wants(t, "taken", s.SetListeners(ctx, b, []string{"127.0.0.1:81", "127.0.0.1:80"}), store.ErrConflict)
	wants(t, "twice", s.SetListeners(ctx, b, []string{"127.0.0.1:81", "127.0.0.1:81"}), store.ErrConflict)
	if got := must(s.App(ctx, b))(t).Listeners; !cmp.Equal(got, []string{"127.0.0.1:0"}) {
		t.Errorf("after refusals: %v, want what was before", got)
	}
	check(t, s.SetListeners(ctx, a, nil))
	check(t, s.SetListeners(ctx, b, []string{"127.0.0.1:80"}))
	if got := must(s.App(ctx, a))(t).Listeners; len(got) != 0 {
		t.Errorf("after taking them away: %v", got)
	}
}

func touch(t *testing.T, s Store) {
	ctx := t.Context()
	a, b := newApp(t, s, "a"), newApp(t, s, "b")
	check(t, s.TouchApps(ctx, map[store.AppID]time.Time{a: start.Add(time.Minute), b: start, store.NewAppID(): start}))
	check(t, s.TouchApps(ctx, map[store.AppID]time.Time{a: start, b: start.Add(time.Hour)}))
	check(t, s.TouchApps(ctx, nil))
	for id, want := range map[store.AppID]time.Duration{a: time.Minute, b: time.Hour} {
		if got := must(s.App(ctx, id))(t).LastUsed; !got.Equal(start.Add(want)) {
			t.Errorf("last used %v, want %v later than %v", got, want, start)
		}
	}
}

func deleteApp(t *testing.T, s Store) {
	ctx := t.Context()
	id := newApp(t, s, "hello")
	check(t, s.SetListeners(ctx, id, []string{"127.0.0.1:80"}))
	deploy(t, s, id)
	open := begin(t, s, id)
	keep := newApp(t, s, "keep")
	kept := deploy(t, s, keep)
	check(t, s.DeleteApp(ctx, id))

	appGone(t, s, id, open.ID)
	if got := must(s.OpenDeployments(ctx))(t); len(got) != 0 {
		t.Errorf("open deployments: %v", got)
	}
	if got := must(s.Deployments(ctx, keep, 0))(t); !cmp.Equal(got, []store.Deployment{kept}) {
		t.Errorf("deployments of another app: %v, want %v", got, kept)
	}
	again := newApp(t, s, "hello") // the name is free again, and the listener
	check(t, s.SetListeners(ctx, again, []string{"127.0.0.1:80"}))
	wantApp(t, s, again, 0, 0, 0)
}

func appGone(t *testing.T, s Store, id store.AppID, open store.DeploymentID) {
	t.Helper()
	ctx := t.Context()
	_, err := s.App(ctx, id)
	wants(t, "App", err, store.ErrNotFound)
	_, err = s.Deployment(ctx, open)
	wants(t, "Deployment", err, store.ErrNotFound)
	_, err = s.Revision(ctx, id, 1)
	wants(t, "Revision", err, store.ErrNotFound)
	wants(t, "CommitDeployment", s.CommitDeployment(ctx, open, start), store.ErrNotFound)
	wants(t, "AddPhase", s.AddPhase(ctx, open, store.PhaseEvent{Phase: store.Pulling}), store.ErrNotFound)
	wants(t, "AddCut", s.AddCut(ctx, open, 1), store.ErrNotFound)
	wants(t, "EndDeployment", s.EndDeployment(ctx, open, store.Failed, store.Pulling, "x", start), store.ErrNotFound)
}

// A call that is cancelled changes nothing and harms no later one.
func cancelled(t *testing.T, s Store) {
	id := newApp(t, s, "hello")
	d := begin(t, s, id)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	wants(t, "CommitDeployment", s.CommitDeployment(ctx, d.ID, start), context.Canceled)
	wants(t, "DeleteApp", s.DeleteApp(ctx, id), context.Canceled)
	_, err := s.App(ctx, id)
	wants(t, "App", err, context.Canceled)
	wantApp(t, s, id, 0, 0, 1)
	check(t, s.CommitDeployment(t.Context(), d.ID, start))
}
