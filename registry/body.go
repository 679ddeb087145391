package registry

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// A body is what a request brings for an upload. It ends with an error when a
// limit is met, when nothing comes for the idle time, or when it is cut.
type body struct {
	s       *Server
	r       io.Reader
	control *http.ResponseController
	cutting atomic.Bool

	up    *upload
	name  string // of the limit on the whole upload
	limit int64
	want  int64 // bytes to come, or -1 if the request does not say
	got   int64
	armed time.Time // when the deadline was last moved
}

func (s *Server) newBody(w http.ResponseWriter, r *http.Request) *body {
	return &body{
		s: s, r: r.Body, want: r.ContentLength, control: http.NewResponseController(w),
		name: "registry-max-blob", limit: s.limits.Blob,
	}
}

var errCut = fmt.Errorf("%w: another request goes on with this upload", errUploadInvalid)

// cut ends the body from another goroutine.
func (b *body) cut() {
	b.cutting.Store(true)
	_ = b.control.SetReadDeadline(time.Unix(1, 0)) // not all connections have deadlines
}

// store appends the body to its upload. What is too big by its own account is
// refused before anything is read.
func (b *body) store() error {
	if err := b.fits(max(b.want, 0)); err != nil {
		return err
	}
	n, err := b.up.blob.Append(b)
	if err != nil {
		return err // the deadline stays: nobody waits for the rest
	}
	_ = b.control.SetReadDeadline(time.Time{}) // as in cut
	if b.want >= 0 && n != b.want {
		return fmt.Errorf("%w: %d bytes came, %d were announced", errSizeInvalid, n, b.want)
	}
	return nil
}

// fits returns an error if n more bytes are too many.
func (b *body) fits(n int64) error {
	size := b.up.blob.Size() + n
	if size < 0 {
		return fmt.Errorf("%w: %d more bytes", errSizeInvalid, n)
	}
	if err := over(b.name, b.limit, size); err != nil {
		return err
	}
	return b.s.uploads.room(n)
}

func (b *body) Read(p []byte) (int, error) {
	if now := time.Now(); now.Sub(b.armed) > b.s.idle/8 {
		b.armed = now
		_ = b.control.SetReadDeadline(now.Add(b.s.idle)) // as in cut
	}
	if b.cutting.Load() {
		return 0, errCut
	}
	n, err := b.r.Read(p)
	if n > 0 {
		if refused := b.take(int64(n)); refused != nil {
			return 0, refused
		}
	}
	if err == nil || errors.Is(err, io.EOF) {
		return n, err
	}
	if b.cutting.Load() {
		return n, errCut
	}
	return n, fmt.Errorf("%w after %d bytes: %w", errBody, b.got, err)
}

// take notes that n bytes have come, or refuses them.
func (b *body) take(n int64) error {
	b.got += n
	if b.want >= 0 && b.got > b.want {
		return fmt.Errorf("%w: more than the %d bytes that were announced", errSizeInvalid, b.want)
	}
	if err := over(b.name, b.limit, b.up.blob.Size()+n); err != nil {
		return err
	}
	return b.s.uploads.count(b.up, n)
}
