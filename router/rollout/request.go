package rollout

import "github.com/neutrino-local/neutrino-local/store"

// deployment returns what r asks for, with the defaults of c.
func (c *Config) deployment(r store.Request) store.Deployment {
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
