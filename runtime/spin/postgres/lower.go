package postgres

import (
	"context"

	"github.com/neutrino-local/neutrino-local/runtime/component/abi"
)

// Versions 1 and 2 have the same values, some of which PostgreSQL does not have.
const (
	oldUint8   = 5
	oldUint64  = 8
	oldFloat32 = 9
	oldFloat64 = 10
	oldString  = 11
	oldBinary  = 12
	oldNull    = 13
	oldOther   = 14 // 13 as the type of a column
)

// Version 3 has those of 4 up to timestamps.
const (
	thirdNull  = 13
	thirdOther = 14 // 13 as the type of a column
)

// oldCase returns the case of a kind in versions 1 and 2.
func oldCase(k kind) int {
	switch {
	case k <= kindInt64:
		return int(k)
	case k == kindFloat32:
		return oldFloat32
	case k == kindFloat64:
		return oldFloat64
	case k == kindString:
		return oldString
	case k == kindBinary:
		return oldBinary
	case k == kindNull:
		return oldNull
	}
	return oldOther
}

// raiseAll returns the parameters of a version.
func raiseAll(version int, list abi.Value) ([]value, error) {
	all := make([]value, list.Len())
	for i, v := range list.Values() {
		k := kind(v.Case())
		switch {
		case version == 3 && v.Case() == thirdNull:
			k = kindNull
		case version <= 2 && v.Case() >= oldUint8 && v.Case() <= oldUint64:
			return nil, &Error{of: conversionFailed, text: "Postgres does not support unsigned integers"}
		case version <= 2 && v.Case() > oldUint64:
			k = [...]kind{kindFloat32, kindFloat64, kindString, kindBinary, kindNull}[v.Case()-oldFloat32]
		}
		all[i] = raise(k, v)
	}
	return all, nil
}

func raise(k kind, v abi.Value) value {
	p := value{kind: k}
	switch k {
	case kindNull:
	case kindBoolean:
		p.v = v.Payload().Bool()
	case kindInt8, kindInt16, kindInt32, kindInt64, kindTimestamp:
		p.v = v.Payload().S64()
	case kindFloat32:
		p.v = float64(v.Payload().F32())
	case kindFloat64:
		p.v = v.Payload().F64()
	case kindString, kindUUID, kindDecimal:
		p.v = v.Payload().Text()
	case kindBinary, kindJSONB:
		p.v = v.Payload().Bytes()
	case kindDate, kindTime, kindDatetime:
		p.v = raiseTime(k, v.Payload().Values())
	case kindRangeInt32, kindRangeInt64, kindRangeDecimal:
		p.v = bounds{raiseBound(k, v.Payload().At(0)), raiseBound(k, v.Payload().At(1))}
	case kindArrayInt32, kindArrayInt64, kindArrayDecimal, kindArrayString:
		all := make([]any, v.Payload().Len())
		for i, e := range v.Payload().Values() {
			if one, ok := e.Option(); ok {
				all[i] = raiseElement(k, one)
			}
		}
		p.v = all
	case kindInterval:
		r := v.Payload()
		p.v = interval{r.At(0).S64(), int32(r.At(1).S64()), int32(r.At(2).S64())}
	}
	return p
}

// Parts of a time: years are signed, all else is not.
func raiseTime(k kind, parts []abi.Value) (t [7]int64) {
	at := 0
	if k == kindTime {
		at = 3
	}
	for i, p := range parts {
		if at+i == 0 {
			t[0] = p.S64()
		} else {
			t[at+i] = int64(p.U64())
		}
	}
	return t
}

func raiseElement(k kind, v abi.Value) any {
	switch k {
	case kindRangeDecimal, kindArrayDecimal, kindArrayString:
		return v.Text()
	}
	return v.S64()
}

func raiseBound(k kind, v abi.Value) bound {
	b, ok := v.Option()
	if !ok {
		return bound{}
	}
	return bound{raiseElement(k, b.At(0)), b.At(1).Case() == 1}
}

// dataType is the type of a column in a version.
func (c *client) dataType(ctx context.Context, version int, col column) abi.Value {
	switch {
	case version <= 2:
		return abi.Case(min(oldCase(col.kind), oldOther-1))
	case version == 3 && col.kind > kindTimestamp:
		return abi.Case(thirdOther - 1)
	case col.kind == kindOther:
		return abi.Variant(int(kindOther)-1, abi.String(c.name(ctx, col.oid))) // there is no null among types
	}
	return abi.Case(int(col.kind))
}

// lower is a value in a version.
func lower(version int, v value) abi.Value {
	of := int(v.kind)
	switch {
	case version <= 2:
		of = oldCase(v.kind)
		if of >= oldNull {
			return abi.Case(of)
		}
	case version == 3 && v.kind == kindNull:
		return abi.Case(thirdNull)
	case version == 3 && v.kind > kindTimestamp:
		return abi.Case(thirdOther)
	case v.kind == kindNull:
		return abi.Case(of)
	}
	return abi.Variant(of, payload(v))
}

func payload(v value) abi.Value {
	switch p := v.v.(type) {
	case bool:
		return abi.Bool(p)
	case int64:
		return integer(v.kind, p)
	case float64:
		if v.kind == kindFloat32 {
			return abi.F32(float32(p))
		}
		return abi.F64(p)
	case string:
		return abi.String(p)
	case []byte:
		return abi.Bytes(p)
	case [7]int64:
		return lowerTime(v.kind, p)
	case bounds:
		return abi.Tuple(lowerBound(v.kind, p.lower), lowerBound(v.kind, p.upper))
	case []any:
		all := make([]abi.Value, len(p))
		for i, e := range p {
			all[i] = abi.None()
			if e != nil {
				all[i] = abi.Some(lowerElement(v.kind, e))
			}
		}
		return abi.List(all...)
	case interval:
		return abi.Record(abi.S64(p.micros), abi.S32(p.days), abi.S32(p.months))
	}
	return abi.Value{}
}

// integer is n in the width of a kind.
func integer(k kind, n int64) abi.Value {
	switch k {
	case kindInt16:
		return abi.S16(int16(n))
	case kindInt32, kindRangeInt32, kindArrayInt32:
		return abi.S32(int32(n))
	}
	return abi.S64(n)
}

func lowerTime(k kind, t [7]int64) abi.Value {
	parts := []abi.Value{abi.S32(int32(t[0]))}
	for _, n := range t[1:6] {
		parts = append(parts, abi.U8(uint8(n)))
	}
	parts = append(parts, abi.U32(uint32(t[6])))
	switch k {
	case kindDate:
		return abi.Tuple(parts[:3]...)
	case kindTime:
		return abi.Tuple(parts[3:]...)
	}
	return abi.Tuple(parts...)
}

func lowerElement(k kind, e any) abi.Value {
	if text, ok := e.(string); ok {
		return abi.String(text)
	}
	return integer(k, e.(int64))
}

func lowerBound(k kind, b bound) abi.Value {
	if b.v == nil {
		return abi.None()
	}
	of := 0
	if b.exclusive {
		of = 1
	}
	return abi.Some(abi.Tuple(lowerElement(k, b.v), abi.Case(of)))
}
