package runtime

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/runtime/component"
	"github.com/neutrino-local/neutrino-local/store"
)

// Features are what a profile lets apps use beyond what all have. The zero value
// has none of it.
type Features struct {
	Profile         string // its name, for refusals
	SQLite          bool
	KeyValueAtomics bool
	KeyValueLabels  bool // but for "default"
}

// interfaces that need a feature, by the beginning of their names.
func (f Features) refused() []string {
	var names []string
	if !f.SQLite {
		names = append(names, "fermyon:spin/sqlite", "spin:sqlite/")
	}
	if !f.KeyValueAtomics {
		names = append(names, "wasi:keyvalue/atomics@")
	}
	return names
}

// explain adds to an error of the linker which interfaces are missing because
// of the profile.
func (f Features) explain(err error) error {
	linking, ok := errors.AsType[*component.LinkError](err)
	if !ok {
		return err
	}
	var names []string
	for _, m := range linking.Missing {
		because := func(name string) bool { return strings.HasPrefix(m.Instance, name) }
		if slices.ContainsFunc(f.refused(), because) && !slices.Contains(names, m.Instance) {
			names = append(names, m.Instance)
		}
	}
	if names == nil {
		return err
	}
	return store.Hint(fmt.Errorf("the profile %s does not have %s: %w", f.Profile, list(names), err), "'up --profile spin' has it, the cloud has not")
}

// check refuses grants of a component that the profile does not have.
func (f Features) check(c *artifact.Component) error {
	for _, label := range c.Metadata.KeyValueStores {
		if label != "default" && !f.KeyValueLabels {
			return fmt.Errorf("unknown key_value_stores label %.100q for component %q: the profile %s has only %q", label, c.ID, f.Profile, "default")
		}
	}
	if len(c.Metadata.Databases) > 0 && !f.SQLite {
		return fmt.Errorf("component %q: SQLite database %.100q: the profile %s has no SQLite", c.ID, c.Metadata.Databases[0], f.Profile)
	}
	return nil
}
