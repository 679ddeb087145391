package wasihttp

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/neutrino-local/neutrino-local/runtime/wasi/stream"
)

// What an outgoing body may hold before someone reads it, and after.
const (
	BufferUnread = 1 << 20
	BufferRead   = 64 << 10
)

// ErrAborted ends a body that its guest dropped before finishing it.
var ErrAborted = errors.New("guest ended its body without finishing it")

// An OutgoingBody is a body that a guest writes: of a response if it answers,
// of a request if it asks.
type OutgoingBody struct {
	stream.Parent
	pipe     *stream.Pipe
	sizeCode Code // of a body that is not as long as declared

	declared   uint64
	isDeclared bool
	written    uint64
	tooLong    *Error // once the guest has written more than it may
	opened     bool   // write has been called
	guestEnded *bool  // nil, or whether the guest has returned without a fault
	trailers   stream.Future[*Fields]
}

func newOutgoingBody(headers *Fields, sizeCode Code) (*OutgoingBody, error) {
	n, ok, err := headers.contentLength()
	if err != nil {
		return nil, err
	}
	return &OutgoingBody{pipe: stream.NewPipe(BufferUnread), sizeCode: sizeCode, declared: n, isDeclared: ok}, nil
}

// Open returns the output that writes the body. The second call and all later
// ones return false.
func (b *OutgoingBody) Open() (stream.Output, bool) {
	if b.opened {
		return nil, false
	}
	b.opened = true
	return bodyOutput{b.pipe.Output(), b}, true
}

// bodyOutput counts what is written.
type bodyOutput struct {
	stream.Output
	body *OutgoingBody
}

func (o bodyOutput) CheckWrite() (int, error) {
	if e := o.body.tooLong; e != nil {
		return 0, e
	}
	return o.Output.CheckWrite()
}

func (o bodyOutput) Write(p []byte) error {
	b := o.body
	b.written += uint64(len(p))
	if b.isDeclared && b.written > b.declared {
		b.tooLong = FailSize(b.sizeCode, b.written)
		b.pipe.CloseWrite(b.tooLong)
		return b.tooLong
	}
	return o.Output.Write(p)
}

// Finish ends the body with its trailers, which may be nil. If it is not as
// long as its headers said the body ends broken and the error is an *Error.
func (b *OutgoingBody) Finish(trailers *Fields) error {
	if b.tooLong != nil {
		return b.tooLong
	}
	if b.isDeclared && b.written != b.declared {
		err := FailSize(b.sizeCode, b.written)
		b.pipe.CloseWrite(err)
		return err
	}
	if trailers != nil {
		trailers.Freeze()
	}
	b.trailers.Set(trailers)
	b.pipe.CloseWrite(nil)
	return nil
}

// Abort ends the body broken, unless it has been finished.
func (b *OutgoingBody) Abort() { b.pipe.CloseWrite(ErrAborted) }

// Drop ends a body whose handle is gone. One that a guest drops is broken; one
// that it still had when it returned ends where it is, as in other runtimes.
func (b *OutgoingBody) Drop() {
	if b.guestEnded != nil && *b.guestEnded {
		_ = b.Finish(nil) // nobody is left to tell
		return
	}
	b.Abort()
}

// Disconnect tells the guest, at its next write, that nobody reads any more.
func (b *OutgoingBody) Disconnect(err error) { b.pipe.CloseRead(err) }

// CopyTo writes the body as it comes, until its end or that of ctx, and calls
// flush whenever nothing more is there yet. An error of the guest's side has
// the type of what the body ended with; one of w is a *WriteError.
func (b *OutgoingBody) CopyTo(ctx context.Context, w io.Writer, flush func() error) error {
	b.pipe.SetLimit(BufferRead)
	for {
		next, err := b.pipe.Peek()
		if len(next) == 0 && err == nil {
			if err := flush(); err != nil {
				return b.lost(err)
			}
			next, err = b.pipe.Next(ctx)
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if _, err := w.Write(next); err != nil {
			return b.lost(err)
		}
		b.pipe.Discard(len(next))
	}
}

func (b *OutgoingBody) lost(err error) error {
	b.Disconnect(Fail(ConnectionTerminated))
	return &WriteError{err}
}

// A WriteError is the error of who was to receive a body.
type WriteError struct{ Err error }

func (e *WriteError) Error() string { return "write body: " + e.Err.Error() }
func (e *WriteError) Unwrap() error { return e.Err }

// Trailers returns the trailers of a body that has ended well; nil is none.
func (b *OutgoingBody) Trailers() *Fields {
	t, _ := b.trailers.Get()
	return t
}

// reader returns the body for net/http's client, which reads it to its end and
// then wants the trailers in h.
func (b *OutgoingBody) reader(ctx context.Context, h http.Header) io.ReadCloser {
	b.pipe.SetLimit(BufferRead)
	return &bodyReader{ReadCloser: b.pipe.Reader(ctx), body: b, trailers: h}
}

type bodyReader struct {
	io.ReadCloser
	body     *OutgoingBody
	trailers http.Header
}

func (r *bodyReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		if t := r.body.Trailers(); t != nil {
			t.AddTo(r.trailers)
		}
	}
	return n, err
}
