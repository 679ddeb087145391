package api

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/store"
	"github.com/neutrino-local/neutrino-local/web/apitype"
)

// A content is what clients are told of an artifact.
type content struct {
	routes     []apitype.Route // without URLs
	components []apitype.Component
	variables  map[string]artifact.Variable
}

// contents remembers what was read of artifacts, which never change, by digest.
type contents struct {
	mu       sync.Mutex
	byDigest map[string]content // guarded by mu
}

const maxContents = 256

// content returns what rev runs from. An artifact that cannot be read is logged
// and has no content: that is the server's trouble, and Serving tells of it.
func (s *Server) content(ctx context.Context, rev store.Revision) content {
	c := &s.contents
	c.mu.Lock()
	known, ok := c.byDigest[rev.Digest]
	c.mu.Unlock()
	if ok {
		return known
	}
	m, l, err := s.Content(ctx, rev)
	if err != nil {
		s.Log.DebugContext(ctx, "content of a revision", "app", rev.App, "rev", rev.Number, "err", err)
		return content{}
	}
	read := newContent(m, l)
	for i := range read.components {
		s.toolchain(ctx, &read.components[i])
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byDigest == nil || len(c.byDigest) >= maxContents {
		c.byDigest = map[string]content{}
	}
	c.byDigest[rev.Digest] = read
	return read
}

// toolchain adds what made a component. A component whose wasm does not tell, or
// cannot be read, has none.
func (s *Server) toolchain(ctx context.Context, c *apitype.Component) {
	tools, err := s.Toolchain(ctx, artifact.Digest(c.Digest))
	if err != nil {
		s.Log.DebugContext(ctx, "toolchain of a component", "component", c.ID, "err", err)
	}
	c.Toolchain = list(tools)
}

func newContent(m artifact.Manifest, l artifact.Lock) content {
	read := content{variables: l.Variables}
	descriptions := map[string]string{}
	for _, c := range l.Components {
		descriptions[c.ID] = c.Metadata.Description
		layer, _ := m.Layer(c.Source.Digest)
		read.components = append(read.components, apitype.Component{ID: c.ID, Digest: string(c.Source.Digest), Size: layer.Size})
	}
	triggers, err := l.HTTPTriggers()
	if err != nil {
		return read // the host refuses it too, with this reason
	}
	for _, t := range triggers {
		if r, ok := route(t, descriptions); ok {
			read.routes = append(read.routes, r)
		}
	}
	return read
}

// routesAt returns the routes with the URL where each is reached.
func (c content) routesAt(urls []string) []apitype.Route {
	routes := slices.Clone(list(c.routes))
	for i := range routes {
		if len(urls) > 0 {
			path := strings.TrimSuffix(strings.TrimSuffix(routes[i].Pattern, "..."), "*")
			routes[i].URL = strings.TrimSuffix(urls[0], "/") + path
		}
	}
	return routes
}

// variablesOf returns the variables of rev by name, without the values of those
// that are secret. A variable that the artifact does not declare counts as secret,
// since nobody has said that it is none.
func (c content) variablesOf(rev store.Revision) []apitype.Variable {
	all := []apitype.Variable{}
	for name, declared := range c.variables {
		v := apitype.Variable{Name: name, Secret: declared.Secret}
		value, set := rev.Variables[name]
		v.Set = set
		switch {
		case v.Secret:
		case set:
			v.Value = &value
		default:
			v.Value = declared.Default
		}
		all = append(all, v)
	}
	for name := range rev.Variables {
		if _, ok := c.variables[name]; !ok {
			all = append(all, apitype.Variable{Name: name, Secret: true, Set: true})
		}
	}
	slices.SortFunc(all, func(a, b apitype.Variable) int { return strings.Compare(a.Name, b.Name) })
	return all
}
