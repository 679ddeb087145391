package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/neutrino-local/neutrino-local/runtime/component/abi"
	"github.com/neutrino-local/neutrino-local/runtime/spin/conns"
)

// Cases of the error, as all versions but the first have them, which has one
// case before.
const (
	connectionFailed = iota
	badParameter
	queryFailed
	conversionFailed
	otherError
)

// An Error is what a guest is told.
type Error struct {
	of   int // case
	text string
	db   *pgconn.PgError // what the server says, of queryFailed; or nil
}

func (e *Error) Error() string { return e.text }

// queryError is err of a statement.
func queryError(err error) error {
	e := &Error{of: queryFailed, text: err.Error()}
	e.db, _ = errors.AsType[*pgconn.PgError](err)
	return e
}

// failure is err as guests see it through a version. One that ended with the
// request traps.
func failure(ctx context.Context, version int, err error) (abi.Value, error) {
	if ctx.Err() != nil {
		return abi.Value{}, context.Cause(ctx)
	}
	e, ok := errors.AsType[*Error](err)
	if !ok {
		e = &Error{of: connectionFailed, text: err.Error()}
		if errors.Is(err, conns.ErrTooMany) || errors.Is(err, conns.ErrBusy) {
			e.text = "too many connections"
		}
	}
	of := e.of
	if version == 1 {
		of++
	}
	if version == 4 && e.of == queryFailed {
		return abi.Err(abi.Variant(of, e.query())), nil
	}
	return abi.Err(abi.Variant(of, abi.String(e.text))), nil
}

// query is e as the query-error of version 4.
func (e *Error) query() abi.Value {
	if e.db == nil {
		return abi.Variant(0, abi.String(e.text))
	}
	detail := abi.None()
	if e.db.Detail != "" {
		detail = abi.Some(abi.String(e.db.Detail))
	}
	var extras []abi.Value
	for _, extra := range []struct{ name, value string }{
		{"column", e.db.ColumnName}, {"constraint", e.db.ConstraintName}, {"routine", e.db.Routine}, {"hint", e.db.Hint}, {"table", e.db.TableName},
		{"datatype", e.db.DataTypeName}, {"schema", e.db.SchemaName}, {"file", e.db.File}, {"where_", e.db.Where},
	} {
		if extra.value != "" {
			extras = append(extras, abi.Tuple(abi.String(extra.name), abi.String(extra.value)))
		}
	}
	return abi.Variant(1, abi.Record(abi.String(e.text), abi.String(e.db.Severity), abi.String(e.db.Code), abi.String(e.db.Message), detail, abi.List(extras...)))
}
