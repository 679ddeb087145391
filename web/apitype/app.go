package apitype

import "time"

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

	Toolchain []string `json:"toolchain"` // that made it, as its wasm tells: "Rust 1.90.0"
}

// CreateApp is the body of POST /api/v1/apps.
type CreateApp struct {
	Name    string `json:"name"`
	Account string `json:"account,omitempty"` // name or id; default local
}

// A Listener is the body of POST /api/v1/apps/{app}/listeners.
type Listener struct {
	Address string `json:"address"` // host:port; the reply has the bound one
}

// A LogLine is a line that a guest wrote.
type LogLine struct {
	Sequence  uint64    `json:"seq"` // counts the lines of an app
	Time      time.Time `json:"time"`
	App       string    `json:"app"` // name
	Revision  int       `json:"version"`
	Component string    `json:"component"`
	Request   string    `json:"request_id,omitempty"`
	Stream    string    `json:"stream"` // stdout, stderr or host
	Message   string    `json:"msg"`
}
