package wagi

import (
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/http/httpguts"
)

// A Head is the status and the headers that a program has printed.
type Head struct {
	Status int
	Header http.Header
	Length int64 // Content-Length; -1 if it has none
}

// A ReplyError is a fault in what a program printed, and the reply that is given
// instead.
type ReplyError struct {
	Status int
	Body   string
	Reason string
}

func (e *ReplyError) Error() string { return e.Reason }

// split splits output after the blank line that ends the head. Carriage returns
// in the head mean nothing.
func split(output []byte) (head string, body []byte, ok bool) {
	var b strings.Builder
	last := byte(0)
	for i, c := range output {
		if c == '\r' {
			continue
		}
		if c == '\n' && last == '\n' {
			return b.String(), output[i+1:], true
		}
		b.WriteByte(c)
		last = c
	}
	return "", nil, false
}

// hop has the headers that are about the connection, which is the server's.
var hop = map[string]bool{
	"connection": true, "keep-alive": true, "proxy-connection": true, "te": true,
	"trailer": true, "transfer-encoding": true, "upgrade": true,
}

// HopByHop reports whether a header is about the connection.
func HopByHop(name string) bool { return hop[strings.ToLower(name)] }

// parseHead reads the lines of a head. Of several with the same name the last
// counts; lines that are no header mean nothing.
func parseHead(text string) (Head, error) {
	if !utf8.ValidString(text) {
		return Head{}, &ReplyError{Status: http.StatusInternalServerError, Reason: "the headers it printed are not UTF-8"}
	}
	h := Head{Header: http.Header{}, Length: -1}
	sufficient, location := false, false
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		name, value, ok := strings.Cut(line, ":")
		name, value = strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value)
		if !ok || hop[name] || !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) {
			continue
		}
		switch name {
		case "status":
			sufficient = true
			h.Status = parseStatus(value)
			continue
		case "content-length":
			h.Length = parseLength(value)
			continue
		case "content-type":
			sufficient = true
		case "location":
			sufficient, location = true, true
		}
		h.Header.Set(name, value)
	}
	switch {
	case !sufficient:
		return Head{}, insufficient()
	case h.Status == 0 && location:
		h.Status = http.StatusFound
	case h.Status == 0:
		h.Status = http.StatusOK
	}
	return h, nil
}

func insufficient() error {
	return &ReplyError{
		Status: http.StatusInternalServerError,
		Body:   "Exactly one of 'location' or 'content-type' must be specified",
		Reason: "it printed no head with a content-type, a location or a status, ended by a blank line",
	}
}

// parseStatus returns the status of a Status header, 502 if it is none. 1xx do
// not end a request.
func parseStatus(value string) int {
	code, _, _ := strings.Cut(value, " ")
	n, err := strconv.Atoi(code)
	if err != nil || len(code) != 3 || n < 200 {
		return http.StatusBadGateway
	}
	return n
}

func parseLength(value string) int64 {
	n, err := strconv.ParseUint(value, 10, 63)
	if err != nil {
		return -1
	}
	return int64(n)
}

// bodyAllowed reports whether a reply of that status may have a body.
func bodyAllowed(status int) bool {
	return status != http.StatusNoContent && status != http.StatusNotModified
}
