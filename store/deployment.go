package store

import (
	"fmt"
	"time"
)

// DeploymentID is a UUID.
type DeploymentID string

// A Phase is how far a deployment has come.
type Phase string

// The phases in their order, and the one that ends a deployment that failed.
const (
	Packaging Phase = "packaging" // on the client
	Pushing   Phase = "pushing"   // by the client
	Creating  Phase = "creating"  // the revision and the deployment are on record
	Pulling   Phase = "pulling"
	Compiling Phase = "compiling"
	Starting  Phase = "starting"
	Checking  Phase = "checking"
	Switching Phase = "switching" // committed
	Draining  Phase = "draining"
	Live      Phase = "live"
	Failed    Phase = "failed"
)

// Ended reports whether nothing follows p.
func (p Phase) Ended() bool { return p == Live || p == Failed }

// Committed reports whether a deployment in phase p has made its revision the
// current one.
func (p Phase) Committed() bool { return p == Switching || p == Draining || p == Live }

// Interrupted is the Reason of a deployment that the end of the server cut short
// before its switch.
const Interrupted = "interrupted"

// A Policy is how traffic goes from the old revision to the new one.
type Policy string

const (
	Mixed   Policy = "mixed"   // a growing share during a window; both answer
	Drain   Policy = "drain"   // all new requests at once; old ones finish
	Instant Policy = "instant" // all new requests at once; old ones are cut
)

// ParsePolicy returns s as a policy, or an error of kind ErrInvalid.
func ParsePolicy(s string) (Policy, error) {
	switch p := Policy(s); p {
	case Mixed, Drain, Instant:
		return p, nil
	}
	return "", fmt.Errorf("failover policy %q is %w: use mixed, drain or instant", s, ErrInvalid)
}

// A Deployment is one attempt to make a revision current.
type Deployment struct {
	ID       DeploymentID
	App      AppID
	Revision RevisionNumber
	From     RevisionNumber // current when the deployment was made; 0 if none
	Rollback bool           // of a revision that was there before

	Policy       Policy
	Window       time.Duration // of switching under Mixed
	Seed         uint64        // decides which request goes where under Mixed
	HealthPath   string        // asked while checking, if not ""
	Readiness    time.Duration // from pulling to the end of checking
	DrainTimeout time.Duration

	Phase     Phase
	FailedIn  Phase  // set if Phase is Failed
	Reason    string // set if Phase is Failed
	Recovered bool   // went live by a restart of the server
	Cut       int    // requests that outlived the drain and were cut
	Warnings  []string
	Events    []PhaseEvent
	StartedAt time.Time
	EndedAt   time.Time // zero until Phase has ended
}

// A PhaseEvent is a phase and when it began.
type PhaseEvent struct {
	Phase  Phase
	At     time.Time
	Detail string // e.g. "2 of 3 components"; may be ""
}
