package api

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/neutrino-local/neutrino-local/store"
	"github.com/neutrino-local/neutrino-local/store/keyvalue"
	"github.com/neutrino-local/neutrino-local/web/apitype"
)

const (
	ndjson        = "application/x-ndjson"
	importBatch   = 1000    // pairs that are set together
	importBytes   = 4 << 20 // of their keys and values
	importKey     = 1 << 20 // bytes of a key in an import, as JSON
	importOverrun = 1 << 10 // bytes of a line beside key and value
)

// getPairs writes all pairs of a store, a line each. It reads them page by page,
// so that it sees some of what changes meanwhile.
func (s *Server) getPairs(c echo.Context) error {
	ctx := c.Request().Context()
	l, err := label(c)
	if err != nil {
		return err
	}
	if err := queryOf(c).end(); err != nil {
		return err
	}
	stores, err := s.stores(ctx, param(c, "app"))
	if err != nil {
		return err
	}
	w := c.Response()
	w.Header().Set("Content-Type", ndjson)
	w.Header().Set("Cache-Control", "no-store")
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	for r, more := (keyvalue.Range{Max: keysInPage}), true; more; {
		var entries []keyvalue.Entry
		if entries, r.From, more, err = stores.List(ctx, l, r); err != nil {
			return broken(c, err)
		}
		for _, e := range entries {
			value, ok, err := stores.Get(ctx, l, e.Key)
			if err == nil && ok {
				err = out.Encode(apitype.KeyValuePair{Key: e.Key, Value: base64.StdEncoding.EncodeToString(value)})
			}
			if err != nil {
				return broken(c, err)
			}
		}
	}
	w.Flush()
	return nil
}

// broken ends a reply with err. One that has begun is cut off, so that nobody
// takes it for all there is.
func broken(c echo.Context, err error) error {
	if !c.Response().Committed {
		return err
	}
	panic(http.ErrAbortHandler)
}

// postPairs sets the pairs of an export. Pairs before one that is refused stay.
func (s *Server) postPairs(c echo.Context) error {
	ctx, r := c.Request().Context(), c.Request()
	l, err := label(c)
	if err != nil {
		return err
	}
	if err := queryOf(c).end(); err != nil {
		return err
	}
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != ndjson {
		return fmt.Errorf("Content-Type %.100q: %w: want %s", r.Header.Get("Content-Type"), errNotOctets, ndjson)
	}
	stores, err := s.stores(ctx, param(c, "app"))
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(r.Body)
	lines.Buffer(nil, int(s.maxValue())*4/3+importKey+importOverrun)
	var batch []keyvalue.Pair
	done, size := 0, 0
	flush := func() error {
		if err := stores.SetMany(ctx, l, batch); err != nil {
			return fmt.Errorf("lines %d to %d: %w; %d pairs before them were set", done+1, done+len(batch), err, done)
		}
		done, size, batch = done+len(batch), 0, batch[:0]
		return nil
	}
	for lines.Scan() {
		p, err := readPair(lines.Bytes())
		if err != nil {
			return errors.Join(fmt.Errorf("line %d is %w: %w", done+len(batch)+1, store.ErrInvalid, err), flush())
		}
		batch = append(batch, p)
		if size += len(p.Key) + len(p.Value); len(batch) == importBatch || size > importBytes {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return errors.Join(fmt.Errorf("line %d is %w: its value is over %d bytes", done+len(batch)+1, errTooBig, s.maxValue()), flush())
	case err != nil:
		return err
	}
	if err := flush(); err != nil {
		return err
	}
	return reply(c, apitype.KeyValueImported{Pairs: done})
}

// readPair reads a line of an export.
func readPair(line []byte) (keyvalue.Pair, error) {
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	var p struct{ Key, Value *string }
	if err := d.Decode(&p); err != nil {
		return keyvalue.Pair{}, err
	}
	if p.Key == nil || p.Value == nil {
		return keyvalue.Pair{}, errors.New(`want {"key":…,"value":…}`)
	}
	value, err := base64.StdEncoding.DecodeString(*p.Value)
	if err != nil {
		return keyvalue.Pair{}, fmt.Errorf("value: %w", err)
	}
	return keyvalue.Pair{Key: *p.Key, Value: value}, nil
}
