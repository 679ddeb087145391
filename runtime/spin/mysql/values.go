package mysql

import (
	"database/sql/driver"
	"strings"

	"github.com/neutrino-local/neutrino-local/runtime/component/abi"
)

// A kind is a type of a value, numbered as the cases of db-value, parameter-value
// and db-data-type are.
type kind int

const (
	kindBoolean kind = iota
	kindInt8
	kindInt16
	kindInt32
	kindInt64
	kindUint8
	kindUint16
	kindUint32
	kindUint64
	kindFloat32
	kindFloat64
	kindString
	kindBinary
	kindOther // as a value, null
)

var kindNames = [...]string{"Boolean", "Int8", "Int16", "Int32", "Int64", "Uint8", "Uint16", "Uint32", "Uint64", "Floating32", "Floating64", "Str", "Binary", "Other"}

func (k kind) String() string { return kindNames[k] }

// kindOf returns the kind of the type of a column. Decimals and times have none:
// only NULL can be read of them.
func kindOf(name string) kind {
	name, unsigned := strings.CutPrefix(name, "UNSIGNED ")
	k := kindOther
	switch name {
	case "TINYINT":
		k = kindInt8
	case "SMALLINT":
		k = kindInt16
	case "MEDIUMINT", "INT":
		k = kindInt32
	case "BIGINT":
		k = kindInt64
	case "FLOAT":
		return kindFloat32
	case "DOUBLE":
		return kindFloat64
	case "CHAR", "VARCHAR", "TINYTEXT", "TEXT", "MEDIUMTEXT", "LONGTEXT", "ENUM", "SET":
		return kindString
	case "BINARY", "VARBINARY", "TINYBLOB", "BLOB", "MEDIUMBLOB", "LONGBLOB":
		return kindBinary
	}
	if unsigned && k != kindOther {
		k += kindUint8 - kindInt8
	}
	return k
}

// parameter is v as the driver takes it.
func parameter(v abi.Value) driver.Value {
	switch kind(v.Case()) {
	case kindBoolean:
		if v.Payload().Bool() {
			return int64(1)
		}
		return int64(0)
	case kindInt8, kindInt16, kindInt32, kindInt64:
		return v.Payload().S64()
	case kindUint8, kindUint16, kindUint32, kindUint64:
		return v.Payload().U64()
	case kindFloat32:
		return float64(v.Payload().F32())
	case kindFloat64:
		return v.Payload().F64()
	case kindString:
		return v.Payload().Text()
	case kindBinary:
		return append([]byte{}, v.Payload().Bytes()...) // never nil, which is NULL
	}
	return nil
}

// lower is a value of a column; nil is NULL.
func lower(k kind, v any) abi.Value {
	of := int(k)
	switch v := v.(type) {
	case int64:
		return abi.Variant(of, signed(k, v))
	case uint64:
		return abi.Variant(of, unsigned(k, v))
	case float32:
		return abi.Variant(of, abi.F32(v))
	case float64:
		return abi.Variant(of, abi.F64(v))
	case string:
		return abi.Variant(of, abi.String(v))
	case []byte:
		return abi.Variant(of, abi.Bytes(v))
	}
	return abi.Case(int(kindOther))
}

func signed(k kind, n int64) abi.Value {
	switch k {
	case kindInt8:
		return abi.S8(int8(n))
	case kindInt16:
		return abi.S16(int16(n))
	case kindInt32:
		return abi.S32(int32(n))
	}
	return abi.S64(n)
}

func unsigned(k kind, n uint64) abi.Value {
	switch k {
	case kindUint8:
		return abi.U8(uint8(n))
	case kindUint16:
		return abi.U16(uint16(n))
	case kindUint32:
		return abi.U32(uint32(n))
	}
	return abi.U64(n)
}
