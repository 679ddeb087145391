package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
)

const (
	heartbeat    = 15 * time.Second // so that proxies and clients see that we live
	writeTimeout = 10 * time.Second // of one event, to a client that does not read
	maxStreams   = 256              // at once
)

// streams are the event streams that are open.
type streams struct {
	mu     sync.Mutex
	open   int           // guarded by mu
	done   chan struct{} // guarded by mu; closed by close
	closed bool          // guarded by mu
}

// enter counts a stream in. done is closed when the server stops.
func (s *streams) enter() (done <-chan struct{}, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errStopping
	}
	if s.open >= maxStreams {
		return nil, fmt.Errorf("%w event streams are open: the limit is %d", errTooMany, maxStreams)
	}
	if s.done == nil {
		s.done = make(chan struct{})
	}
	s.open++
	return s.done, nil
}

func (s *streams) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
}

func (s *streams) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed && s.done != nil {
		close(s.done)
	}
	s.closed = true
}

// broadcast wakes whoever waits for a change. Its zero value is ready.
type broadcast struct {
	mu      sync.Mutex
	changed chan struct{} // guarded by mu; nil if nobody waits
}

// next returns a channel that is closed by the next send.
func (b *broadcast) next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.changed == nil {
		b.changed = make(chan struct{})
	}
	return b.changed
}

func (b *broadcast) send() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.changed != nil {
		close(b.changed)
		b.changed = nil
	}
}

// An eventWriter writes server-sent events (WHATWG HTML). One goroutine uses it.
type eventWriter struct {
	w  http.ResponseWriter
	rc *http.ResponseController
}

// stream answers a request with events until send returns, the client leaves or
// the server stops. An error before the first event is an ordinary reply.
func (s *Server) stream(c echo.Context, send func(context.Context, *eventWriter) error) error {
	done, err := s.streams.enter()
	if err != nil {
		return err
	}
	defer s.streams.leave()
	ctx, cancel := context.WithCancelCause(c.Request().Context())
	defer cancel(nil)
	stop := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		select {
		case <-done:
			cancel(errStopping)
		case <-stop:
		}
	})
	defer watch.Wait()
	defer close(stop)
	e := &eventWriter{w: c.Response(), rc: http.NewResponseController(c.Response().Writer)}
	err = send(ctx, e)
	switch {
	case err == nil, isGone(ctx, err):
		return nil
	case !c.Response().Committed:
		return err
	}
	explained := Explain(err)
	if explained.Status == http.StatusInternalServerError {
		s.Log.ErrorContext(ctx, "event stream", "path", c.Path(), "err", err)
	}
	_ = e.event("error", "", explained) // the client may have gone
	return nil
}

// begin sends the head of the reply.
func (e *eventWriter) begin() error {
	h := e.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	e.w.WriteHeader(http.StatusOK)
	return e.write(": neutrino-local\n\n")
}

// event sends v as JSON, which has no newline. name and id may be "".
func (e *eventWriter) event(name, id string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	text := ""
	if id != "" {
		text += "id: " + id + "\n"
	}
	if name != "" {
		text += "event: " + name + "\n"
	}
	return e.write(text + "data: " + string(data) + "\n\n")
}

func (e *eventWriter) beat() error { return e.write(": beat\n\n") }

func (e *eventWriter) write(text string) error {
	// Not every writer can have a deadline; those of net/http can.
	_ = e.rc.SetWriteDeadline(time.Now().Add(writeTimeout))
	if _, err := e.w.Write([]byte(text)); err != nil {
		return err
	}
	return e.rc.Flush()
}

// lastID returns where a client wants to go on: the header that browsers and our
// client send, or 0.
func lastID(c echo.Context) uint64 {
	n, err := strconv.ParseUint(c.Request().Header.Get("Last-Event-ID"), 10, 64)
	if err != nil {
		return 0
	}
	return n
}
