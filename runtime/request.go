package runtime

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/runtime/route"
)

// A request is one request as an executor sees it.
type request struct {
	*http.Request // its Body is for the runtime

	path   string // raw
	host   string
	match  route.Match
	place  route.Place
	body   io.Reader // bounded; nil if there is none
	stdout io.Writer
	stderr io.Writer

	stopReading func() // ends a read of body that waits
	// rest is set by an executor whose guest goes on after its reply: it waits
	// for its end.
	rest func() error
}

// maxFields is the most bytes of names and values of request headers.
const maxFields = 128 << 10

var errNoHost = errors.New("a request needs a Host")

// newRequest tells what Spin would tell of r. A request without a host is
// errNoHost, which Spin does not answer at all.
func newRequest(r *http.Request, path string, m route.Match) (*request, error) {
	base := baseOf(r.Context())
	host := base.Host
	if host == "" {
		host = r.Host
	}
	name, _, _ := strings.Cut(host, ":")
	if host == "" || strings.HasSuffix(name, artifact.ChainingSuffix) {
		return nil, errNoHost
	}
	if err := checkFields(r.Header, host); err != nil {
		return nil, err
	}
	scheme := base.Scheme
	if scheme == "" {
		scheme = "http"
		if r.TLS != nil {
			scheme = "https"
		}
	}
	full := scheme + "://" + host + base.Prefix + path
	if r.URL.RawQuery != "" || r.URL.ForceQuery {
		full += "?" + r.URL.RawQuery
	}
	q := &request{
		Request: r, path: path, host: host, match: m,
		place: route.Place{URL: full, Base: base.Prefix, Client: r.RemoteAddr},
	}
	if base.Prefix == "" {
		q.place.Base = "/"
	}
	return q, nil
}

func checkFields(header http.Header, host string) error {
	total := 0
	for name, values := range header {
		for _, v := range values {
			if !utf8.ValidString(v) {
				return fmt.Errorf("the value of the request header %s is not UTF-8", name)
			}
			total += len(name) + len(v)
		}
	}
	if !utf8.ValidString(host) {
		return errors.New("the value of the request header Host is not UTF-8")
	}
	if total > maxFields {
		return fmt.Errorf("request headers: limit %s, seen %s", size(int64(maxFields)), size(int64(total)))
	}
	return nil
}

// header returns the headers for a guest: the client's, but for Connection, and
// the host's after them. A client's header with the name of one of the host's
// stays before it.
func (q *request) header() http.Header {
	header := q.Header.Clone()
	header.Del("Connection")
	for _, f := range q.match.Fields(q.place) {
		header.Add(f.Header, f.Value)
	}
	return header
}

// rawPath returns the path as the client sent it.
func rawPath(u *url.URL) string {
	if u.RawPath != "" {
		if path, err := url.PathUnescape(u.RawPath); err == nil && path == u.Path {
			return u.RawPath
		}
	}
	return u.EscapedPath()
}
