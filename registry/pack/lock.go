package pack

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
)

// A component that has been packaged: its parts are hashed.
type packed struct {
	*Component
	source *content
	assets []asset

	dependencies []packedDependency
}

// lock returns the lock of the app as Spin would write it when it pushes.
func (m *Manifest) lock(components []packed, middleware map[string][]packedDependency) (artifact.Lock, error) {
	meta, err := m.metadata()
	if err != nil {
		return artifact.Lock{}, err
	}
	l := artifact.Lock{Metadata: meta, Variables: make(map[string]artifact.Variable)}
	for _, v := range m.Variables {
		l.Variables[v.Name] = artifact.Variable{Description: v.Description, Default: v.Default, Secret: v.Secret}
	}
	all, renamed := m.chain(components, middleware)
	for _, t := range m.Triggers {
		if id := renamed[t.ID]; id != "" {
			t.Component = id
		}
		config, err := t.json()
		if err != nil {
			return artifact.Lock{}, err
		}
		l.Triggers = append(l.Triggers, artifact.Trigger{ID: t.ID, Type: t.Type, Config: config})
	}
	for _, c := range all {
		locked, err := c.locked()
		if err != nil {
			return artifact.Lock{}, err
		}
		locked.ID = c.id
		if err := c.lockMiddleware(&locked); err != nil {
			return artifact.Lock{}, err
		}
		if locked.HostRequirements != nil {
			l.Version, l.MustUnderstand = 1, []string{artifact.ComponentHostRequirements}
		}
		l.Components = append(l.Components, locked)
	}
	return l, nil
}

func (m *Manifest) metadata() (artifact.Metadata, error) {
	meta := artifact.Metadata{
		Authors: m.Authors, Description: m.Description, Name: m.Name, Version: m.Version, Profile: m.profile,
		Triggers: make(map[string]json.RawMessage),
	}
	for kind, config := range m.triggerGlobals {
		raw, err := artifact.JSON(config)
		if err != nil {
			return meta, err
		}
		meta.Triggers[kind] = raw
	}
	if len(m.triggerTypes) != 1 {
		return meta, nil
	}
	kind := m.triggerTypes[0]
	single := map[string]any{}
	if config, ok := m.triggerGlobals[kind].(map[string]any); ok {
		for key, v := range config {
			single[key] = v
		}
	}
	single["type"] = kind
	var err error
	meta.Trigger, err = artifact.JSON(single)
	return meta, err
}

func (c packed) locked() (artifact.Component, error) {
	outbound := texts(c.outbound)
	locked := artifact.Component{
		ID: c.ID,
		Metadata: artifact.ComponentMetadata{
			AIModels:             texts(c.aiModels),
			AllowedOutboundHosts: outbound,
			Databases:            texts(c.databases),
			Description:          c.Description,
			KeyValueStores:       texts(c.keyValueStores),
		},
		Source:      artifact.Source{ContentType: "application/wasm", Digest: c.source.digest, Inline: c.source.inline},
		Environment: c.Environment,
		Variables:   c.Component.Variables,
	}
	for _, a := range c.assets {
		locked.Files = append(locked.Files, artifact.File{Digest: a.content.digest, Inline: a.content.inline, Path: a.path})
	}
	for _, d := range c.dependencies {
		dependency, err := d.locked()
		if err != nil {
			return locked, err
		}
		if locked.Dependencies == nil {
			locked.Dependencies = make(map[string]artifact.Dependency)
		}
		locked.Dependencies[d.Name] = dependency
	}
	if slices.ContainsFunc(outbound, chains) {
		locked.HostRequirements = map[string]string{artifact.ServiceChaining: artifact.Required}
	}
	if c.Build == nil {
		return locked, nil
	}
	command, err := c.Build.json()
	locked.Metadata.Build = &artifact.Build{Command: command, Watch: c.Build.Watch, Workdir: c.Build.Workdir}
	return locked, err
}

// chains reports whether an entry of allowed_outbound_hosts names components of
// the app, as far as that can be told without values of variables.
func chains(entry string) bool {
	h, err := artifact.ParseAllowedHost(entry)
	return err == nil && h.Chaining()
}

// json returns the commands in the form that they were written in.
func (b *Build) json() (json.RawMessage, error) {
	if b.list {
		return artifact.JSON(slices.Concat([]string{}, b.Commands))
	}
	return artifact.JSON(strings.Join(b.Commands, " "))
}
