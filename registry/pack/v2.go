package pack

import "fmt"

func (m *Manifest) decodeV2(tree *node) {
	r := m.report
	r.table(tree, "the manifest", fields{
		"spin_manifest_version": func(*node) {},
		"application":           m.application,
		"variables":             m.appVariables,
		"trigger":               m.triggers,
		"component":             m.components,
	}, "application", "trigger")
	m.nameTriggers()
	m.nameInline()
}

func (m *Manifest) application(n *node) {
	r := m.report
	var authors []placed
	r.table(n, "[application]", fields{
		"name":        r.str("application.name", &m.Name),
		"version":     r.str("application.version", &m.Version),
		"description": r.str("application.description", &m.Description),
		"authors":     r.strs("application.authors", &authors),
		"targets":     m.targets,
		"trigger":     m.globals,
		"tool":        r.tables("application.tool"),
	}, "name")
	m.Authors = texts(authors)
	if name := n.get("name"); name != nil && name.kind == stringKind && name.text == "" {
		r.errorf(name.offset, "application.name is empty: an app needs a name")
	}
}

// targets checks a list of target environments, which only building needs.
func (m *Manifest) targets(n *node) {
	r := m.report
	if !r.want(n, "targets", arrayKind) {
		return
	}
	for _, item := range n.items {
		var ignored string
		switch {
		case item.kind == stringKind:
		case item.get("url") != nil:
			r.table(item, "a target", fields{"url": r.str("url", &ignored)})
		default:
			r.table(item, "a target", fields{"path": r.str("path", &ignored)}, "path")
		}
	}
}

// globals keeps [application.trigger.x] as it is, for the lock.
func (m *Manifest) globals(n *node) {
	r := m.report
	m.triggerGlobals = make(map[string]any)
	if !r.want(n, "application.trigger", tableKind) {
		return
	}
	for _, f := range n.fields {
		where := "application.trigger." + f.key
		if !r.want(f.value, where, tableKind) {
			continue
		}
		v, err := f.value.json()
		if err != nil {
			r.errorf(f.value.offset, "%s: %v", where, err)
			continue
		}
		m.triggerGlobals[f.key] = v
		if f.key == "http" {
			m.httpGlobals(f.value)
		}
	}
}

func (m *Manifest) appVariables(n *node) {
	r := m.report
	if !r.want(n, "variables", tableKind) {
		return
	}
	for _, f := range n.fields {
		if err := checkLowerSnake(f.key); err != nil {
			r.errorf(f.offset, "variable %q: %v", f.key, err)
		}
		v := Variable{Name: f.key}
		where := "variables." + f.key
		text := func(key string, to **string) func(*node) {
			return func(n *node) {
				if r.want(n, where+"."+key, stringKind) {
					*to = &n.text
				}
			}
		}
		before := len(r.problems)
		r.table(f.value, where, fields{
			"default":     text("default", &v.Default),
			"description": text("description", &v.Description),
			"required":    r.boolean(where+".required", &v.Required),
			"secret":      r.boolean(where+".secret", &v.Secret),
		})
		if before == len(r.problems) && v.Required == (v.Default != nil) {
			r.errorf(f.offset, "variable %q must be `required` OR have a `default`", f.key)
		}
		m.Variables = append(m.Variables, v)
	}
}

func (m *Manifest) triggers(n *node) {
	r := m.report
	if !r.want(n, "trigger", tableKind) {
		return
	}
	for _, f := range n.fields {
		m.triggerTypes = append(m.triggerTypes, f.key)
		if f.value.kind == tableKind {
			r.errorf(f.offset, "[trigger.%s] is a table, want a list of tables: write [[trigger.%s]]", f.key, f.key)
			continue
		}
		if !r.want(f.value, "trigger."+f.key, arrayKind) {
			continue
		}
		for _, item := range f.value.items {
			if r.want(item, "trigger."+f.key, tableKind) {
				m.Triggers = append(m.Triggers, m.trigger(f.key, item))
			}
		}
	}
}

// trigger takes what is the same for all types out of n and keeps the rest for
// the lock.
func (m *Manifest) trigger(kind string, n *node) Trigger {
	r := m.report
	t := Trigger{Type: kind, offset: n.offset, id: n.offset, route: n.offset, config: make(map[string]any)}
	where := "[[trigger." + kind + "]]"
	for _, f := range n.fields {
		switch f.key {
		case "id":
			t.id = f.value.offset
			r.str(where+" id", &t.ID)(f.value)
		case "component":
			c := m.reference(f.value, where+" component")
			t.component, t.inline = c.component, c.inline
		case "components":
			t.roles = m.componentRoles(f.value, where)
		case "dependencies":
			if kind != "http" {
				r.errorf(f.offset, "%s dependencies: only http triggers have middleware", where)
				continue
			}
			r.middleware(where, &t.middleware)(f.value)
		default:
			v, err := f.value.json()
			if err != nil {
				r.errorf(f.value.offset, "%s %s: %v", where, f.key, err)
			}
			t.config[f.key] = v
			if f.key == "route" {
				t.route = f.value.offset
			}
		}
	}
	if kind == "http" {
		m.httpKeys(n, &t)
	}
	return t
}

// reference reads a component of a trigger: an id or a whole component.
func (m *Manifest) reference(n *node, where string) role {
	switch n.kind {
	case stringKind:
		if err := checkKebab(n.text); err != nil {
			m.report.errorf(n.offset, "%s %q: %v", where, n.text, err)
		}
		return role{component: placed{n.text, n.offset}}
	case tableKind:
		c := m.component("", n)
		return role{inline: &c}
	}
	m.report.errorf(n.offset, "%s is %s, want the id of a component or a table", where, n.kind)
	return role{}
}

func (m *Manifest) componentRoles(n *node, where string) []role {
	if !m.report.want(n, where+" components", tableKind) {
		return nil
	}
	var roles []role
	for _, f := range n.fields {
		items := []*node{f.value}
		if f.value.kind == arrayKind {
			items = f.value.items
		}
		for _, item := range items {
			roles = append(roles, m.reference(item, fmt.Sprintf("%s components.%s", where, f.key)))
		}
	}
	return roles
}
