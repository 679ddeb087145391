package plan

import (
	"fmt"

	"github.com/neutrino-local/neutrino-local/runtime/component/rewrite"
	"github.com/neutrino-local/neutrino-local/runtime/component/types"
)

// BuildCommand plans a core module that imports functions of WASI preview 1 and
// nothing else. It has no component functions: hosts call its core ones.
func BuildCommand(m *rewrite.Module) (*Plan, error) {
	p := &Plan{Instances: []Instance{{Parent: -1}}}
	core := Core{Module: m}
	for _, imp := range m.Imports {
		if imp.Module != Preview1 || imp.Type.Sort != types.CoreSortFunc {
			return nil, fmt.Errorf("it imports %s.%s, which nothing here provides", imp.Module, imp.Name)
		}
		core.Imports = append(core.Imports, Ref{Core: -1, Host: len(p.Hosts)})
		p.Hosts = append(p.Hosts, Host{Kind: External, Module: imp.Module, Name: imp.Name, Core: imp.Type.Func})
	}
	p.Cores = []Core{core}
	return p, nil
}
