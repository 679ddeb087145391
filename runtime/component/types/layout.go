package types

// DiscriminantSize is how many bytes tell n cases apart.
func DiscriminantSize(n int) uint32 {
	switch {
	case n <= 1<<8:
		return 1
	case n <= 1<<16:
		return 2
	}
	return 4
}

// FlagsSize is how many bytes n flags take.
func FlagsSize(n int) uint32 {
	switch {
	case n <= 8:
		return 1
	case n <= 16:
		return 2
	}
	return 4
}

// AlignTo returns the next multiple of align, a power of two, from n on.
func AlignTo[T uint32 | uint64](n, align T) T { return (n + align - 1) &^ (align - 1) }

func layout32(v *Value) (size, align uint32) {
	s, a := layout(v, 4, func(p *Value) (uint64, uint64) { return uint64(p.Size), uint64(p.Align) })
	return uint32(min(s, MaxSize+1)), uint32(a) // larger is refused by its 64-bit size, which is never less
}

func layout64(v *Value) (size, align uint64) {
	return layout(v, 8, func(p *Value) (uint64, uint64) { return p.size64, p.align64 })
}

// layout is elem_size and alignment of CanonicalABI.md for pointers of ptr bytes.
func layout(v *Value, ptr uint64, of func(*Value) (size, align uint64)) (size, align uint64) {
	switch v.Kind {
	case Bool, S8, U8:
		return 1, 1
	case S16, U16:
		return 2, 2
	case S32, U32, F32, Char, ErrorContext, Own, Borrow, Stream, Future:
		return 4, 4
	case S64, U64, F64:
		return 8, 8
	case String, List, Map:
		return 2 * ptr, ptr
	case FixedList:
		s, a := of(v.Elem)
		return s * uint64(v.Length), a
	case Record, Tuple:
		return layoutFields(v.Fields, of)
	case Flags:
		n := uint64(FlagsSize(len(v.Labels)))
		return n, n
	case Enum:
		n := uint64(DiscriminantSize(len(v.Labels)))
		return n, n
	}
	return layoutCases(v.AsCases(), of)
}

func layoutFields(fields []Field, of func(*Value) (size, align uint64)) (size, align uint64) {
	align = 1
	for _, f := range fields {
		s, a := of(f.Type)
		size = AlignTo(size, a) + s
		align = max(align, a)
	}
	return AlignTo(size, align), align
}

func layoutCases(cases []Case, of func(*Value) (size, align uint64)) (size, align uint64) {
	disc := uint64(DiscriminantSize(len(cases)))
	payload, payloadAlign := uint64(0), uint64(1)
	for _, c := range cases {
		if c.Type == nil {
			continue
		}
		s, a := of(c.Type)
		payload, payloadAlign = max(payload, s), max(payloadAlign, a)
	}
	align = max(disc, payloadAlign)
	return AlignTo(AlignTo(disc, payloadAlign)+payload, align), align
}

// PayloadOffset is where the payload of a variant with these cases begins.
func PayloadOffset(cases []Case) uint32 {
	align := uint32(1)
	for _, c := range cases {
		if c.Type != nil {
			align = max(align, c.Type.Align)
		}
	}
	return AlignTo(DiscriminantSize(len(cases)), align)
}

// flatten is flatten_type of CanonicalABI.md. More than MaxFlat core values
// are never used as such, so they are not made.
func (v *Value) flatten() {
	var flat []CoreType
	switch v.Kind {
	case S64, U64:
		flat = []CoreType{I64}
	case F32:
		flat = []CoreType{CoreF32}
	case F64:
		flat = []CoreType{CoreF64}
	case String, List, Map:
		flat = []CoreType{I32, I32}
	case FixedList:
		if v.Spills = v.Elem.Spills || len(v.Elem.Flat)*int(min(v.Length, MaxFlat+1)) > MaxFlat; v.Spills {
			return
		}
		for range v.Length {
			flat = append(flat, v.Elem.Flat...)
		}
	case Record, Tuple:
		flat, v.Spills = FlattenFields(v.Fields)
	case Variant, Enum, Option, Result:
		flat, v.Spills = flattenCases(v.AsCases())
	default:
		flat = []CoreType{I32}
	}
	if !v.Spills {
		v.Flat = flat
	}
}

// FlattenFields is flatten_record: all fields after each other, or spills if
// that is more than MaxFlat core values.
func FlattenFields(fields []Field) (flat []CoreType, spills bool) {
	for _, f := range fields {
		if f.Type.Spills || len(flat)+len(f.Type.Flat) > MaxFlat {
			return nil, true
		}
		flat = append(flat, f.Type.Flat...)
	}
	return flat, false
}

func flattenCases(cases []Case) (flat []CoreType, spills bool) {
	flat = []CoreType{I32}
	for _, c := range cases {
		if c.Type == nil {
			continue
		}
		if c.Type.Spills || 1+len(c.Type.Flat) > MaxFlat {
			return nil, true
		}
		for i, t := range c.Type.Flat {
			if 1+i < len(flat) {
				flat[1+i] = join(flat[1+i], t)
			} else {
				flat = append(flat, t)
			}
		}
	}
	return flat, false
}

func join(a, b CoreType) CoreType {
	switch {
	case a == b:
		return a
	case a == I32 && b == CoreF32, a == CoreF32 && b == I32:
		return I32
	}
	return I64
}
