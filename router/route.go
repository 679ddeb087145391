package router

import (
	"sync/atomic"

	"github.com/neutrino-local/neutrino-local/store"
)

// A Route says which backends get the requests of one app. It is a value: give
// a changed one to Router.Replace.
type Route struct {
	App  store.AppID
	Name store.AppName

	Current   *Backend   // gets what Candidate does not; nil before the first revision is there
	Candidate *Backend   // gains traffic; nil unless a deployment is switching
	Share     int        // percent of new requests that go to Candidate
	Draining  []*Backend // finish what they have begun

	Deployment store.DeploymentID // under way, or ""
	Phase      store.Phase        // of Deployment, for the ledger
	Step       int                // of Deployment: one more each time that Share changes
	Seed       uint64             // decides with Step which request is among Share
}

// backend returns the backend for a request to t, or nil.
func (e *entry) backend(t Target) *Backend {
	switch {
	case t.Candidate:
		return e.Candidate
	case t.Revision == 0:
		return e.pick()
	}
	for _, b := range []*Backend{e.Candidate, e.Current} {
		if b != nil && b.Revision == t.Revision {
			return b
		}
	}
	return nil
}

// pick decides between Current and Candidate for the next request.
func (e *entry) pick() *Backend {
	switch {
	case e.Candidate == nil || e.Share <= 0 && e.Current != nil:
		return e.Current
	case e.Current == nil || e.Share >= 100:
		return e.Candidate
	case e.mix.next() < e.Share:
		return e.Candidate
	}
	return e.Current
}

// A mix decides request by request who is among a share. Requests of one step
// count from 0; request n is among s percent if mixAt(base, n) is below s.
type mix struct {
	base uint64
	n    *atomic.Uint64
}

// nextMix returns the mix of a route that replaces old. The count goes on if the
// step is the same.
func nextMix(old *entry, route *Route) mix {
	if route.Candidate == nil || route.Current == nil {
		return mix{}
	}
	if old != nil && old.mix.n != nil && old.Deployment == route.Deployment && old.Step == route.Step && old.Seed == route.Seed {
		return old.mix
	}
	return mix{mixBase(route.Seed, route.Current.Revision, route.Candidate.Revision, route.Step), new(atomic.Uint64)}
}

func (m *mix) next() int { return mixAt(m.base, m.n.Add(1)-1) }

// mixBase begins the sequence of one step. The deployment enters by its two
// revisions and not by its id: an id is random, and the same seed has to give the
// same sequence on every machine and in every run.
func mixBase(seed uint64, from, to store.RevisionNumber, step int) uint64 {
	h := scramble(seed)
	for _, v := range []uint64{uint64(from), uint64(to), uint64(step)} {
		h = scramble(h ^ v)
	}
	return h
}

// mixAt returns number n of the sequence that begins with base, from 0 to 99.
func mixAt(base, n uint64) int { return int(scramble(base+n*golden) % 100) }

// golden is 2^64 divided by the golden ratio, made odd: steps of it visit all
// 64-bit numbers, evenly spread from the start.
const golden = 0x9e3779b97f4a7c15

// scramble is a bijection in which each bit of v moves about half of the others:
// the finalizer of MurmurHash3 with the constants of SplitMix64.
func scramble(v uint64) uint64 {
	v += golden
	v = (v ^ v>>30) * 0xbf58476d1ce4e5b9
	v = (v ^ v>>27) * 0x94d049bb133111eb
	return v ^ v>>31
}
