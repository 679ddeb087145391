package pool

import (
	"fmt"
	"time"
)

// A Reason is why an instance was thrown away.
type Reason int

// Reasons.
const (
	Trapped   Reason = iota // its guest did
	Cancelled               // its guest was ended from outside
	Failed                  // it could not be reset
	Once                    // its kind cannot be reset
	Expired                 // it was idle for too long
	Shed                    // its room was needed
	Closed                  // its set was closed
	Reasons                 // how many there are
)

var reasonNames = [Reasons]string{"trapped", "cancelled", "failed", "once", "expired", "shed", "closed"}

func (r Reason) String() string {
	if r < 0 || r >= Reasons {
		return fmt.Sprintf("reason %d", int(r))
	}
	return reasonNames[r]
}

// Stats are statistics of a set, an app or a pool. The first group says how
// things are, the others what has been.
type Stats struct {
	Size      int // instances; also those being made, reset and closed
	Idle      int
	InUse     int
	Making    int
	Resetting int
	Waiting   int // callers

	Leases    uint64
	Made      uint64 // instances
	Resets    uint64
	Pages     uint64 // dirty, at resets
	Refused   uint64 // callers, by a LimitError
	Taken     uint64 // turns taken away from guests that wait; of a pool only
	Discarded [Reasons]uint64

	QueueTime, QueueMax time.Duration // of leases
	MakeTime, MakeMax   time.Duration // of instances made
	ResetTime, ResetMax time.Duration
}

// add adds what o says to s.
func (s *Stats) add(o *Stats) {
	s.Size += o.Size
	s.Idle += o.Idle
	s.InUse += o.InUse
	s.Making += o.Making
	s.Resetting += o.Resetting
	s.Waiting += o.Waiting
	s.Leases += o.Leases
	s.Made += o.Made
	s.Resets += o.Resets
	s.Pages += o.Pages
	s.Refused += o.Refused
	s.Taken += o.Taken
	for r, n := range o.Discarded {
		s.Discarded[r] += n
	}
	s.QueueTime += o.QueueTime
	s.MakeTime += o.MakeTime
	s.ResetTime += o.ResetTime
	s.QueueMax = max(s.QueueMax, o.QueueMax)
	s.MakeMax = max(s.MakeMax, o.MakeMax)
	s.ResetMax = max(s.ResetMax, o.ResetMax)
}

func (s *Stats) queued(d time.Duration) {
	s.QueueTime += d
	s.QueueMax = max(s.QueueMax, d)
}

func (s *Stats) made(d time.Duration) {
	s.Made++
	s.MakeTime += d
	s.MakeMax = max(s.MakeMax, d)
}

func (s *Stats) reset(d time.Duration, pages int) {
	s.Resets++
	s.Pages += uint64(pages)
	s.ResetTime += d
	s.ResetMax = max(s.ResetMax, d)
}
