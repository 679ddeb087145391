package api

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/neutrino-local/neutrino-local/store"
	"github.com/neutrino-local/neutrino-local/web/apitype"
)

func TestInstances(t *testing.T) {
	f := newFixture(t)
	first := apitype.RevisionInstances{Revision: 1, Size: 1, InUse: 1, Traps: map[string]int64{}, Discarded: map[string]int64{}}
	second := apitype.RevisionInstances{
		Revision: 2, Size: 4, Idle: 3, InUse: 1, Waiting: 2, Leases: 1204, QueueUS: 9000, QueueMaxUS: 700, Refused: 5,
		Made: 12, MakeUS: 15000, MakeMaxUS: 2000, Resets: 1190, ResetUS: 101150, ResetMaxUS: 300, DirtyPages: 14280, FuelStops: 1,
		Traps: map[string]int64{"unreachable": 2}, Discarded: map[string]int64{"trapped": 2, "cancelled": 1},
	}
	memory := apitype.GuestMemory{Bytes: 12 << 20, Limit: 4 << 30, RefusedInstance: 7, RefusedServer: 8}
	f.Guests = func(id store.AppID) apitype.Instances {
		if id != helloID {
			t.Errorf("asked for %q, want %q", id, helloID)
		}
		return apitype.Instances{Revisions: []apitype.RevisionInstances{first, second}, Memory: memory}
	}
	var got apitype.Instances
	f.get(t, "/apps/hello/instances", &got)
	want := apitype.Instances{Revisions: []apitype.RevisionInstances{second, first}, Memory: memory}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestNoInstances(t *testing.T) {
	f := newFixture(t)
	f.Guests = func(store.AppID) apitype.Instances { return apitype.Instances{} }
	const want = `{"revisions":[],"memory":{"bytes":0,"limit":0,"refused_instance":0,"refused_server":0}}`
	if status, text := f.do(t, "GET", "/apps/hello/instances", ""); status != http.StatusOK || text != want {
		t.Errorf("no instance: %d %s, want %s", status, text, want)
	}
	if status, text := f.do(t, "GET", "/apps/nope/instances", ""); status != http.StatusNotFound {
		t.Errorf("no app: %d %s", status, text)
	}
}
