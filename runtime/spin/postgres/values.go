package postgres

import (
	"slices"

	"github.com/jackc/pgx/v5/pgtype"
)

// A kind is a type of a value. Kinds are numbered as the cases of db-value,
// parameter-value and db-data-type are in spin:postgres@4.
type kind int

const (
	kindBoolean kind = iota
	kindInt8
	kindInt16
	kindInt32
	kindInt64
	kindFloat32
	kindFloat64
	kindString
	kindBinary
	kindDate
	kindTime
	kindDatetime
	kindTimestamp
	kindUUID
	kindJSONB
	kindDecimal
	kindRangeInt32
	kindRangeInt64
	kindRangeDecimal
	kindArrayInt32
	kindArrayInt64
	kindArrayDecimal
	kindArrayString
	kindInterval
	kindNull
	kindOther // as a value, its bytes
)

var kindNames = [...]string{"boolean", "int8", "int16", "int32", "int64", "floating32", "floating64", "str", "binary", "date", "time", "datetime",
	"timestamp", "uuid", "jsonb", "decimal", "range-int32", "range-int64", "range-decimal", "array-int32", "array-int64", "array-decimal",
	"array-str", "interval", "db-null", "other"}

func (k kind) String() string { return kindNames[k] }

// A value is one of a row or a parameter. v is, by kind: bool; int64 of integers
// and timestamps; float64 of floats; string of texts, UUIDs and decimals; []byte;
// [7]int64 of dates and times, as year, month, day, hour, minute, second,
// nanosecond; bounds; []any of arrays, with nil for NULL; interval.
type value struct {
	kind kind
	v    any
}

// bounds are those of a range; a nil value is none.
type bounds struct{ lower, upper bound }

type bound struct {
	v         any // int64, or string of decimals
	exclusive bool
}

type interval struct {
	micros       int64
	days, months int32
}

const (
	oidInt8Range = 3926
	oidNumRange  = 3906
	oidInt4Range = 3904
)

// columnKinds are the types that have a kind as a column.
var columnKinds = map[uint32]kind{
	pgtype.BoolOID: kindBoolean, pgtype.ByteaOID: kindBinary, pgtype.Float4OID: kindFloat32, pgtype.Float8OID: kindFloat64,
	pgtype.Int2OID: kindInt16, pgtype.Int4OID: kindInt32, pgtype.Int8OID: kindInt64, pgtype.TextOID: kindString,
	pgtype.VarcharOID: kindString, pgtype.BPCharOID: kindString, pgtype.TimestampOID: kindDatetime, pgtype.TimestamptzOID: kindDatetime,
	pgtype.DateOID: kindDate, pgtype.TimeOID: kindTime, pgtype.UUIDOID: kindUUID, pgtype.JSONBOID: kindJSONB,
	pgtype.NumericOID: kindDecimal, oidInt4Range: kindRangeInt32, oidInt8Range: kindRangeInt64, oidNumRange: kindRangeDecimal,
	pgtype.Int4ArrayOID: kindArrayInt32, pgtype.Int8ArrayOID: kindArrayInt64, pgtype.NumericArrayOID: kindArrayDecimal,
	pgtype.TextArrayOID: kindArrayString, pgtype.VarcharArrayOID: kindArrayString, pgtype.BPCharArrayOID: kindArrayString,
	pgtype.IntervalOID: kindInterval,
}

func kindOf(oid uint32) kind {
	if k, ok := columnKinds[oid]; ok {
		return k
	}
	return kindOther
}

const oidNameArray = 1003

// parameterTypes are the types that a parameter of a kind may have: those that it
// may have in Spin, which converts nothing.
var parameterTypes = map[kind][]uint32{
	kindBoolean: {pgtype.BoolOID}, kindInt8: {pgtype.QCharOID}, kindInt16: {pgtype.Int2OID}, kindInt32: {pgtype.Int4OID}, kindInt64: {pgtype.Int8OID},
	kindFloat32: {pgtype.Float4OID}, kindFloat64: {pgtype.Float8OID},
	kindString: {pgtype.TextOID, pgtype.VarcharOID, pgtype.BPCharOID, pgtype.NameOID, pgtype.UnknownOID},
	kindBinary: {pgtype.ByteaOID}, kindDate: {pgtype.DateOID}, kindTime: {pgtype.TimeOID}, kindDatetime: {pgtype.TimestampOID},
	kindTimestamp: {pgtype.TimestamptzOID}, kindUUID: {pgtype.UUIDOID}, kindJSONB: {pgtype.JSONBOID, pgtype.JSONOID},
	kindDecimal: {pgtype.NumericOID}, kindRangeInt32: {oidInt4Range}, kindRangeInt64: {oidInt8Range}, kindRangeDecimal: {oidNumRange},
	kindArrayInt32: {pgtype.Int4ArrayOID}, kindArrayInt64: {pgtype.Int8ArrayOID}, kindArrayDecimal: {pgtype.NumericArrayOID},
	kindArrayString: {pgtype.TextArrayOID, pgtype.VarcharArrayOID, pgtype.BPCharArrayOID, oidNameArray}, kindInterval: {pgtype.IntervalOID},
}

func accepts(k kind, oid uint32) bool {
	return k == kindNull || slices.Contains(parameterTypes[k], oid)
}
