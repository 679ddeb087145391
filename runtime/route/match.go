package route

import "strings"

// A Match is a route and what it took from a path.
type Match struct {
	*Route

	path     string
	captures []string // of params and wildcard, in the order of the pattern
}

// Through is the match of a component that is reached by its name and not by a
// route, as in service chaining: as if its route were "/...".
func Through(key, path string) Match {
	return Match{
		Route:    &Route{Key: key, Raw: "/...", Sanitised: "/...", segments: []segment{{kind: wildcard}}},
		path:     path,
		captures: []string{strings.Trim(path, "/")},
	}
}

// PathInfo returns what the trailing wildcard took, with its leading slash and
// the path's trailing slash; "" if the route has no wildcard.
func (m Match) PathInfo() string {
	n := len(m.segments)
	if n == 0 || m.segments[n-1].kind != wildcard {
		return ""
	}
	info := m.captures[len(m.captures)-1]
	if info != "" {
		info = "/" + info
	}
	if strings.HasSuffix(m.path, "/") {
		info += "/"
	}
	return info
}

// A Param is a named part of a route and what it took.
type Param struct{ Name, Value string }

// Params returns the named parts in the order of the route. Of two with the same
// name the last counts.
func (m Match) Params() []Param {
	var params []Param
	i := 0
	for _, s := range m.segments {
		switch s.kind {
		case param:
			params = setParam(params, Param{Name: s.text, Value: m.captures[i]})
			i++
		case wildcard:
			i++
		}
	}
	return params
}

func setParam(params []Param, p Param) []Param {
	for i := range params {
		if params[i].Name == p.Name {
			params[i].Value = p.Value
			return params
		}
	}
	return append(params, p)
}

// A Place is where a request reached the app, as its client sees it.
type Place struct {
	URL    string // scheme, host, path and query
	Base   string // path under which the app is mounted; "/" for the root of a host
	Client string // address of the client
}

// A Field is one fact about a request that the host tells the guest: in a header
// or, for WAGI, in a variable of its environment.
type Field struct {
	Header   string // lower case
	Variable string
	Value    string
}

// Fields returns what the host tells the guest about a request, in Spin's order.
func (m Match) Fields(p Place) []Field {
	fields := []Field{
		{"spin-path-info", "PATH_INFO", m.PathInfo()},
		{"spin-full-url", "X_FULL_URL", p.URL},
		{"spin-matched-route", "X_MATCHED_ROUTE", m.Sanitised},
		{"spin-base-path", "X_BASE_PATH", p.Base},
		{"spin-raw-component-route", "X_RAW_COMPONENT_ROUTE", m.Raw},
		{"spin-component-route", "X_COMPONENT_ROUTE", strings.TrimSuffix(m.Raw, "/...")},
		{"spin-client-addr", "X_CLIENT_ADDR", p.Client},
	}
	for _, param := range m.Params() {
		name := strings.ReplaceAll(strings.ToLower(param.Name), "_", "-")
		fields = append(fields, Field{"spin-path-match-" + name, "X_PATH_MATCH_" + strings.ToUpper(param.Name), param.Value})
	}
	return fields
}
