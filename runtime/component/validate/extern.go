package validate

import (
	"fmt"

	"github.com/neutrino-local/neutrino-local/runtime/component/binary"
	"github.com/neutrino-local/neutrino-local/runtime/component/types"
)

// A nameSet holds the names of one scope's imports or exports.
type nameSet struct {
	unique    map[string]string
	resources map[string]*types.Resource // by the label they are named with
	unnamed   map[*types.Value]bool      // as in scope
}

func newNameSet(unnamed map[*types.Value]bool) nameSet {
	return nameSet{unique: map[string]string{}, resources: map[string]*types.Resource{}, unnamed: unnamed}
}

// add checks a name, alone and with its type, and takes it. visible are types
// with names in the same scope.
func (s nameSet) add(n binary.ExternName, e types.Extern, visible map[types.Type]bool) error {
	name, err := types.ParseName(n.Name)
	if err != nil {
		return err
	}
	if n.Implements != nil {
		of, err := types.ParseName(*n.Implements)
		if err != nil || of.Kind != types.NameInterface {
			return fmt.Errorf("name %q: implements %q is not an interface name", n.Name, *n.Implements)
		}
		if e.Sort != types.SortInstance || name.Kind != types.NameLabel {
			return fmt.Errorf("name %q: only instances with a plain name can have implements", n.Name)
		}
	}
	if n.VersionSuffix != nil {
		if err := types.CheckVersionSuffix(name, *n.VersionSuffix); err != nil {
			return fmt.Errorf("name %q: %w", n.Name, err)
		}
	}
	u := types.Unique(n.Name)
	if other, dup := s.unique[u]; dup {
		return fmt.Errorf("name %q conflicts with previous name %q", n.Name, other)
	}
	s.unique[u] = n.Name
	if r, ok := e.Type.(*types.Resource); ok && name.Kind == types.NameLabel {
		s.resources[n.Name] = r
	}
	return s.checkAnnotated(n.Name, name, e)
}

func (s nameSet) checkAnnotated(full string, n types.Name, e types.Extern) error {
	if n.Resource == "" {
		return nil
	}
	f, ok := e.Type.(*types.Func)
	if !ok || e.Sort != types.SortFunc {
		return fmt.Errorf("name %q is only allowed for functions", full)
	}
	r, ok := s.resources[n.Resource]
	if !ok {
		return fmt.Errorf("name %q: there is no resource %q before it", full, n.Resource)
	}
	switch n.Kind {
	case types.NameConstructor:
		t := f.Result
		if t != nil && t.Kind == types.Result {
			t = t.Elem
		}
		if t == nil || t.Kind != types.Own || t.Resource != r || s.unnamed[t] {
			return fmt.Errorf("constructor %q must return own of its resource", full)
		}
	case types.NameMethod:
		if len(f.Params) == 0 || f.Params[0].Name != "self" || f.Params[0].Type.Kind != types.Borrow || f.Params[0].Type.Resource != r || s.unnamed[f.Params[0].Type] {
			return fmt.Errorf("method %q must have a first parameter \"self\" of type borrow of its resource", full)
		}
	}
	return nil
}

func (s *scope) importDef(n *binary.Import) error {
	e, err := s.externType(n.Type, n.Name.Name, &s.imported)
	if err != nil {
		return err
	}
	if err := s.visible(e, s.importVisible, "import"); err != nil {
		return err
	}
	if err := s.importNames.add(n.Name, e, s.importVisible); err != nil {
		return err
	}
	expose(e, s.importVisible)
	expose(e, s.exportVisible)
	s.imports = append(s.imports, types.Named{Name: n.Name.Name, Extern: e})
	s.v.info.Imports[n] = e
	return s.pushExtern(e)
}

func (s *scope) exportDef(n *binary.Export) error {
	e, err := s.exportType(n)
	if err != nil {
		return err
	}
	if err := s.v.charge(e.Weight()); err != nil {
		return err
	}
	if err := s.visible(e, s.exportVisible, "export"); err != nil {
		return err
	}
	if err := s.exportNames.add(n.Name, e, s.exportVisible); err != nil {
		return err
	}
	expose(e, s.exportVisible)
	s.exports = append(s.exports, types.Named{Name: n.Name.Name, Extern: e})
	if err := s.pushExtern(e); err != nil {
		return err
	}
	if e.Sort == types.SortValue { // an exported value is used by its export
		s.values[len(s.values)-1].used = true
	}
	return nil
}

func (s *scope) exportType(n *binary.Export) (types.Extern, error) {
	if n.Decl {
		return s.externType(*n.Type, n.Name.Name, &s.fresh)
	}
	e, err := s.item(n.SortIndex)
	if err != nil {
		return e, err
	}
	e.Sub = false
	if n.Type == nil {
		return renamed(e), nil
	}
	var fresh []*types.Resource
	want, err := s.externType(*n.Type, n.Name.Name, &fresh)
	if err != nil {
		return e, err
	}
	m := types.NewMatcher(fresh)
	if err := m.Extern(e, want); err != nil {
		return e, fmt.Errorf("ascribed type of export is not compatible with the item's type: %w", err)
	}
	// What the ascribed type leaves abstract is a new resource to all others.
	s.fresh = append(s.fresh, fresh...)
	s.v.info.Ascribed[n] = m.Bound
	want.Sub = false
	return want, nil
}

// renamed gives an exported value type an identity of its own, since only the
// new type has the export's name.
func renamed(e types.Extern) types.Extern {
	if v, ok := e.Type.(*types.Value); ok && e.Sort == types.SortType {
		named := *v
		e.Type = &named
	}
	return e
}

// expose notes the types that a new import or export names.
func expose(e types.Extern, visible map[types.Type]bool) {
	switch t := e.Type.(type) {
	case *types.Instance:
		if e.Sort == types.SortInstance {
			for _, x := range t.Exports {
				expose(x.Extern, visible)
			}
		}
	case nil:
	default:
		if e.Sort == types.SortType {
			visible[t] = true
		}
	}
}

// visible checks that all types that need a name and are used by e have one.
// An instance type has no importer yet: what uses it is checked.
func (s *scope) visible(e types.Extern, named map[types.Type]bool, what string) error {
	if s.kind == scopeInstanceType {
		return nil
	}
	w := visibility{named: named, unnamed: s.unnamed, checked: map[types.Type]bool{}}
	if !w.extern(e) {
		return fmt.Errorf("%s uses %s, which has no name that an importer could use", what, types.Describe(w.missing))
	}
	return nil
}

// A visibility is a walk over the type of an import or export. That of an
// instance names types of its own, beside those of the walk around it.
type visibility struct {
	outer   *visibility
	named   map[types.Type]bool
	unnamed map[*types.Value]bool
	checked map[types.Type]bool
	missing types.Type
}

func (w *visibility) has(t types.Type) bool {
	for ; w != nil; w = w.outer {
		if w.named[t] {
			return true
		}
	}
	return false
}

func (w *visibility) extern(e types.Extern) bool {
	switch t := e.Type.(type) {
	case *types.Func:
		for _, p := range t.Params {
			if !w.value(p.Type) {
				return false
			}
		}
		return w.value(t.Result)
	case *types.Value:
		if e.Sort == types.SortType { // it gets its name now; its parts must have theirs
			return w.parts(t)
		}
		return w.value(t)
	case *types.Instance:
		return w.instance(t)
	}
	return true
}

func (w *visibility) instance(t *types.Instance) bool {
	in := visibility{outer: w, named: map[types.Type]bool{}, unnamed: w.unnamed, checked: map[types.Type]bool{}}
	for _, x := range t.Exports {
		expose(x.Extern, in.named)
	}
	for _, x := range t.Exports {
		if !in.extern(x.Extern) {
			w.missing = in.missing
			return false
		}
	}
	return true
}

func (w *visibility) value(v *types.Value) bool {
	if v == nil || w.checked[v] || w.has(v) {
		return true
	}
	if v.Named() {
		w.missing = v
		return false
	}
	if !w.parts(v) {
		return false
	}
	w.checked[v] = true
	return true
}

func (w *visibility) parts(v *types.Value) bool {
	if v.Resource != nil && (w.unnamed[v] || !w.has(v.Resource)) {
		w.missing = v.Resource
		return false
	}
	for p := range v.Parts {
		if !w.value(p) {
			return false
		}
	}
	return true
}
