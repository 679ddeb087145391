package runtime

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"

	"github.com/neutrino-local/neutrino-local/router/ledger"
	"github.com/neutrino-local/neutrino-local/runtime/route"
	"github.com/neutrino-local/neutrino-local/runtime/wagi"
)

// ServeHTTP answers a request: the host's own paths first, then the trigger that
// its path matches. It returns when the reply has ended; a guest that goes on holds
// the request's entry of the ledger until it has ended too. A reply that breaks
// after its head panics with http.ErrAbortHandler, so that the client sees it.
func (a *App) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !a.enter() {
		answer(w, http.StatusServiceUnavailable, errClosed.Error()+"\n")
		return
	}
	defer a.leave()
	a.dispatch(w, r)
}

// dispatch answers a request to an app that is in use until it has.
func (a *App) dispatch(w http.ResponseWriter, r *http.Request) {
	path := rawPath(r.URL)
	if name, ok := strings.CutPrefix(path, route.ReservedPrefix); ok {
		a.serveReserved(w, name)
		return
	}
	entry := ledger.From(r.Context())
	m, ok := a.table.Match(path)
	if !ok {
		entry.End(ledger.NoRoute)
		answer(w, http.StatusNotFound, "")
		return
	}
	t := a.triggers[m.Key]
	entry.Guest(t.component, m.Raw)
	c := &call{app: a, trigger: t, w: w, r: r, entry: entry}
	if outcome := c.serve(path, m); outcome != ledger.OK {
		entry.End(outcome)
	}
	if c.broken {
		panic(http.ErrAbortHandler)
	}
}

// A call is one request to a trigger.
type call struct {
	app     *App
	trigger *trigger
	w       http.ResponseWriter
	r       *http.Request
	entry   *ledger.Entry

	reply  *reply
	body   *body
	broken bool // the client must see that the reply has no end
}

var errDeadline = errors.New("deadline of the handler")

// deadline returns a context for one request, or one start of a guest.
func (h *Host) deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	if h.limits.Handler == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, h.limits.Handler, errDeadline)
}

// serve answers the request and returns how that ended.
func (c *call) serve(path string, m route.Match) ledger.Outcome {
	limits := c.app.host.limits
	c.body = &body{r: c.r.Body, limit: limits.Request}
	c.reply = newReply(c.w, c.r, limits.Response, c.veto)
	q, err := newRequest(c.r, path, m)
	if errors.Is(err, errNoHost) {
		c.broken = true
		return ledger.ClientGone // it has asked for no host: not the app's fault
	}
	if err != nil {
		return c.fail(c.r.Context(), err)
	}
	if limits.Request > 0 && c.r.ContentLength > limits.Request {
		return c.refuse(requestLimit(limits.Request, size(c.r.ContentLength)))
	}
	ctx, cancel := c.app.host.deadline(c.r.Context())
	release, err := c.app.gates[depthOf(ctx)].enter(ctx, limits.Queue)
	if err != nil {
		defer cancel()
		return c.fail(ctx, err)
	}
	c.entry.Queued()
	stdout, stderr := &lineWriter{emit: c.emit(streamStdout)}, &lineWriter{emit: c.emit(streamStderr)}
	q.stdout, q.stderr, q.stopReading = stdout, stderr, c.reply.stopReading
	end := func() {
		stdout.Close()
		stderr.Close()
		release()
		cancel()
	}
	if c.r.Body != nil && c.r.Body != http.NoBody && c.r.ContentLength != 0 {
		q.body = c.body
		_ = http.NewResponseController(c.w).EnableFullDuplex() // a guest may read after it has begun to answer
	}
	err = c.run(ctx, q)
	if err == nil {
		err = c.reply.err
	}
	if err == nil {
		err = c.veto()
	}
	if q.rest != nil {
		if err != nil {
			defer cancel() // nobody waits for what the guest might still do
		}
		c.outlive(ctx, q.rest, end)
	} else {
		defer end()
	}
	if err == nil {
		return ledger.OK
	}
	return c.fail(ctx, err)
}

// outlive waits for a guest that goes on after its reply, and keeps the lease,
// the revision and its slot until then.
func (c *call) outlive(ctx context.Context, rest func() error, end func()) {
	release := c.entry.Hold()
	if in := innerOf(c.r.Context()); in != nil {
		in.users.Add(1)
		release = in.leave // its origin's lease
	}
	c.app.join() // the request is in, though the app may be closing
	go func() {
		defer c.app.leave()
		defer release()
		err := rest()
		end()
		switch {
		case err == nil:
		case context.Cause(ctx) == errDeadline:
			if c.entry.End(ledger.Timeout) {
				c.host("handler time: limit %s, and the guest went on after its reply", c.app.host.limits.Handler)
			}
		case ctx.Err() != nil: // whoever ended it has said so
		default:
			c.app.count.trap(err)
			c.host("component error after response ended: %v", err)
			c.entry.End(ledger.Trap)
		}
	}()
}

// run runs the guest. When ctx ends, so does what waits for the client. A panic,
// which is a fault of ours, ends the request and not what it holds.
func (c *call) run(ctx context.Context, q *request) (err error) {
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ended)
		if context.Cause(ctx) == errDeadline {
			c.entry.End(ledger.Timeout) // first: an interrupted connection looks like a client that left
		}
		c.reply.interrupt()
	})
	defer func() {
		if !stop() {
			<-ended // it uses w, which is ours only until we return
		}
	}()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return c.trigger.serve(withOrigin(ctx, q), c.reply, q)
}

// veto keeps a guest from answering a request that was too large.
func (c *call) veto() error {
	if over := c.body.over.Load(); over != nil {
		return over
	}
	return nil
}

// fail answers for a guest that did not: err is why, and ctx was the guest's.
func (c *call) fail(ctx context.Context, err error) ledger.Outcome {
	if over := c.body.over.Load(); over != nil {
		err = over
	}
	if limit, ok := errors.AsType[*LimitError](c.reply.err); ok {
		err = limit
	}
	if limit, ok := errors.AsType[*LimitError](err); ok {
		return c.refuse(limit)
	}
	parent := c.r.Context()
	switch {
	case context.Cause(ctx) == errDeadline:
		value := c.app.host.limits.Handler.String()
		return c.refuse(&LimitError{"handler time", value, value, http.StatusGatewayTimeout, ledger.Timeout})
	case parent.Err() != nil && !errors.Is(context.Cause(parent), context.Canceled):
		return c.cut(context.Cause(parent))
	case parent.Err() != nil, c.body.err != nil, errors.Is(err, errClientGone):
		c.broken = true
		return ledger.ClientGone
	}
	return c.trap(err)
}

// refuse answers with the limit that the request has met.
func (c *call) refuse(e *LimitError) ledger.Outcome {
	c.host("%v", e)
	var header http.Header
	if e.status == http.StatusServiceUnavailable {
		header = http.Header{"Retry-After": {"1"}}
	}
	c.replace(e.status, header, e.Error()+"\n")
	return e.outcome
}

// cut answers a request that the router has ended.
func (c *call) cut(why error) ledger.Outcome {
	c.replace(http.StatusServiceUnavailable, http.Header{"Retry-After": {"1"}}, fmt.Sprintf("request cut: %v\n", why))
	return ledger.Cut
}

// trap answers for a guest that has failed. What went wrong is for the log only.
func (c *call) trap(err error) ledger.Outcome {
	c.app.count.trap(err)
	if c.reply.isSent() {
		c.host("component error after response started: %v", err)
	} else {
		c.host("error processing request: %v", err)
	}
	status, text := http.StatusInternalServerError, ""
	if e, ok := errors.AsType[*wagi.ReplyError](err); ok {
		status, text = e.Status, e.Body
	}
	c.replace(status, nil, text)
	return ledger.Trap
}

// replace answers in the guest's place if the head was not sent, and breaks the
// reply off if it was.
func (c *call) replace(status int, header http.Header, text string) {
	if c.reply.isSent() {
		c.broken = true
		return
	}
	if header == nil {
		header = http.Header{}
	}
	if c.r.ProtoMajor == 1 && (c.r.ContentLength != 0 || c.reply.isInterrupted()) {
		header.Set("Connection", "close") // nobody has read the rest of the body, or nobody can
	}
	c.reply.replace(status, header, text)
}

// emit returns what takes the guest's lines of a stream.
func (c *call) emit(stream string) func(string) {
	id := c.entry.RequestID()
	if o, ok := originOf(c.r.Context()); ok {
		id = o.entry.RequestID() // what the app asks itself is part of that
	}
	return func(line string) { c.app.spec.Output(c.trigger.component, id, stream, line) }
}

// host writes lines of ours to the app's log.
func (c *call) host(format string, args ...any) {
	lines := &lineWriter{emit: c.emit(streamHost)}
	fmt.Fprintf(lines, format, args...)
	lines.Close()
}
