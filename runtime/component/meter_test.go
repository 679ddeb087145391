package component

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestMeter has a guest whose code is quick, and slow, and grows its memory.
func TestMeter(t *testing.T) {
	const quick, medium, slow = time.Microsecond, 100 * time.Microsecond, time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		var m meter
		for i, step := range []struct {
			lasts   time.Duration // until the fuel is used up
			owed    int64
			modules int
			memory  uint64
			times   int
			want    int64
		}{
			{0, 0, 1, 0, 1, firstFuel},
			{quick, 10, 1, 0, 2, 4 * firstFuel},
			{medium, 10, 1, 0, 9, 4 * firstFuel},
			{slow, 10, 1, 0, 1, firstFuel},
			{slow, 10, 1, 0, 9, leastFuel},
			{quick, 10, 1, 0, 99, mostFuel},
			{quick, 10, 40, 0, 1, mostFuel / 10},
			{quick, 100_000, 1, 0, 1, leastFuel},
			{quick, 10, 1, 1 << 30, 99, largeFuel},
		} {
			for range step.times {
				time.Sleep(step.lasts)
				m.used(step.owed, step.modules, step.memory)
				m.refuel()
			}
			if m.fuel != step.want {
				t.Errorf("after step %d there are %d, want %d", i, m.fuel, step.want)
			}
		}
	})
}
