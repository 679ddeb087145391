package stream

import (
	"context"
	"slices"
	"sync"
	"time"
)

// A Waker is rung by what it watches. It remembers one ring.
type Waker struct{ c chan struct{} }

// NewWaker returns a waker that has not been rung.
func NewWaker() *Waker { return &Waker{c: make(chan struct{}, 1)} }

// Ring wakes who waits, or who waits next. It never blocks.
func (w *Waker) Ring() {
	select {
	case w.c <- struct{}{}:
	default:
	}
}

// Wait returns after a ring, or with the cause of ctx's end.
func (w *Waker) Wait(ctx context.Context) error {
	select {
	case <-w.c:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// A Pollable is something that a guest can wait for.
type Pollable interface {
	// Ready reports whether the operation would not wait now.
	Ready() bool
	// Watch rings w after each change that may have made it ready, until stop
	// is called. A change before Watch rings nothing: look at Ready after it.
	Watch(w *Waker) (stop func())
}

// Block waits until p is ready.
func Block(ctx context.Context, p Pollable) error {
	if p.Ready() {
		return nil
	}
	w := NewWaker()
	defer p.Watch(w)()
	for !p.Ready() {
		if err := w.Wait(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Poll waits until one of ps is ready and returns the indices of all that are.
// ps must not be empty.
func Poll(ctx context.Context, ps []Pollable) ([]uint32, error) {
	if ready := readyOf(ps); len(ready) > 0 {
		return ready, nil
	}
	w := NewWaker()
	for _, p := range ps {
		defer p.Watch(w)()
	}
	for {
		if ready := readyOf(ps); len(ready) > 0 {
			return ready, nil
		}
		if err := w.Wait(ctx); err != nil {
			return nil, err
		}
	}
}

func readyOf(ps []Pollable) (ready []uint32) {
	for i, p := range ps {
		if p.Ready() {
			ready = append(ready, uint32(i))
		}
	}
	return ready
}

// A Bell rings the wakers that watch it. Its zero value is ready for use.
type Bell struct {
	mu     sync.Mutex
	wakers []*Waker // guarded by mu
}

// Ring wakes everyone who watches.
func (b *Bell) Ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, w := range b.wakers {
		w.Ring()
	}
}

// Watch adds w until stop is called.
func (b *Bell) Watch(w *Waker) (stop func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wakers = append(b.wakers, w)
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if i := slices.Index(b.wakers, w); i >= 0 {
			b.wakers = slices.Delete(b.wakers, i, i+1)
		}
	}
}

// Always is a pollable that is ready.
var Always Pollable = always{}

type always struct{}

func (always) Ready() bool         { return true }
func (always) Watch(*Waker) func() { return func() {} }

// At returns a pollable that is ready from t on. t must have a monotonic
// reading.
func At(t time.Time) Pollable { return deadline(t) }

type deadline time.Time

func (d deadline) Ready() bool { return !time.Now().Before(time.Time(d)) }

func (d deadline) Watch(w *Waker) func() {
	timer := time.AfterFunc(time.Until(time.Time(d)), w.Ring)
	return func() { timer.Stop() }
}

// Never is a pollable that is not ready, ever.
var Never Pollable = never{}

type never struct{}

func (never) Ready() bool         { return false }
func (never) Watch(*Waker) func() { return func() {} }

// A Future is a value that arrives once.
type Future[T any] struct {
	bell Bell
	mu   sync.Mutex
	set  bool // guarded by mu
	v    T    // guarded by mu; written once, before set
}

// Set gives the future its value and reports whether it was the first to do so.
func (f *Future[T]) Set(v T) bool {
	f.mu.Lock()
	if f.set {
		f.mu.Unlock()
		return false
	}
	f.v, f.set = v, true
	f.mu.Unlock()
	f.bell.Ring()
	return true
}

// Get returns the value if it is there.
func (f *Future[T]) Get() (v T, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.v, f.set
}

// Wait returns the value once it is there.
func (f *Future[T]) Wait(ctx context.Context) (v T, err error) {
	if err := Block(ctx, f); err != nil {
		return v, err
	}
	v, _ = f.Get()
	return v, nil
}

// Ready reports whether the value is there.
func (f *Future[T]) Ready() bool {
	_, ok := f.Get()
	return ok
}

// Watch rings w when the value arrives.
func (f *Future[T]) Watch(w *Waker) func() { return f.bell.Watch(w) }
