package stream

import (
	"context"
	"errors"
	"io"
)

// An Output is where the bytes of an output-stream go.
type Output interface {
	// CheckWrite returns how many bytes Write takes now; 0 means wait.
	CheckWrite() (int, error)
	// Write takes b, which is no longer than CheckWrite said.
	Write(b []byte) error
	// Flush begins to send on what was written; CheckWrite returns 0 until it
	// is done.
	Flush() error
	// WaitFlush waits until a flush that has begun is done.
	WaitFlush(ctx context.Context) error
	// Pollable is ready when CheckWrite would return bytes or an error.
	Pollable
	// Close says that nobody will write any more.
	Close()
}

// ErrPermit is for a write that is longer than check-write allowed: the guest
// traps.
var ErrPermit = errors.New("write is longer than the last check-write permits")

// MaxBlockingWrite is the longest write of the functions that write and flush.
const MaxBlockingWrite = 4096

// An OutputStream is an output-stream resource.
type OutputStream struct {
	Parent
	// Dropped, if not nil, is called when the stream is closed.
	Dropped func()
	dst     Output
	permit  uint64
	closed  bool
}

// NewOutput returns a stream that writes to dst.
func NewOutput(dst Output) *OutputStream { return &OutputStream{dst: dst} }

func (s *OutputStream) failed(err error) error {
	if err == nil {
		return nil
	}
	s.closed, s.permit = true, 0
	return fail(err)
}

// CheckWrite returns how many bytes the next writes may have in all. Its error
// is ErrClosed or a *Failure.
func (s *OutputStream) CheckWrite() (uint64, error) {
	if s.closed {
		return 0, ErrClosed
	}
	n, err := s.dst.CheckWrite()
	s.permit = uint64(max(n, 0))
	return s.permit, s.failed(err)
}

// Write writes b. Beside ErrClosed and a *Failure it returns ErrPermit.
func (s *OutputStream) Write(b []byte) error {
	if s.closed {
		return ErrClosed
	}
	if uint64(len(b)) > s.permit {
		return ErrPermit
	}
	s.permit -= uint64(len(b))
	if len(b) == 0 {
		return nil
	}
	return s.failed(s.dst.Write(b))
}

// WriteZeroes writes n zero bytes.
func (s *OutputStream) WriteZeroes(n uint64) error {
	if n > s.permit && !s.closed {
		return ErrPermit
	}
	for n > 0 {
		part := zeroes[:min(n, uint64(len(zeroes)))]
		if err := s.Write(part); err != nil {
			return err
		}
		n -= uint64(len(part))
	}
	return nil
}

var zeroes = make([]byte, MaxBlockingWrite) // never written

// Flush begins a flush.
func (s *OutputStream) Flush() error {
	if s.closed {
		return ErrClosed
	}
	s.permit = 0
	return s.failed(s.dst.Flush())
}

// BlockingFlush flushes and waits until it is done.
func (s *OutputStream) BlockingFlush(ctx context.Context) error {
	if err := s.Flush(); err != nil {
		return err
	}
	err := s.dst.WaitFlush(ctx)
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return s.failed(err)
}

// BlockingWriteAndFlush writes at most MaxBlockingWrite bytes, waiting for
// room, and flushes.
func (s *OutputStream) BlockingWriteAndFlush(ctx context.Context, b []byte) error {
	if len(b) > MaxBlockingWrite {
		return ErrPermit
	}
	for len(b) > 0 {
		n, err := s.waitWrite(ctx)
		if err != nil {
			return err
		}
		n = min(n, uint64(len(b)))
		if err := s.Write(b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	return s.BlockingFlush(ctx)
}

// BlockingWriteZeroesAndFlush is BlockingWriteAndFlush of n zero bytes.
func (s *OutputStream) BlockingWriteZeroesAndFlush(ctx context.Context, n uint64) error {
	if n > MaxBlockingWrite {
		return ErrPermit
	}
	return s.BlockingWriteAndFlush(ctx, zeroes[:n])
}

func (s *OutputStream) waitWrite(ctx context.Context) (uint64, error) {
	for {
		n, err := s.CheckWrite()
		if n > 0 || err != nil {
			return n, err
		}
		if err := Block(ctx, s.dst); err != nil {
			return 0, err
		}
	}
}

// Splice moves what src has and s takes, at most n bytes, and returns how many
// it was.
func (s *OutputStream) Splice(src *InputStream, n uint64) (uint64, error) {
	room, err := s.CheckWrite()
	if err != nil {
		return 0, err
	}
	b, err := src.Read(min(n, room))
	if err != nil || len(b) == 0 {
		return 0, err
	}
	return uint64(len(b)), s.Write(b)
}

// BlockingSplice is Splice that waits for room and for bytes.
func (s *OutputStream) BlockingSplice(ctx context.Context, src *InputStream, n uint64) (uint64, error) {
	room, err := s.waitWrite(ctx)
	if err != nil {
		return 0, err
	}
	b, err := src.BlockingRead(ctx, min(n, room))
	if err != nil || len(b) == 0 {
		return 0, err
	}
	return uint64(len(b)), s.Write(b)
}

// Ready reports whether CheckWrite would return bytes or an error.
func (s *OutputStream) Ready() bool { return s.closed || s.dst.Ready() }

// Watch rings w when the stream may have become ready.
func (s *OutputStream) Watch(w *Waker) func() { return s.dst.Watch(w) }

// Close drops the stream.
func (s *OutputStream) Close() {
	s.closed = true
	s.dst.Close()
	if s.Dropped != nil {
		s.Dropped()
	}
}

// Sink returns an Output that hands every write to w at once. w must not block
// for long.
func Sink(w io.Writer) Output { return sink{w: w} }

type sink struct {
	always
	w io.Writer
}

func (s sink) CheckWrite() (int, error)        { return MaxRead, nil }
func (s sink) Write(b []byte) error            { _, err := s.w.Write(b); return err }
func (s sink) Flush() error                    { return nil }
func (s sink) WaitFlush(context.Context) error { return nil }
func (s sink) Close()                          {}
