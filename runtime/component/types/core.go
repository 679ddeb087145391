package types

import (
	"fmt"
	"slices"
	"strings"
)

// A CoreType is the code of a core value type.
type CoreType byte

// Core value types.
const (
	I32       CoreType = 0x7f
	I64       CoreType = 0x7e
	CoreF32   CoreType = 0x7d
	CoreF64   CoreType = 0x7c
	V128      CoreType = 0x7b
	FuncRef   CoreType = 0x70
	ExternRef CoreType = 0x6f
	ExnRef    CoreType = 0x69
)

// String returns the type as the text format writes it.
func (t CoreType) String() string {
	switch t {
	case I32:
		return "i32"
	case I64:
		return "i64"
	case CoreF32:
		return "f32"
	case CoreF64:
		return "f64"
	case V128:
		return "v128"
	case FuncRef:
		return "funcref"
	case ExternRef:
		return "externref"
	case ExnRef:
		return "exnref"
	}
	return fmt.Sprintf("type(%#x)", byte(t))
}

// CoreFunc is the signature of a core function or tag.
type CoreFunc struct{ Params, Results []CoreType }

// Equal reports whether f and g are the same signature.
func (f CoreFunc) Equal(g CoreFunc) bool {
	return slices.Equal(f.Params, g.Params) && slices.Equal(f.Results, g.Results)
}

// String returns f in the form (i32 i32) -> (i64).
func (f CoreFunc) String() string { return coreList(f.Params) + " -> " + coreList(f.Results) }

func coreList(ts []CoreType) string {
	var b strings.Builder
	b.WriteByte('(')
	for i, t := range ts {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(t.String())
	}
	b.WriteByte(')')
	return b.String()
}

// CoreSort says which index space of a core module or core instance is meant.
type CoreSort byte

// Core sorts; the first five are those of a module's imports and exports.
const (
	CoreSortFunc     CoreSort = 0x00
	CoreSortTable    CoreSort = 0x01
	CoreSortMemory   CoreSort = 0x02
	CoreSortGlobal   CoreSort = 0x03
	CoreSortTag      CoreSort = 0x04
	CoreSortType     CoreSort = 0x10
	CoreSortModule   CoreSort = 0x11
	CoreSortInstance CoreSort = 0x12
)

// String returns the keyword of s.
func (s CoreSort) String() string {
	switch s {
	case CoreSortFunc:
		return "func"
	case CoreSortTable:
		return "table"
	case CoreSortMemory:
		return "memory"
	case CoreSortGlobal:
		return "global"
	case CoreSortTag:
		return "tag"
	case CoreSortType:
		return "type"
	case CoreSortModule:
		return "module"
	case CoreSortInstance:
		return "instance"
	}
	return fmt.Sprintf("sort(%#x)", byte(s))
}

// Limits bound a table or memory; Max counts only if HasMax.
type Limits struct {
	Min, Max uint64
	HasMax   bool
	Shared   bool
	Is64     bool
}

func (l Limits) within(want Limits) bool {
	if l.Min < want.Min || l.Shared != want.Shared || l.Is64 != want.Is64 {
		return false
	}
	return !want.HasMax || l.HasMax && l.Max <= want.Max
}

// A CoreExtern is the type of one import or export of a core module.
type CoreExtern struct {
	Sort    CoreSort
	Func    CoreFunc // function, tag
	Elem    CoreType // table: its reference type; global: its value type
	Mutable bool     // global
	Limits  Limits   // table, memory
}

// Matches reports, as an error that says why not, whether an item of type e
// may stand where one of type want is imported.
func (e CoreExtern) Matches(want CoreExtern) error {
	if e.Sort != want.Sort {
		return fmt.Errorf("expected %s, found %s", want.Sort, e.Sort)
	}
	switch e.Sort {
	case CoreSortFunc, CoreSortTag:
		if !e.Func.Equal(want.Func) {
			return fmt.Errorf("expected %s of type %s, found %s", e.Sort, want.Func, e.Func)
		}
	case CoreSortTable:
		if e.Elem != want.Elem || !e.Limits.within(want.Limits) {
			return fmt.Errorf("expected table of %s with other limits or elements, found %s", want.Elem, e.Elem)
		}
	case CoreSortMemory:
		if !e.Limits.within(want.Limits) {
			return fmt.Errorf("mismatched memory limits")
		}
	case CoreSortGlobal:
		if e.Elem != want.Elem || e.Mutable != want.Mutable {
			return fmt.Errorf("expected global of type %s, found %s, or their mutability differs", want.Elem, e.Elem)
		}
	}
	return nil
}

// A CoreImport is one import of a core module.
type CoreImport struct {
	Module, Name string
	Type         CoreExtern
}

// A CoreExport is one export of a core module.
type CoreExport struct {
	Name string
	Type CoreExtern
}

// CoreModule is the type of a core module.
type CoreModule struct {
	Imports []CoreImport
	Exports []CoreExport
}

// Matches reports whether a module of type m may stand where want is imported:
// it imports no more and exports no less.
func (m *CoreModule) Matches(want *CoreModule) error {
	supplied := make(map[[2]string]CoreExtern, len(want.Imports))
	for _, w := range want.Imports {
		supplied[[2]string{w.Module, w.Name}] = w.Type
	}
	for _, i := range m.Imports {
		w, ok := supplied[[2]string{i.Module, i.Name}]
		if !ok {
			return fmt.Errorf("module imports %q %q, which is not expected", i.Module, i.Name)
		}
		if err := w.Matches(i.Type); err != nil {
			return fmt.Errorf("module import %q %q: %w", i.Module, i.Name, err)
		}
	}
	exports := make(map[string]CoreExtern, len(m.Exports))
	for _, e := range m.Exports {
		exports[e.Name] = e.Type
	}
	for _, w := range want.Exports {
		e, ok := exports[w.Name]
		if !ok {
			return fmt.Errorf("module lacks expected export %q", w.Name)
		}
		if err := e.Matches(w.Type); err != nil {
			return fmt.Errorf("module export %q: %w", w.Name, err)
		}
	}
	return nil
}
