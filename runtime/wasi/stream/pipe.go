package stream

import (
	"context"
	"errors"
	"io"
	"sync"
)

// ErrClosed is what a stream answers after its end or its first failure.
var ErrClosed = errors.New("stream is closed")

// A Pipe carries bytes from one writer to one reader through a bounded buffer.
// One side may be a guest's stream (Output, Input) and the other blocking Go
// (Write, Next), or both of one kind.
type Pipe struct {
	readable, writable Bell

	mu    sync.Mutex
	limit int    // guarded by mu: bytes that may wait for the reader
	buf   []byte // guarded by mu: a ring, grown up to limit on demand
	head  int    // guarded by mu: first waiting byte
	size  int    // guarded by mu: how many wait
	end   error  // guarded by mu: set once when no more will be written; io.EOF if all is well
	gone  error  // guarded by mu: set once when no more will be read
	drop  bool   // guarded by mu: set once when the reader takes all and keeps none
}

// NewPipe returns a pipe that holds at most limit bytes.
func NewPipe(limit int) *Pipe { return &Pipe{limit: limit} }

// SetLimit changes how many bytes may wait. Bytes that already wait stay.
func (p *Pipe) SetLimit(limit int) {
	p.mu.Lock()
	p.limit = limit
	p.mu.Unlock()
	p.writable.Ring()
}

// Room returns how many bytes can be written now, or why none ever will.
func (p *Pipe) Room() (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.room()
}

func (p *Pipe) room() (int, error) {
	switch {
	case p.gone != nil:
		return 0, p.gone
	case p.end != nil:
		return 0, ErrClosed
	}
	return max(p.limit-p.size, 0), nil
}

// TryWrite copies as much of b as there is room for.
func (p *Pipe) TryWrite(b []byte) (int, error) {
	p.mu.Lock()
	room, err := p.room()
	if err != nil {
		p.mu.Unlock()
		return 0, err
	}
	b = b[:min(len(b), room)]
	p.put(b)
	p.mu.Unlock()
	if len(b) > 0 {
		p.readable.Ring()
	}
	return len(b), nil
}

// Put writes all of b, whatever the limit is now: it was checked before, with
// Room.
func (p *Pipe) Put(b []byte) error {
	p.mu.Lock()
	if _, err := p.room(); err != nil {
		p.mu.Unlock()
		return err
	}
	p.put(b)
	p.mu.Unlock()
	p.readable.Ring()
	return nil
}

func (p *Pipe) put(b []byte) {
	if p.drop {
		return
	}
	if need := p.size + len(b); need > len(p.buf) {
		p.grow(need)
	}
	tail := (p.head + p.size) % max(len(p.buf), 1)
	n := copy(p.buf[tail:], b)
	copy(p.buf, b[n:])
	p.size += len(b)
}

// grow moves the waiting bytes to a larger ring. The old one stays as it is:
// the reader may be looking at it (Next).
func (p *Pipe) grow(need int) {
	size := max(2*len(p.buf), 512)
	for size < need {
		size *= 2
	}
	ring := make([]byte, max(min(size, p.limit), need))
	first := p.buf[min(p.head, len(p.buf)):]
	n := copy(ring, first[:min(p.size, len(first))])
	copy(ring[n:], p.buf[:p.size-n])
	p.buf, p.head = ring, 0
}

// Write writes all of b, waiting for room.
func (p *Pipe) Write(ctx context.Context, b []byte) (int, error) {
	total := 0
	for len(b) > 0 {
		n, err := p.TryWrite(b)
		total, b = total+n, b[n:]
		if err != nil {
			return total, err
		}
		if n == 0 {
			if err := Block(ctx, pipeWritable{p}); err != nil {
				return total, err
			}
		}
	}
	return total, nil
}

// CloseWrite says that no more bytes come; what waits can still be read. A nil
// err is the good end. Only the first call counts.
func (p *Pipe) CloseWrite(err error) {
	if err == nil {
		err = io.EOF
	}
	p.mu.Lock()
	if p.end == nil {
		p.end = err
	}
	p.mu.Unlock()
	p.readable.Ring()
	p.writable.Ring()
}

// CloseRead says that nobody reads any more: what waits is dropped, and the
// writer gets err, or ErrClosed if it is nil. Only the first call counts.
func (p *Pipe) CloseRead(err error) {
	if err == nil {
		err = ErrClosed
	}
	p.mu.Lock()
	if p.gone == nil {
		p.gone = err
		p.buf, p.head, p.size = nil, 0, 0
	}
	p.mu.Unlock()
	p.readable.Ring()
	p.writable.Ring()
}

// Drop makes the pipe a reader that takes everything at once and keeps nothing.
func (p *Pipe) Drop() {
	p.mu.Lock()
	p.drop = true
	p.buf, p.head, p.size = nil, 0, 0
	p.mu.Unlock()
	p.writable.Ring()
}

// Peek returns the longest run of waiting bytes that lie together, without
// taking them; none and no error if none wait. The bytes stay valid until
// Discard. After the last one it returns how the writer ended.
func (p *Pipe) Peek() ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.gone != nil:
		return nil, ErrClosed
	case p.size == 0:
		return nil, p.end
	}
	return p.buf[p.head:min(p.head+p.size, len(p.buf))], nil
}

// Discard takes n bytes that Peek has shown.
func (p *Pipe) Discard(n int) {
	p.mu.Lock()
	n = min(n, p.size)
	if p.size -= n; p.size == 0 {
		p.head = 0
	} else {
		p.head = (p.head + n) % len(p.buf)
	}
	p.mu.Unlock()
	p.writable.Ring()
}

// Next is Peek that waits until there are bytes or an end.
func (p *Pipe) Next(ctx context.Context) ([]byte, error) {
	for {
		if b, err := p.Peek(); len(b) > 0 || err != nil {
			return b, err
		}
		if err := Block(ctx, pipeReadable{p}); err != nil {
			return nil, err
		}
	}
}

// Empty reports whether no byte waits for the reader.
func (p *Pipe) Empty() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.size == 0
}

// Ended reports whether the writer has closed its side, and how.
func (p *Pipe) Ended() (error, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.end, p.end != nil
}

type pipeReadable struct{ *Pipe }

func (p pipeReadable) Ready() bool {
	b, err := p.Peek()
	return len(b) > 0 || err != nil
}

func (p pipeReadable) Watch(w *Waker) func() { return p.readable.Watch(w) }

type pipeWritable struct{ *Pipe }

func (p pipeWritable) Ready() bool {
	n, err := p.Room()
	return n > 0 || err != nil
}

func (p pipeWritable) Watch(w *Waker) func() { return p.writable.Watch(w) }

// Reader returns the read side as an io.ReadCloser whose reads end with ctx.
func (p *Pipe) Reader(ctx context.Context) io.ReadCloser { return &pipeReader{ctx: ctx, p: p} }

type pipeReader struct {
	ctx context.Context // io.Reader has no place for it
	p   *Pipe
}

func (r *pipeReader) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	next, err := r.p.Next(r.ctx)
	if err != nil {
		return 0, err
	}
	n := copy(b, next)
	r.p.Discard(n)
	return n, nil
}

func (r *pipeReader) Close() error {
	r.p.CloseRead(nil)
	return nil
}

// Input is the read side as the source of an input-stream.
func (p *Pipe) Input() Input { return pipeInput{pipeReadable{p}} }

type pipeInput struct{ pipeReadable }

func (p pipeInput) Read(n int) ([]byte, error) {
	next, err := p.Peek()
	if err != nil {
		return nil, err
	}
	b := append([]byte(nil), next[:min(n, len(next))]...)
	p.Discard(len(b))
	return b, nil
}

func (p pipeInput) Close() { p.CloseRead(nil) }

// Output is the write side as the destination of an output-stream. Bytes are
// flushed as soon as they are in the buffer; dropping the stream does not end
// the pipe: whoever made it does, with CloseWrite.
func (p *Pipe) Output() Output { return pipeOutput{pipeWritable{p}} }

type pipeOutput struct{ pipeWritable }

func (p pipeOutput) CheckWrite() (int, error)        { return p.Room() }
func (p pipeOutput) Write(b []byte) error            { return p.Put(b) }
func (p pipeOutput) Flush() error                    { _, err := p.Room(); return err }
func (p pipeOutput) WaitFlush(context.Context) error { return p.Flush() }
func (p pipeOutput) Close()                          {}
