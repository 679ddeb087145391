package stream

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

func TestPipeCarriesBytesInOrderThroughASmallRing(t *testing.T) {
	for _, limit := range []int{1, 7, 512, 4096} {
		p := NewPipe(limit)
		rng := rand.New(rand.NewPCG(1, uint64(limit)))
		want := make([]byte, 100_000)
		for i := range want {
			want[i] = byte(rng.Uint32())
		}
		go func() {
			for rest := want; len(rest) > 0; {
				n := min(1+rng.IntN(3*limit), len(rest))
				if _, err := p.Write(t.Context(), rest[:n]); err != nil {
					t.Errorf("Write: %v", err)
				}
				rest = rest[n:]
			}
			p.CloseWrite(nil)
		}()
		got, err := io.ReadAll(p.Reader(t.Context()))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("limit %d: read %d bytes, %v, want the %d written", limit, len(got), err, len(want))
		}
	}
}

func TestPipeKeepsPeekedBytesWhileItGrows(t *testing.T) {
	p := NewPipe(1 << 20)
	first := bytes.Repeat([]byte("a"), 500)
	must(t, p, first)
	seen, err := p.Peek()
	if err != nil {
		t.Fatal(err)
	}
	must(t, p, bytes.Repeat([]byte("b"), 100_000))
	if !bytes.Equal(seen, first) {
		t.Error("bytes shown by Peek changed before Discard")
	}
	p.Discard(len(seen))
	if b, _ := p.Peek(); len(b) != 100_000 || b[0] != 'b' {
		t.Errorf("Peek = %d bytes, want 100000 of b", len(b))
	}
}

func must(t *testing.T, p *Pipe, b []byte) {
	t.Helper()
	if n, err := p.TryWrite(b); n != len(b) || err != nil {
		t.Fatalf("TryWrite(%d bytes) = %d, %v", len(b), n, err)
	}
}

func TestPipeEnds(t *testing.T) {
	boom := errors.New("boom")
	p := NewPipe(8)
	must(t, p, []byte("last"))
	p.CloseWrite(boom)
	in := NewInput(p.Input())
	if b, err := in.Read(100); string(b) != "last" || err != nil {
		t.Errorf("Read before the end = %q, %v", b, err)
	}
	_, err := in.Read(100)
	var f *Failure
	if !errors.As(err, &f) || !errors.Is(err, boom) {
		t.Errorf("Read at the end = %v, want a failure that is boom", err)
	}
	if _, err := in.Read(100); !errors.Is(err, ErrClosed) {
		t.Errorf("Read after the failure = %v, want ErrClosed", err)
	}

	p = NewPipe(8)
	out := NewOutput(p.Output())
	must(t, p, []byte("12345678"))
	if n, err := out.CheckWrite(); n != 0 || err != nil {
		t.Errorf("CheckWrite of a full pipe = %d, %v", n, err)
	}
	p.CloseRead(boom)
	if _, err := out.CheckWrite(); !errors.Is(err, boom) {
		t.Errorf("CheckWrite without a reader = %v, want boom", err)
	}
	if _, err := out.CheckWrite(); !errors.Is(err, ErrClosed) {
		t.Errorf("CheckWrite after the failure = %v, want ErrClosed", err)
	}
}

func TestOutputPermits(t *testing.T) {
	p := NewPipe(10)
	out := NewOutput(p.Output())
	if err := out.Write([]byte("x")); !errors.Is(err, ErrPermit) {
		t.Errorf("Write without check-write = %v, want ErrPermit", err)
	}
	if n, err := out.CheckWrite(); n != 10 || err != nil {
		t.Fatalf("CheckWrite = %d, %v", n, err)
	}
	if err := out.Write([]byte("12345678")); err != nil {
		t.Fatal(err)
	}
	if err := out.Write([]byte("123")); !errors.Is(err, ErrPermit) {
		t.Errorf("Write beyond the permit = %v, want ErrPermit", err)
	}
	if err := out.WriteZeroes(2); err != nil {
		t.Error(err)
	}
	if out.Ready() {
		t.Error("a full stream is ready")
	}
	if err := out.BlockingWriteAndFlush(t.Context(), make([]byte, MaxBlockingWrite+1)); !errors.Is(err, ErrPermit) {
		t.Errorf("a blocking write of 4097 bytes = %v, want ErrPermit", err)
	}
}

func TestPermitOutlivesTheLimitItWasGivenUnder(t *testing.T) {
	p := NewPipe(1000)
	out := NewOutput(p.Output())
	if n, err := out.CheckWrite(); n != 1000 || err != nil {
		t.Fatalf("CheckWrite = %d, %v", n, err)
	}
	p.SetLimit(10)
	if err := out.Write(make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	p.CloseWrite(nil)
	if b, err := io.ReadAll(p.Reader(t.Context())); len(b) != 1000 || err != nil {
		t.Errorf("%d bytes of 1000 are there, %v", len(b), err)
	}
}

func TestSpliceMovesWhatFits(t *testing.T) {
	src, dst := NewPipe(100), NewPipe(3)
	must(t, src, []byte("abcdef"))
	in, out := NewInput(src.Input()), NewOutput(dst.Output())
	if n, err := out.Splice(in, 100); n != 3 || err != nil {
		t.Errorf("Splice = %d, %v, want 3", n, err)
	}
	if n, err := out.Splice(in, 100); n != 0 || err != nil {
		t.Errorf("Splice into a full stream = %d, %v, want 0", n, err)
	}
	dst.Discard(3)
	src.CloseWrite(nil)
	if n, err := out.BlockingSplice(t.Context(), in, 100); n != 3 || err != nil {
		t.Errorf("BlockingSplice = %d, %v, want 3", n, err)
	}
	dst.Discard(3)
	if _, err := out.BlockingSplice(t.Context(), in, 100); !errors.Is(err, ErrClosed) {
		t.Errorf("BlockingSplice at the end = %v, want ErrClosed", err)
	}
}

func TestPollWaitsForTheFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPipe(4)
		now := time.Now()
		ps := []Pollable{Never, At(now.Add(time.Hour)), NewInput(p.Input()), At(now.Add(time.Minute))}
		got, err := Poll(t.Context(), ps)
		if err != nil || len(got) != 1 || got[0] != 3 || time.Since(now) != time.Minute {
			t.Errorf("Poll = %v, %v after %v, want [3] after a minute", got, err, time.Since(now))
		}
		go func() { must(t, p, []byte("x")) }()
		if got, err = Poll(t.Context(), ps[:3]); err != nil || len(got) != 1 || got[0] != 2 {
			t.Errorf("Poll = %v, %v, want [2]", got, err)
		}
	})
}

func TestEverythingThatWaitsEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone := errors.New("client gone")
		empty, full := NewPipe(1), NewPipe(1)
		must(t, full, []byte("x"))
		waits := map[string]func(context.Context) error{
			"poll": func(ctx context.Context) error { _, err := Poll(ctx, []Pollable{Never}); return err },
			"read": func(ctx context.Context) error { _, err := NewInput(empty.Input()).BlockingRead(ctx, 1); return err },
			"skip": func(ctx context.Context) error { _, err := NewInput(empty.Input()).BlockingSkip(ctx, 1); return err },
			"write": func(ctx context.Context) error {
				return NewOutput(full.Output()).BlockingWriteAndFlush(ctx, []byte("y"))
			},
			"flush": func(ctx context.Context) error {
				d := NewDrain(blockedWriter{ctx}, 10, func(f func()) { go f() })
				out := NewOutput(d)
				if err := out.BlockingWriteAndFlush(ctx, []byte("y")); err != nil {
					return err
				}
				return errors.New("flushed what nobody took")
			},
			"future": func(ctx context.Context) error { _, err := new(Future[int]).Wait(ctx); return err },
			"next":   func(ctx context.Context) error { _, err := empty.Next(ctx); return err },
		}
		for name, wait := range waits {
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(time.Second, func() { cancel(gone) })
			if err := wait(ctx); !errors.Is(err, gone) {
				t.Errorf("%s: %v, want the cause", name, err)
			}
		}
	})
}

type blockedWriter struct{ ctx context.Context }

func (b blockedWriter) Write([]byte) (int, error) {
	<-b.ctx.Done()
	return 0, io.ErrClosedPipe
}

func TestPumpReadsAheadNoFurtherThanItsPipe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &countingReader{}
		p := NewPump(src, 1000, func(f func()) { go f() })
		synctest.Wait()
		if src.n != 0 {
			t.Error("the pump reads before anyone looks")
		}
		in := NewInput(p)
		if b, err := in.BlockingRead(t.Context(), 10); len(b) != 10 || err != nil {
			t.Errorf("BlockingRead = %d bytes, %v", len(b), err)
		}
		synctest.Wait()
		if src.n > MaxRead {
			t.Errorf("the pump has read %d bytes ahead", src.n)
		}
		in.Close() // ends the goroutine, or synctest complains
	})
}

type countingReader struct{ n int }

func (c *countingReader) Read(b []byte) (int, error) {
	c.n += len(b)
	return len(b), nil
}

func TestDrainFlushes(t *testing.T) {
	var got bytes.Buffer
	done := make(chan struct{})
	d := NewDrain(&got, 10, func(f func()) { go func() { defer close(done); f() }() })
	out := NewOutput(d)
	for range 10 {
		if err := out.BlockingWriteAndFlush(t.Context(), []byte("0123456789abc")); err != nil {
			t.Fatal(err)
		}
	}
	if got.Len() != 130 {
		t.Errorf("%d bytes written after a flush, want 130", got.Len())
	}
	out.Close()
	<-done
}

func TestParentOutlivesItsChildren(t *testing.T) {
	var p Parent
	dropped := p.Child()
	if err := p.Childless(); !errors.Is(err, ErrChildren) {
		t.Errorf("Childless = %v, want ErrChildren", err)
	}
	dropped()
	if err := p.Childless(); err != nil {
		t.Error(err)
	}
}

func BenchmarkPipe(b *testing.B) {
	p := NewPipe(64 << 10)
	block := make([]byte, MaxRead/4)
	b.SetBytes(int64(len(block)))
	for b.Loop() {
		if _, err := p.TryWrite(block); err != nil {
			b.Fatal(err)
		}
		for !p.Empty() {
			next, _ := p.Peek()
			p.Discard(len(next))
		}
	}
}
