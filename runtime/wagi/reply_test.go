package wagi

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// print has a program print parts, end well, and returns the reply.
func print(t *testing.T, method string, parts ...string) (*httptest.ResponseRecorder, error) {
	t.Helper()
	w := httptest.NewRecorder()
	out := &stdout{w: w, method: method, cancel: func(error) {}}
	for _, p := range parts {
		if _, err := out.Write([]byte(p)); err != nil {
			return w, err
		}
	}
	return w, out.finish()
}

func TestReply(t *testing.T) {
	tests := []struct {
		name, output string
		status       int
		header       http.Header
		body         string
	}{
		{"plain", "Content-Type: text/plain\n\nhi\n", 200, http.Header{"Content-Type": {"text/plain"}, "Content-Length": {"3"}}, "hi\n"},
		{"CR LF", "Content-Type: a/b\r\nX: 1\r\n\r\nx\r\n\r\n", 200, http.Header{"Content-Type": {"a/b"}, "X": {"1"}, "Content-Length": {"5"}}, "x\r\n\r\n"},
		{"last counts", "content-type: a/b\nX: 1\nx: 2\nContent-Type: c/d\n\n", 200, http.Header{"Content-Type": {"c/d"}, "X": {"2"}, "Content-Length": {"0"}}, ""},
		{"status", "Status: 404 Not Found\n\nx", 404, http.Header{"Content-Type": nil, "Content-Length": {"1"}}, "x"},
		{"bare status", "Status: 999\n\n", 999, http.Header{"Content-Type": nil, "Content-Length": {"0"}}, ""},
		{"bad status", "Status: twelve\nContent-Type: a/b\n\nx", 502, http.Header{"Content-Type": {"a/b"}, "Content-Length": {"1"}}, "x"},
		{"short status", "Status: 20\n\n", 502, http.Header{"Content-Type": nil, "Content-Length": {"0"}}, ""},
		{"informational", "Status: 100\n\n", 502, http.Header{"Content-Type": nil, "Content-Length": {"0"}}, ""},
		{"location", "Location: /x\n\n", 302, http.Header{"Content-Type": nil, "Location": {"/x"}, "Content-Length": {"0"}}, ""},
		{"location and status", "Status: 301\nLocation: /x\n\n", 301, http.Header{"Content-Type": nil, "Location": {"/x"}, "Content-Length": {"0"}}, ""},
		{"status after location", "Location: /x\nStatus: 301\n\n", 301, http.Header{"Content-Type": nil, "Location": {"/x"}, "Content-Length": {"0"}}, ""},
		{"value with colons", "Location: http://h:1/\n\n", 302, http.Header{"Content-Type": nil, "Location": {"http://h:1/"}, "Content-Length": {"0"}}, ""},
		{"no header lines", "Content-Type: a/b\nnonsense\nbad name: x\n: y\n\n", 200, http.Header{"Content-Type": {"a/b"}, "Content-Length": {"0"}}, ""},
		{"the server's headers", "Content-Type: a/b\nConnection: close\nTransfer-Encoding: chunked\nContent-Length: 99\nTrailer: X\n\nxy", 200,
			http.Header{"Content-Type": {"a/b"}, "Content-Length": {"2"}}, "xy"},
		{"no content", "Status: 204\n\nx", 204, http.Header{"Content-Type": nil}, ""},
	}
	for _, tt := range tests {
		w, err := print(t, "GET", tt.output)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if w.Code != tt.status || w.Body.String() != tt.body {
			t.Errorf("%s: %d %q, want %d %q", tt.name, w.Code, w.Body, tt.status, tt.body)
		}
		if diff := cmp.Diff(tt.header, w.Header()); diff != "" {
			t.Errorf("%s: headers (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestReplyErrors(t *testing.T) {
	const insufficient = "Exactly one of 'location' or 'content-type' must be specified"
	for output, want := range map[string]ReplyError{
		"":                              {Status: 500},
		"hello":                         {Status: 500, Body: insufficient},
		"hello\n":                       {Status: 500, Body: insufficient},
		"X: 1\n\nbody":                  {Status: 500, Body: insufficient},
		"\n\nContent-Type: a/b":         {Status: 500, Body: insufficient},
		"Content-Type: a/b\nno end":     {Status: 500, Body: insufficient},
		"Content-Type: \xff\n\n":        {Status: 500},
		strings.Repeat("x", Buffered+1): {Status: 500, Body: insufficient},
	} {
		w, err := print(t, "GET", output)
		got, ok := errors.AsType[*ReplyError](err)
		if !ok || got.Status != want.Status || got.Body != want.Body || got.Reason == "" {
			t.Errorf("%.30q: %v, want %v", output, err, want)
		}
		if w.Body.Len() > 0 || len(w.Header()) > 0 {
			t.Errorf("%.30q: something was sent", output)
		}
	}
}

func TestStreamedReply(t *testing.T) {
	head := "Content-Type: a/b\n\n"
	large := strings.Repeat("x", Buffered)
	w, err := print(t, "GET", head, large[:100], large, "end")
	if err != nil || w.Body.String() != large[:100]+large+"end" || !w.Flushed || w.Header().Get("Content-Length") != "" {
		t.Errorf("%d bytes, flushed %v, %v, %v", w.Body.Len(), w.Flushed, w.Header(), err)
	}
	if w, err = print(t, "GET", head+large[:Buffered-len(head)]); err != nil || w.Flushed || w.Header().Get("Content-Length") == "" {
		t.Errorf("at the bound: flushed %v, %v, %v", w.Flushed, w.Header(), err)
	}
	declared := "Content-Type: a/b\nContent-Length: 65540\n\n"
	if w, err = print(t, "GET", declared, large, "end!"); err != nil || w.Header().Get("Content-Length") != "65540" || w.Body.Len() != 65540 {
		t.Errorf("declared: %d bytes, %v, %v", w.Body.Len(), w.Header(), err)
	}
	if w, err = print(t, "GET", declared, large, "too much"); err == nil || w.Body.Len() != 65540 {
		t.Errorf("more than declared: %d bytes, %v", w.Body.Len(), err)
	}
	if _, err = print(t, "GET", declared, large, "end"); err == nil {
		t.Error("less than declared: no error")
	}
	if _, err = print(t, "HEAD", declared, large, "end"); err != nil {
		t.Errorf("less than declared by HEAD: %v", err)
	}
	if w, err = print(t, "HEAD", "Content-Type: a/b\nContent-Length: 7\n\n"); err != nil || w.Header().Get("Content-Length") != "7" {
		t.Errorf("HEAD: %v, %v", w.Header(), err)
	}
	if w, err = print(t, "GET", "Status: 304\n\n"+large, large); err != nil || w.Body.Len() != 0 || w.Header().Get("Content-Length") != "" {
		t.Errorf("304 with a body: %d bytes, %v, %v", w.Body.Len(), w.Header(), err)
	}
}

func FuzzReply(f *testing.F) {
	f.Add([]byte("Content-Type: a\r\nStatus: 200\n\nbody"), 7)
	f.Add([]byte("Status: 1e2\nContent-Length: -1\n\n"), 0)
	f.Fuzz(func(t *testing.T, output []byte, cut int) {
		if cut < 0 || cut > len(output) {
			return
		}
		whole, err := print(t, "GET", string(output))
		parts, err2 := print(t, "GET", string(output[:cut]), string(output[cut:]))
		if (err == nil) != (err2 == nil) || whole.Code != parts.Code || whole.Body.String() != parts.Body.String() {
			t.Fatalf("%q in two parts: %d and %d, %v and %v", output, whole.Code, parts.Code, err, err2)
		}
		if err == nil && (whole.Code < 200 || whole.Code > 999) {
			t.Fatalf("status %d", whole.Code)
		}
	})
}

func TestUnescape(t *testing.T) {
	for s, want := range map[string]string{
		"": "", "/a%20b": "/a b", "%2F%2f": "//", "%": "%", "%4": "%4", "%zz": "%zz", "%00": "%00", "%ff": "\uFFFD", "%C3%A9": "\u00e9", "%+1": "%+1",
	} {
		if got := unescape(s); got != want {
			t.Errorf("unescape(%q) = %q, want %q", s, got, want)
		}
	}
}

func TestServer(t *testing.T) {
	for host, want := range map[string]string{
		"h": "h 80", "h:1": "h 1", "": "localhost 80", ":9": "localhost 9", "h:": "h 80",
	} {
		if name, port := server(host); name+" "+port != want {
			t.Errorf("server(%q) = %s %s, want %s", host, name, port, want)
		}
	}
}
