package sqlite

import (
	"context"
	"errors"
	"slices"

	"github.com/neutrino-local/neutrino-local/runtime/component"
	"github.com/neutrino-local/neutrino-local/runtime/component/abi"
)

// A Host gives components their databases.
type Host struct {
	states     component.Slot[*State]
	connection component.Resource[*connection]
}

// A State is what one instance has. It must be fresh for each.
type State struct {
	Store  *Store
	App    string   // whose databases these are
	Labels []string // that the component may open

	handles map[uint32]*connection // of the first interface
	last    uint32
}

// Link offers the interfaces to components that l links.
func Link(l *component.Linker) *Host {
	h := &Host{states: component.NewSlot[*State](l)}
	h.linkFirst(l)
	const second, third = "fermyon:spin/sqlite@2.0.0", "spin:sqlite/sqlite@3.0.0"
	h.connection = component.NewResource(l, second, "connection", func(_ context.Context, c *connection) error {
		c.close()
		return nil
	})
	h.connection.Also(l, third, "connection")
	for _, version := range []string{second, third} {
		l.Func(version, "[static]connection.open", h.open)
		l.Func(version, "[method]connection.execute", h.execute)
	}
	l.Func(third, "[method]connection.last-insert-rowid", h.lastInsert)
	l.Func(third, "[method]connection.changes", h.changes)
	return h
}

// Set gives in what it may use. Without, it may open nothing.
func (h *Host) Set(in *component.Instance, s *State) {
	s.handles = map[uint32]*connection{}
	in.OnClose(func(context.Context) error {
		for _, c := range s.handles {
			c.close()
		}
		return nil
	})
	h.states.Set(in, s)
}

// Cases of the error of the later interfaces.
const (
	_ = iota // no-such-database: a label that is granted has one
	accessDenied
	invalidConnection
	databaseFull
	ioError
)

// failure is err as guests see it. One that ended with the request traps.
func failure(ctx context.Context, err error) (abi.Value, error) {
	if cause := context.Cause(ctx); cause != nil {
		return abi.Value{}, cause
	}
	if isFull(err) {
		return abi.Err(abi.Case(databaseFull)), nil
	}
	return abi.Err(abi.Variant(ioError, abi.String(err.Error()))), nil
}

var errDenied = errors.New("access denied")

// connect opens a database for a call, if its component may.
func (h *Host) connect(c *component.Call, label string) (*connection, *State, error) {
	s := h.states.Get(c)
	if s == nil || !slices.Contains(s.Labels, label) {
		return nil, s, errDenied
	}
	conn, err := s.Store.connect(c.Context(), s.App, label)
	return conn, s, err
}

func (h *Host) open(c *component.Call, args []abi.Value) (abi.Value, error) {
	conn, _, err := h.connect(c, args[0].Text())
	switch {
	case errors.Is(err, errDenied):
		return abi.Err(abi.Case(accessDenied)), nil
	case err != nil:
		return failure(c.Context(), err)
	}
	return abi.OK(h.connection.Own(conn)), nil
}

func (h *Host) execute(c *component.Call, args []abi.Value) (abi.Value, error) {
	return execute(c.Context(), h.connection.Of(args[0]), args[1:])
}

// execute runs a statement and its parameters.
func execute(ctx context.Context, conn *connection, args []abi.Value) (abi.Value, error) {
	r, err := conn.execute(ctx, args[0].Text(), parameters(args[1].Values()))
	if err != nil {
		return failure(ctx, err)
	}
	columns := make([]abi.Value, len(r.columns))
	for i, name := range r.columns {
		columns[i] = abi.String(name)
	}
	rows := make([]abi.Value, len(r.rows))
	for i, row := range r.rows {
		values := make([]abi.Value, len(row))
		for k, v := range row {
			values[k] = lower(v)
		}
		rows[i] = abi.Record(abi.List(values...))
	}
	return abi.OK(abi.Record(abi.List(columns...), abi.List(rows...))), nil
}

func (h *Host) lastInsert(_ *component.Call, args []abi.Value) (abi.Value, error) {
	return abi.S64(h.connection.Of(args[0]).lastInsert()), nil
}

func (h *Host) changes(_ *component.Call, args []abi.Value) (abi.Value, error) {
	return abi.U64(h.connection.Of(args[0]).changes()), nil
}

// Cases of a value.
const (
	valueInteger = iota
	valueReal
	valueText
	valueBlob
	valueNull
)

func parameters(values []abi.Value) []any {
	args := make([]any, len(values))
	for i, v := range values {
		switch p := v.Payload(); v.Case() {
		case valueInteger:
			args[i] = p.S64()
		case valueReal:
			args[i] = p.F64()
		case valueText:
			args[i] = p.Text()
		case valueBlob:
			args[i] = p.Bytes()
		}
	}
	return args
}

func lower(v any) abi.Value {
	switch v := v.(type) {
	case int64:
		return abi.Variant(valueInteger, abi.S64(v))
	case float64:
		return abi.Variant(valueReal, abi.F64(v))
	case string:
		return abi.Variant(valueText, abi.String(v))
	case []byte:
		return abi.Variant(valueBlob, abi.Bytes(v))
	}
	return abi.Case(valueNull)
}

// linkFirst offers the interface whose connections are numbers.
func (h *Host) linkFirst(l *component.Linker) {
	const first = "fermyon:spin/sqlite"
	l.Func(first, "open", func(c *component.Call, args []abi.Value) (abi.Value, error) {
		conn, s, err := h.connect(c, args[0].Text())
		switch {
		case errors.Is(err, errDenied):
			return abi.Err(abi.Case(accessDenied)), nil
		case err != nil:
			return failure(c.Context(), err)
		}
		s.last++
		s.handles[s.last] = conn
		return abi.OK(abi.U32(s.last)), nil
	})
	of := func(c *component.Call, handle abi.Value) *connection {
		if s := h.states.Get(c); s != nil {
			return s.handles[handle.U32()]
		}
		return nil
	}
	l.Func(first, "execute", func(c *component.Call, args []abi.Value) (abi.Value, error) {
		conn := of(c, args[0])
		if conn == nil {
			return abi.Err(abi.Case(invalidConnection)), nil
		}
		return execute(c.Context(), conn, args[1:])
	})
	l.Func(first, "close", func(c *component.Call, args []abi.Value) (abi.Value, error) {
		if conn := of(c, args[0]); conn != nil {
			conn.close()
			delete(h.states.Get(c).handles, args[0].U32())
		}
		return abi.Value{}, nil
	})
}
