// Package postgres lets components talk to PostgreSQL servers:
// fermyon:spin/postgres of Spin 1, which names the server in each call, and of
// Spin 2, and spin:postgres in its versions 3 and 4.
//
// A guest reaches only servers that its component may, and it has a connection
// for itself as long as it has it open; the next guest gets a session that has
// just begun. Nothing of ours, not the environment nor a file, becomes part of
// how it connects. What a query returns is bounded, and a statement ends with the
// request that it is for.
package postgres

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/neutrino-local/neutrino-local/runtime/component"
	"github.com/neutrino-local/neutrino-local/runtime/component/abi"
	"github.com/neutrino-local/neutrino-local/runtime/spin/conns"
)

// A Host gives components their connections.
type Host struct {
	states   component.Slot[*State]
	opened   component.Resource[*connection]
	builders component.Resource[*builder]
	pool     *conns.Pool[*client]
}

// A State is what one instance has. It must be fresh for each.
type State struct {
	conns.Guest
	builders int
}

// A connection is one that a guest has open.
type connection = conns.Opened[*client]

// Interfaces by version. Version 4.2 has the functions of 4.1 for guests that
// are not asynchronous.
const (
	version1 = "fermyon:spin/postgres"
	version2 = "fermyon:spin/postgres@2.0.0"
	version3 = "spin:postgres/postgres@3.0.0"
	version4 = "spin:postgres/postgres@4.2.0"
)

// Link offers the interfaces to components that l links. The host must be closed.
func Link(l *component.Linker) *Host {
	h := &Host{states: component.NewSlot[*State](l)}
	h.pool = conns.New(func(ctx context.Context, c *client) error { return c.renew(ctx) }, (*client).close)
	h.opened = component.NewResource(l, version2, "connection", func(_ context.Context, c *connection) error {
		h.close(c)
		return nil
	})
	h.opened.Also(l, version3, "connection")
	h.opened.Also(l, version4, "connection")
	for i, name := range []string{version2, version3, version4} {
		version := i + 2
		l.Func(name, "[static]connection.open", func(c *component.Call, args []abi.Value) (abi.Value, error) {
			return h.own(c, version, args[0].Text(), nil)
		})
		for fn, f := range functions {
			l.Func(name, "[method]connection."+fn, func(c *component.Call, args []abi.Value) (abi.Value, error) {
				return finish(c, version, f, h.opened.Of(args[0]).Conn, args[1:])
			})
		}
	}
	for fn, f := range functions {
		l.Func(version1, fn, func(c *component.Call, args []abi.Value) (abi.Value, error) {
			conn, err := h.open(c, args[0].Text(), nil)
			if err != nil {
				return failure(c.Context(), 1, err)
			}
			defer h.close(conn)
			return finish(c, 1, f, conn.Conn, args[1:])
		})
	}
	h.linkBuilder(l)
	return h
}

// Close closes all connections that no guest has.
func (h *Host) Close() { h.pool.Close() }

// Set gives in what it may use. Without, it may open nothing.
func (h *Host) Set(in *component.Instance, s *State) { h.states.Set(in, s) }

// own opens a connection for a guest to keep.
func (h *Host) own(c *component.Call, version int, text string, ca []byte) (abi.Value, error) {
	conn, err := h.open(c, text, ca)
	if err != nil {
		return failure(c.Context(), version, err)
	}
	return abi.OK(h.opened.Own(conn)), nil
}

// open connects to a server, if the guest may. ca are certificates that its own
// may be signed with, in PEM; or nil.
func (h *Host) open(c *component.Call, text string, ca []byte) (*connection, error) {
	a, err := parseAddress(text)
	if err != nil {
		return nil, err
	}
	s := h.states.Get(c)
	for _, at := range a.hosts {
		if s == nil || !s.Allow("postgres", at.name, at.number()) {
			return nil, fmt.Errorf("address %s is not permitted", at)
		}
	}
	roots := s.Network.Roots
	if ca != nil {
		if roots, err = withCertificates(roots, ca); err != nil {
			return nil, err
		}
	}
	address := fmt.Sprintf("%x %s", sha256.Sum256(ca), text)
	return h.pool.Open(c.Context(), &s.Guest, address, func(ctx context.Context) (*client, error) { return dial(ctx, s.Network, a, roots) })
}

func (h *Host) close(c *connection) { h.pool.End(c, c.Conn.reusable()) }

// withCertificates returns roots, nil being the system's, and more in PEM.
func withCertificates(roots *x509.CertPool, pem []byte) (*x509.CertPool, error) {
	all := x509.NewCertPool()
	if roots != nil {
		all = roots.Clone()
	} else if system, err := x509.SystemCertPool(); err == nil {
		all = system
	}
	if !all.AppendCertsFromPEM(pem) {
		return nil, errors.New("no certificate in PEM")
	}
	return all, nil
}

// A builder is a connection to be opened.
type builder struct {
	state   *State
	address string
	ca      []byte // PEM, or nil
}

const maxBuilders = 256

// linkBuilder offers connection-builder.
func (h *Host) linkBuilder(l *component.Linker) {
	h.builders = component.NewResource(l, version4, "connection-builder", func(_ context.Context, b *builder) error {
		b.state.builders--
		return nil
	})
	l.Func(version4, "[constructor]connection-builder", func(c *component.Call, args []abi.Value) (abi.Value, error) {
		s := h.states.Get(c)
		if s == nil {
			s = &State{}
		}
		if s.builders == maxBuilders {
			return abi.Value{}, errors.New("out of builder table space")
		}
		s.builders++
		return h.builders.Own(&builder{state: s, address: args[0].Text()}), nil
	})
	l.Func(version4, "[method]connection-builder.set-ca-root", func(c *component.Call, args []abi.Value) (abi.Value, error) {
		pem := []byte(args[1].Text())
		if _, err := withCertificates(x509.NewCertPool(), pem); err != nil {
			return failure(c.Context(), 4, &Error{of: otherError, text: "invalid root certificate: " + err.Error()})
		}
		h.builders.Of(args[0]).ca = pem
		return abi.OK(abi.Value{}), nil
	})
	l.Func(version4, "[method]connection-builder.build", func(c *component.Call, args []abi.Value) (abi.Value, error) {
		b := h.builders.Of(args[0])
		return h.own(c, 4, b.address, b.ca)
	})
}

// A function is one of a connection; args are those after it.
type function func(ctx context.Context, version int, c *client, args []abi.Value) (abi.Value, error)

var functions = map[string]function{"query": query, "execute": execute}

func finish(c *component.Call, version int, f function, cl *client, args []abi.Value) (abi.Value, error) {
	v, err := f(c.Context(), version, cl, args)
	if err != nil {
		return failure(c.Context(), version, err)
	}
	return abi.OK(v), nil
}

// refused is err of parameters, as the case of the function.
func refused(err error, of int) error {
	if p, ok := errors.AsType[*parameterError](err); ok {
		return &Error{of: of, text: p.text}
	}
	return err
}

func execute(ctx context.Context, version int, c *client, args []abi.Value) (abi.Value, error) {
	params, err := raiseAll(version, args[1])
	if err != nil {
		return abi.Value{}, err
	}
	n, err := c.execute(ctx, args[0].Text(), params)
	return abi.U64(n), refused(err, conversionFailed)
}

func query(ctx context.Context, version int, c *client, args []abi.Value) (abi.Value, error) {
	params, err := raiseAll(version, args[1])
	if err != nil {
		return abi.Value{}, err
	}
	set, err := c.query(ctx, args[0].Text(), params)
	if err != nil {
		return abi.Value{}, refused(err, badParameter)
	}
	columns := make([]abi.Value, len(set.columns))
	for i, col := range set.columns {
		columns[i] = abi.Record(abi.String(col.name), c.dataType(ctx, version, col))
	}
	rows := make([]abi.Value, len(set.rows))
	for i, row := range set.rows {
		values := make([]abi.Value, len(row))
		for k, v := range row {
			values[k] = lower(version, v)
		}
		rows[i] = abi.List(values...)
	}
	return abi.Record(abi.List(columns...), abi.List(rows...)), nil
}
