// Package rewrite makes core modules of a component linkable: it renames
// imports to their providers.
//
// The engine sees only what this package puts out, so the package itself
// checks every index in the module against the index spaces of the original:
// no module is valid only because of what was added to it, and nothing that is
// added can be named by the guest. Names that are added are ones which the
// original does not use. Function bodies, custom sections and with them the
// names in backtraces are kept.
package rewrite

import (
	"fmt"
	"slices"

	"github.com/neutrino-local/neutrino-local/runtime/component/types"
)

// Options are the changes to a module. All are made in one pass.
type Options struct {
	// Import gives the new module and field name of the i-th import.
	Import func(i int, imp types.CoreImport) (module, name string)
}

// Apply checks m and puts out its rewritten form.
func (m *Module) Apply(o Options) ([]byte, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	out := slices.Grow([]byte(nil), len(m.b)+64*len(m.Imports))
	out = append(out, m.b[:8]...)
	for _, s := range m.sections {
		body := m.b[s.start:s.end]
		if s.id == sectionImport && o.Import != nil {
			body = m.importSection(o)
		}
		out = appendSection(out, s.id, body)
	}
	return out, nil
}

func (m *Module) importSection(o Options) []byte {
	body := appendU32(nil, uint32(len(m.Imports)))
	for i, imp := range m.Imports {
		module, name := o.Import(i, imp)
		body = appendName(body, module)
		body = appendName(body, name)
		body = append(body, m.importDesc[i]...)
	}
	return body
}

func appendSection(out []byte, id byte, body []byte) []byte {
	out = append(out, id)
	out = appendU32(out, uint32(len(body)))
	return append(out, body...)
}

func appendU32(b []byte, v uint32) []byte {
	for v >= 0x80 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v))
}

func appendName(b []byte, s string) []byte { return append(appendU32(b, uint32(len(s))), s...) }

// FreshName returns a name like want that no export of the module has.
func (m *Module) FreshName(want string) string {
	for n := 0; ; n++ {
		name := fmt.Sprintf("%s#%d", want, n)
		if !slices.ContainsFunc(m.Exports, func(e Export) bool { return e.Name == name }) {
			return name
		}
	}
}
