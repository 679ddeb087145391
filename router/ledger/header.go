package ledger

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
)

// Bounds of the headers that are kept. With both sides of a request they are at
// most 16 MiB.
const (
	keptHeaders = 1024 // requests, the newest
	maxHeaders  = 64   // lines of one side
	maxValue    = 512  // bytes of a line's value
	maxSide     = 8192 // bytes of one side, names included
)

// A Header is one line of a request's or a reply's header. Of one that may be a
// secret only the length of the value is known.
type Header struct {
	Name, Value string
	Secret      bool
	Bytes       int // of the value as it was
}

// headers returns what is kept of a header, in no order.
func headers(host string, from http.Header) []Header {
	lines := make([]Header, 0, min(len(from)+1, maxHeaders))
	room := maxSide
	add := func(name, value string) {
		if room -= len(name); room < 0 || len(lines) == maxHeaders {
			return
		}
		h := Header{Name: name, Secret: secret(name), Bytes: len(value)}
		if !h.Secret {
			h.Value = bound(value, min(maxValue, room))
			room -= len(h.Value)
		}
		lines = append(lines, h)
	}
	if host != "" {
		add("Host", host)
	}
	for name, values := range from {
		for _, v := range values {
			add(name, v)
		}
	}
	return lines
}

// secret reports whether the value of a header may let somebody in. Names are in
// their canonical form.
func secret(name string) bool {
	switch name {
	case "Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie":
		return true
	case "Accept", "Accept-Encoding", "Host", "User-Agent", "Content-Length", "Content-Type":
		return false // most are these
	}
	name = strings.ToLower(name)
	for _, part := range []string{"auth", "cookie", "token", "secret", "password", "passwd", "credential", "key", "session", "signature"} {
		if strings.Contains(name, part) {
			return true
		}
	}
	return false
}

// A Detail is a record with the headers, by name. They are nil if no head was
// sent or too many requests have come since.
type Detail struct {
	Record          Record
	Asked, Answered []Header
}

// Detail returns record n, and false if it is not in the ledger.
func (l *Ledger) Detail(n uint64) (Detail, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n <= l.dropped() || n > l.next {
		return Detail{}, false
	}
	e := l.ring[(n-1)%uint64(len(l.ring))]
	return Detail{e.record, byName(e.asked), byName(e.answered)}, true
}

func byName(lines []Header) []Header {
	lines = slices.Clone(lines)
	slices.SortStableFunc(lines, func(a, b Header) int { return cmp.Compare(a.Name, b.Name) })
	return lines
}
