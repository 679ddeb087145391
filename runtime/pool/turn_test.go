package pool

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// spin is a guest that computes for n safepoints, a millisecond apart.
func spin(ctx context.Context, turn *Turn, n int, done func()) error {
	for range n {
		time.Sleep(time.Millisecond) // of the test's own clock
		if done != nil {
			done()
		}
		if err := turn.Tick(ctx); err != nil {
			return err
		}
	}
	return nil
}

// allFree checks that nobody has a turn or waits for one.
func (b *bench) allFree() {
	b.Helper()
	ts := b.turns
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if n := ts.waiting.Load(); n != 0 || ts.free != ts.most || len(ts.lines) != 0 || len(ts.holders) != 0 {
		b.Errorf("%d wait in %d lines, %d of %d turns are free and %d held", n, len(ts.lines), ts.free, ts.most, len(ts.holders))
	}
}

// TestTurns has an app with guests that never end on all turns, and another one
// whose guest is short.
func TestTurns(t *testing.T) {
	run(t, Config{Turns: 2, Slice: 2 * time.Millisecond}, func(t *testing.T, b *bench) {
		busy, good := b.set(b.App(AppConfig{})), b.set(b.App(AppConfig{}))
		ctx, cancel := context.WithCancelCause(t.Context())
		for range 20 {
			go func() {
				l, err := busy.Acquire(ctx)
				if err != nil {
					return // it has never had a turn
				}
				if err := spin(ctx, l.Turn(), 1<<30, nil); err == nil || err.Error() != "enough" {
					t.Errorf("the guest ended with %v", err)
				}
				l.Discard(Cancelled)
			}()
		}
		synctest.Wait()
		for range 20 {
			begin := time.Now()
			l, err := good.Acquire(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if took := time.Since(begin); took > 4*time.Millisecond {
				t.Errorf("a turn came after %v", took)
			}
			if err := spin(t.Context(), l.Turn(), 1, nil); err != nil {
				t.Error(err)
			}
			l.Release()
		}
		cancel(errors.New("enough"))
		time.Sleep(time.Second)
		synctest.Wait()
		if st := b.Stats(); st.InUse != 0 || st.Waiting != 0 {
			t.Errorf("stats = %+v", st)
		}
		b.allFree()
	})
}

// TestTurnOrder has two apps that want the processor for longer than a slice.
func TestTurnOrder(t *testing.T) {
	run(t, Config{Turns: 1, Slice: 2 * time.Millisecond}, func(t *testing.T, b *bench) {
		var order string
		one, two := b.set(b.App(AppConfig{})), b.set(b.App(AppConfig{}))
		guest := func(s *Set[*fake], name string, n int) {
			b.later(s, func(l *Lease[*fake], err error) {
				if err == nil {
					err = spin(t.Context(), l.Turn(), n, func() { order += name })
					l.Release()
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		guest(one, "a", 6)
		guest(one, "b", 6)
		guest(two, "x", 3)
		time.Sleep(time.Second)
		synctest.Wait()
		if want := "aaabbbxxxaaabbb"; order != want { // a slice is seen to have begun at the first tick
			t.Errorf("order = %s, want %s", order, want)
		}
	})
}

// TestBlock has more guests that wait than there are turns. Those that do not say
// so lose theirs.
func TestBlock(t *testing.T) {
	for _, says := range []bool{true, false} {
		run(t, Config{Turns: 2}, func(t *testing.T, b *bench) {
			s := b.set(b.App(AppConfig{}))
			for range 10 {
				go func() {
					l, err := s.Acquire(t.Context())
					if err != nil {
						t.Error(err)
						return
					}
					if says {
						l.Turn().Block()
					}
					time.Sleep(time.Minute)
					if says {
						err = l.Turn().Resume(t.Context())
					}
					if err = errors.Join(err, l.Turn().Tick(t.Context())); err != nil {
						t.Error(err)
					}
					l.Release()
				}()
			}
			synctest.Wait()
			begin := time.Now()
			l := b.acquire(s)
			took, most := time.Since(begin), time.Duration(0)
			if !says {
				most = 6 * 2 * stall
			}
			if took > most {
				t.Errorf("a turn came after %v, want at most %v", took, most)
			}
			if taken := b.Stats().Taken; says != (taken == 0) {
				t.Errorf("%d turns were taken away, and guests say that they wait: %t", taken, says)
			}
			l.Release()
			time.Sleep(time.Hour)
			synctest.Wait()
			b.allFree()
		})
	}
}

func TestTurnLimit(t *testing.T) {
	run(t, Config{Turns: 1}, func(t *testing.T, b *bench) {
		a := b.App(AppConfig{Wait: 5 * time.Millisecond}) // shorter than the watch
		s := b.set(a)
		l := b.acquire(s)
		_, err := s.Acquire(t.Context())
		checkLimit(t, err, LimitError{Limit: LimitTurns, Value: 1, Busy: 1, Waiting: 1, Waited: 5 * time.Millisecond})

		l.Turn().Block()
		other := b.acquire(s)
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Millisecond, errors.New("deadline"))
		defer cancel()
		if err := l.Turn().Resume(ctx); err == nil || err.Error() != "deadline" {
			t.Errorf("Resume = %v", err)
		}
		l.Discard(Cancelled)
		other.Release()
		synctest.Wait()
		b.allFree()
		if st := a.Stats(); st.Idle != 1 {
			t.Errorf("stats = %+v", st)
		}
	})
}

// TestNoTurns is without a bound.
func TestNoTurns(t *testing.T) {
	run(t, Config{Turns: -1}, func(t *testing.T, b *bench) {
		s := b.set(b.App(AppConfig{}))
		var leases []*Lease[*fake]
		for range 100 {
			leases = append(leases, b.acquire(s))
		}
		ctx, cancel := context.WithCancel(t.Context())
		for _, turn := range []*Turn{nil, leases[0].Turn()} {
			turn.Block()
			if err := errors.Join(turn.Tick(ctx), turn.Resume(ctx)); err != nil {
				t.Error(err)
			}
		}
		cancel()
		var got []error
		for _, turn := range []*Turn{nil, leases[0].Turn()} {
			got = append(got, turn.Tick(ctx))
		}
		if diff := cmp.Diff([]error{context.Canceled, context.Canceled}, got, cmp.Comparer(func(a, b error) bool { return errors.Is(a, b) })); diff != "" {
			t.Errorf("Tick (-want +got):\n%s", diff)
		}
		for _, l := range leases {
			l.Release()
		}
	})
}

// BenchmarkLease is what a request pays for the pool.
func BenchmarkLease(b *testing.B) {
	p := New(Config{})
	a := p.App(AppConfig{Instances: 100})
	s := NewSet(a, SetConfig[idle]{Make: func(context.Context, *Turn) (idle, error) { return idle{}, nil }})
	b.ReportAllocs()
	for b.Loop() {
		l, err := s.Acquire(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		l.Release()
	}
	if err := p.Close(b.Context()); err != nil {
		b.Error(err)
	}
}

func BenchmarkTick(b *testing.B) {
	p := New(Config{})
	a := p.App(AppConfig{})
	s := NewSet(a, SetConfig[idle]{Make: func(context.Context, *Turn) (idle, error) { return idle{}, nil }})
	l, err := s.Acquire(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := l.Turn().Tick(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	l.Release()
	if err := p.Close(b.Context()); err != nil {
		b.Error(err)
	}
}

// idle is an instance that costs nothing.
type idle struct{}

func (idle) Reset(context.Context, *Turn) (int, error) { return 0, nil }

func (idle) Close(context.Context) error { return nil }
