package wkg

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// What a registry may answer with before we stop listening to it.
const (
	maxAnswer   = 8 << 20 // bytes of an answer that is no blob
	maxRequests = 1000    // of one package: lists of versions come in pages
)

var errEndless = errors.New("the registry answers without end")

// A bounded transport carries the requests for one package. Blobs have sizes of
// their own, which are checked elsewhere.
type bounded struct {
	next     http.RoundTripper
	requests atomic.Int64
}

func (c *Client) bounded() *bounded {
	if c.Transport != nil {
		return &bounded{next: c.Transport}
	}
	return &bounded{next: remote.DefaultTransport}
}

func (b *bounded) RoundTrip(req *http.Request) (*http.Response, error) {
	if b.requests.Add(1) > maxRequests {
		return nil, errEndless
	}
	resp, err := b.next.RoundTrip(req)
	if err == nil && !strings.Contains(req.URL.Path, "/blobs/") {
		resp.Body = &answer{resp.Body, maxAnswer}
	}
	return resp, err
}

// An answer is a body that fails when it is too long.
type answer struct {
	io.ReadCloser
	left int64
}

func (a *answer) Read(p []byte) (int, error) {
	n, err := a.ReadCloser.Read(p)
	if a.left -= int64(n); a.left < 0 {
		a.Close() // not all who read it do, once it has failed
		return 0, errEndless
	}
	return n, err
}
