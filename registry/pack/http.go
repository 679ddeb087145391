package pack

import (
	"encoding/json"
	"net/http"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
)

// httpGlobals checks [application.trigger.http].
func (m *Manifest) httpGlobals(n *node) {
	r := m.report
	r.table(n, "[application.trigger.http]", fields{"base": func(n *node) {
		if !r.want(n, "base", stringKind) {
			return
		}
		if n.text != "/" {
			r.errorf(n.offset, "base %q: a base other than \"/\" is no longer supported; put it into each route", n.text)
			return
		}
		r.warnf(n.offset, "base is deprecated and can be left out")
	}})
}

// httpKeys checks the form of an http trigger, so that what is wrong is told
// with its place. What it means is for artifact.Trigger.HTTP.
func (m *Manifest) httpKeys(n *node, t *Trigger) {
	r := m.report
	fine := func(*node) {}
	var text string
	r.table(n, "[[trigger.http]]", fields{
		"id": fine, "component": fine, "components": fine, "dependencies": fine,
		"route":           m.routeKey(t),
		"static_response": r.staticKeys,
		"executor": func(n *node) {
			executors := fields{"type": r.executorType}
			if kind := n.get("type"); kind != nil && kind.text == "wagi" {
				executors["argv"] = r.str("argv", &text)
				executors["entrypoint"] = r.entrypoint
			}
			r.table(n, "executor", executors, "type")
		},
	}, "route")
	has := n.get("component") != nil
	switch static := n.get("static_response"); {
	case has && static != nil:
		r.errorf(static.offset, "Triggers must specify either component or static_response - both are here")
	case !has && static == nil:
		r.errorf(n.offset, "Triggers must specify either component or static_response - neither is here")
	}
}

func (m *Manifest) routeKey(t *Trigger) func(*node) {
	r := m.report
	return func(n *node) {
		switch n.kind {
		case stringKind:
			if err := artifact.CheckRoute(n.text); err != nil {
				name := t.component.text
				if name == "" {
					name = t.ID
				}
				r.errorf(n.offset, "Error parsing route %.200s associated with component %s: %v", artifact.SanitizeRoute(n.text), name, err)
			}
		case tableKind:
			var private bool
			r.table(n, "route", fields{"private": r.boolean("route.private", &private)}, "private")
			if p := n.get("private"); p != nil && p.text == "false" {
				r.errorf(n.offset, "route must be a string pattern or '{ private = true }': '%s' has { private = false }", t.component.text)
			}
		default:
			r.errorf(n.offset, "route is %s, want a string or { private = true }", n.kind)
		}
	}
}

func (r *report) executorType(n *node) {
	if !r.want(n, "executor.type", stringKind) {
		return
	}
	switch n.text {
	case "http", "spin", "wagi":
	default:
		r.errorf(n.offset, "unknown executor type %.100q: use \"http\" or \"wagi\"", n.text)
	}
}

func (r *report) entrypoint(n *node) {
	if !r.want(n, "entrypoint", stringKind) {
		return
	}
	if n.text != "_start" {
		r.errorf(n.offset, "entrypoint %.100q: it is deprecated, and only _start is left", n.text)
		return
	}
	r.warnf(n.offset, "entrypoint is deprecated and can be left out")
}

func (r *report) staticKeys(n *node) {
	if !r.want(n, "static_response", tableKind) {
		return
	}
	for _, f := range n.fields {
		switch f.key {
		case "status_code":
			code, err := f.value.integer()
			if r.want(f.value, f.key, intKind) && (err != nil || code < http.StatusOK || code > 999) {
				r.errorf(f.value.offset, "status_code %s is no final status of HTTP: use 200 to 599", f.value.text)
			}
		case "headers":
			var headers []pair
			r.pairs(f.key, &headers)(f.value)
			for _, h := range headers {
				if !httpguts.ValidHeaderFieldName(h.key) {
					r.errorf(h.keyOffset, "invalid header name %.100q", h.key)
				}
				if !httpguts.ValidHeaderFieldValue(h.value) {
					r.errorf(h.atOffset, "invalid value of header %.100q", h.key)
				}
			}
		case "body":
			var ignored string
			r.str(f.key, &ignored)(f.value)
		default:
			r.warnf(f.offset, "unknown key %q in static_response%s", f.key, suggest(f.key, []string{"status_code", "headers", "body"}))
		}
	}
}

// checkHTTP makes the http triggers what the host will see, and warns of routes
// that no request will reach.
func (m *Manifest) checkHTTP() {
	r := m.report
	same := make(map[string]*Trigger)  // by route as written: the last one wins
	shape := make(map[string]*Trigger) // by what it matches: the first one wins
	executor := make(map[string]*Trigger)
	for i := range m.Triggers {
		t := &m.Triggers[i]
		if t.Type != "http" {
			continue
		}
		raw, err := t.json()
		if err == nil {
			var h artifact.HTTPTrigger
			h, err = artifact.Trigger{ID: t.ID, Type: t.Type, Config: raw}.HTTP()
			t.HTTP = &h
		}
		if err != nil {
			r.errorf(t.offset, "%v", err)
			continue
		}
		if before := executor[t.Component]; before != nil && before.HTTP.Executor != t.HTTP.Executor && t.Component != "" {
			r.warnf(t.offset, "component %q has triggers with different executors: the last one's counts for all", t.Component)
		}
		executor[t.Component] = t
		if t.HTTP.Private {
			continue
		}
		route := t.HTTP.Route
		if strings.HasPrefix(artifact.SanitizeRoute(route), artifact.ReservedPrefix) {
			r.warnf(t.route, "route %s is below %s, which no component sees", route, artifact.ReservedPrefix)
		}
		key := routeShape(route)
		if before := same[route]; before != nil {
			r.warnf(t.route, "route %s is there twice: trigger %s replaces trigger %s", route, t.ID, before.ID)
		} else if before := shape[key]; before != nil {
			r.warnf(t.route, "route %s matches what route %s matches: trigger %s is never reached", route, before.HTTP.Route, t.ID)
		} else {
			shape[key] = t
		}
		same[route] = t
	}
}

// routeShape returns what two routes that match the same paths have in common.
func routeShape(route string) string {
	segments := strings.Split(strings.Trim(artifact.SanitizeRoute(route), "/"), "/")
	for i, s := range segments {
		if strings.HasPrefix(s, ":") && !strings.Contains(s, ".") {
			segments[i] = ":"
		}
	}
	if last := len(segments) - 1; segments[last] == "..." {
		segments[last] = "*"
	}
	return strings.Join(segments, "/")
}

// json returns the configuration of t as the lock has it.
func (t *Trigger) json() (json.RawMessage, error) {
	config := make(map[string]any, len(t.config)+1)
	for key, v := range t.config {
		config[key] = v
	}
	if t.Component != "" {
		config["component"] = t.Component
	}
	return artifact.JSON(config)
}
