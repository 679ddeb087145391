package router

import (
	"net/netip"
	"strings"

	"github.com/neutrino-local/neutrino-local/store"
)

// A Target is what an address names: an app, or one revision of it.
type Target struct {
	App       string               // name or id
	Revision  store.RevisionNumber // 0: whichever is for this request
	Candidate bool                 // the revision of the deployment that is switching
}

// Bounds of a host: a DNS name, and what may follow "r" in a label.
const (
	maxHost     = 253
	maxLabel    = 63
	maxRevision = 9 // digits
)

// ParseHost returns what a Host header names under one of the domains:
// <app>.<domain>, r3--<app>.<domain> or candidate--<app>.<domain>, where an app
// is a name or an id. A port and one dot at the end do not matter, nor does case.
// It is false for a bare domain and for everything else; whether the app exists
// is another question.
func ParseHost(host string, domains []string) (Target, bool) {
	host, ok := hostname(host)
	if !ok {
		return Target{}, false
	}
	label := ""
	for _, d := range domains {
		d, ok := hostname(d)
		if !ok {
			continue
		}
		if host == d {
			return Target{}, false
		}
		if l, ok := strings.CutSuffix(host, d); ok && strings.HasSuffix(l, ".") && strings.Count(l, ".") == 1 {
			label = l[:len(l)-1]
		}
	}
	return ParseLabel(label)
}

// ParseLabel returns the target that a host's part before the domain names, or the
// first segment of a path below /_apps: the name of an app or its id, maybe behind
// "r3--" or "candidate--".
func ParseLabel(label string) (Target, bool) {
	which, app, found := strings.Cut(label, "--")
	if !found {
		return Target{App: label}, isApp(label)
	}
	t := Target{App: app}
	if which == "candidate" {
		t.Candidate = true
		return t, isApp(app)
	}
	n, ok := parseRevision(which)
	t.Revision = n
	return t, ok && isApp(app)
}

// parseRevision returns the number in "r3".
func parseRevision(s string) (store.RevisionNumber, bool) {
	digits, ok := strings.CutPrefix(s, "r")
	if !ok || digits == "" || len(digits) > maxRevision || digits[0] == '0' {
		return 0, false
	}
	n := 0
	for _, c := range []byte(digits) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int(c-'0')
	}
	return store.RevisionNumber(n), true
}

// isApp reports whether s has the form of an app's name or id. It says the same
// as store.ParseAppName and store.IsAppID, at the cost of a look at each byte.
func isApp(s string) bool {
	if s == "" || len(s) > maxLabel || s[0] == '-' || s[len(s)-1] == '-' || strings.Contains(s, "--") {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return s != "registry" && s != "candidate" && s != "localhost"
}

// hostname returns the name of a Host header or a domain without port and final
// dot, in lower case. It is false for an IP address, and for what cannot be a
// name.
func hostname(host string) (string, bool) {
	if len(host) > maxHost+len(".:65535") {
		return "", false
	}
	if i := strings.IndexByte(host, ':'); i >= 0 {
		if !isPort(host[i+1:]) {
			return "", false
		}
		host = host[:i]
	}
	if strings.ContainsFunc(host, notASCII) {
		return "", false // before lower case: the Kelvin sign has k for its own
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "" || len(host) > maxHost {
		return "", false
	}
	if last := host[len(host)-1]; last >= '0' && last <= '9' {
		_, err := netip.ParseAddr(host)
		return host, err != nil
	}
	return host, true
}

func notASCII(c rune) bool { return c > '~' || c <= ' ' }

// isPort reports whether s may follow the colon in a Host header; it may be
// empty there.
func isPort(s string) bool {
	return len(s) <= len("65535") && strings.Trim(s, "0123456789") == ""
}
