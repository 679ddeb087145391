package main

import (
	"github.com/neutrino-local/neutrino-local/runtime"
	"github.com/neutrino-local/neutrino-local/runtime/pool"
	"github.com/neutrino-local/neutrino-local/store"
	"github.com/neutrino-local/neutrino-local/web/apitype"
)

// guests tells the API of the instances of an app.
func guests(host *runtime.Host) func(store.AppID) apitype.Instances {
	return func(id store.AppID) apitype.Instances {
		m := host.Memory()
		all := apitype.Instances{Memory: apitype.GuestMemory{
			Bytes: int64(m.Used), Limit: int64(m.Budget),
			RefusedInstance: int64(m.RefusedInstance), RefusedServer: int64(m.RefusedServer),
		}}
		for _, s := range host.Stats(string(id)) {
			all.Revisions = append(all.Revisions, revisionInstances(s))
		}
		return all
	}
}

func revisionInstances(s runtime.Stats) apitype.RevisionInstances {
	p := s.Pool
	v := apitype.RevisionInstances{
		Revision: s.Revision, Size: p.Size, Idle: p.Idle, InUse: p.InUse, Waiting: p.Waiting,
		Leases: int64(p.Leases), QueueUS: p.QueueTime.Microseconds(), QueueMaxUS: p.QueueMax.Microseconds(), Refused: int64(p.Refused),
		Made: int64(p.Made), MakeUS: p.MakeTime.Microseconds(), MakeMaxUS: p.MakeMax.Microseconds(),
		Resets: int64(p.Resets), ResetUS: p.ResetTime.Microseconds(), ResetMaxUS: p.ResetMax.Microseconds(), DirtyPages: int64(p.Pages),
		FuelStops: int64(s.Stops), Traps: map[string]int64{}, Discarded: map[string]int64{},
	}
	for kind, n := range s.Traps {
		v.Traps[kind] = int64(n)
	}
	for r, n := range p.Discarded {
		if n > 0 {
			v.Discarded[pool.Reason(r).String()] = int64(n)
		}
	}
	return v
}
