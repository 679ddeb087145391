package rollout

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/neutrino-local/neutrino-local/router/ledger"
	"github.com/neutrino-local/neutrino-local/store"
)

// The reserved routes that the host itself answers for each app.
const (
	healthRoute = "/.well-known/spin/health"
	infoRoute   = "/.well-known/spin/info"
)

// maxAnswer is how much of a reply to a check is kept.
const maxAnswer = 64 << 10

// An unhealthyError is what was last seen of a revision that is not ready.
type unhealthyError struct{ last error }

func (e *unhealthyError) Error() string { return "unhealthy: " + e.last.Error() }
func (e *unhealthyError) Unwrap() error { return e.last }

// check is the phase Checking: it asks the revision until it is ready or ctx
// ends. A reply to a check is no reply of the app: the ledger does not have it.
func (e *Engine) check(ctx context.Context, d *deployment, h http.Handler) error {
	if err := e.enter(d, store.Checking); err != nil {
		return err
	}
	var last error
	for {
		err := e.healthy(ctx, d, h)
		if err == nil {
			return nil
		}
		if ctx.Err() == nil || last == nil { // what we cut ourselves tells less than a reply did
			last = err
		}
		if ctx.Err() == nil {
			e.Log.Debug("unhealthy", keyApp, d.app.name, keyRevision, d.Revision, keyDeployment, d.ID, keyError, err)
		}
		again := time.NewTimer(max(e.HealthInterval, time.Millisecond))
		select {
		case <-again.C:
		case <-ctx.Done():
			again.Stop()
			return &unhealthyError{last}
		}
	}
}

// healthy asks once.
func (e *Engine) healthy(ctx context.Context, d *deployment, h http.Handler) error {
	if _, err := e.ask(ctx, d, h, healthRoute, http.StatusOK); err != nil {
		return err
	}
	body, err := e.ask(ctx, d, h, infoRoute, http.StatusOK)
	if err != nil {
		return err
	}
	var info struct {
		Digest string `json:"oci_image_digest"`
	}
	if err := json.Unmarshal(body, &info); err != nil {
		return fmt.Errorf("GET %s: %w", infoRoute, err)
	}
	if info.Digest != d.of.Digest {
		return fmt.Errorf("GET %s: oci_image_digest is %.80q, not %s", infoRoute, info.Digest, d.of.Digest)
	}
	if d.HealthPath != "" {
		_, err = e.ask(ctx, d, h, d.HealthPath, 399)
	}
	return err
}

// ask requests a path of the revision in process, and returns the body of the
// reply. Its status has to be from 200 to last, and the reply whole.
func (e *Engine) ask(ctx context.Context, d *deployment, h http.Handler, path string, last int) ([]byte, error) {
	host := string(d.app.name) + ".localhost"
	if e.Host != nil {
		host = e.Host(d.app.name)
	}
	// The reply may set off work that goes on; none of it after the check.
	asking, cancel := context.WithCancel(ctx)
	defer cancel()
	entry := (*ledger.Ledger)(nil).Begin(ledger.Record{})
	r, err := http.NewRequestWithContext(ledger.With(asking, entry), http.MethodGet, "http://"+host+path, http.NoBody)
	if err != nil {
		return nil, err
	}
	r.RequestURI = r.URL.RequestURI()
	r.RemoteAddr = "127.0.0.1:0"
	a := &answer{header: make(http.Header)}
	whole := a.from(h, r)
	status := a.status
	if status == 0 {
		status = http.StatusOK
	}
	why := ""
	if o := entry.Outcome(); o != ledger.OK {
		why = ": " + string(o)
	}
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("GET %s: no reply in time", path)
	case !whole && a.status == 0:
		return nil, fmt.Errorf("GET %s: no reply%s", path, why)
	case status < 200 || status > last:
		return nil, fmt.Errorf("GET %s = %d%s", path, status, why)
	case !whole:
		return nil, fmt.Errorf("GET %s = %d, and its body breaks off%s", path, status, why)
	case why != "":
		return nil, fmt.Errorf("GET %s = %d%s", path, status, why)
	}
	return a.body, nil
}

// An answer keeps a reply in memory, and only the beginning of a long one.
type answer struct {
	header http.Header
	status int
	body   []byte
}

// from has h answer r, and reports whether the reply has come to its end.
func (a *answer) from(h http.Handler, r *http.Request) (whole bool) {
	defer func() {
		switch p := recover(); {
		case p == nil:
		case p == http.ErrAbortHandler: // how a handler breaks a reply off
			whole = false
		default:
			panic(p)
		}
	}()
	h.ServeHTTP(a, r)
	return true
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 && status >= 200 {
		a.status = status
	}
}

func (a *answer) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	a.body = append(a.body, b[:min(len(b), maxAnswer-len(a.body))]...)
	return len(b), nil
}

// Flush is there for handlers that stream.
func (a *answer) Flush() { a.WriteHeader(http.StatusOK) }
