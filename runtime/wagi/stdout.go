package wagi

import (
	"errors"
	"net/http"
	"strconv"
)

// Buffered is how much of a program's output is held back: a program that fails
// before it has printed more is answered for by the host.
const Buffered = 64 << 10

// A stdout turns what a program prints into a reply. Its error ends the program.
type stdout struct {
	w      http.ResponseWriter
	method string
	cancel func(error)

	buffer  []byte
	sent    bool  // the head
	head    Head  // once sent
	written int64 // of the body
	err     error // no more output is taken
}

func (s *stdout) Write(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	rest := p
	if !s.sent {
		n := min(len(p), Buffered-len(s.buffer))
		s.buffer, rest = append(s.buffer, p[:n]...), p[n:]
		if len(rest) == 0 {
			return len(p), nil
		}
		s.fail(s.commit(false))
	}
	if s.err == nil {
		s.fail(s.stream(rest))
	}
	if s.err != nil {
		return 0, s.err
	}
	return len(p), nil
}

func (s *stdout) fail(err error) {
	if err != nil {
		s.err = err
		s.cancel(err)
	}
}

// finish ends the reply of a program that has ended well.
func (s *stdout) finish() error {
	switch {
	case s.err != nil:
		return s.err
	case s.sent && s.head.Length >= 0 && s.written < s.head.Length && s.hasBody():
		return errors.New("it printed less than its Content-Length says")
	case s.sent:
		return nil
	case len(s.buffer) == 0:
		return &ReplyError{Status: http.StatusInternalServerError, Reason: "it printed nothing; check the executor in spin.toml"}
	}
	return s.commit(true)
}

// commit sends the head and the part of the body that is in the buffer, which is
// all of it if the output is complete.
func (s *stdout) commit(complete bool) error {
	text, body, ok := split(s.buffer)
	if !ok {
		return insufficient()
	}
	head, err := parseHead(text)
	if err != nil {
		return err
	}
	if complete && s.method != http.MethodHead {
		head.Length = int64(len(body))
	}
	s.sent, s.head, s.buffer = true, head, nil
	header := s.w.Header()
	header["Content-Type"] = nil // net/http must not guess
	for name, values := range head.Header {
		header[name] = values
	}
	if head.Length >= 0 && bodyAllowed(head.Status) {
		header.Set("Content-Length", strconv.FormatInt(head.Length, 10))
	}
	s.w.WriteHeader(head.Status)
	if complete {
		return s.write(body)
	}
	return s.stream(body)
}

func (s *stdout) hasBody() bool {
	return s.method != http.MethodHead && bodyAllowed(s.head.Status)
}

// stream writes p through to the client.
func (s *stdout) stream(p []byte) error {
	if err := s.write(p); err != nil {
		return err
	}
	err := http.NewResponseController(s.w).Flush()
	if errors.Is(err, http.ErrNotSupported) {
		return nil
	}
	return err
}

func (s *stdout) write(p []byte) error {
	if !bodyAllowed(s.head.Status) {
		return nil
	}
	var more error
	if s.hasBody() && s.head.Length >= 0 && int64(len(p)) > s.head.Length-s.written {
		p = p[:s.head.Length-s.written]
		more = errors.New("it printed more than its Content-Length says")
	}
	s.written += int64(len(p))
	if len(p) > 0 {
		if _, err := s.w.Write(p); err != nil {
			return err
		}
	}
	return more
}
