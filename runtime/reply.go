package runtime

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"
)

var (
	errEnded      = errors.New("the request has ended")
	errClientGone = errors.New("the client has left")
)

// A reply is the http.ResponseWriter of a guest: it holds the response to its
// limit and knows whether the head was sent. The guest uses it from one
// goroutine; interrupt may come from another.
type reply struct {
	w     http.ResponseWriter
	limit int64 // of the body; 0: none
	head  bool  // the method is HEAD
	veto  func() error
	clean http.Header // before the guest

	n   int64
	err error // nothing more is sent

	mu    sync.Mutex
	sent  bool // guarded by mu; the head
	ended bool // guarded by mu; set by interrupt
}

func newReply(w http.ResponseWriter, r *http.Request, limit int64, veto func() error) *reply {
	return &reply{w: w, limit: limit, head: r.Method == http.MethodHead, veto: veto, clean: w.Header().Clone()}
}

func (p *reply) Header() http.Header { return p.w.Header() }

func (p *reply) WriteHeader(status int) {
	if p.err != nil || p.isSent() {
		return
	}
	if p.err = p.veto(); p.err != nil {
		return
	}
	declared, err := strconv.ParseInt(p.Header().Get("Content-Length"), 10, 64)
	if err == nil && p.limit > 0 && declared > p.limit && !p.head {
		p.err = responseLimit(p.limit, size(declared))
		return
	}
	if !p.begin() {
		p.err = errEnded
		return
	}
	p.w.WriteHeader(status)
}

func (p *reply) Write(b []byte) (int, error) {
	p.WriteHeader(http.StatusOK)
	if p.err != nil {
		return 0, p.err
	}
	if p.limit > 0 && p.n+int64(len(b)) > p.limit {
		p.err = responseLimit(p.limit, fmt.Sprintf("at least %d bytes", p.n+int64(len(b))))
		return 0, p.err
	}
	n, err := p.w.Write(b)
	p.n += int64(n)
	return n, p.gone(err)
}

// FlushError is for http.ResponseController.
func (p *reply) FlushError() error {
	if p.err != nil {
		return p.err
	}
	err := http.NewResponseController(p.w).Flush()
	if errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return p.gone(err)
}

// gone notes that the client takes no more.
func (p *reply) gone(err error) error {
	if err == nil {
		return nil
	}
	p.err = fmt.Errorf("%w: %w", errClientGone, err)
	return p.err
}

// begin marks the head as sent, unless the request has been interrupted: from
// here on, interrupt ends writes too.
func (p *reply) begin() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent = !p.ended
	return p.sent
}

func (p *reply) isSent() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sent
}

// isInterrupted reports whether the connection has been interrupted: net/http has
// then ended the context that all its requests share.
func (p *reply) isInterrupted() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ended
}

// interrupt ends what waits for the client: reads of the body and, if the reply
// has begun, writes. A head that was not sent stays unsent, so that the host can
// answer.
func (p *reply) interrupt() {
	p.mu.Lock()
	p.ended = true
	sent := p.sent
	p.mu.Unlock()
	past := time.Unix(1, 0)
	c := http.NewResponseController(p.w)
	_ = c.SetReadDeadline(past) // writers of tests have no deadlines
	if sent {
		_ = c.SetWriteDeadline(past)
	}
}

// stopReading ends a read of the request's body that waits.
func (p *reply) stopReading() {
	_ = http.NewResponseController(p.w).SetReadDeadline(time.Unix(1, 0)) // writers of tests have no deadlines
}

// replace answers in the guest's place. The head must not have been sent.
func (p *reply) replace(status int, header http.Header, text string) {
	h := p.w.Header()
	clear(h)
	for name, values := range p.clean {
		h[name] = values
	}
	for name, values := range header {
		h[name] = values
	}
	answer(p.w, status, text)
}

// answer writes a reply of the host's own. Without a text it has no body and no
// Content-Type, as Spin's.
func answer(w http.ResponseWriter, status int, text string) {
	h := w.Header()
	h["Content-Type"] = nil
	if text != "" {
		h.Set("Content-Type", "text/plain; charset=utf-8")
	}
	h.Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	if text != "" {
		_, _ = w.Write([]byte(text)) // the client may be gone
	}
}
