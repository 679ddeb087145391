// Package compose makes one component of a component and of what it depends on.
//
// The result has all of them inside, unchanged. It imports what is left of their
// imports, instantiates each dependency once, gives its exports to the component
// that asked for them, and exports what that one exports. What a dependency may
// not inherit is not left to the host: the result has an implementation of it
// that answers with the errors of its interface, as Spin's does.
//
// A result is a valid component, or there is an error.
//
// # Caveats
//
// Imports of one compatible track become one import, with the newest version of
// those that are asked for. A component that imports components, modules or
// values is refused.
package compose

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/neutrino-local/neutrino-local/runtime/component/binary"
	"github.com/neutrino-local/neutrino-local/runtime/component/types"
	"github.com/neutrino-local/neutrino-local/runtime/component/validate"
)

// A Dependency satisfies imports of a component.
type Dependency struct {
	// Name says which imports: a plain name, or a package with or without an
	// interface and a version, as in foo:bar/baz@0.1.0.
	Name    string
	Export  string // what to satisfy them with; empty: the export named like the import
	Inherit Inherit
	Wasm    []byte
}

// MaxDependencies is how many dependencies a component may have.
const MaxDependencies = 50

// Compose returns main with its dependencies. Inputs are not changed.
func Compose(main []byte, dependencies []Dependency) ([]byte, error) {
	if len(dependencies) > MaxDependencies {
		return nil, fmt.Errorf("%d dependencies, the limit is %d", len(dependencies), MaxDependencies)
	}
	c := &composer{
		homes: map[*types.Resource]*home{}, shapes: map[*types.Value]int{}, interned: map[string]int{},
		merged: map[string]*merged{}, origins: map[int]origin{},
		defined: map[[sha256.Size]byte]uint32{},
	}
	if err := c.read(main, dependencies); err != nil {
		return nil, err
	}
	if err := c.assign(); err != nil {
		return nil, err
	}
	for _, p := range c.parts {
		if err := c.collect(p); err != nil {
			return nil, fmt.Errorf("%s: %w", p, err)
		}
	}
	c.types = c.b.space(c, c.resourceFrom, func(v *types.Value) (uint32, bool, error) { return c.named(v, nil) })
	for _, m := range c.order {
		if err := c.emit(m); err != nil {
			return nil, fmt.Errorf("import %q: %w", m.name, err)
		}
	}
	if err := c.link(); err != nil {
		return nil, err
	}
	wasm := c.b.bytes()
	def, err := binary.Decode(wasm)
	if err == nil {
		_, err = validate.Component(def)
	}
	if err != nil {
		return nil, fmt.Errorf("they do not fit together: %w", err)
	}
	return wasm, nil
}

type composer struct {
	b        builder
	types    *space // of b
	main     *part
	parts    []*part // the dependencies in order, then main
	homes    map[*types.Resource]*home
	count    int // of homes
	shapes   map[*types.Value]int
	interned map[string]int
	merged   map[string]*merged
	order    []*merged
	origins  map[int]origin // by shape: the import that names a type first
	defined  map[[sha256.Size]byte]uint32
}

// A part is one of the components that are composed.
type part struct {
	*Dependency // nil for the main one
	wasm        []byte
	typ         *types.Component
	sources     []source // of its imports, in order
	instance    uint32
}

func (p *part) String() string {
	if p.Dependency == nil {
		return "component"
	}
	return fmt.Sprintf("dependency %q", p.Name)
}

// A source is where an import of a part comes from; one field is set.
type source struct {
	merged *merged
	denied *denied
	from   *part // its export
	export string
}

func (c *composer) read(main []byte, dependencies []Dependency) error {
	for i := range dependencies {
		d := &dependencies[i]
		t, err := read(d.Wasm)
		if err != nil {
			return fmt.Errorf("dependency %q: %w", d.Name, err)
		}
		c.parts = append(c.parts, &part{Dependency: d, wasm: d.Wasm, typ: t})
	}
	t, err := read(main)
	if err != nil {
		return err
	}
	c.main = &part{wasm: main, typ: t}
	c.parts = append(c.parts, c.main)
	for _, p := range c.parts {
		p.sources = make([]source, len(p.typ.Imports))
	}
	return nil
}

func read(wasm []byte) (*types.Component, error) {
	if binary.Sniff(wasm) == binary.LayerModule {
		return nil, errors.New("its binary is a core module, and only components are composed")
	}
	def, err := binary.Decode(wasm)
	if err != nil {
		return nil, err
	}
	info, err := validate.Component(def)
	if err != nil {
		return nil, err
	}
	return info.Type, nil
}

// assign finds the imports of the main component that each dependency is for.
func (c *composer) assign() error {
	for _, p := range c.parts[:len(c.parts)-1] {
		matched := false
		for i, imported := range c.main.typ.Imports {
			if !matches(p.Name, imported.Name) {
				continue
			}
			matched = true
			s := &c.main.sources[i]
			if s.from != nil {
				return fmt.Errorf("component has dependency conflicts: import '%s' satisfied by dependencies: '%s, %s'", imported.Name, s.from.Name, p.Name)
			}
			s.from, s.export = p, p.Export
			if s.export == "" {
				s.export = imported.Name
			}
			have, ok := p.typ.Export(s.export)
			if !ok {
				return fmt.Errorf("dependency '%s' doesn't export '%s' to satisfy import '%s'%s", p.Name, s.export, imported.Name, exported(p.typ))
			}
			if have.Sort != imported.Sort {
				return fmt.Errorf("dependency '%s' exports '%s' which is not compatible with import '%s': a %s, not a %s",
					p.Name, s.export, imported.Name, have.Sort, imported.Sort)
			}
		}
		if !matched {
			return fmt.Errorf("dependency '%s' doesn't match any imports of the component", p.Name)
		}
	}
	return nil
}

// exported tells what there is instead.
func exported(t *types.Component) string {
	var names []string
	for _, e := range t.Exports {
		names = append(names, e.Name)
	}
	if len(names) > 10 {
		names = append(names[:10:10], "…")
	}
	if len(names) == 0 {
		return "; it exports nothing"
	}
	return fmt.Sprintf("; it exports %.500s", strings.Join(names, ", "))
}

// matches reports whether a dependency of that name is for an import.
func matches(dependency, imported string) bool {
	if !strings.ContainsAny(dependency, ":/") {
		return dependency == imported
	}
	path, version, versioned := strings.Cut(dependency, "@")
	pkg, item, hasItem := strings.Cut(path, "/")
	path, importVersion, _ := strings.Cut(imported, "@")
	importPackage, importItem, isInterface := strings.Cut(path, "/")
	return isInterface && pkg == importPackage && (!hasItem || item == importItem) && (!versioned || version == importVersion)
}

// link instantiates all parts and exports what the main one exports.
func (c *composer) link() error {
	for _, p := range c.parts {
		if err := c.deny(p); err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
		var args []arg
		for i, imported := range p.typ.Imports {
			s := p.sources[i]
			a := arg{name: imported.Name, sort: sortCode(imported.Sort)}
			switch {
			case s.from != nil:
				a.index = c.b.alias(s.from.instance, s.export, a.sort)
			case s.denied != nil:
				a.index = s.denied.instance
			default:
				a.index = s.merged.index
			}
			args = append(args, a)
		}
		p.instance = c.b.instantiate(c.definition(p.wasm), args)
	}
	for _, e := range c.main.typ.Exports {
		sort := sortCode(e.Sort)
		if sort == 0 {
			return fmt.Errorf("export %q is a %s, which is not supported", e.Name, e.Sort)
		}
		c.b.export(e.Name, sort, c.b.alias(c.main.instance, e.Name, sort))
	}
	return nil
}

// definition returns the index of a component, which is there once however often
// it is instantiated.
func (c *composer) definition(wasm []byte) uint32 {
	key := sha256.Sum256(wasm)
	i, ok := c.defined[key]
	if !ok {
		i = c.b.component(wasm)
		c.defined[key] = i
	}
	return i
}

// newer reports whether an interface name has a later version than b of the same
// track.
func newer(a, b string) bool {
	_, va, _ := strings.Cut(a, "@")
	_, vb, _ := strings.Cut(b, "@")
	return slices.Compare(numbers(va), numbers(vb)) > 0
}

func numbers(version string) []int {
	var out []int
	for part := range strings.SplitSeq(version, ".") {
		n := 0
		for _, c := range part {
			if c < '0' || c > '9' {
				return out
			}
			n = min(n*10+int(c-'0'), 1<<30)
		}
		out = append(out, n)
	}
	return out
}
