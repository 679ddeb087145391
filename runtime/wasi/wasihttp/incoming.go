package wasihttp

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"

	"github.com/neutrino-local/neutrino-local/runtime/wasi/stream"
)

// An IncomingBody is a body that a guest reads: of the request it answers, or
// of the response it asked for.
type IncomingBody struct {
	stream.Parent
	src      io.ReadCloser
	trailer  func() http.Header // once src has ended
	wrap     func(error) *Error // the code of an error of src
	pipe     *stream.Pipe
	start    sync.Once
	run      func(func())
	opened   bool
	trailers stream.Future[Trailers]

	mu      sync.Mutex
	reading bool // guarded by mu: the pump is at src
	stopped bool // guarded by mu: and will not be again
}

// Trailers are how a body ended: with fields, with none, or with an error.
type Trailers struct {
	Fields *Fields // nil is none
	Err    *Error
}

// NewIncomingBody returns the body that src has. run starts the goroutine that
// reads it, and whoever gives run waits for it; closing src ends it. trailer
// is called after src's end; wrap gives an error of src its code.
func NewIncomingBody(src io.ReadCloser, trailer func() http.Header, wrap func(error) *Error, run func(func())) *IncomingBody {
	b := &IncomingBody{src: src, trailer: trailer, wrap: wrap, run: run}
	if src == nil || src == http.NoBody {
		b.src = http.NoBody
		b.trailers.Set(Trailers{})
		return b
	}
	b.pipe = stream.NewPipe(BufferRead)
	return b
}

// Open returns the input that reads the body. The second call and all later
// ones return false.
func (b *IncomingBody) Open() (stream.Input, bool) {
	switch {
	case b.opened:
		return nil, false
	case b.pipe == nil:
		b.opened = true
		return stream.Empty, true
	}
	b.opened = true
	return bodyInput{b.pipe.Input(), b}, true
}

// bodyInput starts reading when the guest first looks.
type bodyInput struct {
	stream.Input
	body *IncomingBody
}

func (i bodyInput) Read(n int) ([]byte, error) {
	i.body.prime()
	return i.Input.Read(n)
}

func (i bodyInput) Ready() bool {
	i.body.prime()
	return i.Input.Ready()
}

func (b *IncomingBody) prime() { b.start.Do(func() { b.run(b.pump) }) }

var errStopped = errors.New("the exchange is over")

// stop keeps the pump from reading again, and reports whether it reads now.
func (b *IncomingBody) stop() (reading bool) {
	if b.pipe == nil {
		return false
	}
	b.mu.Lock()
	b.stopped, reading = true, b.reading
	b.mu.Unlock()
	b.pipe.CloseWrite(Fail(ConnectionTerminated))
	return reading
}

// read is a read of src, unless that has been stopped.
func (b *IncomingBody) read(p []byte) (int, error) {
	b.mu.Lock()
	b.reading = !b.stopped
	b.mu.Unlock()
	if !b.reading { // only this goroutine writes it
		return 0, errStopped
	}
	n, err := b.src.Read(p)
	b.mu.Lock()
	b.reading = false
	b.mu.Unlock()
	return n, err
}

// pump reads to the end of the body, for its trailers, also when the guest
// does not want the rest.
func (b *IncomingBody) pump() {
	buf := make([]byte, BufferRead/2)
	for {
		n, err := b.read(buf)
		if n > 0 {
			_, _ = b.pipe.Write(context.Background(), buf[:n]) // CloseRead ends a wait; then the rest is dropped
		}
		if err != nil {
			b.ended(err)
			return
		}
	}
}

func (b *IncomingBody) ended(err error) {
	if !errors.Is(err, io.EOF) {
		code := Fail(ConnectionTerminated)
		if b.wrap != nil && err != errStopped {
			code = b.wrap(err)
		}
		b.pipe.CloseWrite(code)
		b.trailers.Set(Trailers{Err: code})
		return
	}
	var t Trailers
	if h := b.trailer(); len(h) > 0 {
		if t.Fields, err = FieldsOf(h); err != nil {
			t = Trailers{Err: Fail(ProtocolError)}
		}
	}
	b.pipe.CloseWrite(nil)
	b.trailers.Set(t)
}

// Finish drops what was not read and returns the trailers to come.
func (b *IncomingBody) Finish() *stream.Future[Trailers] {
	if b.pipe != nil {
		b.pipe.CloseRead(nil)
		b.prime()
	}
	return &b.trailers
}

// Close ends the body: nobody wants the rest or the trailers.
func (b *IncomingBody) Close() {
	if b.pipe != nil {
		b.pipe.CloseRead(nil)
	}
	_ = b.src.Close() // what is left of it is not wanted
}
