package component

import "time"

// Bounds of how much fuel a guest gets at a time, of which most code uses a few
// units in a nanosecond.
const (
	leastFuel = 1_000
	firstFuel = 20_000
	mostFuel  = 500_000
	largeFuel = 20_000 // most, for an instance with large memories
)

// large is how much memory is so much that a guest which writes to each page of it
// at once would keep others waiting for long.
const large = 32 << 20

// fuelOf returns the most that the code of each module of a component gets. Each
// has a counter of its own: of many, each is given less.
func fuelOf(modules int) int64 { return min(mostFuel, 4*mostFuel/int64(max(1, modules))) }

// How long fuel is to last: meanwhile others may wait for the processor, and the
// collector waits for all.
const (
	briefly = 50 * time.Microsecond
	forLong = 200 * time.Microsecond
)

// tooMuch is what is used at once, beyond what there is, by nothing but growth.
const tooMuch = 1 << 13

// A meter says how much fuel a guest gets next. The same code lasts a thousand
// times longer where it writes to a page for the first time, for which the kernel
// has to work: so what counts is how long the last fuel has lasted, and there is
// little of it when such pages are to be expected.
type meter struct {
	fuel int64     // that it got last; 0: it had the first
	at   time.Time // of that
}

// used notes that the fuel is used up, and what is owed beyond, by a guest of so
// many modules and with so much memory.
func (m *meter) used(owed int64, modules int, memory uint64) {
	most := fuelOf(modules)
	if memory > large {
		most = min(most, largeFuel)
	}
	switch lasted := time.Since(m.at); {
	case owed > tooMuch:
		m.fuel = leastFuel
	case m.fuel == 0:
		m.fuel = firstFuel
	case lasted > forLong:
		m.fuel = max(m.fuel/4, leastFuel)
	case lasted < briefly:
		m.fuel *= 2
	}
	m.fuel = min(m.fuel, most)
}

// refuel returns how much fuel there is from now on.
func (m *meter) refuel() int64 {
	m.at = time.Now()
	return m.fuel
}
