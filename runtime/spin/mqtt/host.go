// Package mqtt lets components publish messages by MQTT brokers:
// fermyon:spin/mqtt@2.0.0.
//
// A guest reaches only brokers that its component may. A connection is made when
// its first message is sent, as in Spin, and so that is when a guest learns that
// it cannot be; it is closed with the guest. What a broker sends is bounded, and a
// call ends with the request that it is for.
package mqtt

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/neutrino-local/neutrino-local/runtime/component"
	"github.com/neutrino-local/neutrino-local/runtime/component/abi"
	"github.com/neutrino-local/neutrino-local/runtime/spin/conns"
)

// A Host gives components their connections.
type Host struct {
	states component.Slot[*State]
	opened component.Resource[*connection]
}

// A State is what one instance has. It must be fresh for each.
type State struct {
	Network conns.Network
	// Allow reports whether a broker may be reached.
	Allow func(scheme, host string, port uint16) bool

	open int // connections
}

type connection struct {
	client
	state *State
}

// Link offers the interface to components that l links.
func Link(l *component.Linker) *Host {
	const name = "fermyon:spin/mqtt@2.0.0"
	h := &Host{states: component.NewSlot[*State](l)}
	h.opened = component.NewResource(l, name, "connection", func(_ context.Context, c *connection) error {
		c.close()
		c.state.open--
		return nil
	})
	l.Func(name, "[static]connection.open", h.open)
	l.Func(name, "[method]connection.publish", h.publish)
	return h
}

// Set gives in what it may use. Without, it may open nothing.
func (h *Host) Set(in *component.Instance, s *State) { h.states.Set(in, s) }

// Cases of the error.
const (
	invalidAddress = iota
	tooManyConnections
	connectionFailed
	otherError
)

func (h *Host) open(c *component.Call, args []abi.Value) (abi.Value, error) {
	text, user, password := args[0].Text(), args[1].Text(), args[2].Text()
	a, err := parseAddress(text)
	s := h.states.Get(c)
	if errors.Is(err, errUnreadable) || s == nil || !s.Allow(a.scheme, a.host, a.port) {
		return abi.Err(abi.Variant(connectionFailed, abi.String(fmt.Sprintf("address %s is not permitted", text)))), nil
	}
	if err != nil {
		return abi.Err(abi.Case(invalidAddress)), nil
	}
	if len(user) > maxText || len(password) > maxText {
		return abi.Err(abi.Variant(otherError, abi.String("the user's name or password is too long"))), nil
	}
	if s.open == conns.MaxOpen {
		return abi.Err(abi.Case(tooManyConnections)), nil
	}
	s.open++
	keepAlive := uint16(min(args[3].U64(), math.MaxUint16))
	return abi.OK(h.opened.Own(&connection{client{network: s.Network, address: a, user: user, password: password, keepAlive: keepAlive}, s})), nil
}

func (h *Host) publish(c *component.Call, args []abi.Value) (abi.Value, error) {
	topic := args[1].Text()
	if topic == "" || len(topic) > maxText || strings.ContainsAny(topic, "+#\x00") {
		return abi.Err(abi.Variant(otherError, abi.String("invalid topic"))), nil
	}
	err := h.opened.Of(args[0]).publish(c.Context(), topic, args[2].Bytes(), args[3].Case())
	switch {
	case err == nil:
		return abi.OK(abi.Value{}), nil
	case c.Context().Err() != nil:
		return abi.Value{}, context.Cause(c.Context())
	}
	return abi.Err(abi.Variant(connectionFailed, abi.String(err.Error()))), nil
}
