package applog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/neutrino-local/neutrino-local/store"
)

// mostEncoded is more than a line takes in a file: a byte of a message becomes
// at most six. Whatever is longer is not ours, and not read.
const mostEncoded = 1 << 20

// mostName bounds the short fields, which are ours but go through guests.
const mostName = 256

// A record is a line in a file, after its sequence number.
type record struct {
	Time      time.Time            `json:"time"`
	Revision  store.RevisionNumber `json:"revision,omitempty"`
	Component string               `json:"component,omitempty"`
	Request   string               `json:"request,omitempty"`
	Stream    string               `json:"stream"`
	Message   string               `json:"msg"`
}

// An encoder is kept for the next line: encoding is the cost of Append.
type encoder struct {
	buf  bytes.Buffer
	json *json.Encoder
}

var encoders = sync.Pool{New: func() any {
	e := new(encoder)
	e.json = json.NewEncoder(&e.buf)
	e.json.SetEscapeHTML(false)
	return e
}}

// encode returns the record of line with a newline; it is valid until e is used
// again.
func (e *encoder) encode(line Line, most int) []byte {
	e.buf.Reset()
	r := record{
		Time: line.Time.UTC(), Revision: line.Revision, Message: cut(line.Message, most),
		Component: cut(line.Component, mostName), Request: cut(line.Request, mostName), Stream: cut(line.Stream, mostName),
	}
	if y := r.Time.Year(); y < 0 || y > 9999 { // which RFC 3339 cannot say
		r.Time = time.Unix(0, 0).UTC()
	}
	if err := e.json.Encode(r); err != nil {
		panic("applog: " + err.Error()) // a record of texts and a number always encodes
	}
	return e.buf.Bytes()
}

// cut returns s if it has at most so many bytes, otherwise its beginning and a
// word on the rest.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	n := most
	for n > most-utf8.UTFMax && n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return fmt.Sprintf("%s… (%d bytes cut)", s[:n], len(s)-n)
}

// appendRecord adds an encoded record under its number.
func appendRecord(b []byte, seq uint64, rec []byte) []byte {
	b = append(b, `{"seq":`...)
	b = strconv.AppendUint(b, seq, 10)
	b = append(b, ',')
	return append(b, rec[1:]...) // without its brace
}

// decode returns the line in b, or false if b is not one.
func decode(b []byte) (Line, bool) {
	if len(b) == 0 || len(b) > mostEncoded || b[0] != '{' {
		return Line{}, false
	}
	var r struct {
		Sequence uint64 `json:"seq"`
		record
	}
	if err := json.Unmarshal(b, &r); err != nil || r.Sequence == 0 {
		return Line{}, false
	}
	return Line{
		Sequence: r.Sequence, Time: r.Time, Revision: r.Revision, Component: r.Component,
		Request: r.Request, Stream: r.Stream, Message: r.Message,
	}, true
}
