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
