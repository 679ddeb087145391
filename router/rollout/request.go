package rollout

import (
	"time"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/store"
)

// A Request asks for a deployment. A nil or zero field means the engine's
// default.
type Request struct {
	App        store.AppID
	Repository string
	Digest     artifact.Digest
	Rollback   bool
	Revision   store.RevisionNumber // of a rollback; 0 is the previous one
	Variables  map[string]string
	Queue      bool // wait for a deployment under way

	Policy       store.Policy
	Window       *time.Duration
	Seed         *uint64
	HealthPath   string
	Readiness    time.Duration
	DrainTimeout *time.Duration
	Events       []store.PhaseEvent // of the client: packaging and pushing
}

// deployment returns what r asks for, with the defaults of c.
func (c *Config) deployment(r Request) store.Deployment {
	d := store.Deployment{
		App: r.App, Rollback: r.Rollback, HealthPath: r.HealthPath,
		Policy: c.Policy, Window: c.Window, Seed: c.Seed, Readiness: c.Readiness, DrainTimeout: c.DrainTimeout,
		Events: r.Events,
	}
	if r.Policy != "" {
		d.Policy = r.Policy
	}
	if d.Policy == "" {
		d.Policy = store.Mixed
	}
	if r.Readiness != 0 {
		d.Readiness = r.Readiness
	}
	set(&d.Window, r.Window)
	set(&d.Seed, r.Seed)
	set(&d.DrainTimeout, r.DrainTimeout)
	return d
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// Progress is a deployment and how far its switch has come.
type Progress struct {
	store.Deployment
	Held  bool
	Share int // percent of new requests that go to its revision
}

// A Switch is the state of an app's failover.
type Switch struct {
	Policy     store.Policy
	Window     time.Duration
	Seed       uint64
	Deployment store.DeploymentID // under way; "" if none
	Phase      store.Phase
	From, To   store.RevisionNumber
	Share      int
	Held       bool
	Armed      string // where it will hold; "" if nowhere
}

// Serving is how an app's addresses are answered now.
type Serving struct {
	Health   string // none, loading, healthy or failed
	Problem  string
	Backends []Backend
}

// A Backend is a running revision.
type Backend struct {
	Revision store.RevisionNumber
	Role     string // current, candidate or draining
	Share    int
	InFlight int
}
