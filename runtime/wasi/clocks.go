package wasi

import (
	"math"
	"time"

	"github.com/neutrino-local/neutrino-local/runtime/component"
	"github.com/neutrino-local/neutrino-local/runtime/component/abi"
	"github.com/neutrino-local/neutrino-local/runtime/wasi/stream"
)

func (h *Host) linkClocks(l *component.Linker) {
	s := in(l, "wasi:clocks/monotonic-clock", track02, trackNov)
	h.monotonic(s)
	s.fn("subscribe-instant", func(_ *component.Call, args []abi.Value) (abi.Value, error) {
		return h.Poll(h.instant(args[0].U64()), nil), nil
	})
	s.fn("subscribe-duration", func(_ *component.Call, args []abi.Value) (abi.Value, error) {
		return h.Poll(after(args[0].U64()), nil), nil
	})
	h.wallClock(in(l, "wasi:clocks/wall-clock", track02, trackNov, trackOct))
	h.timezone(in(l, "wasi:clocks/timezone", track02, trackNov, trackOct))

	oct := in(l, "wasi:clocks/monotonic-clock", trackOct)
	h.monotonic(oct)
	oct.fn("subscribe", func(_ *component.Call, args []abi.Value) (abi.Value, error) {
		if args[1].Bool() {
			return h.Poll(h.instant(args[0].U64()), nil), nil
		}
		return h.Poll(after(args[0].U64()), nil), nil
	})
}

func (h *Host) monotonic(s scope) {
	s.fn("now", func(*component.Call, []abi.Value) (abi.Value, error) {
		return abi.U64(uint64(time.Since(h.start))), nil
	})
	s.fn("resolution", func(*component.Call, []abi.Value) (abi.Value, error) { return abi.U64(1), nil })
}

// instant is ready from n nanoseconds after the start of the clock on.
func (h *Host) instant(n uint64) stream.Pollable {
	if n > math.MaxInt64 {
		return stream.Never
	}
	return stream.At(h.start.Add(time.Duration(n)))
}

// after is ready n nanoseconds from now.
func after(n uint64) stream.Pollable {
	if n > math.MaxInt64/2 { // more than a century
		return stream.Never
	}
	return stream.At(time.Now().Add(time.Duration(n)))
}

func datetime(t time.Time) abi.Value {
	return abi.Record(abi.U64(uint64(max(t.Unix(), 0))), abi.U32(uint32(t.Nanosecond())))
}

func (h *Host) wallClock(s scope) {
	s.fn("now", func(*component.Call, []abi.Value) (abi.Value, error) { return datetime(time.Now()), nil })
	s.fn("resolution", func(*component.Call, []abi.Value) (abi.Value, error) {
		return abi.Record(abi.U64(0), abi.U32(1)), nil
	})
}

// timezone is UTC: the cloud has no other.
func (h *Host) timezone(s scope) {
	s.fn("display", func(*component.Call, []abi.Value) (abi.Value, error) {
		return abi.Record(abi.S32(0), abi.String("UTC"), abi.Bool(false)), nil
	})
	s.fn("utc-offset", func(*component.Call, []abi.Value) (abi.Value, error) { return abi.S32(0), nil })
}
