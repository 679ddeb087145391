// Package client is the control API of a server as Go methods: what the command
// line uses, and nothing else.
//
// Every method blocks until the server has answered or ctx ends. A reply with a
// status from 400 is an *apitype.Error; a server that does not answer is an
// error of kind ErrUnreachable. No reply is read without a bound.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/neutrino-local/neutrino-local/store"
	"github.com/neutrino-local/neutrino-local/web/apitype"
)

// ErrUnreachable says that no server answered.
var ErrUnreachable = errors.New("no server reachable")

const (
	maxReply = 32 << 20 // bytes of one reply
	maxError = 64 << 10 // bytes of a reply that is an error
)

// A Client talks to one server.
type Client struct {
	base  string // without a slash at its end
	token string
	http  *http.Client
	retry backoff // of event streams
}

// New returns a client of the server at base, such as "http://127.0.0.1:7733".
// The token may be "".
func New(base, token string) *Client {
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DialContext = dialer.DialContext
	return &Client{
		base:  strings.TrimRight(base, "/"),
		token: token,
		http: &http.Client{
			Transport: transport,
			// The token goes to the server that was named and to no other.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		retry: defaultBackoff,
	}
}

// Base returns the URL of the server, without a slash at its end.
func (c *Client) Base() string { return c.base }

// Token returns the token of the server, or "".
func (c *Client) Token() string { return c.token }

// PlainHTTP reports whether the server is asked without TLS.
func (c *Client) PlainHTTP() bool { return strings.HasPrefix(c.base, "http://") }

// do is at for a path of the API.
func (c *Client) do(ctx context.Context, method, path string, query url.Values, in, out any) error {
	return c.at(ctx, method, "/api/v1"+path, query, in, out)
}

// at sends in as JSON, if it is not nil, and reads the reply into out, if that
// is not nil.
func (c *Client) at(ctx context.Context, method, path string, query url.Values, in, out any) error {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	resp, err := c.send(ctx, method, path, query, body, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if out == nil {
		return nil
	}
	if err := c.checkType(resp, "application/json"); err != nil {
		return err
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxReply+1))
	if err != nil {
		return c.transportError(ctx, err)
	}
	if len(text) > maxReply {
		return fmt.Errorf("%s %s: the reply is longer than %d bytes: ask for less", method, path, maxReply)
	}
	if err := json.Unmarshal(text, out); err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}

// send returns a reply with a status below 300. The caller closes its body.
func (c *Client) send(ctx context.Context, method, path string, query url.Values, body io.Reader, header http.Header) (*http.Response, error) {
	target := c.base + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		return nil, fmt.Errorf("server %q: %w", c.base, err)
	}
	if header != nil {
		req.Header = header
	}
	if body != nil && req.Header.Get("Content-Type") == "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.transportError(ctx, err)
	}
	if resp.StatusCode < 300 {
		return resp, nil
	}
	defer resp.Body.Close()
	return nil, c.replyError(resp)
}

// replyError returns the error that resp is.
func (c *Client) replyError(resp *http.Response) error {
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxError))
	e := &apitype.Error{}
	if err == nil && json.Unmarshal(text, e) == nil && e.Code != "" {
		e.Status = resp.StatusCode
		return e
	}
	if e, ok := registryError(resp.StatusCode, text); ok {
		return e
	}
	return c.foreign(fmt.Sprintf("it answered %s", resp.Status))
}

func (c *Client) checkType(resp *http.Response, want string) error {
	if t, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); t != want {
		return c.foreign(fmt.Sprintf("it answered with %q", resp.Header.Get("Content-Type")))
	}
	return nil
}

// foreign says that something else listens where a server of ours should.
func (c *Client) foreign(why string) error {
	err := fmt.Errorf("%s is not the control API of neutrino-local: %s", c.base, why)
	return store.Hint(err, "name the server with --server or NEUTRINO_SERVER")
}

// transportError gives err, from a request that got no whole reply, its kind.
func (c *Client) transportError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err // its URL is said already
	}
	err = fmt.Errorf("%w at %s: %w", ErrUnreachable, c.base, err)
	return store.Hint(err, "start one with: neutrino-local up")
}

// segment returns s as one segment of a path.
func segment(s string) string { return url.PathEscape(s) }
