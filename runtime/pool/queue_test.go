package pool

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestLimitApp(t *testing.T) {
	run(t, Config{}, func(t *testing.T, b *bench) {
		a := b.App(AppConfig{Instances: 2, Queue: 2, Wait: 3 * time.Second})
		s := b.set(a)
		one, two := b.acquire(s), b.acquire(s)
		results := make(chan error, 2)
		for range 2 {
			b.later(s, func(l *Lease[*fake], err error) {
				if err == nil {
					l.Instance().use()
					l.Release()
				}
				results <- err
			})
		}
		_, err := s.Acquire(t.Context())
		checkLimit(t, err, LimitError{Limit: LimitQueue, Value: 2, Busy: 2, Waiting: 2})
		one.Release()
		synctest.Wait()
		for range 2 { // one after the other
			if err := <-results; err != nil {
				t.Error(err)
			}
		}
		one = b.acquire(s)
		begin := time.Now()
		_, err = s.Acquire(t.Context())
		checkLimit(t, err, LimitError{Limit: LimitApp, Value: 2, Busy: 2, Waiting: 1, Waited: 3 * time.Second})
		if took := time.Since(begin); took != 3*time.Second {
			t.Errorf("waited for %v", took)
		}
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errors.New("gone"))
		defer cancel()
		if _, err := s.Acquire(ctx); err == nil || err.Error() != "gone" {
			t.Errorf("Acquire = %v", err)
		}
		if _, err := s.Acquire(ctx); err == nil || err.Error() != "gone" {
			t.Errorf("Acquire = %v", err)
		}
		if err := s.Warm(t.Context(), 1); err == nil {
			t.Error("more instances are made than the app may have")
		}
		two.Release()
		one.Release()
		if st := a.Stats(); st.Waiting != 0 || st.Refused != 3 {
			t.Errorf("stats = %+v", st)
		}
	})
}

func checkLimit(t *testing.T, err error, want LimitError) {
	t.Helper()
	got, ok := errors.AsType[*LimitError](err)
	if !ok {
		t.Errorf("error = %v, want %v", err, &want)
		return
	}
	if diff := cmp.Diff(want, *got, cmp.Comparer(func(a, b error) bool { return errors.Is(a, b) })); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
}

// TestSiblings has two components of an app that share its bound.
func TestSiblings(t *testing.T) {
	run(t, Config{}, func(t *testing.T, b *bench) {
		a := b.App(AppConfig{Instances: 1})
		one, two := b.set(a), b.set(a)
		for range 2 {
			b.acquire(one).Release()
			b.acquire(two).Release()
		}
		synctest.Wait()
		if st := a.Stats(); st.Made != 4 || st.Discarded[Shed] != 3 || b.made.most.Load() != 1 {
			t.Errorf("%d at once; %+v", b.made.most.Load(), st)
		}
	})
}

// TestFairInstances has an app with many callers, and one with one.
func TestFairInstances(t *testing.T) {
	run(t, Config{Instances: 1}, func(t *testing.T, b *bench) {
		many, few := b.set(b.App(AppConfig{Wait: time.Second})), b.set(b.App(AppConfig{Wait: time.Second}))
		first := b.acquire(many)
		var order []string
		serve := func(name string) func(*Lease[*fake], error) {
			return func(l *Lease[*fake], err error) {
				if err != nil {
					t.Error(err)
					return
				}
				l.Instance().use()
				order = append(order, name)
				l.Release()
			}
		}
		for range 5 {
			b.later(many, serve("many"))
		}
		b.later(few, serve("few"))
		b.later(few, serve("few"))
		first.Release()
		synctest.Wait()
		if diff := cmp.Diff([]string{"many", "few", "many", "few", "many", "many", "many"}, order); diff != "" {
			t.Errorf("order (-want +got):\n%s", diff)
		}
		held := b.acquire(many)
		_, err := few.Acquire(t.Context())
		checkLimit(t, err, LimitError{Limit: LimitServer, Value: 1, Waiting: 1, Waited: time.Second})
		held.Release()
		if b.made.most.Load() != 1 {
			t.Errorf("%d instances at once", b.made.most.Load())
		}
	})
}

func TestMemory(t *testing.T) {
	run(t, Config{}, func(t *testing.T, b *bench) {
		b.made.room = 2
		one, two := b.set(b.App(AppConfig{Wait: time.Second})), b.set(b.App(AppConfig{Wait: time.Second}))
		b.acquire(one).Release()
		synctest.Wait()
		x, y := b.acquire(two), b.acquire(two) // the idle one makes room
		if st := one.Stats(); st.Discarded[Shed] != 1 {
			t.Errorf("stats = %+v", st)
		}
		_, err := one.Acquire(t.Context())
		checkLimit(t, err, LimitError{Limit: LimitMemory, Waiting: 1, Waited: time.Second, Err: errNoRoom})
		got := 0
		for range 3 {
			b.later(one, func(l *Lease[*fake], err error) {
				if err != nil {
					t.Error(err)
					return
				}
				got++
				l.Release()
			})
		}
		x.Discard(Trapped)
		synctest.Wait()
		if got != 3 {
			t.Errorf("%d of 3 callers were served when memory was freed", got)
		}
		y.Release()
		synctest.Wait()
		if n := b.Shed(t.Context(), func() bool { return b.made.live.Load() < 2 }); n != 1 {
			t.Errorf("Shed closed %d instances, want 1", n)
		}
		if n := b.Shed(t.Context(), func() bool { return false }); n != 1 {
			t.Errorf("Shed closed %d instances, want 1", n)
		}
		b.made.live.Add(2) // memory that is not the pool's to free
		begin := time.Now()
		_, err = one.Acquire(t.Context())
		checkLimit(t, err, LimitError{Limit: LimitMemory, Waiting: 1, Err: errNoRoom})
		if took := time.Since(begin); took != 0 {
			t.Errorf("waited %v for nothing", took)
		}
		b.made.live.Add(-2)
	})
}

// TestMemoryFreedMeanwhile has memory freed between the moment at which a caller
// finds none and that at which it would begin to wait: it tries again.
func TestMemoryFreedMeanwhile(t *testing.T) {
	for _, slowly := range []bool{false, true} {
		run(t, Config{Turns: 1}, func(t *testing.T, b *bench) {
			one := b.set(b.App(AppConfig{}))
			l := b.acquire(one)
			tries := 0
			two := NewSet(b.App(AppConfig{Wait: time.Second}), SetConfig[*fake]{Make: func(ctx context.Context, turn *Turn) (*fake, error) {
				if tries++; tries == 1 {
					l.Discard(Trapped)
					if err := one.Close(ctx); err != nil {
						t.Error(err)
					}
					return nil, errNoRoom
				}
				return b.made.make(ctx, turn)
			}})
			if !slowly {
				l.Turn().Block()
			}
			done := make(chan struct{})
			b.later(two, func(l *Lease[*fake], err error) {
				defer close(done)
				if err != nil {
					t.Errorf("refused, though there was memory: %v", err)
					return
				}
				l.Release()
			})
			if slowly { // it waits for the turn
				l.Turn().Block()
			}
			<-done
			if tries != 2 {
				t.Errorf("%d tries, want 2; slowly %v", tries, slowly)
			}
		})
	}
}
