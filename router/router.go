// Package router sends each request to a live backend of the app it is for.
//
// Routes live in an immutable table behind one atomic pointer: a request reads
// the table once, and a change replaces it whole. A backend is drained only
// after it has left the table, so a request that finds it draining need only
// read the table again.
//
// A running revision is an http.Handler here, and an app is a name: this package
// knows no wasm, and no other package decides which revision a request gets.
package router

import (
	"crypto/rand"
	"encoding/binary"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/neutrino-local/neutrino-local/router/ledger"
	"github.com/neutrino-local/neutrino-local/store"
)

// A Router has the routes of all apps. Make one with New.
type Router struct {
	ledger   *ledger.Ledger // nil: nothing is recorded
	idKey    uint64
	requests atomic.Uint64 // so far, for their ids

	changing sync.Mutex // held while a new table is made
	table    atomic.Pointer[table]
}

// A table is never changed once requests can see it.
type table struct {
	apps  map[store.AppID]*entry
	names map[store.AppName]*entry // of two apps with one name, the one that came first
}

// An entry is a route in a table. What it points at lives on in the entries that
// replace it.
type entry struct {
	Route
	mix  mix
	used *atomic.Int64 // last lease, in nanoseconds of Unix time
}

// New returns a router without routes that records in l, if that is not nil.
func New(l *ledger.Ledger) *Router {
	var key [8]byte
	rand.Read(key[:]) // never fails
	r := &Router{ledger: l, idKey: binary.LittleEndian.Uint64(key[:])}
	r.table.Store(&table{})
	return r
}

// Replace makes route the route of its app. A request that begins after Replace
// has returned goes by it.
func (r *Router) Replace(route Route) {
	r.change(func(t *table) {
		e := &entry{Route: route, used: new(atomic.Int64)}
		old := t.apps[route.App]
		if old != nil {
			e.used = old.used
		}
		e.mix = nextMix(old, &route)
		t.apps[route.App] = e
		if at := t.names[route.Name]; at == nil || at.App == route.App {
			t.names[route.Name] = e
		}
	})
}

// Remove takes the route of an app away: its addresses lead nowhere.
func (r *Router) Remove(id store.AppID) {
	r.change(func(t *table) {
		old := t.apps[id]
		if old == nil {
			return
		}
		delete(t.apps, id)
		if t.names[old.Name] != old {
			return
		}
		delete(t.names, old.Name)
		for _, e := range t.apps {
			if e.Name == old.Name {
				t.names[e.Name] = e
			}
		}
	})
}

func (r *Router) change(f func(*table)) {
	r.changing.Lock()
	defer r.changing.Unlock()
	old := r.table.Load()
	next := &table{apps: maps.Clone(old.apps), names: maps.Clone(old.names)}
	if next.apps == nil {
		next.apps, next.names = make(map[store.AppID]*entry), make(map[store.AppName]*entry)
	}
	f(next)
	r.table.Store(next)
}

// Route returns the route of an app.
func (r *Router) Route(id store.AppID) (Route, bool) {
	e := r.table.Load().apps[id]
	if e == nil {
		return Route{}, false
	}
	return e.Route, true
}

// LastUsed returns when each app was last leased, for those that have been.
func (r *Router) LastUsed() map[store.AppID]time.Time {
	used := make(map[store.AppID]time.Time)
	for id, e := range r.table.Load().apps {
		if at := e.used.Load(); at != 0 {
			used[id] = time.Unix(0, at)
		}
	}
	return used
}

// find returns the entry of an app by name or id, or nil.
func (t *table) find(app string) *entry {
	if e := t.names[store.AppName(app)]; e != nil {
		return e
	}
	return t.apps[store.AppID(app)]
}
