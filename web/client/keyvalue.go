package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/neutrino-local/neutrino-local/web/apitype"
)

// maxValue is the largest value that a server has.
const maxValue = 128 << 20

// KeyValue returns what an app has in its key-value stores.
func (c *Client) KeyValue(ctx context.Context, app string) (kv apitype.KeyValue, err error) {
	return kv, c.do(ctx, http.MethodGet, appPath(app)+"/kv", nil, nil, &kv)
}

// Keys returns a page of at most max keys of a store that begin with prefix, and
// from on.
func (c *Client) Keys(ctx context.Context, app, store, prefix, from string, max int) (page apitype.KeyValuePage, err error) {
	q := url.Values{}
	setString(q, "prefix", prefix)
	setString(q, "from", from)
	setInt(q, "max", max)
	return page, c.do(ctx, http.MethodGet, storePath(app, store)+"/keys", q, nil, &page)
}

// Value returns the value of a key.
func (c *Client) Value(ctx context.Context, app, store, key string) ([]byte, error) {
	resp, err := c.send(ctx, http.MethodGet, "/api/v1"+storePath(app, store)+"/value", url.Values{"key": {key}}, nil, nil)
	if err != nil {
		return nil, err
	}
	return c.body(ctx, resp, maxValue)
}

// SetValue gives a key a value.
func (c *Client) SetValue(ctx context.Context, app, store, key string, value []byte) error {
	header := http.Header{"Content-Type": {"application/octet-stream"}}
	resp, err := c.send(ctx, http.MethodPut, "/api/v1"+storePath(app, store)+"/value", url.Values{"key": {key}}, bytes.NewReader(value), header)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// DeleteValue removes a key, if it is there.
func (c *Client) DeleteValue(ctx context.Context, app, store, key string) error {
	return c.do(ctx, http.MethodDelete, storePath(app, store)+"/value", url.Values{"key": {key}}, nil, nil)
}

// ExportPairs writes all pairs of a store to w, a line of JSON each.
func (c *Client) ExportPairs(ctx context.Context, app, store string, w io.Writer) error {
	resp, err := c.send(ctx, http.MethodGet, "/api/v1"+storePath(app, store)+"/pairs", nil, nil, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := c.checkType(resp, "application/x-ndjson"); err != nil {
		return err
	}
	from := &reader{Reader: resp.Body}
	if _, err = io.Copy(w, from); from.err != nil {
		return c.transportError(ctx, from.err)
	}
	return err
}

// A reader remembers why it ended too early.
type reader struct {
	io.Reader
	err error
}

func (r *reader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err != nil && err != io.EOF {
		r.err = err
	}
	return n, err
}

// ImportPairs sets the pairs that r has as ExportPairs writes them, and returns
// how many there were.
func (c *Client) ImportPairs(ctx context.Context, app, store string, r io.Reader) (int, error) {
	header := http.Header{"Content-Type": {"application/x-ndjson"}}
	resp, err := c.send(ctx, http.MethodPost, "/api/v1"+storePath(app, store)+"/pairs", nil, r, header)
	if err != nil {
		return 0, err
	}
	text, err := c.body(ctx, resp, maxError)
	if err != nil {
		return 0, err
	}
	var done apitype.KeyValueImported
	if err := json.Unmarshal(text, &done); err != nil {
		return 0, fmt.Errorf("import: %w", err)
	}
	return done.Pairs, nil
}

func storePath(app, store string) string { return appPath(app) + "/kv/" + segment(store) }
