package pack

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
)

// check checks what the parts of a manifest say of each other.
func (m *Manifest) check() {
	for _, t := range m.Triggers {
		m.checkReference(t.component)
		for _, role := range t.roles {
			m.checkReference(role.component)
		}
	}
	m.checkHTTP()
	m.checkDependencies()
	for i := range m.Components {
		c := &m.Components[i]
		for _, v := range c.variables {
			m.checkTemplate(v)
		}
		for _, h := range c.outbound {
			m.checkHost(h)
		}
	}
}

// checkReference checks that a trigger's component is there.
func (m *Manifest) checkReference(id placed) {
	if id.text == "" || m.Component(id.text) != nil {
		return
	}
	ids := make([]string, len(m.Components))
	for i, c := range m.Components {
		ids[i] = c.ID
	}
	m.report.errorf(id.offset, "there is no component %q%s", id.text, suggest(id.text, ids))
}

func (m *Manifest) variable(name string) *Variable {
	i := slices.IndexFunc(m.Variables, func(v Variable) bool { return v.Name == name })
	if i < 0 {
		return nil
	}
	return &m.Variables[i]
}

// checkTemplate checks a component's variable, which is a template of the app's.
func (m *Manifest) checkTemplate(v pair) {
	t, err := artifact.ParseTemplate(v.value)
	if err != nil {
		m.report.errorf(v.atOffset, "variable %q: %v", v.key, err)
		return
	}
	for _, name := range t.Names() {
		if m.variable(name) == nil {
			m.report.errorf(v.atOffset, "variable %q: unknown variable %q%s", v.key, name, m.suggestVariable(name))
		}
	}
}

func (m *Manifest) suggestVariable(name string) string {
	names := make([]string, len(m.Variables))
	for i, v := range m.Variables {
		names[i] = v.Name
	}
	if hint := suggest(name, names); hint != "" {
		return hint
	}
	return ": declare it in [variables]"
}

// checkHost checks an entry of allowed_outbound_hosts, with the defaults of
// variables for templates. Where a default is missing, only a deploy can tell.
func (m *Manifest) checkHost(h placed) {
	r := m.report
	t, err := artifact.ParseTemplate(h.text)
	if err != nil {
		r.errorf(h.offset, "allowed_outbound_hosts: %v", err)
		return
	}
	for _, name := range t.Names() {
		if m.variable(name) == nil {
			r.errorf(h.offset, "allowed_outbound_hosts: unknown variable %q%s", name, m.suggestVariable(name))
			return
		}
	}
	text, ok := t.Expand(func(name string) (string, bool) {
		if v := m.variable(name); v.Default != nil {
			return *v.Default, true
		}
		return "", false
	})
	if !ok || len(t.Names()) > 0 && (text == "" || text == "http://" || text == "https://") {
		return
	}
	if _, err := artifact.ParseAllowedHost(text); err != nil {
		if text != h.text {
			err = fmt.Errorf("using default variable value(s) with template %q: %w", h.text, err)
		}
		r.errorf(h.offset, "allowed_outbound_hosts: %v", err)
	}
}

// convertHTTPHosts returns entries of allowed_outbound_hosts for those of the
// deprecated allowed_http_hosts.
func (r *report) convertHTTPHosts(hosts []placed) []placed {
	var all []placed
	for _, h := range hosts {
		if h.text == "insecure:allow-all" {
			return []placed{{"http://*:*", h.offset}, {"https://*:*", h.offset}, {"http://self", h.offset}}
		}
		host, err := parseHTTPHost(h.text)
		switch {
		case err != nil:
			r.errorf(h.offset, "allowed_http_hosts: %v", err)
		case host == "self":
			all = append(all, placed{"http://self", h.offset})
		default:
			all = append(all, placed{"http://" + host, h.offset}, placed{"https://" + host, h.offset})
		}
	}
	return all
}

// parseHTTPHost returns the host and port of an entry of allowed_http_hosts.
func parseHTTPHost(text string) (string, error) {
	full := text
	if !strings.Contains(text, "//") {
		full = "http://" + text
	}
	u, err := url.Parse(full)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return "", fmt.Errorf("%.100s isn't a valid host or host:port string", text)
	case len(u.Path) > 1:
		return "", fmt.Errorf("%.100s contains a path, should be host and optional port only", text)
	}
	port := u.Port()
	if port == map[string]string{"http": "80", "https": "443"}[u.Scheme] {
		port = ""
	}
	host := strings.ToLower(strings.TrimSuffix(u.Host, ":"+u.Port()))
	if port != "" {
		host += ":" + port
	}
	return host, nil
}
