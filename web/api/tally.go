package api

import (
	"sync"
	"time"

	"github.com/neutrino-local/neutrino-local/router/ledger"
	"github.com/neutrino-local/neutrino-local/store"
	"github.com/neutrino-local/neutrino-local/web/apitype"
)

const (
	maxTallies = 64
	// linger is how long after its end a deployment's requests may still be
	// without a record; what comes later is not looked at.
	linger = time.Minute
)

// tallies are what deployments did to clients. Each reads a record once, however
// often it is asked for.
type tallies struct {
	mu   sync.Mutex
	byID map[store.DeploymentID]*tally // guarded by mu, as are the tallies
}

type tally struct {
	apitype.Tally
	started bool
	next    uint64 // records up to here have been read
	first   time.Time
	last    time.Time
}

// tally returns what clients have seen of d so far.
func (s *Server) tally(d store.Deployment) apitype.Tally {
	s.tallies.mu.Lock()
	defer s.tallies.mu.Unlock()
	t := s.tallies.byID[d.ID]
	if t == nil {
		t = &tally{Tally: apitype.Tally{Deployment: string(d.ID), From: int(d.From), To: int(d.Revision)}}
		t.Complete = !d.StartedAt.Before(s.About().StartedAt) // the ledger begins empty
		if s.tallies.byID == nil || len(s.tallies.byID) >= maxTallies {
			s.tallies.byID = map[store.DeploymentID]*tally{}
		}
		s.tallies.byID[d.ID] = t
	}
	if t.started && !d.EndedAt.IsZero() && time.Since(d.EndedAt) > linger {
		return t.Tally
	}
	page := s.Ledger.Records(ledger.Query{App: string(d.App), Since: d.StartedAt, After: t.next})
	switch {
	case !t.started && !page.Evicted.IsZero() && !page.Evicted.Before(d.StartedAt), t.started && page.Dropped > t.next:
		t.Complete = false
	}
	t.started, t.next = true, page.Next
	for i := range page.Records {
		if r := &page.Records[i]; d.EndedAt.IsZero() || !r.Time.After(d.EndedAt) {
			t.add(r)
		}
	}
	if !t.first.IsZero() && !t.last.IsZero() {
		t.OverlapMS = max(0, t.last.Sub(t.first)).Milliseconds()
	}
	return t.Tally
}

func (t *tally) add(r *ledger.Record) {
	switch r.Revision {
	case t.To:
		t.New++
		if t.first.IsZero() || r.Time.Before(t.first) {
			t.first = r.Time
		}
	case t.From:
		t.Old++
		if r.Time.After(t.last) {
			t.last = r.Time
		}
	}
	if r.Failed() {
		t.Failed++
	}
	if r.Lost() {
		t.Lost++
	}
}
