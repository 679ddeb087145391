package router

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/neutrino-local/neutrino-local/router/ledger"
)

// A reply notes what goes to the client. What else a ResponseWriter can do is
// there through Unwrap, which http.ResponseController follows.
type reply struct {
	http.ResponseWriter
	status int   // 0 until the head is sent
	bytes  int64 // of the body
	failed bool  // a write did: the client is gone

	entry  *ledger.Entry   // nil for a reply of the router
	ctx    context.Context // of the lease; nil for a reply of the router
	late   bool            // the head came after the request was cut
	upload *upload         // the request's body over HTTP/1, or nil
}

func (p *reply) Unwrap() http.ResponseWriter { return p.ResponseWriter }

func (p *reply) WriteHeader(status int) {
	if p.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		p.begin(status) // not with an informational head, after which the real one comes
	}
	p.ResponseWriter.WriteHeader(status)
}

// head notes the head that net/http sends before the first byte of a body.
func (p *reply) head() {
	if p.status == 0 {
		p.begin(http.StatusOK)
	}
}

// begin notes the head.
func (p *reply) begin(status int) {
	p.status = status
	p.late = p.ctx != nil && context.Cause(p.ctx) == ErrCut
	p.announce()
	p.entry.Head(p.Header())
}

// wrote notes n bytes of body, and whether they could not be sent.
func (p *reply) wrote(n int64, err error) {
	p.bytes += n
	if err != nil && !errors.Is(err, http.ErrBodyNotAllowed) && !errors.Is(err, http.ErrContentLength) {
		p.failed = true
	}
}

func (p *reply) Write(b []byte) (int, error) {
	p.head()
	p.sending(len(b))
	n, err := p.ResponseWriter.Write(b)
	p.wrote(int64(n), err)
	return n, err
}

func (p *reply) WriteString(s string) (int, error) {
	p.head()
	p.sending(len(s))
	n, err := io.WriteString(p.ResponseWriter, s)
	p.wrote(int64(n), err)
	return n, err
}

// ReadFrom lets the kernel copy a file where the connection can do that. An error
// may be the source's, so it says nothing about the client.
func (p *reply) ReadFrom(src io.Reader) (int64, error) {
	p.sending(buffered)
	n, err := io.Copy(p.ResponseWriter, src)
	if n > 0 || err == nil {
		p.head()
	}
	p.bytes += n
	return n, err
}

// Flush sends what has been written, and the head if that is all.
func (p *reply) Flush() { _ = p.FlushError() }

// FlushError is Flush with its error: see http.ResponseController.
func (p *reply) FlushError() error {
	p.head()
	p.sending(buffered)
	return http.NewResponseController(p.ResponseWriter).Flush()
}
