package store

import "time"

// A Request asks for a deployment. A nil or zero field means the server's
// default.
type Request struct {
	App        AppID
	Repository string
	Digest     string // of the manifest
	Rollback   bool
	Revision   RevisionNumber // of a rollback; 0 is the previous one
	Variables  map[string]string
	Queue      bool // wait for a deployment under way

	Policy       Policy
	Window       *time.Duration
	Seed         *uint64
	HealthPath   string
	Readiness    time.Duration
	DrainTimeout *time.Duration
	Events       []PhaseEvent // of the client: packaging and pushing
}

// Progress is a deployment and how far its switch has come.
type Progress struct {
	Deployment
	Held  bool
	Share int // percent of new requests that go to its revision
}

// A Switch is the state of an app's failover.
type Switch struct {
	Policy     Policy
	Window     time.Duration
	Seed       uint64
	Deployment DeploymentID // under way; "" if none
	Phase      Phase
	From, To   RevisionNumber
	Share      int
	Held       bool
	Armed      string // where it will hold; "" if nowhere
}

// Serving is how an app's addresses are answered now.
type Serving struct {
	Health    string // none, loading, healthy or failed
	Problem   string
	Revisions []ServingRevision
}

// A ServingRevision is a revision that runs.
type ServingRevision struct {
	Revision RevisionNumber
	Role     string // current, candidate or draining
	Share    int    // percent of new requests
	InFlight int
}
