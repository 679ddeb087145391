package wasi

import (
	"context"
	"errors"
	"net/netip"

	"github.com/neutrino-local/neutrino-local/runtime/component"
	"github.com/neutrino-local/neutrino-local/runtime/component/abi"
	"github.com/neutrino-local/neutrino-local/runtime/wasi/sockets"
	"github.com/neutrino-local/neutrino-local/runtime/wasi/stream"
)

func (s *socketTypes) linkUDP(l *component.Linker) {
	b := in(l, "wasi:sockets/udp", track02, trackNov, trackOct)
	s.udp = resource(b, "udp-socket", func(_ context.Context, u *sockets.UDP) error {
		u.Close()
		return u.Childless()
	})
	in(l, "wasi:sockets/udp-create-socket", track02, trackNov, trackOct).fn("create-udp-socket", func(c *component.Call, args []abi.Value) (abi.Value, error) {
		u, err := sockets.NewUDP(s.h.network(c), family(args[0]))
		if err != nil {
			return socketResult(abi.Value{}, err)
		}
		return abi.OK(s.udp.Own(u)), nil
	})
	linkSocket(b, "udp-socket", s.udp)
	s.linkDatagrams(in(l, "wasi:sockets/udp", track02, trackNov))
	s.linkUDPOctober(in(l, "wasi:sockets/udp", trackOct))
	options(b, "udp-socket", "unicast-hop-limit", func(v abi.Value) (*sockets.UDP, *sockets.Options) {
		u := s.udp.Of(v)
		return u, &u.Options
	}, (*sockets.UDP).Apply)
	ipv6Only(in(l, "wasi:sockets/udp", trackNov, trackOct), "udp-socket", func(v abi.Value) sockets.Family { return s.udp.Of(v).Family() })
}

func (s *socketTypes) linkDatagrams(b scope) {
	b.fn("[method]udp-socket.subscribe", func(_ *component.Call, args []abi.Value) (abi.Value, error) {
		return s.h.Poll(stream.Always, &s.udp.Of(args[0]).Parent), nil
	})
	b.fn("[method]udp-socket.stream", func(_ *component.Call, args []abi.Value) (abi.Value, error) {
		var remote netip.AddrPort
		if v, ok := args[1].Option(); ok {
			remote = addressOf(v)
		}
		i, o, err := s.udp.Of(args[0]).Stream(remote)
		if err != nil {
			return socketResult(abi.Value{}, err)
		}
		return abi.OK(abi.Tuple(s.incoming.Own(i), s.outgoing.Own(o))), nil
	})
	s.incoming = resource(b, "incoming-datagram-stream", func(_ context.Context, i *sockets.Incoming) error {
		i.Dropped()
		return i.Childless()
	})
	s.outgoing = resource(b, "outgoing-datagram-stream", func(_ context.Context, o *sockets.Outgoing) error {
		o.Dropped()
		return o.Childless()
	})
	b.fn("[method]incoming-datagram-stream.receive", func(_ *component.Call, args []abi.Value) (abi.Value, error) {
		list, err := s.incoming.Of(args[0]).Receive(args[1].U64())
		if err != nil {
			return socketResult(abi.Value{}, err)
		}
		return abi.OK(datagrams(list)), nil
	})
	b.fn("[method]incoming-datagram-stream.subscribe", func(_ *component.Call, args []abi.Value) (abi.Value, error) {
		i := s.incoming.Of(args[0])
		return s.h.Poll(i, &i.Parent), nil
	})
	b.fn("[method]outgoing-datagram-stream.check-send", func(_ *component.Call, args []abi.Value) (abi.Value, error) {
		return abi.OK(abi.U64(s.outgoing.Of(args[0]).CheckSend())), nil
	})
	b.fn("[method]outgoing-datagram-stream.send", s.send)
	b.fn("[method]outgoing-datagram-stream.subscribe", func(_ *component.Call, args []abi.Value) (abi.Value, error) {
		o := s.outgoing.Of(args[0])
		return s.h.Poll(o, &o.Parent), nil
	})
}

func (s *socketTypes) send(_ *component.Call, args []abi.Value) (abi.Value, error) {
	list := make([]sockets.Datagram, args[1].Len())
	for i := range list {
		d := args[1].At(i)
		list[i].Data = d.At(0).Bytes()
		if v, ok := d.At(1).Option(); ok {
			list[i].Remote = addressOf(v)
		}
	}
	n, err := s.outgoing.Of(args[0]).Send(list)
	if errors.Is(err, stream.ErrPermit) {
		return abi.Value{}, err
	}
	return socketResult(abi.U64(n), err)
}

func datagrams(list []sockets.Datagram) abi.Value {
	values := make([]abi.Value, len(list))
	for i, d := range list {
		values[i] = abi.Record(abi.Bytes(d.Data), addressValue(d.Remote))
	}
	return abi.List(values...)
}

// linkUDPOctober offers the socket of October 2023, which is its own stream.
func (s *socketTypes) linkUDPOctober(b scope) {
	m := methods(b, "udp-socket", s.udp)
	m("start-connect", func(_ *component.Call, u *sockets.UDP, args []abi.Value) (abi.Value, error) {
		return abi.Value{}, u.StartConnect(addressOf(args[1]))
	})
	m("finish-connect", func(_ *component.Call, u *sockets.UDP, _ []abi.Value) (abi.Value, error) {
		return abi.Value{}, u.FinishConnect()
	})
	m("receive", func(_ *component.Call, u *sockets.UDP, args []abi.Value) (abi.Value, error) {
		list, err := u.Receive(args[0].U64())
		return datagrams(list), err
	})
	m("send", func(_ *component.Call, u *sockets.UDP, args []abi.Value) (abi.Value, error) {
		list := make([]sockets.Datagram, args[0].Len())
		for i := range list {
			d := args[0].At(i)
			list[i] = sockets.Datagram{Data: d.At(0).Bytes(), Remote: addressOf(d.At(1))}
		}
		n, err := u.Send(list)
		return abi.U64(n), err
	})
	b.fn("[method]udp-socket.subscribe", func(_ *component.Call, args []abi.Value) (abi.Value, error) {
		u := s.udp.Of(args[0])
		return s.h.Poll(u, &u.Parent), nil
	})
}
