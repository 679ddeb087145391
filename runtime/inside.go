package runtime

import (
	"context"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/neutrino-local/neutrino-local/runtime/wasi/stream"
)

// An insideReply is the http.ResponseWriter for a request that stays in the
// process.
type insideReply struct {
	ctx    context.Context // of the request
	method string
	asked  io.Closer // the request's body
	body   *stream.Pipe
	header http.Header
	head   chan *http.Response // takes one; nil is none

	once     sync.Once
	response *http.Response // once the head is sent
}

func (w *insideReply) Header() http.Header { return w.header }

func (w *insideReply) WriteHeader(status int) {
	if status < 200 {
		return
	}
	w.once.Do(func() {
		h := present(w.header)
		h.Del("Transfer-Encoding")
		h.Del("Connection")
		length, err := strconv.ParseInt(h.Get("Content-Length"), 10, 64)
		if err != nil {
			length = -1
		}
		w.response = &http.Response{
			StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
			Header: h, ContentLength: length, Trailer: http.Header{}, Body: w.body.Reader(w.ctx),
		}
		if w.method == http.MethodHead || status == http.StatusNoContent || status == http.StatusNotModified || length == 0 {
			w.response.Body = http.NoBody
			w.body.Drop()
		}
		w.head <- w.response
	})
}

func (w *insideReply) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(w.ctx, b)
}

// FlushError is for http.ResponseController: what is written can be read at once.
func (w *insideReply) FlushError() error {
	w.WriteHeader(http.StatusOK)
	return nil
}

// SetReadDeadline ends reads of the request's body. There are none in the future.
func (w *insideReply) SetReadDeadline(time.Time) error {
	if w.asked == nil {
		return nil
	}
	return w.asked.Close()
}

// SetWriteDeadline ends writes. There are none in the future.
func (w *insideReply) SetWriteDeadline(time.Time) error {
	w.body.CloseWrite(os.ErrDeadlineExceeded)
	return nil
}

// EnableFullDuplex is for http.ResponseController.
func (w *insideReply) EnableFullDuplex() error { return nil }

// end ends the reply: well if p, what the handler panicked with, is nil.
func (w *insideReply) end(p any) {
	if p == nil {
		w.WriteHeader(http.StatusOK)
		for name, values := range w.header {
			if name, ok := strings.CutPrefix(name, http.TrailerPrefix); ok {
				w.response.Trailer[http.CanonicalHeaderKey(name)] = values
			}
		}
		w.body.CloseWrite(nil)
		return
	}
	w.body.CloseWrite(io.ErrUnexpectedEOF)
	w.once.Do(func() { w.head <- nil })
}
