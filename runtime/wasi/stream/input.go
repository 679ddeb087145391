package stream

import (
	"context"
	"errors"
	"io"
)

// MaxRead bounds what one read returns, whatever the guest asks for.
const MaxRead = 64 << 10

// An Input is where the bytes of an input-stream come from.
type Input interface {
	// Read returns at most n bytes, n > 0, without waiting for more; none and
	// no error if none are there yet. io.EOF and ErrClosed are the end.
	Read(n int) ([]byte, error)
	// Pollable is ready when Read would return bytes or an error.
	Pollable
	// Close says that nobody will read any more.
	Close()
}

// A Failure is the error of an operation on a stream, for which a guest gets
// an error resource. Any other error of a stream but ErrClosed and that of the
// context is turned into one.
type Failure struct{ Err error }

func (f *Failure) Error() string { return f.Err.Error() }
func (f *Failure) Unwrap() error { return f.Err }

// fail gives err the two forms a guest may see.
func fail(err error) error {
	var f *Failure
	switch {
	case err == nil:
		return nil
	case errors.Is(err, io.EOF), errors.Is(err, ErrClosed):
		return ErrClosed
	case errors.As(err, &f):
		return f
	}
	return &Failure{Err: err}
}

// An InputStream is an input-stream resource.
type InputStream struct {
	Parent
	// Dropped, if not nil, is called when the stream is closed.
	Dropped func()
	src     Input
	closed  bool
}

// NewInput returns a stream that reads from src.
func NewInput(src Input) *InputStream { return &InputStream{src: src} }

// Read returns at most n bytes that are there. Its error is ErrClosed or a
// *Failure, after which the stream is closed.
func (s *InputStream) Read(n uint64) ([]byte, error) {
	if s.closed {
		return nil, ErrClosed
	}
	if n == 0 {
		return nil, nil
	}
	b, err := s.src.Read(int(min(n, MaxRead)))
	if err != nil {
		s.closed = true
		return nil, fail(err)
	}
	return b, nil
}

// BlockingRead waits for at least one byte. An error that is neither ErrClosed
// nor a *Failure is the context's.
func (s *InputStream) BlockingRead(ctx context.Context, n uint64) ([]byte, error) {
	for n > 0 && !s.closed {
		b, err := s.Read(n)
		if len(b) > 0 || err != nil {
			return b, err
		}
		if err := Block(ctx, s.src); err != nil {
			return nil, err
		}
	}
	return s.Read(n)
}

// Skip is Read that drops the bytes and returns how many there were.
func (s *InputStream) Skip(n uint64) (uint64, error) {
	b, err := s.Read(n)
	return uint64(len(b)), err
}

// BlockingSkip is BlockingRead that drops the bytes.
func (s *InputStream) BlockingSkip(ctx context.Context, n uint64) (uint64, error) {
	b, err := s.BlockingRead(ctx, n)
	return uint64(len(b)), err
}

// Ended reports whether the stream is closed: it has ended, failed or was
// dropped.
func (s *InputStream) Ended() bool { return s.closed }

// Ready reports whether a read would return bytes or an error.
func (s *InputStream) Ready() bool { return s.closed || s.src.Ready() }

// Watch rings w when the stream may have become ready.
func (s *InputStream) Watch(w *Waker) func() { return s.src.Watch(w) }

// Close drops the stream.
func (s *InputStream) Close() {
	s.closed = true
	s.src.Close()
	if s.Dropped != nil {
		s.Dropped()
	}
}

// Empty is an Input that has ended.
var Empty Input = empty{}

type empty struct{ always }

func (empty) Read(int) ([]byte, error) { return nil, io.EOF }
func (empty) Close()                   {}
