package main

import (
	"net/http"
	"net/url"
)

// sandboxPolicy keeps a page that a guest serves under our own origin from
// acting with that origin's rights (design §12).
const sandboxPolicy = "sandbox allow-scripts allow-forms allow-popups allow-downloads"

// A sandbox adds the policy to a reply, as one more header line: what the guest
// itself has set stays, and a browser keeps to both.
type sandbox struct {
	http.ResponseWriter
	done bool
}

// Unwrap lets http.ResponseController reach the connection.
func (s *sandbox) Unwrap() http.ResponseWriter { return s.ResponseWriter }

func (s *sandbox) protect() {
	if !s.done {
		s.done = true
		s.Header().Add("Content-Security-Policy", sandboxPolicy)
	}
}

func (s *sandbox) WriteHeader(status int) {
	if status >= 200 {
		s.protect()
	}
	s.ResponseWriter.WriteHeader(status)
}

func (s *sandbox) Write(b []byte) (int, error) {
	s.protect()
	return s.ResponseWriter.Write(b)
}

// Flush sends what there is, and so the head.
func (s *sandbox) Flush() {
	s.protect()
	_ = http.NewResponseController(s.ResponseWriter).Flush() // cannot flush: nothing to do about it
}

// stripPrefix returns the URL of r with another, escaped path, or nil if that is
// not valid.
func stripPrefix(r *http.Request, escaped string) *url.URL {
	path, err := url.PathUnescape(escaped)
	if err != nil {
		return nil
	}
	u := *r.URL
	u.Path, u.RawPath = path, escaped
	return &u
}
