package pack

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
)

// A Dependency satisfies imports of a component, or is a middleware of a trigger.
type Dependency struct {
	Name   string // of the imports; "" for a middleware
	Export string
	Source Source // its version may be a range

	component placed // another one of the app, instead of a source
	inherit   *inherit
	offset    int
}

// An inherit says which of its component's capabilities a dependency has.
type inherit struct {
	all  bool
	sets []string
}

// json returns what the lock has; nothing for a dependency that inherits nothing.
func (i *inherit) json() (json.RawMessage, error) {
	switch {
	case i == nil || !i.all && len(i.sets) == 0:
		return nil, nil
	case i.all:
		return artifact.JSON("All")
	}
	return artifact.JSON(map[string][]string{"Some": i.sets})
}

var capabilitySets = []string{
	"ai_models", "allowed_outbound_hosts", "environment", "files", "key_value_stores", "sqlite_databases", "variables",
}

// dependencies returns a function that stores a component's dependencies. One
// that is there already, as when a profile changes it, is replaced.
func (r *report) dependencies(to *[]Dependency) func(*node) {
	return func(n *node) {
		if !r.want(n, "dependencies", tableKind) {
			return
		}
		for _, f := range n.fields {
			name, err := parseDependencyName(f.key)
			if err != nil {
				r.errorf(f.offset, "dependency %q: %v", f.key, err)
				continue
			}
			d := r.dependency(f.value, name)
			d.Name, d.offset = f.key, f.offset
			*to = append(*to, d)
		}
	}
}

// dependency reads one of the forms of a dependency. A middleware is one without
// a name.
func (r *report) dependency(n *node, name dependencyName) Dependency {
	d := Dependency{offset: n.offset}
	s := &d.Source
	s.offset = n.offset
	where := "a dependency"
	known := fields{"inherit_configuration": r.inherit(&d.inherit)}
	if name != (dependencyName{}) {
		known["export"] = r.str("export", &d.Export)
	}
	var required []string
	switch {
	case n.kind == stringKind && name != (dependencyName{}):
		s.Package, s.Version = name.pkg, n.text
		r.requirement(n, n.text)
		r.named(n, name, "")
		return d
	case n.kind != tableKind:
		r.errorf(n.offset, "%s is %s, want a version, {path}, {url, digest}, {component} or {version, registry, package}", where, n.kind)
		return d
	case n.get("component") != nil:
		known["component"] = func(n *node) { d.component.offset = n.offset; r.str("component", &d.component.text)(n) }
	case n.get("path") != nil:
		known["path"] = r.str("path", &s.Path)
	case n.get("url") != nil || n.get("digest") != nil:
		known["url"], known["digest"] = r.str("url", &s.URL), r.digest(&s.Digest)
		required = []string{"url", "digest"}
	default:
		s.Package = name.pkg
		known["registry"], known["package"] = r.str("registry", &s.Registry), r.packageName(&s.Package)
		known["version"] = func(n *node) {
			r.str("version", &s.Version)(n)
			r.requirement(n, s.Version)
		}
		required = []string{"version"}
	}
	before := len(r.problems)
	r.table(n, where, known, required...)
	if len(required) == 1 && before == len(r.problems) {
		r.named(n, name, s.Package)
	}
	if d.Export != "" && name.pkg != "" && name.item == "" {
		r.errorf(n.get("export").offset, "using an export to satisfy the package dependency %q is not currently permitted: name an interface, as in %q", name, name.pkg+"/interface")
	}
	return d
}

// named checks that it is known which package is meant.
func (r *report) named(n *node, name dependencyName, pkg string) {
	if name.plain != "" && pkg == "" {
		r.errorf(n.offset, "dependency %q must specify a package name", name.plain)
	} else if name == (dependencyName{}) && pkg == "" {
		r.errorf(n.offset, "missing field `package`")
	}
}

func (r *report) inherit(to **inherit) func(*node) {
	return func(n *node) {
		switch n.kind {
		case boolKind:
			*to = &inherit{all: n.text == "true"}
		case arrayKind:
			var sets []placed
			r.strs("inherit_configuration", &sets)(n)
			for _, s := range sets {
				if !slices.Contains(capabilitySets, s.text) {
					r.warnf(s.offset, "inherit_configuration has no %q, which means nothing%s", s.text, suggest(s.text, capabilitySets))
				}
			}
			*to = &inherit{sets: texts(sets)}
		default:
			r.errorf(n.offset, "inherit_configuration is %s, want true, false or a list of %s", n.kind, strings.Join(capabilitySets, ", "))
		}
	}
}

// inheritAll returns a function that stores dependencies_inherit_configuration.
func (r *report) inheritAll(to **inherit) func(*node) {
	return func(n *node) {
		var all bool
		if r.boolean("dependencies_inherit_configuration", &all)(n); n.kind == boolKind {
			*to = &inherit{all: all}
		}
	}
}

// A dependencyName is a plain name, or a package with or without an interface and
// a version.
type dependencyName struct{ plain, pkg, item, version string }

func (n dependencyName) String() string {
	text := n.plain + n.pkg
	if n.item != "" {
		text += "/" + n.item
	}
	if n.version != "" {
		text += "@" + n.version
	}
	return text
}

func parseDependencyName(text string) (dependencyName, error) {
	if len(text) > 256 {
		return dependencyName{}, fmt.Errorf("longer than 256 bytes")
	}
	if !strings.ContainsAny(text, ":/") {
		return dependencyName{plain: text}, checkKebab(text)
	}
	var n dependencyName
	rest, version, versioned := strings.Cut(text, "@")
	if versioned {
		if _, err := artifact.ParseVersion(version); err != nil {
			return n, err
		}
		n.version = version
	}
	pkg, item, hasItem := strings.Cut(rest, "/")
	if err := checkPackage(pkg); err != nil {
		return n, err
	}
	if hasItem {
		if err := checkKebab(item); err != nil {
			return n, fmt.Errorf("interface: %w", err)
		}
	}
	n.pkg, n.item = pkg, item
	return n, nil
}

func checkPackage(pkg string) error {
	namespace, name, ok := strings.Cut(pkg, ":")
	if !ok {
		return fmt.Errorf("%.100q is no package: write namespace:name", pkg)
	}
	for _, part := range []string{namespace, name} {
		if err := checkKebab(part); err != nil {
			return fmt.Errorf("package: %w", err)
		}
	}
	return nil
}

// overlap reports whether two names could be for the same import.
func (n dependencyName) overlap(o dependencyName) bool {
	if n.pkg == "" || n.pkg != o.pkg || n.item != "" && o.item != "" && n.item != o.item {
		return false
	}
	if n.version == "" || o.version == "" {
		return true
	}
	a, _ := artifact.ParseVersion(n.version)
	b, _ := artifact.ParseVersion(o.version)
	return a.Compatible(b)
}

func (r *report) packageName(to *string) func(*node) {
	return func(n *node) {
		r.str("package", to)(n)
		if err := checkPackage(*to); n.kind == stringKind && err != nil {
			r.errorf(n.offset, "%v", err)
		}
	}
}

func (r *report) requirement(n *node, text string) {
	if n.kind != stringKind {
		return
	}
	if _, err := artifact.ParseRange(text); err != nil {
		r.errorf(n.offset, "invalid version range %.100q: %v", text, err)
	}
}

// checkDependencies checks what the dependencies of components say of each other
// and of other components, and gives those that are components their sources.
func (m *Manifest) checkDependencies() {
	for i := range m.Components {
		c := &m.Components[i]
		c.Dependencies = slices.Clone(c.Dependencies)
		for k := range c.Dependencies {
			d := &c.Dependencies[k]
			m.resolve(d, fmt.Sprintf("component %q", c.ID))
			if c.inherit != nil && d.inherit != nil && d.inherit != c.inherit {
				m.report.errorf(d.offset, "component %q specifies both `dependencies_inherit_configuration` and per-dependency `inherit_configuration`. These are mutually exclusive; use one or the other.", c.ID)
			}
			name, _ := parseDependencyName(d.Name)
			for _, other := range c.Dependencies[:k] {
				if o, _ := parseDependencyName(other.Name); name.overlap(o) {
					m.report.errorf(d.offset, "dependency %q conflicts with %q: both could be for one import", d.Name, other.Name)
				}
			}
		}
		if c.inherit != nil && c.inherit.all {
			for k := range c.Dependencies {
				c.Dependencies[k].inherit = c.inherit
			}
		}
	}
	for i := range m.Triggers {
		t := &m.Triggers[i]
		t.middleware = slices.Clone(t.middleware)
		for k := range t.middleware {
			m.resolve(&t.middleware[k], fmt.Sprintf("trigger %q", t.ID))
		}
	}
}

// resolve takes the source of a dependency on another component from there.
func (m *Manifest) resolve(d *Dependency, depender string) {
	if d.component.text == "" {
		return
	}
	before := len(m.report.problems)
	m.checkReference(d.component)
	c := m.Component(d.component.text)
	if c == nil || before != len(m.report.problems) {
		return
	}
	if own := c.resources(); len(own) > 0 {
		m.report.errorf(d.component.offset, "Dependencies may not have their own resources or permissions. Component %s cannot be used as a dependency of %s because it specifies: %s",
			c.ID, depender, strings.Join(own, ", "))
	}
	offset := d.Source.offset
	d.Source = c.Source
	d.Source.offset = offset
}

// resources names what c has that it would not have as a dependency.
func (c *Component) resources() []string {
	var names []string
	for _, x := range []struct {
		name string
		n    int
	}{
		{"ai_models", len(c.aiModels)}, {"allowed_outbound_hosts", len(c.outbound)}, {"dependencies", len(c.Dependencies)},
		{"environment", len(c.Environment)}, {"files", len(c.files)}, {"key_value_stores", len(c.keyValueStores)},
		{"sqlite_databases", len(c.databases)}, {"variables", len(c.variables)},
	} {
		if x.n > 0 {
			names = append(names, x.name)
		}
	}
	return names
}
