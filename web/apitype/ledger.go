package apitype

import "time"

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
	Status     int       `json:"status"`      // 0 if no head was sent
	DurationUS int64     `json:"duration_us"` // until guest and reply had ended
	QueuedUS   int64     `json:"queued_us"`   // until a guest was given to it; 0 if none was
	HeadUS     int64     `json:"head_us"`     // until the head was sent; 0 if none was
	RepliedUS  int64     `json:"replied_us"`  // until the reply had ended
	Bytes      int64     `json:"bytes"`
	Request    string    `json:"request"`
	Outcome    string    `json:"outcome"` // ok, trap, timeout, limit, queue, cut, no_route, client_gone
	Broken     bool      `json:"broken"`  // the reply began and did not come to its end
}

// A RecordDetail is the reply to GET /api/v1/ledger/{seq}: a record with the headers of
// the request and of the reply, by name.
type RecordDetail struct {
	Record         Record       `json:"record"`
	HeadersKept    bool         `json:"headers_kept"` // only of the newest requests
	RequestHeader  []HeaderLine `json:"request_header"`
	ResponseHeader []HeaderLine `json:"response_header"`
}

// A HeaderLine is one line of a header. The value of one that may be a secret is not kept, and a
// long one is cut.
type HeaderLine struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Secret bool   `json:"secret"`
	Bytes  int    `json:"bytes"` // of the value as it was
}

// Ledger is the reply to GET /api/v1/ledger.
type Ledger struct {
	Records []Record `json:"records"`
	Next    uint64   `json:"next"`    // ask with after=Next for what comes later
	Older   uint64   `json:"older"`   // of the newest: ask with before=Older for those before; 0 at the end
	Dropped uint64   `json:"dropped"` // records that the bound has pushed out so far
	Kept    int      `json:"kept"`
	Size    int      `json:"size"`
}

// A Count is the replies of one revision in one second.
type Count struct {
	Second   time.Time `json:"second"`
	App      string    `json:"app"` // id
	Revision int       `json:"revision"`
	Replies  int64     `json:"replies"`
	Failed   int64     `json:"failed"` // a status from 500, or an outcome other than ok, no_route or client_gone
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
