package redis

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"

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
	const name = "fermyon:spin/redis@2.0.0"
	h.opened = component.NewResource(l, name, "connection", func(_ context.Context, c *connection) error {
		h.close(c)
		return nil
	})
	l.Func(name, "[static]connection.open", func(c *component.Call, args []abi.Value) (abi.Value, error) {
		conn, err := h.open(c, args[0].Text())
		if err != nil {
			return failure(c.Context(), err)
		}
		return abi.OK(h.opened.Own(conn)), nil
	})
	for fn, f := range functions {
		l.Func(name, "[method]connection."+fn, func(c *component.Call, args []abi.Value) (abi.Value, error) {
			v, err := f(c.Context(), h.opened.Of(args[0]).Conn, args[1:])
			if err != nil {
				return failure(c.Context(), err)
			}
			return abi.OK(v), nil
		})
		l.Func("fermyon:spin/redis", fn, h.first(fn, f))
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
	if s == nil || !s.Allow(a.scheme, a.host, a.port) {
		return nil, errAddress
	}
	return h.pool.Open(c.Context(), s, text, func(ctx context.Context) (*client, error) { return dial(ctx, s.Network, a) })
}

func (h *Host) close(c *connection) { h.pool.End(c, !c.Conn.broken && !c.Conn.changed) }

// Cases of the error of Spin 2's interface.
const (
	caseAddress = iota
	caseTooMany
	caseType
	caseOther
)

// errType is a reply that is not what the function has for a result.
var errType = errors.New("type error")

// failure is err as guests see it. One that ended with the request traps.
func failure(ctx context.Context, err error) (abi.Value, error) {
	if ctx.Err() != nil {
		return abi.Value{}, context.Cause(ctx)
	}
	for of, known := range []error{errAddress, conns.ErrTooMany, errType} {
		if errors.Is(err, known) {
			return abi.Err(abi.Case(of)), nil
		}
	}
	if errors.Is(err, conns.ErrBusy) {
		return abi.Err(abi.Case(caseTooMany)), nil
	}
	return abi.Err(abi.Variant(caseOther, abi.String(err.Error()))), nil
}

// first makes of a function that of Spin 1: its server is its first argument,
// nothing is empty, counts are larger, and there is one error.
func (h *Host) first(fn string, f function) component.HostFunc {
	const caseError = 1
	call := func(c *component.Call, args []abi.Value) (abi.Value, error) {
		conn, err := h.open(c, args[0].Text())
		if err != nil {
			return abi.Value{}, err
		}
		defer h.close(conn)
		return f(c.Context(), conn.Conn, args[1:])
	}
	return func(c *component.Call, args []abi.Value) (abi.Value, error) {
		v, err := call(c, args)
		switch {
		case err != nil && c.Context().Err() != nil:
			return abi.Value{}, context.Cause(c.Context())
		case err != nil:
			return abi.Err(abi.Case(caseError)), nil
		}
		switch fn {
		case "get":
			value, ok := v.Option()
			if !ok {
				value = abi.Bytes(nil)
			}
			return abi.OK(value), nil
		case "del", "sadd", "srem":
			return abi.OK(abi.S64(int64(v.U32()))), nil
		}
		return abi.OK(v), nil
	}
}

// A function is one of a connection; args are those after it. It returns what is
// in the result.
type function func(ctx context.Context, c *client, args []abi.Value) (abi.Value, error)

var functions = map[string]function{
	"publish": func(ctx context.Context, c *client, args []abi.Value) (abi.Value, error) {
		_, err := c.do(ctx, [][]byte{[]byte("PUBLISH"), []byte(args[0].Text()), args[1].Bytes()})
		return abi.Value{}, err
	},
	"get": func(ctx context.Context, c *client, args []abi.Value) (abi.Value, error) {
		l, err := one(c.do(ctx, command("GET", args[0].Text())))
		switch {
		case err != nil:
			return abi.Value{}, err
		case l.kind == null:
			return abi.None(), nil
		case l.kind != binary:
			return abi.Value{}, errUnexpected
		}
		return abi.Some(abi.Bytes(l.b)), nil
	},
	"set": func(ctx context.Context, c *client, args []abi.Value) (abi.Value, error) {
		_, err := c.do(ctx, [][]byte{[]byte("SET"), []byte(args[0].Text()), args[1].Bytes()})
		return abi.Value{}, err
	},
	"incr": func(ctx context.Context, c *client, args []abi.Value) (abi.Value, error) {
		l, err := one(c.do(ctx, command("INCR", args[0].Text())))
		if err == nil && l.kind != integer {
			err = errUnexpected
		}
		return abi.S64(l.n), err
	},
	"del": func(ctx context.Context, c *client, args []abi.Value) (abi.Value, error) {
		return count(c.do(ctx, command("DEL", texts(args[0])...)))
	},
	"sadd": func(ctx context.Context, c *client, args []abi.Value) (abi.Value, error) {
		v, err := count(c.do(ctx, command("SADD", append([]string{args[0].Text()}, texts(args[1])...)...)))
		if errors.Is(err, errUnexpected) {
			err = errType // of all functions only this one says so in Spin
		}
		return v, err
	},
	"srem": func(ctx context.Context, c *client, args []abi.Value) (abi.Value, error) {
		return count(c.do(ctx, command("SREM", append([]string{args[0].Text()}, texts(args[1])...)...)))
	},
	"smembers": members,
	"execute":  execute,
}

func members(ctx context.Context, c *client, args []abi.Value) (abi.Value, error) {
	leaves, err := c.do(ctx, command("SMEMBERS", args[0].Text()))
	if err != nil {
		return abi.Value{}, err
	}
	all := make([]abi.Value, len(leaves))
	for i, l := range leaves {
		if l.kind != binary || !utf8.Valid(l.b) {
			return abi.Value{}, fmt.Errorf("member %d of the set is not text", i)
		}
		all[i] = abi.String(string(l.b))
	}
	return abi.List(all...), nil
}

func execute(ctx context.Context, c *client, args []abi.Value) (abi.Value, error) {
	parts := command(args[0].Text())
	for _, p := range args[1].Values() {
		if p.Case() == 0 {
			parts = append(parts, strconv.AppendInt(nil, p.Payload().S64(), 10))
		} else {
			parts = append(parts, p.Payload().Bytes())
		}
	}
	leaves, err := c.execute(ctx, parts)
	if err != nil {
		return abi.Value{}, err
	}
	results := make([]abi.Value, len(leaves))
	for i, l := range leaves {
		switch l.kind {
		case null:
			results[i] = abi.Case(int(null))
		case status:
			results[i] = abi.Variant(int(status), abi.String(string(l.b)))
		case integer:
			results[i] = abi.Variant(int(integer), abi.S64(l.n))
		case binary:
			results[i] = abi.Variant(int(binary), abi.Bytes(l.b))
		}
	}
	return abi.List(results...), nil
}

var errUnexpected = errors.New("the reply is of another type than the command's")

// one returns the only part of a reply.
func one(leaves []leaf, err error) (leaf, error) {
	if err == nil && len(leaves) != 1 {
		err = errUnexpected
	}
	if err != nil {
		return leaf{}, err
	}
	return leaves[0], nil
}

// count returns a reply that is a number of things.
func count(leaves []leaf, err error) (abi.Value, error) {
	l, err := one(leaves, err)
	if err == nil && (l.kind != integer || l.n < 0 || l.n > math.MaxUint32) {
		err = errUnexpected
	}
	if err != nil {
		return abi.Value{}, err
	}
	return abi.U32(uint32(l.n)), nil
}

func texts(list abi.Value) []string {
	all := make([]string, list.Len())
	for i, v := range list.Values() {
		all[i] = v.Text()
	}
	return all
}
