package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/neutrino-local/neutrino-local/store"
)

// maxBody bounds the body of a request. Most of it is for variables.
const maxBody = 1 << 20

// decode reads the JSON body of a request into v. What v has no field for is
// refused.
func decode(c echo.Context, v any) error {
	r := c.Request()
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != echo.MIMEApplicationJSON {
		return fmt.Errorf("Content-Type %.100q is %w", r.Header.Get("Content-Type"), errMediaType)
	}
	d := json.NewDecoder(http.MaxBytesReader(c.Response(), r.Body, maxBody))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if err == nil {
		if _, err = d.Token(); err == io.EOF {
			return nil
		} else if err == nil {
			err = errors.New("something follows the JSON value")
		}
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return fmt.Errorf("the body is %w: the limit is %d bytes", errTooBig, maxBody)
	}
	return fmt.Errorf("the body is %w: %w", errMalformed, err)
}

// A query reads the parameters of a URL and remembers the first that is wrong,
// or that nobody has asked for.
type query struct {
	values url.Values
	known  map[string]bool
	err    error
}

func queryOf(c echo.Context) *query {
	return &query{values: c.QueryParams(), known: map[string]bool{}}
}

func (q *query) text(name string) string {
	q.known[name] = true
	s := q.values.Get(name)
	if len(s) > 4096 {
		q.fail(name, "longer than 4096 bytes")
		return ""
	}
	return s
}

// number returns a parameter from low to high, or otherwise if it is not there.
func (q *query) number(name string, otherwise, low, high int) int {
	s := q.text(name)
	if s == "" {
		return otherwise
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < low || n > high {
		q.fail(name, fmt.Sprintf("want a number from %d to %d", low, high))
		return otherwise
	}
	return n
}

func (q *query) sequence(name string) uint64 {
	s := q.text(name)
	if s == "" {
		return 0
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		q.fail(name, "want a number")
	}
	return n
}

func (q *query) time(name string) time.Time {
	s := q.text(name)
	if s == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		q.fail(name, "want a time as of RFC 3339, such as 2026-01-31T13:00:00Z")
	}
	return t
}

func (q *query) fail(name, why string) {
	if q.err == nil {
		q.err = fmt.Errorf("parameter %s=%.100q is %w: %s", name, q.values.Get(name), store.ErrInvalid, why)
	}
}

// end returns the first error.
func (q *query) end() error {
	for name := range q.values {
		if !q.known[name] && q.err == nil {
			q.err = fmt.Errorf("parameter %.100q is %w: it is not one of this path", name, store.ErrInvalid)
		}
	}
	return q.err
}

func writeJSON(w http.ResponseWriter, status int, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", echo.MIMEApplicationJSON)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, err = w.Write(append(text, '\n'))
	return err
}

func reply(c echo.Context, v any) error { return writeJSON(c.Response(), http.StatusOK, v) }

// param returns a parameter of the path as it was before it was escaped.
func param(c echo.Context, name string) string {
	s := c.Param(name)
	if plain, err := url.PathUnescape(s); err == nil && c.Request().URL.RawPath != "" {
		return plain
	}
	return s
}
