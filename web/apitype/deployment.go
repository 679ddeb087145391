package apitype

import "time"

// CreateDeployment is the body of POST /api/v1/apps/{app}/deployments. Zero
// values mean the server's defaults.
type CreateDeployment struct {
	Repository string            `json:"repository,omitempty"` // of the artifact
	Digest     string            `json:"digest,omitempty"`     // of its manifest
	Rollback   bool              `json:"rollback,omitempty"`   // to Revision, or to the previous one if that is 0
	Revision   int               `json:"revision,omitempty"`
	Variables  map[string]string `json:"variables,omitempty"`
	Listen     string            `json:"listen,omitempty"` // give the app this listener too
	Queue      bool              `json:"queue,omitempty"`  // wait for a deployment under way

	Policy         string       `json:"policy,omitempty"`
	WindowMS       *int64       `json:"window_ms,omitempty"`
	Seed           *uint64      `json:"seed,omitempty"`
	HealthPath     string       `json:"health_path,omitempty"`
	ReadinessMS    int64        `json:"readiness_timeout_ms,omitempty"`
	DrainTimeoutMS *int64       `json:"drain_timeout_ms,omitempty"`
	Events         []PhaseEvent `json:"events,omitempty"` // packaging and pushing, timed by the client
}

// ChangeVariables is the body of POST /api/v1/apps/{app}/variables: a deployment of
// the artifact of the current revision, with its values but for these.
type ChangeVariables struct {
	Set   map[string]string `json:"set,omitempty"`
	Unset []string          `json:"unset,omitempty"` // these have the manifest's defaults again
	Queue bool              `json:"queue,omitempty"` // wait for a deployment under way
}

// A Deployment is one attempt to make a revision current.
type Deployment struct {
	ID        string       `json:"id"`
	App       string       `json:"app"` // id
	Revision  int          `json:"revision"`
	From      int          `json:"from"` // current before; 0 if none
	Rollback  bool         `json:"rollback"`
	Policy    string       `json:"policy"`
	WindowMS  int64        `json:"window_ms"`
	Seed      uint64       `json:"seed"`
	Phase     string       `json:"phase"`
	FailedIn  string       `json:"failed_in,omitempty"`
	Reason    string       `json:"reason,omitempty"`
	Recovered bool         `json:"recovered,omitempty"`
	Held      bool         `json:"held"`
	Share     int          `json:"share"` // percent of new requests that go to Revision
	Cut       int          `json:"cut"`   // requests that outlived the drain
	Warnings  []string     `json:"warnings"`
	Events    []PhaseEvent `json:"events"`
	StartedAt time.Time    `json:"started_at"`
	EndedAt   *time.Time   `json:"ended_at,omitempty"`
}

// DeploymentPage is the reply to GET /api/v1/apps/{app}/deployments, newest
// first.
type DeploymentPage struct {
	Deployments []Deployment `json:"deployments"`
	Next        string       `json:"next,omitempty"` // ask with cursor=Next for older ones; "" at the end
}

// A PhaseEvent is a phase and when it began.
type PhaseEvent struct {
	Phase  string    `json:"phase"`
	At     time.Time `json:"at"`
	Detail string    `json:"detail,omitempty"`
}

// A Failover is the state of switching of one app.
type Failover struct {
	App        string `json:"app"`
	Policy     string `json:"policy"`
	WindowMS   int64  `json:"window_ms"`
	Seed       uint64 `json:"seed"`
	Deployment string `json:"deployment,omitempty"`
	Phase      string `json:"phase,omitempty"`
	From       int    `json:"from"` // revision that loses traffic; 0 if none
	To         int    `json:"to"`   // revision that gains it
	Share      int    `json:"share"`
	Held       bool   `json:"held"`
	Armed      string `json:"armed,omitempty"` // where it will hold: start or a percentage; "" if nowhere
	Tally      *Tally `json:"tally,omitempty"` // of the deployment under way, or of the last one
}

// A Tally is what clients of an app saw of one deployment: the replies whose
// lease was from its start to its end.
type Tally struct {
	Deployment string `json:"deployment"`
	From       int    `json:"from"` // the revision that was replaced; 0 if none
	To         int    `json:"to"`
	Old        int64  `json:"old"`        // replies of From
	New        int64  `json:"new"`        // replies of To
	OverlapMS  int64  `json:"overlap_ms"` // from the first lease of To to the last one of From
	Failed     int64  `json:"failed"`     // a status from 500, or an outcome other than ok, no_route or client_gone
	Lost       int64  `json:"lost"`       // requests that got no whole reply
	Complete   bool   `json:"complete"`   // false: some of the records are not in the ledger
}

// A Hold is the body of PUT /api/v1/apps/{app}/failover/hold.
type Hold struct {
	At string `json:"at"` // start, or a percentage such as 50
}
