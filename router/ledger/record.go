package ledger

import (
	"strings"
	"time"
)

// An Outcome says how a request ended.
type Outcome string

// The outcomes. A status that the guest chose is OK, 500 included.
const (
	OK         Outcome = "ok"
	Trap       Outcome = "trap"        // the guest trapped, exited badly or broke its reply off
	Timeout    Outcome = "timeout"     // the handler's deadline
	Limit      Outcome = "limit"       // request, response or memory too large
	Queue      Outcome = "queue"       // turned away before a guest was called
	Cut        Outcome = "cut"         // ended by a deployment: instant, or the end of a drain
	NoRoute    Outcome = "no_route"    // no trigger route matches, or no revision is there
	ClientGone Outcome = "client_gone" // the client left first
)

// A Record is one reply of an app.
type Record struct {
	Sequence   uint64
	Time       time.Time // of the lease
	App        string    // name
	AppID      string
	Revision   int    // 0 if no revision was there
	Deployment string // under way at the lease, or ""
	Phase      string // of the deployment at the lease
	Component  string
	Route      string // trigger route
	Method     string
	Path       string        // without the query
	Status     int           // 0 if no head was sent
	Duration   time.Duration // until guest and reply had ended
	Timing     Timing
	Bytes      int64 // of the reply's body
	Request    string
	Outcome    Outcome
	Broken     bool // the reply began and did not come to its end
}

// Timing has when the parts of a request were over, from its lease on. A part
// that never began is 0.
type Timing struct {
	Queued  time.Duration // until a guest was given to it
	Head    time.Duration // until the head of the reply was sent
	Replied time.Duration // until the reply had ended
}

// Failed reports whether r counts as an error: a status from 500, or an outcome
// that is neither the app's answer nor the client's doing.
func (r *Record) Failed() bool {
	switch r.Outcome {
	case OK, NoRoute, ClientGone:
		return r.Status >= 500
	}
	return true
}

// Lost reports whether the client waited for a complete reply in vain: the
// request was cut, turned away by the queue, or got no head or only the
// beginning of a body. A deadline, a limit or a trap that was answered in full,
// with its 5xx, is a failure of the app and not lost. A client that left has
// lost nothing by our doing.
func (r *Record) Lost() bool {
	switch r.Outcome {
	case ClientGone:
		return false
	case Cut, Queue:
		return true
	}
	return r.Broken || r.Status == 0
}

func (r *Record) ended() time.Time { return r.Time.Add(r.Duration) }

// Bounds of what a client chooses and the ledger keeps.
const (
	maxPath   = 1024
	maxMethod = 32
)

// bound cuts s to n bytes, in memory of its own so that the ledger does not keep
// the rest alive.
func bound(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.Clone(strings.ToValidUTF8(s[:n], ""))
}
