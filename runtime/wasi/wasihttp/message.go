package wasihttp

import (
	"net/url"
	"strings"
	"time"
)

// A Request is a request that a guest makes.
type Request struct {
	Method    string
	Path      *string // with query; nil is none
	Scheme    *string // nil is none
	Authority *string // nil is none
	Headers   *Fields
	Body      *OutgoingBody // nil until the guest asks for it
}

// NewRequest returns a GET request with those headers, which become immutable.
func NewRequest(headers *Fields) *Request {
	headers.Freeze()
	return &Request{Method: "GET", Headers: headers}
}

// OpenBody returns the body. The second call and all later ones return false,
// and so does every call if the headers declare no sensible length.
func (r *Request) OpenBody() (*OutgoingBody, bool) {
	if r.Body != nil {
		return nil, false
	}
	b, err := newOutgoingBody(r.Headers, RequestBodySize)
	if err != nil {
		return nil, false
	}
	r.Body = b
	return b, true
}

// SetMethod reports whether m is a method, and sets it.
func (r *Request) SetMethod(m string) bool {
	if !validToken(m) {
		return false
	}
	r.Method = m
	return true
}

// SetPath reports whether p is nil or a path with a query, and sets it.
func (r *Request) SetPath(p *string) bool {
	if p != nil && !validPath(*p) {
		return false
	}
	r.Path = p
	return true
}

// validPath allows what may stand in a request line.
func validPath(p string) bool {
	for i := range len(p) {
		if c := p[i]; c <= ' ' || c == '#' || c == 0x7f {
			return false
		}
	}
	return p == "" || p[0] == '/' || p[0] == '?' || p == "*"
}

// SetScheme reports whether s is nil or a scheme, and sets it.
func (r *Request) SetScheme(s *string) bool {
	if s != nil && !validScheme(*s) {
		return false
	}
	r.Scheme = s
	return true
}

func validScheme(s string) bool {
	for i := range len(s) {
		c := s[i] | 0x20
		if (c < 'a' || c > 'z') && (i == 0 || (s[i] < '0' || s[i] > '9') && strings.IndexByte("+-.", s[i]) < 0) {
			return false
		}
	}
	return s != ""
}

// SetAuthority reports whether a is nil or a host with or without a port, and
// sets it.
func (r *Request) SetAuthority(a *string) bool {
	if a != nil && !validAuthority(*a) {
		return false
	}
	r.Authority = a
	return true
}

func validAuthority(a string) bool {
	if a == "" || strings.ContainsAny(a, "/?#@\\ \t\r\n") {
		return false
	}
	u, err := url.Parse("http://" + a + "/")
	return err == nil && u.Host == a && u.Hostname() != ""
}

// Options are the times that a guest gives to a request of its own; nil is the
// server's.
type Options struct {
	Connect, FirstByte, BetweenBytes *time.Duration
}

// A Response is a response that a guest makes.
type Response struct {
	Status  uint16
	Headers *Fields
	Body    *OutgoingBody // nil until the guest asks for it

	guestEnded *bool // see OutgoingBody
}

// NewResponse returns a response of status 200 with those headers, which
// become immutable.
func NewResponse(headers *Fields) *Response {
	headers.Freeze()
	return &Response{Status: 200, Headers: headers}
}

// OpenBody returns the body, as Request.OpenBody does.
func (r *Response) OpenBody() (*OutgoingBody, bool) {
	if r.Body != nil {
		return nil, false
	}
	b, err := newOutgoingBody(r.Headers, ResponseBodySize)
	if err != nil {
		return nil, false
	}
	b.guestEnded = r.guestEnded
	r.Body = b
	return b, true
}

// SetStatus reports whether status has three digits, and sets it.
func (r *Response) SetStatus(status uint16) bool {
	if status < 100 || status > 999 {
		return false
	}
	r.Status = status
	return true
}
