package wasi

import (
	"context"
	"errors"

	"github.com/neutrino-local/neutrino-local/runtime/component"
	"github.com/neutrino-local/neutrino-local/runtime/component/abi"
	"github.com/neutrino-local/neutrino-local/runtime/wasi/stream"
)

// A Pollable is a pollable resource.
type Pollable struct {
	stream.Pollable
	dropped func()
}

// Poll returns a pollable of p, to be dropped before parent is. parent may be
// nil.
func (h *Host) Poll(p stream.Pollable, parent *stream.Parent) abi.Value {
	r := &Pollable{Pollable: p}
	if parent != nil {
		r.dropped = parent.Child()
	}
	return h.Pollables.Own(r)
}

func (h *Host) linkIO(l *component.Linker) {
	october := in(l, "wasi:io/streams", trackOct)
	errs := in(l, "wasi:io/error", track02, trackNov)
	errs.names = append(errs.names, october.names...) // there, errors are among the streams
	h.linkErrors(errs)
	h.linkPoll(l)
	streams := in(l, "wasi:io/streams", track02, trackNov, trackOct)
	h.Inputs = resource(streams, "input-stream", func(_ context.Context, s *stream.InputStream) error {
		s.Close()
		return s.Childless()
	})
	h.Outputs = resource(streams, "output-stream", func(_ context.Context, s *stream.OutputStream) error {
		s.Close()
		return s.Childless()
	})
	h.linkInput(streams)
	h.linkOutput(streams)
	h.linkSplice(in(l, "wasi:io/streams", track02, trackNov))
	h.linkForward(october)
}

func (h *Host) linkErrors(s scope) {
	h.Errors = resource[*stream.Failure](s, "error", nil)
	s.fn("[method]error.to-debug-string", func(_ *component.Call, args []abi.Value) (abi.Value, error) {
		return abi.String(h.Errors.Of(args[0]).Error()), nil
	})
}

func (h *Host) linkPoll(l *component.Linker) {
	all := in(l, "wasi:io/poll", track02, trackNov, trackOct)
	h.Pollables = resource(all, "pollable", func(_ context.Context, p *Pollable) error {
		if p.dropped != nil {
			p.dropped()
		}
		return nil
	})
	block := func(c *component.Call, args []abi.Value) (abi.Value, error) {
		return abi.Value{}, stream.Block(c.Context(), h.Pollables.Of(args[0]))
	}
	s := in(l, "wasi:io/poll", track02, trackNov)
	s.fn("[method]pollable.ready", func(_ *component.Call, args []abi.Value) (abi.Value, error) {
		return abi.Bool(h.Pollables.Of(args[0]).Ready()), nil
	})
	s.fn("[method]pollable.block", block)
	s.fn("poll", h.poll)
	october := in(l, "wasi:io/poll", trackOct)
	october.fn("poll-list", h.poll)
	october.fn("poll-one", block)
}

var errNoPollables = errors.New("poll of an empty list")

func (h *Host) poll(c *component.Call, args []abi.Value) (abi.Value, error) {
	list := args[0].Values()
	if len(list) == 0 {
		return abi.Value{}, errNoPollables
	}
	ps := make([]stream.Pollable, len(list))
	for i, v := range list {
		ps[i] = h.Pollables.Of(v).Pollable
	}
	ready, err := stream.Poll(c.Context(), ps)
	if err != nil {
		return abi.Value{}, err
	}
	out := make([]abi.Value, len(ready))
	for i, n := range ready {
		out[i] = abi.U32(n)
	}
	return abi.List(out...), nil
}

// streamResult is a result<_, stream-error>. What is no stream-error ends the
// guest.
func (h *Host) streamResult(ok abi.Value, err error) (abi.Value, error) {
	var f *stream.Failure
	switch {
	case err == nil:
		return abi.OK(ok), nil
	case errors.Is(err, stream.ErrClosed):
		return abi.Err(abi.Case(1)), nil
	case errors.As(err, &f):
		return abi.Err(abi.Variant(0, h.Errors.Own(f))), nil
	}
	return abi.Value{}, err
}

func (h *Host) linkInput(s scope) {
	method := func(name string, f func(ctx context.Context, s *stream.InputStream, n uint64) (abi.Value, error)) {
		s.fn("[method]input-stream."+name, func(c *component.Call, args []abi.Value) (abi.Value, error) {
			return h.streamResult(f(c.Context(), h.Inputs.Of(args[0]), args[1].U64()))
		})
	}
	method("read", func(_ context.Context, s *stream.InputStream, n uint64) (abi.Value, error) {
		b, err := s.Read(n)
		return abi.Bytes(b), err
	})
	method("blocking-read", func(ctx context.Context, s *stream.InputStream, n uint64) (abi.Value, error) {
		b, err := s.BlockingRead(ctx, n)
		return abi.Bytes(b), err
	})
	method("skip", func(_ context.Context, s *stream.InputStream, n uint64) (abi.Value, error) {
		n, err := s.Skip(n)
		return abi.U64(n), err
	})
	method("blocking-skip", func(ctx context.Context, s *stream.InputStream, n uint64) (abi.Value, error) {
		n, err := s.BlockingSkip(ctx, n)
		return abi.U64(n), err
	})
	s.fn("[method]input-stream.subscribe", func(_ *component.Call, args []abi.Value) (abi.Value, error) {
		s := h.Inputs.Of(args[0])
		return h.Poll(s, &s.Parent), nil
	})
}

func (h *Host) linkOutput(s scope) {
	method := func(name string, f func(ctx context.Context, s *stream.OutputStream, args []abi.Value) (abi.Value, error)) {
		s.fn("[method]output-stream."+name, func(c *component.Call, args []abi.Value) (abi.Value, error) {
			return h.streamResult(f(c.Context(), h.Outputs.Of(args[0]), args[1:]))
		})
	}
	none := abi.Value{}
	method("check-write", func(_ context.Context, s *stream.OutputStream, _ []abi.Value) (abi.Value, error) {
		n, err := s.CheckWrite()
		return abi.U64(n), err
	})
	method("write", func(_ context.Context, s *stream.OutputStream, args []abi.Value) (abi.Value, error) {
		return none, s.Write(args[0].Bytes())
	})
	method("blocking-write-and-flush", func(ctx context.Context, s *stream.OutputStream, args []abi.Value) (abi.Value, error) {
		return none, s.BlockingWriteAndFlush(ctx, args[0].Bytes())
	})
	method("flush", func(_ context.Context, s *stream.OutputStream, _ []abi.Value) (abi.Value, error) {
		return none, s.Flush()
	})
	method("blocking-flush", func(ctx context.Context, s *stream.OutputStream, _ []abi.Value) (abi.Value, error) {
		return none, s.BlockingFlush(ctx)
	})
	method("write-zeroes", func(_ context.Context, s *stream.OutputStream, args []abi.Value) (abi.Value, error) {
		return none, s.WriteZeroes(args[0].U64())
	})
	method("blocking-write-zeroes-and-flush", func(ctx context.Context, s *stream.OutputStream, args []abi.Value) (abi.Value, error) {
		return none, s.BlockingWriteZeroesAndFlush(ctx, args[0].U64())
	})
	s.fn("[method]output-stream.subscribe", func(_ *component.Call, args []abi.Value) (abi.Value, error) {
		s := h.Outputs.Of(args[0])
		return h.Poll(s, &s.Parent), nil
	})
}

// linkSplice offers what moves bytes from one stream to another.
func (h *Host) linkSplice(s scope) {
	move := func(name string, f func(ctx context.Context, dst *stream.OutputStream, src *stream.InputStream, n uint64) (uint64, error)) {
		s.fn("[method]output-stream."+name, func(c *component.Call, args []abi.Value) (abi.Value, error) {
			n, err := f(c.Context(), h.Outputs.Of(args[0]), h.Inputs.Of(args[1]), args[2].U64())
			return h.streamResult(abi.U64(n), err)
		})
	}
	move("splice", splice)
	move("blocking-splice", blockingSplice)
}

func splice(_ context.Context, dst *stream.OutputStream, src *stream.InputStream, n uint64) (uint64, error) {
	return dst.Splice(src, n)
}

func blockingSplice(ctx context.Context, dst *stream.OutputStream, src *stream.InputStream, n uint64) (uint64, error) {
	return dst.BlockingSplice(ctx, src, n)
}

// linkForward offers the same for the candidate of October 2023, where the
// source is given away, and which can move all there is.
func (h *Host) linkForward(s scope) {
	move := func(name string, f func(ctx context.Context, dst *stream.OutputStream, src *stream.InputStream, args []abi.Value) (uint64, error)) {
		s.fn("[method]output-stream."+name, func(c *component.Call, args []abi.Value) (abi.Value, error) {
			src := h.Inputs.Of(args[1])
			defer src.Close()
			n, err := f(c.Context(), h.Outputs.Of(args[0]), src, args[2:])
			return h.streamResult(abi.U64(n), errors.Join(err, src.Childless()))
		})
	}
	move("splice", func(ctx context.Context, dst *stream.OutputStream, src *stream.InputStream, args []abi.Value) (uint64, error) {
		return splice(ctx, dst, src, args[0].U64())
	})
	move("blocking-splice", func(ctx context.Context, dst *stream.OutputStream, src *stream.InputStream, args []abi.Value) (uint64, error) {
		return blockingSplice(ctx, dst, src, args[0].U64())
	})
	move("forward", func(ctx context.Context, dst *stream.OutputStream, src *stream.InputStream, _ []abi.Value) (total uint64, err error) {
		for {
			n, err := dst.BlockingSplice(ctx, src, stream.MaxRead)
			total += n
			if err != nil {
				if src.Ended() && errors.Is(err, stream.ErrClosed) {
					return total, nil
				}
				return total, err
			}
		}
	})
}
