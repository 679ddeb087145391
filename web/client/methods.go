package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/neutrino-local/neutrino-local/web/apitype"
)

// pageSize is how many things one request asks for at most.
const pageSize = 100

// Server returns what is running.
func (c *Client) Server(ctx context.Context) (s apitype.Server, err error) {
	return s, c.do(ctx, http.MethodGet, "/server", nil, nil, &s)
}

// Ready fails unless the server is listening and has restored its apps.
func (c *Client) Ready(ctx context.Context) error {
	return c.at(ctx, http.MethodGet, "/_neutrino/health", nil, nil, nil)
}

// Stop asks the server to drain and exit. It returns when the server has begun.
func (c *Client) Stop(ctx context.Context) error {
	return c.do(ctx, http.MethodPost, "/server/stop", nil, nil, nil)
}

// Apps returns all apps by name.
func (c *Client) Apps(ctx context.Context) (apps []apitype.App, err error) {
	return apps, c.do(ctx, http.MethodGet, "/apps", nil, nil, &apps)
}

// App returns the app with the id or name ref.
func (c *Client) App(ctx context.Context, ref string) (apitype.App, error) {
	return c.AppSince(ctx, ref, time.Time{})
}

// AppSince is App with the requests since a time counted; the zero time stands
// for the server's default.
func (c *Client) AppSince(ctx context.Context, ref string, since time.Time) (app apitype.App, err error) {
	q := url.Values{}
	setTime(q, "since", since)
	return app, c.do(ctx, http.MethodGet, appPath(ref), q, nil, &app)
}

// CreateApp creates an app without a revision.
func (c *Client) CreateApp(ctx context.Context, in apitype.CreateApp) (app apitype.App, err error) {
	return app, c.do(ctx, http.MethodPost, "/apps", nil, in, &app)
}

// DeleteApp removes an app, its revisions and its logs.
func (c *Client) DeleteApp(ctx context.Context, ref string) error {
	return c.do(ctx, http.MethodDelete, appPath(ref), nil, nil, nil)
}

// Deploy creates a deployment of an app and returns it as soon as it is on
// record. Follow it with Follow.
func (c *Client) Deploy(ctx context.Context, app string, in apitype.CreateDeployment) (d apitype.Deployment, err error) {
	return d, c.do(ctx, http.MethodPost, appPath(app)+"/deployments", nil, in, &d)
}

// Variables returns the variables of an app's current revision.
func (c *Client) Variables(ctx context.Context, app string) (all []apitype.Variable, err error) {
	return all, c.do(ctx, http.MethodGet, appPath(app)+"/variables", nil, nil, &all)
}

// ChangeVariables deploys the current revision again with other values.
func (c *Client) ChangeVariables(ctx context.Context, app string, in apitype.ChangeVariables) (d apitype.Deployment, err error) {
	return d, c.do(ctx, http.MethodPost, appPath(app)+"/variables", nil, in, &d)
}

// Deployment returns one deployment.
func (c *Client) Deployment(ctx context.Context, id string) (d apitype.Deployment, err error) {
	return d, c.do(ctx, http.MethodGet, "/deployments/"+segment(id), nil, nil, &d)
}

// Deployments returns the last deployments of an app, newest first, all that
// are kept if limit is 0.
func (c *Client) Deployments(ctx context.Context, app string, limit int) ([]apitype.Deployment, error) {
	all := []apitype.Deployment{}
	cursor := ""
	for {
		q := url.Values{}
		setInt(q, "limit", pageSize)
		if limit > 0 {
			setInt(q, "limit", min(pageSize, limit-len(all)))
		}
		setString(q, "cursor", cursor)
		var page apitype.DeploymentPage
		if err := c.do(ctx, http.MethodGet, appPath(app)+"/deployments", q, nil, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Deployments...)
		if cursor = page.Next; cursor == "" || limit > 0 && len(all) >= limit {
			return all, nil
		}
	}
}

// Revisions returns the revisions of an app that are kept, newest first.
func (c *Client) Revisions(ctx context.Context, app string) (revs []apitype.Revision, err error) {
	return revs, c.do(ctx, http.MethodGet, appPath(app)+"/revisions", nil, nil, &revs)
}

// Instances returns the instances of the guests of an app that run.
func (c *Client) Instances(ctx context.Context, app string) (all apitype.Instances, err error) {
	return all, c.do(ctx, http.MethodGet, appPath(app)+"/instances", nil, nil, &all)
}

// Failover returns how traffic of an app goes over to a revision.
func (c *Client) Failover(ctx context.Context, app string) (f apitype.Failover, err error) {
	return f, c.do(ctx, http.MethodGet, appPath(app)+"/failover", nil, nil, &f)
}

// Hold makes the failover of an app that is under way, or else the next one,
// hold at "start" or at a percentage such as "50". "" is the server's default.
func (c *Client) Hold(ctx context.Context, app, at string) (f apitype.Failover, err error) {
	return f, c.do(ctx, http.MethodPut, appPath(app)+"/failover/hold", nil, apitype.Hold{At: at}, &f)
}

// Step moves a failover that is held one step on.
func (c *Client) Step(ctx context.Context, app string) (f apitype.Failover, err error) {
	return f, c.do(ctx, http.MethodPost, appPath(app)+"/failover/step", nil, nil, &f)
}

// Release lets a failover that is held go on, or takes back a hold that is armed.
func (c *Client) Release(ctx context.Context, app string) (f apitype.Failover, err error) {
	return f, c.do(ctx, http.MethodPost, appPath(app)+"/failover/release", nil, nil, &f)
}

// AddListener gives an app an address of its own. The reply has the bound one.
func (c *Client) AddListener(ctx context.Context, app, address string) (l apitype.Listener, err error) {
	return l, c.do(ctx, http.MethodPost, appPath(app)+"/listeners", nil, apitype.Listener{Address: address}, &l)
}

// RemoveListener takes an address away from an app.
func (c *Client) RemoveListener(ctx context.Context, app, address string) error {
	return c.do(ctx, http.MethodDelete, appPath(app)+"/listeners/"+segment(address), nil, nil, nil)
}

// A LogQuery says which lines of an app's log.
type LogQuery struct {
	Component string
	Revision  int
	Stream    string // stdout, stderr or host
	Request   string
	Contains  string
	Since     time.Time
	Max       int // newest lines; 0 means the server's default
}

func (q LogQuery) values() url.Values {
	v := url.Values{}
	setString(v, "component", q.Component)
	setInt(v, "revision", q.Revision)
	setString(v, "stream", q.Stream)
	setString(v, "request", q.Request)
	setString(v, "contains", q.Contains)
	setTime(v, "since", q.Since)
	setInt(v, "max", q.Max)
	return v
}

// Logs returns the newest lines of an app that match, oldest first.
func (c *Client) Logs(ctx context.Context, app string, q LogQuery) (lines []apitype.LogLine, err error) {
	return lines, c.do(ctx, http.MethodGet, appPath(app)+"/logs", q.values(), nil, &lines)
}

// A LedgerQuery says which records of the ledger. Zero values do not filter.
type LedgerQuery struct {
	App      string // id or name
	Revision int
	Status   int    // from 1 to 5 all of that class
	Path     string // prefix
	Outcome  string
	Since    time.Time // of the lease
	After    uint64    // sequence: only later records
	Oldest   bool      // the oldest Limit records; otherwise the newest, unless After is set
	Limit    int       // 0 means the server's default
}

// Ledger returns one page of records, oldest first.
func (c *Client) Ledger(ctx context.Context, q LedgerQuery) (l apitype.Ledger, err error) {
	v := url.Values{}
	setString(v, "app", q.App)
	setInt(v, "revision", q.Revision)
	setInt(v, "status", q.Status)
	setString(v, "path", q.Path)
	setString(v, "outcome", q.Outcome)
	setTime(v, "since", q.Since)
	if q.After > 0 || q.Oldest {
		v.Set("after", strconv.FormatUint(q.After, 10))
	}
	setInt(v, "limit", q.Limit)
	return l, c.do(ctx, http.MethodGet, "/ledger", v, nil, &l)
}

// Assert asks whether the replies of an app were as they should be.
func (c *Client) Assert(ctx context.Context, app string, in apitype.Assertion) (v apitype.Verdict, err error) {
	return v, c.do(ctx, http.MethodPost, appPath(app)+"/ledger/assert", nil, in, &v)
}

// Counts returns replies by revision and second since a time, of one app or,
// if app is "", of all.
func (c *Client) Counts(ctx context.Context, app string, since time.Time) (counts []apitype.Count, err error) {
	q := url.Values{}
	setString(q, "app", app)
	setTime(q, "since", since)
	return counts, c.do(ctx, http.MethodGet, "/ledger/counts", q, nil, &counts)
}

func appPath(ref string) string { return "/apps/" + segment(ref) }

func setString(q url.Values, key, value string) {
	if value != "" {
		q.Set(key, value)
	}
}

func setInt(q url.Values, key string, value int) {
	if value != 0 {
		q.Set(key, strconv.Itoa(value))
	}
}

func setTime(q url.Values, key string, value time.Time) {
	if !value.IsZero() {
		q.Set(key, value.UTC().Format(time.RFC3339Nano))
	}
}
