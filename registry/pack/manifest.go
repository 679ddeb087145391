package pack

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/store"
)

// ManifestName is the file name of a manifest.
const ManifestName = "spin.toml"

// A Manifest is a spin.toml that has been read and checked by itself: what its
// sources and files are is for Dir.
type Manifest struct {
	Path string // as given, with the file name
	Root string // the absolute directory that paths in it are relative to

	Name, Version, Description string
	Authors                    []string
	Variables                  []Variable
	Triggers                   []Trigger   // by type, types and triggers in order of the file
	Components                 []Component // in order of the file, then the inline ones
	Warnings                   []string

	triggerGlobals map[string]any // by type of trigger
	triggerTypes   []string
	profile        string
	report         *report
}

// A Variable of the app.
type Variable struct {
	Name        string
	Description *string
	Default     *string
	Required    bool
	Secret      bool
}

// A Trigger connects an event to a component.
type Trigger struct {
	ID        string
	Type      string
	Component string                // its id, or "" for a static response
	HTTP      *artifact.HTTPTrigger // set if Type is "http" and all is well

	config    map[string]any
	component placed // as written; empty if inline
	inline    *Component
	roles     []role

	middleware []Dependency

	offset int
	route  int // offset
	id     int // offset
}

// A role names components of a trigger by what they are for.
type role struct {
	component placed
	inline    *Component
}

// A Component is one wasm binary and what it may have.
type Component struct {
	ID          string
	Source      Source
	Description string
	Variables   map[string]string // to templates
	Environment map[string]string
	Build       *Build

	Dependencies []Dependency // in order of the file

	files          []mount
	exclude        []placed
	outbound       []placed
	keyValueStores []placed
	databases      []placed
	aiModels       []placed
	variables      []pair
	profiles       map[string]override
	inherit        *inherit // of all dependencies
	offset         int
}

// A Source says where the wasm binary of a component is: in a file, at a URL, or
// in a registry of packages. The version of a dependency may be a range.
type Source struct {
	Path                       string
	URL, Digest                string
	Registry, Package, Version string

	offset int
}

// A mount is an entry of a component's files. Destination is nil for a pattern.
type mount struct {
	source      placed
	destination *placed
}

// Build is how to build a component.
type Build struct {
	Commands []string
	Workdir  string
	Watch    []string

	list bool // Commands were a list, even if of one
}

// An override is what a profile changes in a component.
type override struct {
	source       *Source
	environment  []pair
	command      *Build
	dependencies []Dependency
}

// Read returns the manifest at path, which may also be the directory that holds
// a spin.toml. All that is wrong with it is one error, Problems.
func Read(path string) (*Manifest, error) {
	m, err := readAll(path)
	if err != nil {
		return nil, err
	}
	if err := m.report.err(); err != nil {
		return nil, err
	}
	m.Warnings = m.report.warned()
	return m, nil
}

// readAll returns the manifest at path as far as it can be read: what is wrong
// with it is in its report.
func readAll(path string) (*Manifest, error) {
	path = filepath.Clean(path)
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, ManifestName)
	}
	data, err := readManifest(path)
	if err != nil {
		return nil, err
	}
	root, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("manifest %s: %w", path, err)
	}
	m := &Manifest{Path: path, Root: root, report: &report{file: path, data: data}}
	tree := parseTOML(m.report)
	if tree == nil {
		return nil, m.report.err()
	}
	m.decode(tree)
	return m, nil
}

func readManifest(path string) ([]byte, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		err = fmt.Errorf("no manifest at %s: %w", path, store.ErrNotFound)
		return nil, store.Hint(err, "change to the directory of the app, or name its "+ManifestName+" with --from")
	}
	if err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxManifest+1))
	if err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	if len(data) > maxManifest {
		return nil, fmt.Errorf("manifest %s is %w: longer than %d bytes", path, store.ErrInvalid, maxManifest)
	}
	return data, nil
}

// decode reads the version first, since it decides what all else means.
func (m *Manifest) decode(tree *node) {
	r := m.report
	version := tree.get("spin_manifest_version")
	old := tree.get("spin_version")
	switch {
	case version == nil && old == nil:
		r.errorf(0, "missing field `spin_manifest_version`: the first line of a manifest is spin_manifest_version = 2")
	case version != nil && version.kind == intKind && version.text == "2":
		m.decodeV2(tree)
	case version == nil && old.kind == stringKind && old.text == "1",
		version != nil && version.kind == stringKind && version.text == "1":
		m.decodeV1(tree)
	default:
		if version == nil {
			version = old
		}
		r.errorf(version.offset, "invalid manifest version: %.100s; want spin_manifest_version = 2", version.text)
	}
	if len(r.problems) == 0 {
		m.check()
	}
}

// Component returns the component with an id, or nil.
func (m *Manifest) Component(id string) *Component {
	for i := range m.Components {
		if m.Components[i].ID == id {
			return &m.Components[i]
		}
	}
	return nil
}
