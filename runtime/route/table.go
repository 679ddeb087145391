// Package route matches request paths against the routes of HTTP triggers, in
// the way and the order that Spin does.
//
// Paths are matched raw: percent-encoded, case-sensitive, as the client sent
// them. A Table does not change once it is built, and matching neither depends
// on anything but path and table nor fails on any path.
package route

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A Target is what one trigger declares: a route as it is written in the
// manifest, and the key by which its handler is found.
type Target struct {
	Pattern string
	Key     string
}

// A Route is one entry of a table.
type Route struct {
	Key       string
	Raw       string // as written
	Sanitised string // with a leading slash, without one trailing slash; "" for "/"

	segments []segment
}

// A Duplicate is a route that another with the same text has replaced.
type Duplicate struct {
	Pattern  string
	Replaced string // key
	By       string // key
}

// A Table has the routes of an app in the order in which they are tried.
type Table struct {
	routes     []*Route
	Duplicates []Duplicate
}

// New builds the table of targets, in the order of their declaration. Of routes
// with the same text the last counts; of routes that differ in text and match
// the same paths, the first.
func New(targets []Target) (*Table, error) {
	t := new(Table)
	for _, r := range t.last(targets) {
		var err error
		pattern := r.Sanitised
		if prefix, ok := strings.CutSuffix(pattern, "/..."); ok {
			pattern = prefix + "/*"
		}
		if r.segments, err = parse(pattern); err != nil {
			return nil, fmt.Errorf("error parsing route %s associated with component %s: %w", r.Sanitised, r.Key, err)
		}
		at := slices.IndexFunc(t.routes, func(other *Route) bool { return before(r, other) })
		if at < 0 {
			at = len(t.routes)
		}
		t.routes = slices.Insert(t.routes, at, r)
	}
	return t, nil
}

// last drops all but the last of targets with the same text, which takes the
// place of the first.
func (t *Table) last(targets []Target) []*Route {
	var routes []*Route
	byText := make(map[string]*Route, len(targets))
	for _, target := range targets {
		if r := byText[target.Pattern]; r != nil {
			t.Duplicates = append(t.Duplicates, Duplicate{Pattern: target.Pattern, Replaced: r.Key, By: target.Key})
			r.Key = target.Key
			continue
		}
		r := &Route{Key: target.Key, Raw: target.Pattern, Sanitised: sanitise(target.Pattern)}
		byText[target.Pattern] = r
		routes = append(routes, r)
	}
	return routes
}

func sanitise(pattern string) string {
	if !strings.HasPrefix(pattern, "/") {
		pattern = "/" + pattern
	}
	return strings.TrimSuffix(pattern, "/")
}

// before reports whether r, which is declared later, is tried before other. A
// dot ranks over text, params and wildcards when it comes from the later route
// and under them when it does not; that is how Spin's routes behave, whose order
// is not a total one.
func before(r, other *Route) bool {
	for i := range min(len(r.segments), len(other.segments)) {
		a, b := r.segments[i].kind, other.segments[i].kind
		if a == dot && b < slash {
			return true
		}
		if c := cmp.Compare(min(a, slash), min(b, slash)); c != 0 {
			return c < 0
		}
	}
	if c := cmp.Compare(dots(r), dots(other)); c != 0 {
		return c > 0
	}
	return len(r.segments) < len(other.segments)
}

func dots(r *Route) int {
	n := 0
	for _, s := range r.segments {
		if s.kind == dot {
			n++
		}
	}
	return n
}

// Routes returns the routes in the order in which they are tried.
func (t *Table) Routes() []*Route { return slices.Clone(t.routes) }

// Match returns the first route that matches all of path, which is the raw path
// of a request.
func (t *Table) Match(path string) (Match, bool) {
	trimmed := strings.Trim(path, "/")
	for _, r := range t.routes {
		if captures, ok := matchSegments(r.segments, trimmed); ok {
			return Match{Route: r, path: path, captures: captures}, true
		}
	}
	return Match{}, false
}

// Wildcard reports whether r ends in "/..." or "/*".
func (r *Route) Wildcard() bool {
	return strings.HasSuffix(r.Sanitised, "/...") || strings.HasSuffix(r.Sanitised, "/*")
}

// Path returns the route without its wildcard, "/" if nothing is left.
func (r *Route) Path() string {
	path := strings.TrimSuffix(strings.TrimSuffix(r.Sanitised, "/..."), "/*")
	return cmp.Or(path, "/")
}

// Reserved reports whether r lies under the paths that the host answers itself,
// where it is never reached.
func (r *Route) Reserved() bool { return strings.HasPrefix(r.Sanitised, ReservedPrefix) }

// ReservedPrefix begins the paths that no component ever sees.
const ReservedPrefix = "/.well-known/spin/"
