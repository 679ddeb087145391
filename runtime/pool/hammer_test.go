package pool

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestHammer has callers of all kinds at work at once.
func TestHammer(t *testing.T) {
	run(t, Config{Instances: 6, Turns: 3, Idle: 3 * time.Millisecond}, func(t *testing.T, b *bench) {
		b.made.room, b.made.making, b.made.resetting = 5, time.Millisecond, 100*time.Microsecond
		var sets []*Set[*fake]
		for n := range 3 {
			a := b.App(AppConfig{Name: fmt.Sprint(n), Instances: 3, Queue: 100})
			sets = append(sets, b.set(a), b.set(a))
		}
		var all sync.WaitGroup
		var leases atomic.Uint64
		for n := range 24 {
			all.Go(func() {
				random := rand.New(rand.NewPCG(uint64(n), 1))
				for range 60 {
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(random.IntN(40_000))*time.Microsecond)
					l, err := sets[random.IntN(len(sets))].Acquire(ctx)
					if err == nil {
						leases.Add(1)
						work(ctx, l, random)
					} else if ctx.Err() == nil {
						t.Error(err)
					}
					cancel()
				}
			})
		}
		all.Wait()
		if st := b.Stats(); b.made.most.Load() > 5 || st.Leases != leases.Load() {
			t.Errorf("%d instances at once, %d leases; %+v", b.made.most.Load(), leases.Load(), st)
		}
	})
}

// work is a guest that runs, waits and ends in some way.
func work(ctx context.Context, l *Lease[*fake], random *rand.Rand) {
	l.Instance().use()
	for range random.IntN(5) {
		err := l.Turn().Tick(ctx)
		if random.IntN(2) == 0 {
			l.Turn().Block()
			err = errors.Join(err, pause(ctx, time.Duration(random.IntN(2000))*time.Microsecond))
			err = errors.Join(err, l.Turn().Resume(ctx))
		}
		if err != nil {
			l.Discard(Cancelled)
			return
		}
	}
	switch random.IntN(5) {
	case 0:
		l.Discard(Trapped)
	default:
		l.Release()
	}
}
