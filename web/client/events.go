package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/neutrino-local/neutrino-local/web/apitype"
)

// maxEvent bounds one event of a stream.
const maxEvent = 4 << 20

// A backoff bounds how often a broken stream is tried again: the waits double
// from first up to most, and after tries failures in a row without an event in
// between it is given up.
type backoff struct {
	first, most time.Duration
	tries       int
}

var defaultBackoff = backoff{first: 100 * time.Millisecond, most: 2 * time.Second, tries: 6}

// Follow yields a deployment as it is and then each time it changes, the last
// time when it has ended. A broken connection is made again, so that no phase is
// missed; the first error ends the sequence.
func (c *Client) Follow(ctx context.Context, id string) iter.Seq2[apitype.Deployment, error] {
	path := "/deployments/" + segment(id) + "/events"
	return func(yield func(apitype.Deployment, error) bool) {
		for data, err := range c.stream(ctx, path, nil) {
			var d apitype.Deployment
			if err == nil {
				err = json.Unmarshal(data, &d)
			}
			if err != nil {
				yield(apitype.Deployment{}, fmt.Errorf("deployment %s: %w", id, err))
				return
			}
			if !yield(d, nil) || d.EndedAt != nil {
				return
			}
		}
	}
}

// FollowLogs yields the lines of an app that match q and then each new one,
// until ctx ends or the app is gone.
func (c *Client) FollowLogs(ctx context.Context, app string, q LogQuery) iter.Seq2[apitype.LogLine, error] {
	return func(yield func(apitype.LogLine, error) bool) {
		for data, err := range c.stream(ctx, appPath(app)+"/logs/events", q.values()) {
			var line apitype.LogLine
			if err == nil {
				err = json.Unmarshal(data, &line)
			}
			if !yield(line, err) || err != nil {
				return
			}
		}
	}
}

// stream yields the data of each event at path. It resumes after the last id
// when the connection breaks. It ends with an error, or when the server says
// that nothing follows.
func (c *Client) stream(ctx context.Context, path string, query url.Values) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		lastID := ""
		failures := 0
		for {
			err := c.streamOnce(ctx, path, query, &lastID, func(data []byte) bool {
				failures = 0
				return yield(data, nil)
			})
			switch {
			case errors.Is(err, errStopped), errors.Is(err, errEnd):
				return
			case !errors.Is(err, ErrUnreachable), failures >= c.retry.tries:
				yield(nil, err)
				return
			}
			wait := min(c.retry.first<<failures, c.retry.most)
			failures++
			timer := time.NewTimer(wait)
			select {
			case <-ctx.Done():
				timer.Stop()
				yield(nil, context.Cause(ctx))
				return
			case <-timer.C:
			}
		}
	}
}

var (
	errStopped = errors.New("the reader wants no more")
	errEnd     = errors.New("the stream has ended") // the server sent an event of that name
)

// streamOnce reads one connection's worth of events. It never returns nil.
func (c *Client) streamOnce(ctx context.Context, path string, query url.Values, lastID *string, each func([]byte) bool) error {
	header := http.Header{"Accept": {"text/event-stream"}}
	if *lastID != "" {
		header.Set("Last-Event-ID", *lastID)
	}
	resp, err := c.send(ctx, http.MethodGet, "/api/v1"+path, query, nil, header)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := c.checkType(resp, "text/event-stream"); err != nil {
		return err
	}
	events := newEventReader(resp.Body)
	for {
		e, err := events.next()
		if errors.Is(err, bufio.ErrTooLong) {
			return fmt.Errorf("%s: an event is longer than %d bytes", path, maxEvent)
		}
		if err != nil {
			return c.transportError(ctx, err)
		}
		if e.id != "" {
			*lastID = e.id
		}
		switch e.name {
		case "end":
			return errEnd
		case "error":
			failure := &apitype.Error{}
			if err := json.Unmarshal(e.data, failure); err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			return failure
		}
		if len(e.data) > 0 && !each(e.data) {
			return errStopped
		}
	}
}

// An event of a stream (WHATWG HTML, "Server-sent events").
type event struct {
	id, name string
	data     []byte
}

type eventReader struct{ lines *bufio.Scanner }

func newEventReader(r io.Reader) eventReader {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxEvent)
	return eventReader{lines}
}

// next returns the next event that is not empty. At the end of the stream, an
// event that is not whole is dropped and the error is io.ErrUnexpectedEOF.
func (r eventReader) next() (event, error) {
	var e event
	size := 0
	for r.lines.Scan() {
		line := r.lines.Text()
		if size += len(line); size > maxEvent {
			return event{}, bufio.ErrTooLong
		}
		if line == "" {
			if e.name != "" || e.data != nil {
				return e, nil
			}
			size = 0
			continue
		}
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "id":
			e.id = value
		case "event":
			e.name = value
		case "data":
			if e.data != nil {
				e.data = append(e.data, '\n')
			}
			e.data = append(e.data, value...)
		case "": // a comment
			size -= len(line) // a stream of heartbeats is no long event
		}
	}
	if err := r.lines.Err(); err != nil {
		return event{}, err
	}
	return event{}, io.ErrUnexpectedEOF
}
