package pack

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/neutrino-local/neutrino-local/store"
)

// WithProfile returns the manifest as a profile changes it; "" changes nothing.
// A profile that no component has is an error of kind store.ErrInvalid.
func (m *Manifest) WithProfile(name string) (*Manifest, error) {
	if name == "" {
		return m, nil
	}
	changed := *m
	changed.profile = name
	changed.Components, changed.Triggers = slices.Clone(m.Components), slices.Clone(m.Triggers)
	found := false
	names := make(map[string]bool)
	for i := range changed.Components {
		c := &changed.Components[i]
		for p := range c.profiles {
			names[p] = true
		}
		if o, ok := c.profiles[name]; ok {
			found = true
			c.override(o)
		}
	}
	if !found {
		err := fmt.Errorf("%w: Profile %s is not defined in this application", store.ErrInvalid, name)
		if len(names) > 0 {
			err = store.Hint(err, "defined are "+strings.Join(slices.Sorted(maps.Keys(names)), ", "))
		}
		return nil, err
	}
	if len(m.report.problems) == 0 {
		changed.checkDependencies()
	}
	return &changed, nil
}

func (c *Component) override(o override) {
	if o.source != nil {
		c.Source = *o.source
	}
	if len(o.environment) > 0 {
		env := make(map[string]string)
		maps.Copy(env, c.Environment)
		maps.Copy(env, stringMap(o.environment))
		c.Environment = env
	}
	if o.command != nil {
		b := Build{}
		if c.Build != nil {
			b = *c.Build
		}
		b.Commands, b.list = o.command.Commands, o.command.list
		c.Build = &b
	}
	for _, d := range o.dependencies {
		i := slices.IndexFunc(c.Dependencies, func(have Dependency) bool { return have.Name == d.Name })
		if i < 0 {
			c.Dependencies = append(slices.Clip(c.Dependencies), d)
			continue
		}
		c.Dependencies = slices.Clone(c.Dependencies)
		c.Dependencies[i] = d
	}
}
