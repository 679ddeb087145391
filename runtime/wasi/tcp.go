package wasi

import (
	"context"
	"math"
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
	m := linkSocket(b, "tcp-socket", s.tcp)
	step := func(name string, fn func(t *sockets.TCP) error) {
		m(name, func(_ *component.Call, t *sockets.TCP, _ []abi.Value) (abi.Value, error) { return abi.Value{}, fn(t) })
	}
	step("start-listen", (*sockets.TCP).StartListen)
	step("finish-listen", (*sockets.TCP).FinishListen)
	m("start-connect", func(c *component.Call, t *sockets.TCP, args []abi.Value) (abi.Value, error) {
		return abi.Value{}, t.StartConnect(c.Context(), addressOf(args[1]))
	})
	m("shutdown", func(_ *component.Call, t *sockets.TCP, args []abi.Value) (abi.Value, error) {
		return abi.Value{}, t.Shutdown(args[0].Case())
	})
	m("set-listen-backlog-size", func(_ *component.Call, t *sockets.TCP, args []abi.Value) (abi.Value, error) {
		if t.Options.Backlog = args[0].U64(); t.Options.Backlog == 0 {
			return abi.Value{}, sockets.InvalidArgument
		}
		return abi.Value{}, nil
	})
	b.fn("[method]tcp-socket.is-listening", func(_ *component.Call, args []abi.Value) (abi.Value, error) {
		return abi.Bool(s.tcp.Of(args[0]).Listening()), nil
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
