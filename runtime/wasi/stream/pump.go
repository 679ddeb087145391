package stream

import (
	"context"
	"io"
	"sync"
)

// A Pump reads ahead from blocking Go for a guest that polls. It starts at the
// guest's first look and reads no further than its pipe holds.
type Pump struct {
	src   io.Reader
	pipe  *Pipe
	start sync.Once
	run   func(f func())
}

// NewPump returns a pump of src through a pipe of limit bytes. run starts the
// goroutine, and whoever gives it waits for it and makes src end.
func NewPump(src io.Reader, limit int, run func(f func())) *Pump {
	return &Pump{src: src, pipe: NewPipe(limit), run: run}
}

// Pipe returns the pipe that the pump fills.
func (p *Pump) Pipe() *Pipe { return p.pipe }

func (p *Pump) prime() {
	p.start.Do(func() { p.run(p.work) })
}

func (p *Pump) work() {
	buf := make([]byte, MaxRead/2)
	for {
		n, err := p.src.Read(buf)
		if n > 0 {
			if _, werr := p.pipe.Write(context.Background(), buf[:n]); werr != nil {
				return // the reader left: CloseRead ends the wait
			}
		}
		if err != nil {
			p.pipe.CloseWrite(err)
			return
		}
	}
}

// Read returns what has been read ahead.
func (p *Pump) Read(n int) ([]byte, error) {
	p.prime()
	return p.pipe.Input().Read(n)
}

// Ready reports whether Read would return bytes or an error.
func (p *Pump) Ready() bool {
	p.prime()
	return pipeReadable{p.pipe}.Ready()
}

// Watch rings w when bytes or the end arrive.
func (p *Pump) Watch(w *Waker) func() { return p.pipe.readable.Watch(w) }

// Close stops the pump at its next byte.
func (p *Pump) Close() { p.pipe.CloseRead(nil) }

// A Drain writes for a guest to blocking Go, in a goroutine of its own.
type Drain struct {
	pipe  *Pipe // holds the bytes until they are written
	dst   io.Writer
	start sync.Once
	run   func(f func())

	mu       sync.Mutex
	flushing bool // guarded by mu: until the pipe is empty
}

// NewDrain returns an Output that writes to dst through a pipe of limit bytes.
// run starts the goroutine, as for NewPump. When the guest drops the stream
// and all is written, dst is closed if it can be.
func NewDrain(dst io.Writer, limit int, run func(f func())) *Drain {
	return &Drain{pipe: NewPipe(limit), dst: dst, run: run}
}

func (d *Drain) work() {
	for {
		b, err := d.pipe.Next(context.Background())
		if err != nil {
			break
		}
		if _, err := d.dst.Write(b); err != nil {
			d.pipe.CloseRead(err)
			break
		}
		d.pipe.Discard(len(b))
	}
	if c, ok := d.dst.(io.Closer); ok {
		_ = c.Close() // the guest has gone: nobody is left to tell
	}
}

// flushed reports whether no flush is under way.
func (d *Drain) flushed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.flushing && d.pipe.Empty() {
		d.flushing = false
	}
	return !d.flushing
}

// CheckWrite returns the room in the buffer, none during a flush.
func (d *Drain) CheckWrite() (int, error) {
	n, err := d.pipe.Room()
	if err == nil && !d.flushed() {
		return 0, nil
	}
	return n, err
}

// Write buffers b.
func (d *Drain) Write(b []byte) error {
	d.start.Do(func() { d.run(d.work) })
	return d.pipe.Put(b)
}

// Flush begins a flush.
func (d *Drain) Flush() error {
	d.mu.Lock()
	d.flushing = true
	d.mu.Unlock()
	_, err := d.pipe.Room()
	return err
}

// WaitFlush waits until all is written.
func (d *Drain) WaitFlush(ctx context.Context) error {
	if err := Block(ctx, drainFlushed{d}); err != nil {
		return err
	}
	_, err := d.pipe.Room()
	return err
}

// Ready reports whether CheckWrite would return bytes or an error.
func (d *Drain) Ready() bool {
	n, err := d.CheckWrite()
	return n > 0 || err != nil
}

// Watch rings w when bytes have been written.
func (d *Drain) Watch(w *Waker) func() { return d.pipe.writable.Watch(w) }

// Close ends the stream after what is written.
func (d *Drain) Close() {
	d.start.Do(func() { d.run(d.work) })
	d.pipe.CloseWrite(nil)
}

type drainFlushed struct{ *Drain }

func (d drainFlushed) Ready() bool {
	_, err := d.pipe.Room()
	return err != nil || d.flushed()
}
