package rollout

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/neutrino-local/neutrino-local/store"
)

// A fakeStore keeps in memory what the engine asks it to, and notes its calls.
type fakeStore struct {
	mu          sync.Mutex
	calls       []string
	apps        map[store.AppID]*store.App
	revisions   map[string]store.Revision
	deployments map[store.DeploymentID]*store.Deployment
	touched     []map[store.AppID]time.Time
	fail        map[string]error // by method
	onCommit    func()
}

func (s *fakeStore) call(method, format string, args ...any) (unlock func(), err error) {
	s.mu.Lock()
	s.calls = append(s.calls, strings.TrimSpace(method+" "+fmt.Sprintf(format, args...)))
	return s.mu.Unlock, s.fail[method]
}

func key(app store.AppID, n store.RevisionNumber) string { return fmt.Sprint(app, "/", n) }

func (s *fakeStore) Apps(context.Context) ([]store.App, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []store.App
	for _, a := range s.apps {
		all = append(all, *a)
	}
	slices.SortFunc(all, func(a, b store.App) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return all, nil
}

func (s *fakeStore) App(_ context.Context, id store.AppID) (store.App, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.apps[id]; a != nil {
		return *a, nil
	}
	return store.App{}, fmt.Errorf("app %s: %w", id, store.ErrNotFound)
}

func (s *fakeStore) DeleteApp(_ context.Context, id store.AppID) error {
	unlock, err := s.call("delete", "%s", id)
	defer unlock()
	if err == nil {
		delete(s.apps, id)
	}
	return err
}

func (s *fakeStore) TouchApps(_ context.Context, used map[store.AppID]time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.touched = append(s.touched, used)
	return nil
}

func (s *fakeStore) touches() []map[store.AppID]time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.touched)
}

func (s *fakeStore) Revision(_ context.Context, app store.AppID, n store.RevisionNumber) (store.Revision, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.revisions[key(app, n)]
	if !ok {
		return r, fmt.Errorf("revision %s: %w", key(app, n), store.ErrNotFound)
	}
	return r, nil
}

func (s *fakeStore) SetRevisionBlobs(_ context.Context, app store.AppID, n store.RevisionNumber, blobs []string, size int64) error {
	unlock, err := s.call("blobs", "%s %d", n, len(blobs))
	defer unlock()
	r := s.revisions[key(app, n)]
	r.Blobs, r.Size = blobs, size
	s.revisions[key(app, n)] = r
	return err
}

func (s *fakeStore) PruneRevisions(_ context.Context, app store.AppID, keep int) ([]store.Revision, error) {
	unlock, err := s.call("prune", "%d", keep)
	defer unlock()
	return nil, err
}

func (s *fakeStore) CreateDeployment(_ context.Context, d store.Deployment, rev *store.Revision) (store.Deployment, error) {
	a := s.apps[d.App]
	s.mu.Lock()
	d.From = a.Current
	s.mu.Unlock()
	if rev != nil {
		s.mu.Lock()
		a.Latest++
		d.Revision = a.Latest
		r := *rev
		r.Number = d.Revision
		s.revisions[key(d.App, d.Revision)] = r
		s.mu.Unlock()
	}
	unlock, err := s.call("create", "%s", d.Revision)
	defer unlock()
	d.ID = store.DeploymentID(fmt.Sprintf("d%d", len(s.deployments)+1))
	d.Phase, d.StartedAt = store.Creating, time.Now()
	d.Events = append(d.Events, store.PhaseEvent{Phase: store.Creating, At: d.StartedAt})
	kept := d
	kept.Events = slices.Clone(d.Events)
	s.deployments[d.ID] = &kept
	return d, err
}

func (s *fakeStore) Deployment(_ context.Context, id store.DeploymentID) (store.Deployment, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := s.deployments[id]; d != nil {
		return *d, nil
	}
	return store.Deployment{}, fmt.Errorf("deployment %s: %w", id, store.ErrNotFound)
}

func (s *fakeStore) AddPhase(_ context.Context, id store.DeploymentID, e store.PhaseEvent) error {
	unlock, err := s.call(string(e.Phase), "%s", e.Detail)
	defer unlock()
	d := s.deployments[id]
	if e.Phase.Committed() != d.Phase.Committed() || d.Phase.Ended() {
		return fmt.Errorf("%s after %s: %w", e.Phase, d.Phase, store.ErrConflict)
	}
	d.Phase = e.Phase
	d.Events = append(d.Events, e)
	return err
}

func (s *fakeStore) CommitDeployment(_ context.Context, id store.DeploymentID, at time.Time) error {
	if s.onCommit != nil {
		s.onCommit()
	}
	unlock, err := s.call("commit", "")
	defer unlock()
	if err != nil && err != errUnsaid {
		return err
	}
	d := s.deployments[id]
	a := s.apps[d.App]
	if a.Current != d.Revision {
		a.Previous = a.Current
	}
	a.Current, d.Phase = d.Revision, store.Switching
	d.Events = append(d.Events, store.PhaseEvent{Phase: store.Switching, At: at})
	return err
}

func (s *fakeStore) AddCut(_ context.Context, id store.DeploymentID, n int) error {
	unlock, err := s.call("cut", "%d", n)
	defer unlock()
	s.deployments[id].Cut += n
	return err
}

func (s *fakeStore) EndDeployment(_ context.Context, id store.DeploymentID, phase, failedIn store.Phase, reason string, at time.Time) error {
	unlock, err := s.call(string(phase), "%s", failedIn)
	defer unlock()
	if s.fail["end"] != nil {
		return s.fail["end"]
	}
	d := s.deployments[id]
	if d.Phase.Ended() || phase.Committed() != d.Phase.Committed() {
		return fmt.Errorf("%s after %s: %w", phase, d.Phase, store.ErrConflict)
	}
	d.Phase, d.FailedIn, d.Reason, d.EndedAt = phase, failedIn, reason, at
	d.Events = append(d.Events, store.PhaseEvent{Phase: phase, At: at})
	return err
}

func (s *fakeStore) Recover(context.Context, time.Time) ([]store.Deployment, error) {
	unlock, err := s.call("recover", "")
	defer unlock()
	return nil, err
}
