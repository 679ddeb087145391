package router

import (
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

const (
	// buffered is how much of a reply net/http keeps back before it sends the
	// head: 2 KiB, of which the head is no part.
	buffered = 2048
	// leftover is the most of a request's body that net/http reads and drops after
	// a handler, so that the connection can be used again.
	leftover = 256 << 10
	// What we read after a handler, if it answered before it had read all: of a
	// body whose length is not known, and of any.
	dropMost = 16 << 20
	dropTime = 5 * time.Second
)

// An upload is the body of a request over HTTP/1, where requests and replies take
// turns on a connection. A guest may answer while it still reads, as it can over
// HTTP/2; net/http allows that if it is told to leave the body alone. But if the
// handler then leaves some of the body, net/http stumbles over it: it closes the
// connection without a word to the client, whose next request is lost. So
// net/http is told only when a head is sent that early, and what is left of the
// body is read before the handler returns.
type upload struct {
	io.ReadCloser
	length int64 // -1 if not known
	read   atomic.Int64
	ended  atomic.Bool // at its end, or broken
	duplex bool        // net/http was told
	expect bool        // the client sends it only if it is asked to: net/http closes then
}

func (u *upload) Read(b []byte) (int, error) {
	n, err := u.ReadCloser.Read(b)
	u.read.Add(int64(n))
	if err != nil {
		u.ended.Store(true)
	}
	return n, err
}

// begin wraps the body of r, a request that no handler has seen, if that is
// needed.
func (u *upload) begin(r *http.Request) bool {
	if r.ProtoMajor != 1 || r.ContentLength == 0 || r.Body == nil || r.Body == http.NoBody {
		return false
	}
	u.ReadCloser, u.length, u.expect = r.Body, r.ContentLength, r.Header.Get("Expect") != ""
	r.Body = u
	return true
}

// announce says in the head that the connection will close, if more of the body
// is left than anybody wants to read.
func (p *reply) announce() {
	u := p.upload
	if u != nil && !u.ended.Load() && u.length-u.read.Load() > leftover {
		p.Header().Set("Connection", "close")
	}
}

// sending is called before n bytes are written, after which the head may be on
// its way.
func (p *reply) sending(n int) {
	u := p.upload
	if u == nil || u.duplex || p.bytes+int64(n) < buffered {
		return
	}
	u.duplex = true
	_ = http.NewResponseController(p.ResponseWriter).EnableFullDuplex()
}

// EnableFullDuplex is what the reply does by itself, when it is time.
func (p *reply) EnableFullDuplex() error { return nil }

// drop reads what the handler has left of the body. Its reply is over.
func (p *reply) drop() {
	u := p.upload
	if u == nil || !u.duplex || u.expect || u.ended.Load() || u.length-u.read.Load() > leftover {
		return
	}
	conn := http.NewResponseController(p.ResponseWriter)
	_ = conn.SetReadDeadline(time.Now().Add(dropTime)) // net/http sets it anew for the next request
	_ = p.FlushError()                                 // a client may wait for it before it sends the rest
	if _, err := io.CopyN(io.Discard, u, dropMost); err == nil {
		_ = conn.SetReadDeadline(time.Unix(1, 0)) // net/http shall not find the end of it either
	}
}
