// Package mysql lets components talk to MySQL and MariaDB servers:
// fermyon:spin/mysql of Spin 1, which names the server in each call, and of Spin
// 2, which has connections.
//
// A guest reaches only servers that its component may, and it has a connection
// for itself as long as it has it open; the next guest gets it only if nothing
// that was said on it lasts. What a server sends is bounded while it is read, and
// a statement ends with the request that it is for.
package mysql

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/neutrino-local/neutrino-local/runtime/component"
	"github.com/neutrino-local/neutrino-local/runtime/component/abi"
	"github.com/neutrino-local/neutrino-local/runtime/spin/conns"
)

// A Host gives components their connections.
type Host struct {
	states component.Slot[*State]
	opened component.Resource[*connection]
	pool   *conns.Pool[*client]
}

// A State is what one instance has. It must be fresh for each.
type State = conns.Guest

// A connection is one that a guest has open.
type connection = conns.Opened[*client]

// Link offers the interfaces to components that l links. The host must be closed.
func Link(l *component.Linker) *Host {
	h := &Host{states: component.NewSlot[*State](l)}
	h.pool = conns.New(func(ctx context.Context, c *client) error { return c.renew(ctx) }, (*client).close)
	const second = "fermyon:spin/mysql@2.0.0"
	h.opened = component.NewResource(l, second, "connection", func(_ context.Context, c *connection) error {
		h.close(c)
		return nil
	})
	l.Func(second, "[static]connection.open", func(c *component.Call, args []abi.Value) (abi.Value, error) {
		conn, err := h.open(c, args[0].Text())
		if err != nil {
			return failure(c.Context(), 2, err)
		}
		return abi.OK(h.opened.Own(conn)), nil
	})
	for fn, f := range map[string]function{"query": query, "execute": execute} {
		l.Func(second, "[method]connection."+fn, func(c *component.Call, args []abi.Value) (abi.Value, error) {
			return f(c.Context(), 2, h.opened.Of(args[0]).Conn, args[1:])
		})
		l.Func("fermyon:spin/mysql", fn, func(c *component.Call, args []abi.Value) (abi.Value, error) {
			conn, err := h.open(c, args[0].Text())
			if err != nil {
				return failure(c.Context(), 1, err)
			}
			defer h.close(conn)
			return f(c.Context(), 1, conn.Conn, args[1:])
		})
	}
	return h
}

// Close closes all connections that no guest has.
func (h *Host) Close() { h.pool.Close() }

// Set gives in what it may use. Without, it may open nothing.
func (h *Host) Set(in *component.Instance, s *State) { h.states.Set(in, s) }

// open connects to a server, if the guest may.
func (h *Host) open(c *component.Call, text string) (*connection, error) {
	a, err := parseAddress(text)
	if err != nil {
		return nil, err
	}
	s := h.states.Get(c)
	if s == nil || !s.Allow("mysql", a.host, a.port) {
		return nil, fmt.Errorf("address %s is not permitted", text)
	}
	return h.pool.Open(c.Context(), s, text, func(ctx context.Context) (*client, error) { return dial(ctx, s.Network, a) })
}

func (h *Host) close(c *connection) { h.pool.End(c, !c.Conn.broken && !c.Conn.changed) }

// Cases of the error; that of the first version has one case before.
const (
	connectionFailed = iota
	_                // bad-parameter: none is
	queryFailed
	conversionFailed
	otherError
)

// An Error is what a guest is told.
type Error struct {
	of   int // case
	text string
}

func (e *Error) Error() string { return e.text }

// failure is err as guests see it through a version. One that ended with the
// request traps.
func failure(ctx context.Context, version int, err error) (abi.Value, error) {
	if ctx.Err() != nil {
		return abi.Value{}, context.Cause(ctx)
	}
	e, ok := errors.AsType[*Error](err)
	if !ok {
		e = &Error{connectionFailed, err.Error()}
		if errors.Is(err, conns.ErrTooMany) || errors.Is(err, conns.ErrBusy) {
			e.text = "too many connections"
		}
	}
	of := e.of
	if version == 1 {
		of++
	}
	return abi.Err(abi.Variant(of, abi.String(e.text))), nil
}

// A function is one of a connection; args are those after it.
type function func(ctx context.Context, version int, c *client, args []abi.Value) (abi.Value, error)

func execute(ctx context.Context, version int, c *client, args []abi.Value) (abi.Value, error) {
	if err := c.execute(ctx, args[0].Text(), raise(args[1])); err != nil {
		return failure(ctx, version, err)
	}
	return abi.OK(abi.Value{}), nil
}

func query(ctx context.Context, version int, c *client, args []abi.Value) (abi.Value, error) {
	set, err := c.query(ctx, args[0].Text(), raise(args[1]))
	if err != nil {
		return failure(ctx, version, err)
	}
	columns := make([]abi.Value, len(set.columns))
	for i, col := range set.columns {
		columns[i] = abi.Record(abi.String(col.name), abi.Case(int(col.kind)))
	}
	rows := make([]abi.Value, len(set.rows))
	for i, row := range set.rows {
		values := make([]abi.Value, len(row))
		for k, v := range row {
			values[k] = lower(set.columns[k].kind, v)
		}
		rows[i] = abi.List(values...)
	}
	return abi.OK(abi.Record(abi.List(columns...), abi.List(rows...))), nil
}

// raise returns parameters as the driver takes them.
func raise(list abi.Value) []driver.NamedValue {
	all := make([]driver.NamedValue, list.Len())
	for i, v := range list.Values() {
		all[i] = driver.NamedValue{Ordinal: i + 1, Value: parameter(v)}
	}
	return all
}
