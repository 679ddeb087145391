package wasi

import (
	"context"
	"net/netip"

	"github.com/neutrino-local/neutrino-local/runtime/component"
	"github.com/neutrino-local/neutrino-local/runtime/component/abi"
	"github.com/neutrino-local/neutrino-local/runtime/wasi/sockets"
	"github.com/neutrino-local/neutrino-local/runtime/wasi/stream"
)

// socketTypes are the resource types of wasi:sockets.
type socketTypes struct {
	h        *Host
	network  component.Resource[*sockets.Network]
	tcp      component.Resource[*sockets.TCP]
	udp      component.Resource[*sockets.UDP]
	incoming component.Resource[*sockets.Incoming]
	outgoing component.Resource[*sockets.Outgoing]
	lookups  component.Resource[*sockets.Lookup]
}

func (h *Host) linkSockets(l *component.Linker) {
	s := &socketTypes{h: h}
	s.network = resource[*sockets.Network](in(l, "wasi:sockets/network", track02, trackNov, trackOct), "network", nil)
	in(l, "wasi:sockets/instance-network", track02, trackNov, trackOct).fn("instance-network", func(c *component.Call, _ []abi.Value) (abi.Value, error) {
		return s.network.Own(h.network(c)), nil
	})
	in(l, "wasi:sockets/network", track02).fn("network-error-code", func(_ *component.Call, args []abi.Value) (abi.Value, error) {
		return abi.Some(abi.Case(int(sockets.CodeOf(h.Errors.Of(args[0]).Err)))), nil
	})
	s.linkTCP(l)
	s.linkUDP(l)
	s.linkLookup(in(l, "wasi:sockets/ip-name-lookup", track02, trackNov, trackOct))
}

// network is what the instance may reach.
func (h *Host) network(c *component.Call) *sockets.Network {
	s := h.states.Get(c)
	if s.Network == nil {
		s.Network = new(sockets.Network)
	}
	s.Network.Run = s.Run
	return s.Network
}

// socketResult is a result<_, error-code>.
func socketResult(v abi.Value, err error) (abi.Value, error) {
	if err != nil {
		return abi.Err(abi.Case(int(sockets.CodeOf(err)))), nil
	}
	return abi.OK(v), nil
}

func family(v abi.Value) sockets.Family { return sockets.Family(v.Case()) }

func addressValue(a netip.AddrPort) abi.Value {
	ip := ipValue(a.Addr())
	if a.Addr().Is4() {
		return abi.Variant(0, abi.Record(abi.U16(a.Port()), ip.Payload()))
	}
	return abi.Variant(1, abi.Record(abi.U16(a.Port()), abi.U32(0), ip.Payload(), abi.U32(0)))
}

func ipValue(a netip.Addr) abi.Value {
	if a.Is4() {
		b := a.As4()
		return abi.Variant(0, abi.Tuple(abi.U8(b[0]), abi.U8(b[1]), abi.U8(b[2]), abi.U8(b[3])))
	}
	b := a.As16()
	parts := make([]abi.Value, 8)
	for i := range parts {
		parts[i] = abi.U16(uint16(b[2*i])<<8 | uint16(b[2*i+1]))
	}
	return abi.Variant(1, abi.Tuple(parts...))
}

// addressOf reads an ip-socket-address. Scopes and flows are not carried.
func addressOf(v abi.Value) netip.AddrPort {
	r := v.Payload()
	port := r.At(0).U16()
	if v.Case() == 0 {
		var b [4]byte
		for i := range b {
			b[i] = r.At(1).At(i).U8()
		}
		return netip.AddrPortFrom(netip.AddrFrom4(b), port)
	}
	var b [16]byte
	for i := range 8 {
		part := r.At(2).At(i).U16()
		b[2*i], b[2*i+1] = byte(part>>8), byte(part)
	}
	return netip.AddrPortFrom(netip.AddrFrom16(b), port)
}

func (s *socketTypes) linkLookup(b scope) {
	s.lookups = resource(b, "resolve-address-stream", func(_ context.Context, l *sockets.Lookup) error {
		l.Close()
		return l.Childless()
	})
	b.fn("resolve-addresses", func(c *component.Call, args []abi.Value) (abi.Value, error) {
		l, err := sockets.NewLookup(c.Context(), s.network.Of(args[0]), args[1].Text())
		if err != nil {
			return socketResult(abi.Value{}, err)
		}
		if len(args) > 2 { // October 2023: of one family, if the guest wants
			if v, ok := args[2].Option(); ok {
				l.Only(family(v))
			}
		}
		return abi.OK(s.lookups.Own(l)), nil
	})
	b.fn("[method]resolve-address-stream.resolve-next-address", func(_ *component.Call, args []abi.Value) (abi.Value, error) {
		a, err := s.lookups.Of(args[0]).Next()
		if err != nil || !a.IsValid() {
			return socketResult(abi.None(), err)
		}
		return abi.OK(abi.Some(ipValue(a))), nil
	})
	b.fn("[method]resolve-address-stream.subscribe", func(_ *component.Call, args []abi.Value) (abi.Value, error) {
		l := s.lookups.Of(args[0])
		return s.h.Poll(l, &l.Parent), nil
	})
}

// A socket is what both kinds of sockets have.
type socket interface {
	StartBind(netip.AddrPort) error
	FinishBind() error
	Local() (netip.AddrPort, error)
	Remote() (netip.AddrPort, error)
	Family() sockets.Family
}

// A method binds a function of a socket; an error is its error-code.
type method[T any] func(name string, fn func(c *component.Call, s T, args []abi.Value) (abi.Value, error))

func methods[T any](b scope, name string, r component.Resource[T]) method[T] {
	return func(function string, fn func(*component.Call, T, []abi.Value) (abi.Value, error)) {
		b.fn("[method]"+name+"."+function, func(c *component.Call, args []abi.Value) (abi.Value, error) {
			return socketResult(fn(c, r.Of(args[0]), args[1:]))
		})
	}
}

// linkSocket binds what both kinds of sockets have, and returns how to bind more.
func linkSocket[T socket](b scope, name string, r component.Resource[T]) method[T] {
	m := methods(b, name, r)
	m("start-bind", func(_ *component.Call, s T, args []abi.Value) (abi.Value, error) {
		return abi.Value{}, s.StartBind(addressOf(args[1]))
	})
	m("finish-bind", func(_ *component.Call, s T, _ []abi.Value) (abi.Value, error) { return abi.Value{}, s.FinishBind() })
	for name, of := range map[string]func(T) (netip.AddrPort, error){"local-address": T.Local, "remote-address": T.Remote} {
		m(name, func(_ *component.Call, s T, _ []abi.Value) (abi.Value, error) {
			a, err := of(s)
			if err != nil {
				return abi.Value{}, err
			}
			return addressValue(a), nil
		})
	}
	b.fn("[method]"+name+".address-family", func(_ *component.Call, args []abi.Value) (abi.Value, error) {
		return abi.Case(int(r.Of(args[0]).Family())), nil
	})
	return m
}

// An option is how to bind a get and a set function of a socket.
type option func(name string, value func(*sockets.Options) abi.Value, change func(o *sockets.Options, v abi.Value) (ok bool))

// options binds the options that both kinds of sockets have; hops is what one of
// them is called.
func options[T any](b scope, resource, hops string, of func(abi.Value) (T, *sockets.Options), apply func(T)) option {
	bind := func(name string, value func(*sockets.Options) abi.Value, change func(*sockets.Options, abi.Value) bool) {
		b.fn("[method]"+resource+"."+name, func(_ *component.Call, args []abi.Value) (abi.Value, error) {
			_, o := of(args[0])
			return abi.OK(value(o)), nil
		})
		b.fn("[method]"+resource+".set-"+name, func(_ *component.Call, args []abi.Value) (abi.Value, error) {
			s, o := of(args[0])
			if !change(o, args[1]) {
				return socketResult(abi.Value{}, sockets.InvalidArgument)
			}
			apply(s)
			return abi.OK(abi.Value{}), nil
		})
	}
	bind(hops, func(o *sockets.Options) abi.Value { return abi.U8(orElse(o.HopLimit, 64)) },
		func(o *sockets.Options, v abi.Value) bool { o.HopLimit = v.U8(); return o.HopLimit > 0 })
	bind("receive-buffer-size", func(o *sockets.Options) abi.Value { return abi.U64(orElse(o.ReceiveBuffer, defaultBuffer)) },
		func(o *sockets.Options, v abi.Value) bool { o.ReceiveBuffer = v.U64(); return o.ReceiveBuffer > 0 })
	bind("send-buffer-size", func(o *sockets.Options) abi.Value { return abi.U64(orElse(o.SendBuffer, defaultBuffer)) },
		func(o *sockets.Options, v abi.Value) bool { o.SendBuffer = v.U64(); return o.SendBuffer > 0 })
	return bind
}

// defaultBuffer is what a guest is told of buffers that it has not set.
const defaultBuffer = 64 << 10

func orElse[N uint8 | uint32 | uint64](n, other N) N {
	if n == 0 {
		return other
	}
	return n
}

func (s *socketTypes) linkTCPStreams(b scope) {
	b.fn("[method]tcp-socket.finish-connect", func(_ *component.Call, args []abi.Value) (abi.Value, error) {
		t := s.tcp.Of(args[0])
		in, out, err := t.FinishConnect()
		if err != nil {
			return socketResult(abi.Value{}, err)
		}
		return abi.OK(abi.Tuple(s.streams(t, in, out)...)), nil
	})
	b.fn("[method]tcp-socket.accept", func(_ *component.Call, args []abi.Value) (abi.Value, error) {
		t, in, out, err := s.tcp.Of(args[0]).Accept()
		if err != nil {
			return socketResult(abi.Value{}, err)
		}
		return abi.OK(abi.Tuple(append([]abi.Value{s.tcp.Own(t)}, s.streams(t, in, out)...)...)), nil
	})
}

// streams are both ways of a connection, to be dropped before its socket.
func (s *socketTypes) streams(t *sockets.TCP, in stream.Input, out stream.Output) []abi.Value {
	i, o := stream.NewInput(in), stream.NewOutput(out)
	i.Dropped, o.Dropped = t.Child(), t.Child()
	return []abi.Value{s.h.Inputs.Own(i), s.h.Outputs.Own(o)}
}
