package binary

import "github.com/neutrino-local/neutrino-local/runtime/component/types"

func (r *reader) coreType() *CoreType {
	at := r.offset()
	switch b := r.byte(); b {
	case 0x60:
		return &CoreType{Func: r.coreFunc()}
	case 0x50:
		return &CoreType{Module: r.coreModuleType()}
	case 0x00, 0x4e, 0x4f, 0x5e, 0x5f:
		return r.recType(at, b)
	default:
		r.failAt(at, "invalid core type %#x", b)
	}
	return &CoreType{}
}

// recType reads a type of WebAssembly 3.0, which only has its place in the
// index space: nothing that can run here uses it.
func (r *reader) recType(at int, b byte) *CoreType {
	t := &CoreType{Group: 1}
	switch b {
	case 0x00:
		r.byte()
		b = 0x50
	case 0x4e:
		n := 0
		r.each(func(int) { r.subType(r.offset(), r.byte()); n++ })
		t.Group = n
		return t
	}
	r.subType(at, b)
	return t
}

func (r *reader) subType(at int, b byte) {
	if b == 0x50 || b == 0x4f {
		r.each(func(int) { r.u32() })
		b = r.byte()
	}
	switch b {
	case 0x60:
		r.each(func(int) { r.storageType() })
		r.each(func(int) { r.storageType() })
	case 0x5e:
		r.storageType()
		r.bool("mutability")
	case 0x5f:
		r.each(func(int) { r.storageType(); r.bool("mutability") })
	default:
		r.failAt(at, "invalid core type %#x", b)
	}
}

func (r *reader) storageType() {
	at := r.offset()
	switch b := r.byte(); {
	case b == 0x63 || b == 0x64: // typed references
		if p := r.peek(); p >= 0x40 && p < 0x80 {
			r.byte()
			return
		}
		r.typeIndex()
	case b < 0x60 || b > 0x7f:
		r.failAt(at, "invalid core storage type %#x", b)
	}
}

func (r *reader) coreFunc() *types.CoreFunc {
	return &types.CoreFunc{Params: vec(r, r.coreVal), Results: vec(r, r.coreVal)}
}

func (r *reader) coreVal() types.CoreType {
	at := r.offset()
	t := types.CoreType(r.byte())
	switch t {
	case types.I32, types.I64, types.CoreF32, types.CoreF64, types.V128, types.FuncRef, types.ExternRef, types.ExnRef:
	default:
		r.failAt(at, "core value type %#x is not supported", byte(t))
	}
	return t
}

func (r *reader) coreModuleType() *CoreModuleType {
	return &CoreModuleType{vec(r, func() CoreDecl {
		at := r.offset()
		switch b := r.byte(); b {
		case 0x00:
			return CoreDecl{Import: &CoreImportDecl{r.name(), r.name(), r.coreExtern()}}
		case 0x01:
			if b := r.byte(); b != 0x60 {
				r.failAt(at, "core type %#x is not supported in a module type, only functions are", b)
			}
			return CoreDecl{Type: r.coreFunc()}
		case 0x02:
			if s, k := r.byte(), r.byte(); s != byte(types.CoreSortType) || k != 0x01 {
				r.failAt(at, "a module type may alias outer types only")
			}
			return CoreDecl{Alias: &CoreTypeAlias{r.u32(), r.u32()}}
		case 0x03:
			return CoreDecl{Export: &CoreExportDecl{r.name(), r.coreExtern()}}
		default:
			r.failAt(at, "invalid module type declaration %#x", b)
			return CoreDecl{}
		}
	})}
}

func (r *reader) coreExtern() CoreExternType {
	at := r.offset()
	t := CoreExternType{}
	t.Sort = types.CoreSort(r.byte())
	switch t.Sort {
	case types.CoreSortFunc:
		t.TypeIndex = r.u32()
	case types.CoreSortTable:
		t.Elem, t.Limits = r.coreVal(), r.limits()
	case types.CoreSortMemory:
		t.Limits = r.limits()
		if !t.Limits.Is64 && t.Limits.Min > 1<<16 {
			r.failAt(at, "memory size must be at most 65536 pages")
		}
	case types.CoreSortGlobal:
		t.Elem, t.Mutable = r.coreVal(), r.bool("mutability")
	case types.CoreSortTag:
		if a := r.byte(); a != 0 {
			r.failAt(at, "invalid tag attribute %#x", a)
		}
		t.TypeIndex = r.u32()
	default:
		r.failAt(at, "invalid core extern type %#x", byte(t.Sort))
	}
	return t
}

func (r *reader) limits() types.Limits {
	at := r.offset()
	f := r.byte()
	if f > 7 {
		r.failAt(at, "invalid limits %#x", f)
	}
	l := types.Limits{HasMax: f&1 != 0, Shared: f&2 != 0, Is64: f&4 != 0}
	l.Min = r.u64()
	if l.HasMax {
		l.Max = r.u64()
	}
	if r.err == nil && l.HasMax && l.Min > l.Max {
		r.failAt(at, "limits: minimum %d is greater than maximum %d", l.Min, l.Max)
	}
	return l
}
