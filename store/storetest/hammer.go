package storetest

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/neutrino-local/neutrino-local/store"
)

// hammer lets apps deploy, roll back, prune, push and be read all at once.
func hammer(t *testing.T, s Store) {
	ctx := t.Context()
	var wg sync.WaitGroup
	for w := range 6 {
		app := newApp(t, s, store.AppName(fmt.Sprintf("app-%d", w)))
		wg.Go(func() {
			for i := range 15 {
				upgrade(t, s, app, i)
			}
		})
		wg.Go(func() {
			for i := range 15 {
				digest := fmt.Sprintf("sha256:%d", i)
				err := errors.Join(s.LinkBlob(ctx, "shared", digest),
					s.PutManifest(ctx, store.Manifest{Repository: "shared", Digest: "sha256:m", Blobs: []string{digest}}, fmt.Sprint("v", w)))
				if err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			for range 30 {
				watch(t, s, app)
			}
		})
	}
	wg.Wait()
	if open := must(s.OpenDeployments(ctx))(t); len(open) != 0 {
		t.Errorf("left open: %v", open)
	}
}

// upgrade is one deployment; each third fails and each fifth is a rollback.
func upgrade(t *testing.T, s Store, app store.AppID, i int) {
	ctx := t.Context()
	dep, rev := store.Deployment{App: app}, &store.Revision{Digest: "sha256:m", Blobs: []string{fmt.Sprintf("sha256:%d", i)}}
	if a, err := s.App(ctx, app); err == nil && i%5 == 4 && a.Previous > 0 {
		dep.Rollback, dep.Revision, rev = true, a.Previous, nil
	}
	d, err := s.CreateDeployment(ctx, dep, rev)
	if err != nil {
		t.Error(err)
		return
	}
	err = s.AddPhase(ctx, d.ID, store.PhaseEvent{Phase: store.Pulling, At: start})
	if i%3 == 2 {
		err = errors.Join(err, s.EndDeployment(ctx, d.ID, store.Failed, store.Pulling, "x", start))
	} else {
		err = errors.Join(err, s.CommitDeployment(ctx, d.ID, start), s.EndDeployment(ctx, d.ID, store.Live, "", "", start))
	}
	_, perr := s.PruneRevisions(ctx, app, 2)
	if err := errors.Join(err, perr); err != nil {
		t.Error(err)
	}
}

// watch reads an app and what it serves from: never half of a switch.
func watch(t *testing.T, s Store, app store.AppID) {
	ctx := t.Context()
	a, err := s.App(ctx, app)
	if err != nil {
		t.Error(err)
		return
	}
	if a.Current > a.Latest || a.Previous > a.Latest || a.Current == 0 && a.Previous != 0 {
		t.Errorf("app %+v", a)
	}
	deps, err := s.Deployments(ctx, app, 3)
	for _, d := range deps {
		if len(d.Events) == 0 || d.Events[len(d.Events)-1].Phase != d.Phase || d.Phase.Ended() == d.EndedAt.IsZero() {
			t.Errorf("deployment %+v", d)
		}
	}
	if err != nil {
		t.Error(err)
	}
}
