package pool

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A factory makes fakes and counts them.
type factory struct {
	made, closed, live, most atomic.Int64
	room                     int64 // of live ones; 0: no bound
	making                   time.Duration
	resetting                time.Duration
	resetErr                 error
}

var errNoRoom = errors.New("memory: limit 3")

// A fake is an instance that checks how it is used.
type fake struct {
	factory *factory
	number  int64
	busy    atomic.Bool
	dirty   bool
	closed  bool
}

func (f *factory) make(ctx context.Context, t *Turn) (*fake, error) {
	if n := f.live.Add(1); f.room > 0 && n > f.room {
		f.live.Add(-1)
		return nil, errNoRoom
	}
	if f.making > 0 {
		if err := pause(ctx, f.making); err != nil {
			f.live.Add(-1)
			return nil, err
		}
	}
	for {
		n, most := f.live.Load(), f.most.Load()
		if n <= most || f.most.CompareAndSwap(most, n) {
			break
		}
	}
	return &fake{factory: f, number: f.made.Add(1)}, nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (f *fake) enter() {
	if f.busy.Swap(true) {
		panic("an instance is used twice at once")
	}
	if f.closed {
		panic("an instance is used after it was closed")
	}
}

// use is what a guest does.
func (f *fake) use() {
	f.enter()
	if f.dirty {
		panic("an instance was not reset")
	}
	f.dirty = true
	f.busy.Store(false)
}

func (f *fake) Reset(ctx context.Context, t *Turn) (int, error) {
	f.enter()
	defer f.busy.Store(false)
	if err := pause(ctx, f.factory.resetting); err != nil {
		return 0, err
	}
	f.dirty = false
	return 7, f.factory.resetErr
}

func (f *fake) Close(context.Context) error {
	f.enter()
	defer f.busy.Store(false)
	f.closed = true
	f.factory.closed.Add(1)
	f.factory.live.Add(-1)
	return nil
}

// A bench is a pool with what a test needs, closed at its end.
type bench struct {
	*testing.T
	*Pool
	made factory
}

func run(t *testing.T, cfg Config, f func(t *testing.T, b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		if cfg.Room == nil {
			cfg.Room = func(err error) bool { return errors.Is(err, errNoRoom) }
		}
		b := &bench{T: t, Pool: New(cfg)}
		f(t, b)
		if err := b.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if made, closed := b.made.made.Load(), b.made.closed.Load(); made != closed {
			t.Errorf("%d instances were made and %d closed", made, closed)
		}
		st := b.Stats()
		if st.Size != 0 || st.Idle != 0 || st.InUse != 0 || st.Making != 0 || st.Resetting != 0 || st.Waiting != 0 {
			t.Errorf("after Close: %+v", st)
		}
		var thrown uint64
		for _, n := range st.Discarded {
			thrown += n
		}
		if st.Made != thrown {
			t.Errorf("%d instances were made and %d thrown away", st.Made, thrown)
		}
	})
}

func (b *bench) set(a *App) *Set[*fake] {
	return NewSet(a, SetConfig[*fake]{Make: b.made.make})
}

func (b *bench) acquire(s *Set[*fake]) *Lease[*fake] {
	b.Helper()
	l, err := s.Acquire(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	l.Instance().use()
	return l
}

// later acquires in a goroutine, and returns what tells that it was done.
func (b *bench) later(s *Set[*fake], done func(*Lease[*fake], error)) {
	go func() { done(s.Acquire(b.Context())) }()
	synctest.Wait()
}

func TestReuse(t *testing.T) {
	run(t, Config{}, func(t *testing.T, b *bench) {
		b.made.making, b.made.resetting = 3*time.Millisecond, time.Millisecond
		a := b.App(AppConfig{Name: "a"})
		s := b.set(a)
		for range 3 {
			l := b.acquire(s)
			if n := l.Instance().number; n != 1 {
				t.Errorf("instance %d is used", n)
			}
			if st := s.Stats(); st.InUse != 1 || st.Size != 1 {
				t.Errorf("stats = %+v", st)
			}
			begin := time.Now()
			l.Release()
			l.Release()
			l.Discard(Trapped)
			if took := time.Since(begin); took != 0 {
				t.Errorf("Release took %v", took)
			}
			if st := s.Stats(); st.Resetting != 1 || st.InUse != 0 {
				t.Errorf("stats = %+v", st)
			}
			time.Sleep(time.Second) // the test's own clock
		}
		want := Stats{Size: 1, Idle: 1, Leases: 3, Made: 1, Resets: 3, Pages: 21,
			MakeTime: 3 * time.Millisecond, MakeMax: 3 * time.Millisecond, ResetTime: 3 * time.Millisecond, ResetMax: time.Millisecond}
		if diff := cmp.Diff(want, a.Stats()); diff != "" {
			t.Errorf("stats (-want +got):\n%s", diff)
		}
	})
}

func TestDiscard(t *testing.T) {
	run(t, Config{Failed: func(app string, err error) {
		if app != "a" || err.Error() != "torn" {
			t.Errorf("failed: %s %v", app, err)
		}
	}}, func(t *testing.T, b *bench) {
		a := b.App(AppConfig{Name: "a"})
		s, once := b.set(a), NewSet(a, SetConfig[*fake]{Make: b.made.make, Fresh: true})
		b.acquire(s).Discard(Trapped)
		b.acquire(s).Discard(Trapped)
		b.acquire(s).Discard(Cancelled)
		b.acquire(once).Release()
		b.acquire(once).Discard(Trapped)
		b.made.resetErr = errors.New("torn")
		b.acquire(s).Release()
		synctest.Wait()
		st := a.Stats()
		if want := [Reasons]uint64{Trapped: 3, Cancelled: 1, Failed: 1, Once: 1}; st.Discarded != want || st.Size != 0 {
			t.Errorf("discarded %v, want %v; %+v", st.Discarded, want, st)
		}
		if Trapped.String() != "trapped" || Closed.String() != "closed" || Reason(99).String() != "reason 99" {
			t.Error("names of reasons")
		}
	})
}

// TestSlow has instances that are not reset in time, and one way each to find out.
func TestSlow(t *testing.T) {
	var failed []error
	run(t, Config{Reset: 2 * time.Second, Failed: func(_ string, err error) { failed = append(failed, err) }}, func(t *testing.T, b *bench) {
		a := b.App(AppConfig{})
		s := b.set(a)
		b.made.resetting = time.Minute
		b.acquire(s).Release()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if st := a.Stats(); st.Discarded[Failed] != 1 || len(failed) != 1 || !errors.Is(failed[0], context.DeadlineExceeded) {
			t.Errorf("%v; stats = %+v", failed, st)
		}
		ctx := newLimited(time.Second)
		if err := ctx.Err(); err != nil {
			t.Error(err)
		}
		if at, ok := ctx.Deadline(); !ok || time.Until(at) != time.Second {
			t.Errorf("Deadline = %v, %t", at, ok)
		}
		time.Sleep(time.Second)
		if err := context.Cause(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Cause = %v", err)
		}
		ctx.release()
		if err := ctx.Err(); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Err = %v after release", err)
		}
	})
}

func TestPanic(t *testing.T) {
	var log []string
	run(t, Config{Turns: 1, Failed: func(_ string, err error) { log = append(log, err.Error()) }}, func(t *testing.T, b *bench) {
		a := b.App(AppConfig{})
		s := NewSet(a, SetConfig[*fake]{Make: func(context.Context, *Turn) (*fake, error) { panic("engine") }})
		for range 3 { // more than there are turns
			if _, err := s.Acquire(t.Context()); err == nil || err.Error() != "panic: engine" {
				t.Errorf("Acquire = %v", err)
			}
		}
		if st := a.Stats(); st.Size != 0 || st.Making != 0 {
			t.Errorf("stats = %+v", st)
		}
		if len(log) != 3 || !strings.Contains(log[0], "TestPanic") {
			t.Errorf("the log is %q", log)
		}
	})
}

func TestExpire(t *testing.T) {
	run(t, Config{Idle: time.Minute}, func(t *testing.T, b *bench) {
		a := b.App(AppConfig{})
		s := NewSet(a, SetConfig[*fake]{Make: b.made.make, Keep: 1})
		if err := s.Warm(t.Context(), 4); err != nil {
			t.Fatal(err)
		}
		idle := func(want int) {
			t.Helper()
			synctest.Wait()
			if st := a.Stats(); st.Idle != want || st.Size != want {
				t.Errorf("after %v: %d idle of %d, want %d", time.Since(start), st.Idle, st.Size, want)
			}
		}
		idle(4)
		time.Sleep(30 * time.Second)
		x, y := b.acquire(s), b.acquire(s)
		x.Release()
		y.Release()
		time.Sleep(29 * time.Second)
		idle(4)
		time.Sleep(2 * time.Second)
		idle(2) // those that were not used
		time.Sleep(time.Hour)
		idle(1)
		if st := a.Stats(); st.Discarded[Expired] != 3 {
			t.Errorf("stats = %+v", st)
		}
	})
}

// start is when the clock of synctest begins.
var start = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func TestClose(t *testing.T) {
	run(t, Config{}, func(t *testing.T, b *bench) {
		a := b.App(AppConfig{Instances: 1})
		s := b.set(a)
		l := b.acquire(s)
		waited := make(chan error, 1)
		b.later(s, func(_ *Lease[*fake], err error) { waited <- err })
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errors.New("in a hurry"))
		defer cancel()
		if err := s.Close(ctx); err == nil || err.Error() != "in a hurry" {
			t.Errorf("Close = %v", err)
		}
		if err := <-waited; !errors.Is(err, ErrClosed) {
			t.Errorf("a caller that waited got %v", err)
		}
		if _, err := s.Acquire(t.Context()); !errors.Is(err, ErrClosed) {
			t.Errorf("Acquire = %v", err)
		}
		if err := s.Warm(t.Context(), 1); !errors.Is(err, ErrClosed) {
			t.Errorf("Warm = %v", err)
		}
		other := b.set(a)
		l.Release()
		synctest.Wait()
		b.acquire(other).Release()
		if err := errors.Join(s.Close(t.Context()), a.Close(t.Context()), a.Close(t.Context())); err != nil {
			t.Error(err)
		}
		if _, err := b.set(a).Acquire(t.Context()); !errors.Is(err, ErrClosed) {
			t.Errorf("Acquire of a set of a closed app = %v", err)
		}
		if st := a.Stats(); st.Discarded[Closed] != 2 || st.Leases != 2 {
			t.Errorf("stats = %+v", st)
		}
		late := b.acquire(b.set(b.App(AppConfig{})))
		closed := make(chan error)
		go func() { closed <- b.Close(t.Context()) }()
		synctest.Wait()
		select {
		case err := <-closed:
			t.Errorf("Close = %v, while there is a lease", err)
		default:
		}
		late.Release()
		if err := <-closed; err != nil {
			t.Error(err)
		}
	})
}

// Release ends a lease and has the pool do the reset.
func (l *lease) Release() {
	if reset := l.Return(); reset != nil {
		l.in.set.app.pool.Go(reset)
	}
}
