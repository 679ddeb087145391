package pack

import (
	"fmt"
	"slices"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
)

// middleware returns a function that stores the dependencies of a trigger, which
// are middleware.
func (r *report) middleware(where string, to *[]Dependency) func(*node) {
	return func(n *node) {
		r.table(n, where+" dependencies", fields{"middleware": func(n *node) {
			if !r.want(n, where+" dependencies.middleware", arrayKind) {
				return
			}
			for _, item := range n.items {
				*to = append(*to, r.dependency(item, dependencyName{}))
			}
		}})
	}
}

// chained returns the component as the triggers use it: as it is, and with each
// of the middlewares that triggers put before it. Spin makes a component of its
// own of each, unless there is but one such use.
type chained struct {
	packed
	id         string
	middleware []packedDependency
}

// chain gives each trigger that has middleware a component that has it, and
// returns all components of the lock: those of the manifest first.
func (m *Manifest) chain(components []packed, middleware map[string][]packedDependency) ([]chained, map[string]string) {
	uses := make(map[string]int)
	for _, t := range m.Triggers {
		uses[t.Component]++
	}
	var all, more []chained
	renamed := make(map[string]string) // of triggers, by their ids
	for _, c := range components {
		own := chained{packed: c, id: c.ID}
		for _, t := range m.Triggers {
			with := middleware[t.ID]
			switch {
			case t.Component != c.ID || len(with) == 0:
			case uses[c.ID] == 1:
				own.middleware = with
			default:
				renamed[t.ID] = fmt.Sprintf("%s-for-%s", c.ID, t.ID)
				more = append(more, chained{packed: c, id: renamed[t.ID], middleware: with})
			}
		}
		all = append(all, own)
	}
	return slices.Concat(all, more), renamed
}

// lockMiddleware puts the middleware of c into its part of the lock.
func (c chained) lockMiddleware(to *artifact.Component) error {
	if len(c.middleware) == 0 {
		return nil
	}
	for _, d := range c.middleware {
		locked, err := d.locked()
		if err != nil {
			return err
		}
		if to.TriggerDependencies == nil {
			to.TriggerDependencies = make(map[string][]artifact.Dependency)
		}
		to.TriggerDependencies[artifact.Middleware] = append(to.TriggerDependencies[artifact.Middleware], locked)
	}
	to.Metadata.ResolveDependencies = "http"
	if to.HostRequirements == nil {
		to.HostRequirements = make(map[string]string)
	}
	to.HostRequirements[artifact.Middleware] = artifact.Required
	return nil
}
