// Package binary decodes component binaries (Binary.md of the component
// model) into their definitions, in the order in which they stand.
//
// It knows the format and nothing of its meaning: an index is only a number
// here. Whatever the input, decoding neither panics nor allocates much more
// than the input's size, and an error says where: the path to the definition
// and the offset in the file.
package binary

import (
	"errors"
	"fmt"

	"github.com/neutrino-local/neutrino-local/runtime/component/types"
)

// MaxDepth is how deep components and types may be nested.
const MaxDepth = 100

// A Component is one decoded component.
type Component struct {
	Offset    int   // of its preamble in the file
	Defs      []Def // in order
	Customs   []Custom
	Names     Names
	Producers []Producer
}

// A Def is one definition and where it stands.
type Def struct {
	Offset int
	Place  string // kind and number, as in import[3]
	Node   Node
}

// A Node is a definition: *Module, *CoreInstance, *CoreType, *Component,
// *Instance, *Alias, *Type, *Canon, *Start, *Import, *Export or *Value.
type Node interface{ isNode() }

func (*Module) isNode()       {}
func (*CoreInstance) isNode() {}
func (*CoreType) isNode()     {}
func (*Component) isNode()    {}
func (*Instance) isNode()     {}
func (*Alias) isNode()        {}
func (*Type) isNode()         {}
func (*Canon) isNode()        {}
func (*Start) isNode()        {}
func (*Import) isNode()       {}
func (*Export) isNode()       {}
func (*Value) isNode()        {}

// A Module is an embedded core module, not decoded.
type Module struct{ Bytes []byte }

// A CoreInstance instantiates a core module, or bundles core items if Inline.
type CoreInstance struct {
	Inline  bool
	Module  uint32
	Args    []CoreArg
	Exports []CoreExport
}

// A CoreArg supplies a core instance for all imports from a module name.
type CoreArg struct {
	Name     string
	Instance uint32
}

// A CoreExport names an item of a core index space.
type CoreExport struct {
	Name  string
	Sort  types.CoreSort
	Index uint32
}

// A CoreType is a function type or the type of a core module, or else Group
// types that are of no use to what can run here.
type CoreType struct {
	Group  int
	Func   *types.CoreFunc
	Module *CoreModuleType
}

// A CoreModuleType lists declarations, in order.
type CoreModuleType struct{ Decls []CoreDecl }

// A CoreDecl is one of its fields.
type CoreDecl struct {
	Import *CoreImportDecl
	Type   *types.CoreFunc
	Alias  *CoreTypeAlias
	Export *CoreExportDecl
}

// A CoreTypeAlias takes a core type of an enclosing scope.
type CoreTypeAlias struct{ Count, Index uint32 }

// A CoreImportDecl is an import of a core module type.
type CoreImportDecl struct {
	Module, Name string
	Type         CoreExternType
}

// A CoreExportDecl is an export of a core module type.
type CoreExportDecl struct {
	Name string
	Type CoreExternType
}

// A CoreExternType is the type of a core import or export; functions and tags
// refer to a type index of the module type.
type CoreExternType struct {
	types.CoreExtern
	TypeIndex uint32
}

// A Sort is a sort of a component; Core is set for core ones.
type Sort struct {
	Core bool
	Sort types.Sort     // if not Core
	Of   types.CoreSort // if Core
}

// String returns the keywords of s.
func (s Sort) String() string {
	if s.Core {
		return "core " + s.Of.String()
	}
	return s.Sort.String()
}

// A SortIndex refers to an item.
type SortIndex struct {
	Sort  Sort
	Index uint32
}

// An Instance instantiates a component, or bundles items if Inline.
type Instance struct {
	Inline    bool
	Component uint32
	Args      []Arg
	Exports   []InlineExport
}

// An Arg supplies an import of the component.
type Arg struct {
	Name string
	SortIndex
}

// An InlineExport names an item.
type InlineExport struct {
	Name ExternName
	SortIndex
}

// AliasKind says where an alias points.
type AliasKind byte

// Kinds of aliases.
const (
	AliasExport     AliasKind = 0x00
	AliasCoreExport AliasKind = 0x01
	AliasOuter      AliasKind = 0x02
)

// An Alias makes an item of an instance or of an enclosing scope its own.
type Alias struct {
	Sort     Sort
	Kind     AliasKind
	Instance uint32 // export, core export
	Name     string
	Count    uint32 // outer: how many scopes outward
	Index    uint32
}

// ExternName is the name of an import or export with its attributes.
type ExternName struct {
	Name          string
	Implements    *string // nil: not there
	VersionSuffix *string
	ExternalID    *string
}

// An Import is an import of a component or component type.
type Import struct {
	Name ExternName
	Type ExternType
}

// An Export is an export of a component, or with Decl of a component type or
// instance type. Type is nil if not ascribed.
type Export struct {
	Name ExternName
	Decl bool
	SortIndex
	Type *ExternType
}

// An ExternType is the type of an import or export by index.
type ExternType struct {
	Sort  types.Sort
	Index uint32 // type index; for SortModule a core type index; for an "eq" value a value index
	Sub   bool   // SortType: (sub resource)
	Value *ValRef
}

// A Start calls a function with values at the end of instantiation.
type Start struct {
	Func    uint32
	Args    []uint32
	Results uint32
}

// A Value is a constant value; its bytes are not decoded.
type Value struct {
	Type  ValRef
	Bytes []byte
}

// A Custom is a custom section.
type Custom struct {
	Name   string
	Offset int
	Bytes  []byte
}

// An Error says what is wrong with a binary and where.
type Error struct {
	Path   string
	Offset int
	Err    error
}

// Error returns the path, the fault and the offset.
func (e *Error) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("%v at offset %#x", e.Err, e.Offset)
	}
	return fmt.Sprintf("%s: %v at offset %#x", e.Path, e.Err, e.Offset)
}

// Unwrap returns the fault.
func (e *Error) Unwrap() error { return e.Err }

// ErrNotComponent is the fault of input that is no component at all.
var ErrNotComponent = errors.New("not a WebAssembly component")

// Layer tells core modules and components apart by their first eight bytes.
type Layer uint8

// Layers of binaries.
const (
	LayerUnknown Layer = iota
	LayerModule
	LayerComponent
)

// Sniff reports what b looks like.
func Sniff(b []byte) Layer {
	switch {
	case len(b) >= 8 && string(b[:8]) == "\x00asm\x01\x00\x00\x00":
		return LayerModule
	case len(b) >= 8 && string(b[:4]) == "\x00asm" && b[6] == 1 && b[7] == 0:
		return LayerComponent
	}
	return LayerUnknown
}
