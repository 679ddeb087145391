package router

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/neutrino-local/neutrino-local/router/ledger"
	"github.com/neutrino-local/neutrino-local/store"
)

// A call is one request on its way through a backend.
type call struct {
	lease
	reply  reply
	upload upload
	done   bool // the handler has returned, and not panicked
}

// Serve answers r with the app that t names. The handler finds the ledger's
// entry in the request's context, which ends with ErrCut when a deployment cuts
// the request and with ErrClientGone when the client leaves before the reply has
// ended; it outlives the reply if the guest does. A handler that panics has its
// record written first.
func (rt *Router) Serve(w http.ResponseWriter, r *http.Request, t Target) {
	e := rt.table.Load().find(t.App)
	if e == nil {
		refuse(w, http.StatusNotFound, fmt.Sprintf("There is no app %q here. List those that are: neutrino-local app list", short(t.App)))
		return
	}
	id := rt.newID()
	c, e := rt.lease(e, r, t, id)
	if c == nil {
		rt.serveNone(w, r, t, e, id)
		return
	}
	if explains(r) {
		explain(w.Header(), e, c.backend, id)
	}
	c.serve(w, r)
}

// lease takes a lease from a backend for t. It returns none, and the entry that
// says so, if there is no such backend.
func (rt *Router) lease(e *entry, r *http.Request, t Target, id string) (*call, *entry) {
	for {
		b := e.backend(t)
		if b == nil {
			return nil, e
		}
		c := &call{lease: lease{backend: b}}
		now := time.Now()
		c.entry = rt.ledger.Begin(record(e, b.Revision, r, id, now))
		ctx, cancel := context.WithCancelCause(ledger.With(context.WithoutCancel(r.Context()), c.entry))
		c.ctx, c.cancel = ctx, cancel
		c.entry.OnEnd(c.release)
		if b.add(&c.lease) {
			e.used.Store(now.UnixNano())
			return c, e
		}
		cancel(nil)
		// b left the table after we read it. Read the new table.
		next := rt.table.Load().apps[e.App]
		if next == nil || next == e { // deleted meanwhile
			return nil, &entry{Route: Route{App: e.App, Name: e.Name}}
		}
		e = next
	}
}

// serve runs the handler and ends the reply.
func (c *call) serve(w http.ResponseWriter, r *http.Request) {
	c.reply.ResponseWriter, c.reply.ctx, c.reply.entry = w, c.ctx, c.entry
	c.entry.Asked(r)
	stop := context.AfterFunc(r.Context(), func() {
		c.entry.End(ledger.ClientGone)
		c.cancel(ErrClientGone)
	})
	defer c.finish(r, stop)
	given := r.WithContext(c.ctx)
	if c.upload.begin(given) {
		c.reply.upload = &c.upload
	}
	c.backend.handler.ServeHTTP(&c.reply, given)
	c.done = true
}

// finish ends the reply: in the ledger, and towards the client if the handler
// has not. It runs while a panic of the handler is under way, and lets it pass.
func (c *call) finish(r *http.Request, stop func() bool) {
	stop()
	cut := context.Cause(c.ctx) == ErrCut
	if c.done && c.reply.status == 0 {
		if cut {
			refuse(&c.reply, http.StatusServiceUnavailable, "A deployment cut this request short. Send it again.")
		}
		c.reply.head() // net/http says so for us
	}
	if c.reply.failed || !c.done && r.Context().Err() != nil {
		c.entry.End(ledger.ClientGone)
	}
	if !c.done {
		c.entry.End(ledger.Trap) // unless somebody has said better
	}
	broken := c.reply.status != 0 && (cut && !c.reply.late || !c.done)
	c.entry.Finish(ledger.Reply{Status: c.reply.status, Bytes: c.reply.bytes, Broken: broken})
	switch {
	case c.done && broken:
		panic(http.ErrAbortHandler)
	case c.done:
		c.reply.drop()
	}
}

// serveNone answers for an app without a backend for t.
func (rt *Router) serveNone(w http.ResponseWriter, r *http.Request, t Target, e *entry, id string) {
	status, line := http.StatusNotFound, ""
	switch {
	case t.Candidate:
		line = fmt.Sprintf("No deployment of %s is switching, so it has no candidate.", e.Name)
	case t.Revision != 0:
		line = fmt.Sprintf("%s of %s is not running. Make it current: neutrino-local rollback %s %d", t.Revision, e.Name, e.Name, t.Revision)
	default:
		status = http.StatusServiceUnavailable
		line = fmt.Sprintf("%s has no revision to serve. See what its deployment says: neutrino-local app history --app-name %s", e.Name, e.Name)
	}
	entry := rt.ledger.Begin(record(e, t.Revision, r, id, time.Now()))
	entry.End(ledger.NoRoute)
	c := reply{ResponseWriter: w}
	if explains(r) {
		explain(w.Header(), e, nil, id)
	}
	refuse(&c, status, line)
	entry.Finish(ledger.Reply{Status: c.status, Bytes: c.bytes})
}

// record begins the record of a request that reaches e.
func record(e *entry, rev store.RevisionNumber, r *http.Request, id string, now time.Time) ledger.Record {
	rec := ledger.Record{
		Time: now, App: string(e.Name), AppID: string(e.App), Revision: int(rev),
		Deployment: string(e.Deployment), Phase: string(e.Phase),
		Method: r.Method, Path: r.URL.Path, Request: id,
	}
	if len(r.RequestURI) > 2048 { // do not keep all of it alive for a part
		rec.Method, rec.Path = strings.Clone(rec.Method), strings.Clone(rec.Path)
	}
	return rec
}

// newID returns an id that no other request of this server has, and hardly one
// of any other server.
func (rt *Router) newID() string {
	var b [8]byte
	var s [16]byte
	binary.BigEndian.PutUint64(b[:], scramble(rt.idKey+rt.requests.Add(1)))
	hex.Encode(s[:], b[:])
	return string(s[:])
}

func explains(r *http.Request) bool {
	h := r.Header["Neutrino-Explain"]
	return len(h) == 1 && h[0] == "1"
}

// explain says in the reply's header what became of the request. b is nil if no
// revision answers.
func explain(h http.Header, e *entry, b *Backend, id string) {
	h.Set("Neutrino-App", string(e.Name))
	h.Set("Neutrino-Request", id)
	if b != nil {
		h.Set("Neutrino-Revision", b.Revision.String())
	}
	if e.Deployment != "" {
		h.Set("Neutrino-Deployment", string(e.Deployment))
		h.Set("Neutrino-Phase", string(e.Phase))
	}
}

// refuse answers with one line.
func refuse(w http.ResponseWriter, status int, line string) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	fmt.Fprintln(w, line)
}

// short returns s, or its beginning if it is longer than a name can be.
func short(s string) string {
	if len(s) <= maxLabel {
		return s
	}
	return s[:maxLabel] + "…"
}
