// Package apitype has the JSON of the control API under /api/v1: what the server
// writes, the client reads, and other tools may rely on.
//
// It imports nothing of ours. Times are RFC 3339 in UTC, durations are integers
// of milliseconds (their fields end in _ms), lists are never null.
package apitype

import "time"

// An Error is the body of every reply with a status from 400.
type Error struct {
	Code    string `json:"code"` // not_found, conflict, held, invalid, limit, unauthorized, forbidden, internal
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"` // the next step

	Status int `json:"-"` // of the reply
}

func (e *Error) Error() string { return e.Message }

// A Server says what is running: the ready file, the locator and GET
// /api/v1/server.
type Server struct {
	Schema    int       `json:"schema"` // 1
	Version   string    `json:"version"`
	PID       int       `json:"pid"`
	StartedAt time.Time `json:"started_at"`
	State     State     `json:"state"`
	URLs      URLs      `json:"urls"`
	Token     string    `json:"token,omitempty"` // only in the ready file and the locator

	Accounts []Account `json:"accounts,omitempty"` // only from the API, as is what follows
	Profile  string    `json:"profile,omitempty"`
	Limits   *Limits   `json:"limits,omitempty"`
	Failover *Policy   `json:"failover,omitempty"`
}

// State says where a server keeps its state.
type State struct {
	Mode string `json:"mode"` // memory or dir
	Path string `json:"path"`
}

// URLs has the places of a server.
type URLs struct {
	Base        string `json:"base"`
	API         string `json:"api"`
	Registry    string `json:"registry"` // host:port
	UI          string `json:"ui"`
	Metrics     string `json:"metrics"`
	AppTemplate string `json:"app_template"` // with {app} in it
}

// An Account owns apps.
type Account struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Limits are those of the server's profile; 0 means none.
type Limits struct {
	MemoryBytes   int64 `json:"memory_bytes"` // an instance
	AppBytes      int64 `json:"app_bytes"`    // sum of the distinct layers
	HandlerMS     int64 `json:"handler_ms"`
	RequestBytes  int64 `json:"request_bytes"`
	ResponseBytes int64 `json:"response_bytes"`
}

// A Policy is how deployments switch unless they say otherwise.
type Policy struct {
	Policy         string `json:"policy"`
	WindowMS       int64  `json:"window_ms"`
	DrainTimeoutMS int64  `json:"drain_timeout_ms"`
	ReadinessMS    int64  `json:"readiness_timeout_ms"`
}

// An App is one app as it is now.
type App struct {
	ID         string      `json:"id"`
	Name       string      `json:"name"`
	Account    Account     `json:"account"`
	CreatedAt  time.Time   `json:"created_at"`
	URLs       []string    `json:"urls"` // the first is the one to show
	Listeners  []string    `json:"listeners"`
	Current    int         `json:"current"`  // revision; 0 if none is live yet
	Previous   int         `json:"previous"` // 0 if none
	Latest     int         `json:"latest"`
	Digest     string      `json:"digest,omitempty"` // of the current revision
	Health     string      `json:"health"`           // none, loading, healthy, failed
	Problem    string      `json:"problem,omitempty"`
	Requests   int64       `json:"invocations"` // in the time asked for
	Errors     int64       `json:"errors"`      // of those, replies with a status from 500 or cut short
	Routes     []Route     `json:"routes"`
	Deployment *Deployment `json:"deployment,omitempty"` // under way, or the last one
}

// A Route is one trigger of the current revision.
type Route struct {
	Component   string `json:"component"`
	Pattern     string `json:"route"`
	URL         string `json:"url"`
	Wildcard    bool   `json:"wildcard"`
	Description string `json:"description,omitempty"`
}

// A Revision of an app.
type Revision struct {
	Number     int         `json:"number"`
	Digest     string      `json:"digest"`
	Repository string      `json:"repository"`
	Size       int64       `json:"size"`
	CreatedAt  time.Time   `json:"created_at"`
	Serving    string      `json:"serving"` // current, candidate, draining or none
	Share      int         `json:"share"`   // percent of new requests
	InFlight   int         `json:"in_flight"`
	Variables  []Variable  `json:"variables"`
	Components []Component `json:"components"`
}

// A Variable of a revision. The value of a secret is never told.
type Variable struct {
	Name   string  `json:"name"`
	Secret bool    `json:"secret"`
	Set    bool    `json:"set"` // by the deployment; otherwise it is the manifest's default
	Value  *string `json:"value,omitempty"`
}

// A Component of a revision.
type Component struct {
	ID     string `json:"id"`
	Digest string `json:"digest"`
	Size   int64  `json:"size"`
}

// CreateApp is the body of POST /api/v1/apps.
type CreateApp struct {
	Name    string `json:"name"`
	Account string `json:"account,omitempty"` // name or id; default local
}

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
}

// A Hold is the body of PUT /api/v1/apps/{app}/failover/hold.
type Hold struct {
	At string `json:"at"` // start, or a percentage such as 50
}

// A Record is one reply of an app in the ledger.
type Record struct {
	Sequence   uint64    `json:"seq"`
	Time       time.Time `json:"time"` // of the lease
	App        string    `json:"app"`  // name
	AppID      string    `json:"app_id"`
	Revision   int       `json:"revision"`
	Deployment string    `json:"deployment,omitempty"`
	Phase      string    `json:"phase,omitempty"` // of the deployment at the lease
	Component  string    `json:"component,omitempty"`
	Route      string    `json:"route,omitempty"`
	Method     string    `json:"method"`
	Path       string    `json:"path"`
	Status     int       `json:"status"` // 0 if no head was sent
	DurationUS int64     `json:"duration_us"`
	Bytes      int64     `json:"bytes"`
	Request    string    `json:"request"`
	Outcome    string    `json:"outcome"` // ok, trap, timeout, limit, queue, cut, no_route, client_gone
	Broken     bool      `json:"broken"`  // the reply began and did not come to its end
}

// Ledger is the reply to GET /api/v1/ledger.
type Ledger struct {
	Records []Record `json:"records"`
	Next    uint64   `json:"next"`    // ask with after=Next for what comes later
	Dropped uint64   `json:"dropped"` // records that the bound has pushed out so far
	Kept    int      `json:"kept"`
	Size    int      `json:"size"`
}

// An Assertion is the body of POST /api/v1/apps/{app}/ledger/assert: what should
// be true of the replies of an app.
type Assertion struct {
	SinceDeploy  bool       `json:"since_deploy,omitempty"` // only of those since the last deployment began
	Since        *time.Time `json:"since,omitempty"`        // only of those since then
	No5xx        bool       `json:"no_5xx,omitempty"`
	NoneLost     bool       `json:"none_lost,omitempty"`
	BothSeen     bool       `json:"both_seen,omitempty"`
	MaxOverlapMS *int64     `json:"max_overlap_ms,omitempty"`
}

// A Verdict says how far an assertion is true.
type Verdict struct {
	Pass      bool      `json:"pass"`
	Replies   int       `json:"replies"` // that were looked at
	OverlapMS int64     `json:"overlap_ms"`
	Failures  []Failure `json:"failures"`
}

// A Failure is one part of an assertion that is not true, with the records that
// show it.
type Failure struct {
	Assertion string   `json:"assertion"` // no-5xx, none-lost, both-seen, max-overlap or unknown
	Message   string   `json:"message"`
	Records   []Record `json:"records"`
	More      int      `json:"more"` // records that show it too and are left out
}

// A Count is the replies of one revision in one second.
type Count struct {
	Second   time.Time `json:"second"`
	App      string    `json:"app"` // id
	Revision int       `json:"revision"`
	Replies  int64     `json:"replies"`
	Failed   int64     `json:"failed"` // a status from 500, or an outcome other than ok, no_route or client_gone
}

// A LogLine is a line that a guest wrote.
type LogLine struct {
	Time      time.Time `json:"time"`
	App       string    `json:"app"` // name
	Revision  int       `json:"version"`
	Component string    `json:"component"`
	Request   string    `json:"request_id,omitempty"`
	Stream    string    `json:"stream"` // stdout, stderr or host
	Message   string    `json:"msg"`
}

// A Listener is the body of POST /api/v1/apps/{app}/listeners.
type Listener struct {
	Address string `json:"address"` // host:port; the reply has the bound one
}
