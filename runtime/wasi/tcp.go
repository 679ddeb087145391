package wasi

import (
	"context"
	"math"
	"net/netip"
	"time"

	"github.com/neutrino-local/neutrino-local/runtime/component"
	"github.com/neutrino-local/neutrino-local/runtime/component/abi"
	"github.com/neutrino-local/neutrino-local/runtime/wasi/sockets"
)

func (s *socketTypes) linkTCP(l *component.Linker) {
	b := in(l, "wasi:sockets/tcp", track02, trackNov, trackOct)
	s.tcp = resource(b, "tcp-socket", func(_ context.Context, t *sockets.TCP) error {
		t.Close()
		return t.Childless()
	})
	in(l, "wasi:sockets/tcp-create-socket", track02, trackNov, trackOct).fn("create-tcp-socket", func(c *component.Call, args []abi.Value) (abi.Value, error) {
		t, err := sockets.NewTCP(s.h.network(c), family(args[0]))
		if err != nil {
			return socketResult(abi.Value{}, err)
		}
		return abi.OK(s.tcp.Own(t)), nil
	})
	s.linkTCPSteps(b)
	s.linkTCPStreams(b)
	s.linkTCPState(b)
	of := func(v abi.Value) (*sockets.TCP, *sockets.Options) {
		t := s.tcp.Of(v)
		return t, &t.Options
	}
	bind := options(in(l, "wasi:sockets/tcp", track02, trackNov), "tcp-socket", "hop-limit", of, (*sockets.TCP).Apply)
	keepAlive("keep-alive-enabled", bind)
	keepAliveTimes(bind)
	bind = options(in(l, "wasi:sockets/tcp", trackOct), "tcp-socket", "unicast-hop-limit", of, (*sockets.TCP).Apply)
	keepAlive("keep-alive", bind)
	bind("no-delay", func(o *sockets.Options) abi.Value { return abi.Bool(!o.Delay) },
		func(o *sockets.Options, v abi.Value) bool { o.Delay = !v.Bool(); return true })
	ipv6Only(in(l, "wasi:sockets/tcp", trackNov, trackOct), "tcp-socket", func(v abi.Value) sockets.Family { return s.tcp.Of(v).Family() })
}

func (s *socketTypes) linkTCPSteps(b scope) {
	step := func(name string, fn func(c *component.Call, t *sockets.TCP, args []abi.Value) error) {
		b.fn("[method]tcp-socket."+name, func(c *component.Call, args []abi.Value) (abi.Value, error) {
			return socketResult(abi.Value{}, fn(c, s.tcp.Of(args[0]), args[1:]))
		})
	}
	step("start-bind", func(_ *component.Call, t *sockets.TCP, args []abi.Value) error {
		return t.StartBind(addressOf(args[1]))
	})
	step("finish-bind", func(_ *component.Call, t *sockets.TCP, _ []abi.Value) error { return t.FinishBind() })
	step("start-connect", func(c *component.Call, t *sockets.TCP, args []abi.Value) error {
		return t.StartConnect(c.Context(), addressOf(args[1]))
	})
	step("start-listen", func(_ *component.Call, t *sockets.TCP, _ []abi.Value) error { return t.StartListen() })
	step("finish-listen", func(_ *component.Call, t *sockets.TCP, _ []abi.Value) error { return t.FinishListen() })
	step("shutdown", func(_ *component.Call, t *sockets.TCP, args []abi.Value) error { return t.Shutdown(args[0].Case()) })
	step("set-listen-backlog-size", func(_ *component.Call, t *sockets.TCP, args []abi.Value) error {
		if t.Options.Backlog = args[0].U64(); t.Options.Backlog == 0 {
			return sockets.InvalidArgument
		}
		return nil
	})
}

func (s *socketTypes) linkTCPState(b scope) {
	address := func(name string, of func(*sockets.TCP) (netip.AddrPort, error)) {
		b.fn("[method]tcp-socket."+name, func(_ *component.Call, args []abi.Value) (abi.Value, error) {
			a, err := of(s.tcp.Of(args[0]))
			if err != nil {
				return socketResult(abi.Value{}, err)
			}
			return abi.OK(addressValue(a)), nil
		})
	}
	address("local-address", (*sockets.TCP).Local)
	address("remote-address", (*sockets.TCP).Remote)
	b.fn("[method]tcp-socket.is-listening", func(_ *component.Call, args []abi.Value) (abi.Value, error) {
		return abi.Bool(s.tcp.Of(args[0]).Listening()), nil
	})
	b.fn("[method]tcp-socket.address-family", func(_ *component.Call, args []abi.Value) (abi.Value, error) {
		return abi.Case(int(s.tcp.Of(args[0]).Family())), nil
	})
	b.fn("[method]tcp-socket.subscribe", func(_ *component.Call, args []abi.Value) (abi.Value, error) {
		t := s.tcp.Of(args[0])
		return s.h.Poll(t, &t.Parent), nil
	})
}

func keepAlive(name string, bind option) {
	bind(name, func(o *sockets.Options) abi.Value { return abi.Bool(o.KeepAlive) },
		func(o *sockets.Options, v abi.Value) bool { o.KeepAlive = v.Bool(); return true })
}

func keepAliveTimes(bind option) {
	bind("keep-alive-count", func(o *sockets.Options) abi.Value { return abi.U32(orElse(o.KeepCount, 9)) },
		func(o *sockets.Options, v abi.Value) bool { o.KeepCount = v.U32(); return o.KeepCount > 0 })
	for name, field := range map[string]func(*sockets.Options) *time.Duration{
		"keep-alive-idle-time": func(o *sockets.Options) *time.Duration { return &o.KeepIdle },
		"keep-alive-interval":  func(o *sockets.Options) *time.Duration { return &o.KeepSpacing },
	} {
		bind(name, func(o *sockets.Options) abi.Value { return abi.U64(orElse(uint64(*field(o)), uint64(15*time.Second))) },
			func(o *sockets.Options, v abi.Value) bool {
				*field(o) = time.Duration(min(v.U64(), math.MaxInt64))
				return *field(o) > 0
			})
	}
}

// ipv6Only binds an option that only the candidates of 2023 have: a
// socket of IPv6 is for IPv6 only.
func ipv6Only(b scope, resource string, of func(abi.Value) sockets.Family) {
	b.fn("[method]"+resource+".ipv6-only", func(_ *component.Call, args []abi.Value) (abi.Value, error) {
		if of(args[0]) == sockets.IPv4 {
			return socketResult(abi.Value{}, sockets.NotSupported)
		}
		return abi.OK(abi.Bool(true)), nil
	})
	b.fn("[method]"+resource+".set-ipv6-only", func(_ *component.Call, args []abi.Value) (abi.Value, error) {
		if of(args[0]) == sockets.IPv4 || !args[1].Bool() {
			return socketResult(abi.Value{}, sockets.NotSupported)
		}
		return abi.OK(abi.Value{}), nil
	})
}
