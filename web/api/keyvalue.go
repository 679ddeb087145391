package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"github.com/neutrino-local/neutrino-local/store"
	"github.com/neutrino-local/neutrino-local/store/keyvalue"
	"github.com/neutrino-local/neutrino-local/web/apitype"
)

// What people and tools do to key-value stores is bound by the same sizes as
// what guests do, but not by their rates.

const (
	maxLabel   = 256      // bytes
	maxKey     = 64 << 10 // bytes of a key in a URL
	octets     = "application/octet-stream"
	keysInPage = 1000
)

// stores returns the key-value stores of an app.
func (s *Server) stores(ctx context.Context, ref string) (*keyvalue.App, error) {
	app, err := s.Find(ctx, ref)
	if err != nil {
		return nil, err
	}
	return s.KeyValue.App(app.ID), nil
}

// KeyValueOf returns what an app has in its key-value stores.
func (s *Server) KeyValueOf(ctx context.Context, ref string) (apitype.KeyValue, error) {
	stores, err := s.stores(ctx, ref)
	if err != nil {
		return apitype.KeyValue{}, err
	}
	limits := s.KeyValue.Limits()
	view := apitype.KeyValue{
		Stores: []apitype.KeyValueStore{}, Seconds: []apitype.KeyValueSecond{},
		Limits: apitype.KeyValueLimits{
			KeyBytes: int64(limits.Key), ValueBytes: int64(limits.Value), TotalBytes: limits.Total,
			Reads: int64(limits.Reads), Writes: int64(limits.Writes),
		},
	}
	if view.TotalBytes, err = s.KeyValue.Total(ctx); err != nil {
		return view, err
	}
	sizes, err := stores.Sizes()
	if err != nil {
		return view, err
	}
	for _, label := range slices.Sorted(maps.Keys(sizes)) {
		view.Stores = append(view.Stores, apitype.KeyValueStore{Label: label, Keys: sizes[label].Keys, Bytes: sizes[label].Bytes})
	}
	for _, sec := range stores.Seconds() {
		view.Seconds = append(view.Seconds, apitype.KeyValueSecond{
			At: sec.At, Reads: int64(sec.Reads), Writes: int64(sec.Writes), Refused: int64(sec.Refused),
		})
	}
	return view, nil
}

// Keys returns keys of a store.
func (s *Server) Keys(ctx context.Context, ref, label string, r keyvalue.Range) (apitype.KeyValuePage, error) {
	page := apitype.KeyValuePage{Keys: []apitype.KeyValueEntry{}}
	stores, err := s.stores(ctx, ref)
	if err != nil {
		return page, err
	}
	entries, next, _, err := stores.List(ctx, label, r)
	for _, e := range entries {
		page.Keys = append(page.Keys, apitype.KeyValueEntry(e))
	}
	page.Next = next
	return page, err
}

// Value returns the value of a key.
func (s *Server) Value(ctx context.Context, ref, label, key string) ([]byte, error) {
	stores, err := s.stores(ctx, ref)
	if err != nil {
		return nil, err
	}
	value, ok, err := stores.Get(ctx, label, key)
	if err == nil && !ok {
		err = fmt.Errorf("key %.100q: %w", key, store.ErrNotFound)
	}
	return value, err
}

// SetValue gives a key a value.
func (s *Server) SetValue(ctx context.Context, ref, label, key string, value []byte) error {
	stores, err := s.stores(ctx, ref)
	if err != nil {
		return err
	}
	return stores.Set(ctx, label, key, value)
}

// DeleteValue removes a key, if it is there.
func (s *Server) DeleteValue(ctx context.Context, ref, label, key string) error {
	stores, err := s.stores(ctx, ref)
	if err != nil {
		return err
	}
	return stores.Delete(ctx, label, key)
}

// label returns the label that a path names.
func label(c echo.Context) (string, error) {
	l := param(c, "store")
	if l == "" || len(l) > maxLabel || !utf8.ValidString(l) {
		return "", fmt.Errorf("store %.100q is %w: want a label of at most %d bytes", l, store.ErrInvalid, maxLabel)
	}
	return l, nil
}

// key returns a key in the URL: any text, also none.
func (q *query) key(name string) string {
	q.known[name] = true
	s := q.values.Get(name)
	switch {
	case len(s) > maxKey:
		q.fail(name, fmt.Sprintf("longer than %d bytes", maxKey))
		return ""
	case !utf8.ValidString(s):
		q.fail(name, "it is not UTF-8")
	}
	return s
}

// pair returns the label and the key that a request is about.
func pair(c echo.Context) (l, key string, err error) {
	if l, err = label(c); err != nil {
		return "", "", err
	}
	q := queryOf(c)
	if key = q.key("key"); !q.values.Has("key") {
		q.fail("key", "it is missing")
	}
	return l, key, q.end()
}

func (s *Server) getKeyValue(c echo.Context) error {
	view, err := s.KeyValueOf(c.Request().Context(), param(c, "app"))
	if err != nil {
		return err
	}
	return reply(c, view)
}

func (s *Server) getKeys(c echo.Context) error {
	l, err := label(c)
	if err != nil {
		return err
	}
	q := queryOf(c)
	r := keyvalue.Range{Prefix: q.key("prefix"), From: q.key("from"), Max: q.number("max", 100, 1, keysInPage)}
	if err := q.end(); err != nil {
		return err
	}
	page, err := s.Keys(c.Request().Context(), param(c, "app"), l, r)
	if err != nil {
		return err
	}
	return reply(c, page)
}

func (s *Server) getValue(c echo.Context) error {
	l, key, err := pair(c)
	if err != nil {
		return err
	}
	value, err := s.Value(c.Request().Context(), param(c, "app"), l, key)
	if err != nil {
		return err
	}
	h := c.Response().Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Disposition", "attachment") // a browser is not to show what an app has written
	return c.Blob(http.StatusOK, octets, value)
}

func (s *Server) putValue(c echo.Context) error {
	l, key, err := pair(c)
	if err != nil {
		return err
	}
	value, err := s.valueOf(c)
	if err != nil {
		return err
	}
	if err := s.SetValue(c.Request().Context(), param(c, "app"), l, key, value); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

// maxValue is the largest value that a request may bring.
func (s *Server) maxValue() int64 {
	if v := s.KeyValue.Limits().Value; v > 0 {
		return int64(v)
	}
	return keyvalue.MaxValue
}

// valueOf reads the body of a request as a value.
func (s *Server) valueOf(c echo.Context) ([]byte, error) {
	r, most := c.Request(), s.maxValue()
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != octets {
		return nil, fmt.Errorf("Content-Type %.100q: %w: want %s", r.Header.Get("Content-Type"), errNotOctets, octets)
	}
	value, err := io.ReadAll(http.MaxBytesReader(c.Response(), r.Body, most))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, fmt.Errorf("the value is %w: the limit is %d bytes", errTooBig, most)
	}
	return value, err
}

func (s *Server) deleteValue(c echo.Context) error {
	l, key, err := pair(c)
	if err != nil {
		return err
	}
	if err := s.DeleteValue(c.Request().Context(), param(c, "app"), l, key); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}
