package pack

import "strings"

// decodeV1 reads a manifest of version 1 as the one of version 2 that it means.
func (m *Manifest) decodeV1(tree *node) {
	r := m.report
	var authors []placed
	var kind string
	fine := func(*node) {}
	m.triggerGlobals = make(map[string]any)
	if t := tree.get("trigger"); t != nil && t.kind == tableKind {
		kind = m.triggerV1(t)
	}
	r.table(tree, "the manifest", fields{
		"spin_manifest_version": fine, "spin_version": fine,
		"name":        r.str("name", &m.Name),
		"version":     r.str("version", &m.Version),
		"description": r.str("description", &m.Description),
		"authors":     r.strs("authors", &authors),
		"trigger":     func(n *node) { r.want(n, "trigger", tableKind) },
		"variables":   m.appVariables,
		"component": func(n *node) {
			if !r.want(n, "component", arrayKind) {
				return
			}
			for _, item := range n.items {
				m.componentV1(kind, item)
			}
		},
	}, "name", "trigger")
	m.Authors = texts(authors)
	m.nameInline()
}

// triggerV1 keeps the app's trigger table, without its type, and returns the type.
func (m *Manifest) triggerV1(n *node) string {
	r := m.report
	kind := ""
	config := newTable(n.offset)
	for _, f := range n.fields {
		if f.key == "type" {
			r.str("trigger.type", &kind)(f.value)
			continue
		}
		config.set(f.key, f.offset, f.value)
	}
	if n.get("type") == nil {
		r.errorf(n.offset, "missing field `type` in trigger")
	}
	v, err := config.json()
	if err != nil {
		r.errorf(n.offset, "trigger: %v", err)
	}
	m.triggerGlobals[kind] = v
	if kind == "http" {
		m.httpGlobals(config)
	}
	return kind
}

func (m *Manifest) componentV1(kind string, n *node) {
	r := m.report
	if !r.want(n, "component", tableKind) {
		return
	}
	c := Component{offset: n.offset}
	var id placed
	var environment []pair
	var httpHosts []placed
	var t Trigger
	r.table(n, "[[component]]", fields{
		"id":                     func(n *node) { id.offset = n.offset; r.str("id", &id.text)(n) },
		"trigger":                func(n *node) { t = m.componentTriggerV1(kind, n) },
		"source":                 r.source("[[component]]", &c.Source),
		"description":            r.str("description", &c.Description),
		"config":                 r.pairs("config", &c.variables),
		"environment":            r.pairs("environment", &environment),
		"files":                  r.mounts(&c.files),
		"exclude_files":          r.strs("exclude_files", &c.exclude),
		"allowed_outbound_hosts": r.strs("allowed_outbound_hosts", &c.outbound),
		"allowed_http_hosts":     r.strs("allowed_http_hosts", &httpHosts),
		"key_value_stores":       r.strs("key_value_stores", &c.keyValueStores),
		"sqlite_databases":       r.strs("sqlite_databases", &c.databases),
		"ai_models":              r.strs("ai_models", &c.aiModels),
		"build":                  r.build(&c.Build),
	}, "id", "source", "trigger")
	c.Environment = stringMap(environment)
	c.Variables = stringMap(c.variables)
	r.variableNames(c.variables)
	if n.get("allowed_outbound_hosts") == nil {
		for _, scheme := range []string{"redis", "mysql", "postgres"} { // what version 1 allowed to all
			c.outbound = append(c.outbound, placed{scheme + "://*:*", n.offset})
		}
	}
	c.outbound = append(c.outbound, r.convertHTTPHosts(httpHosts)...)
	if c.ID = id.text; checkKebab(c.ID) != nil {
		c.ID = strings.ToLower(strings.ReplaceAll(c.ID, "_", "-"))
		if err := checkKebab(c.ID); err != nil {
			r.errorf(id.offset, "component %q: %v", id.text, err)
		}
	}
	t.ID, t.component = "trigger-"+c.ID, placed{c.ID, id.offset}
	m.Triggers = append(m.Triggers, t)
	m.replace(c)
}

// componentTriggerV1 reads what version 2 has as [[trigger.x]]. The component
// comes from around it.
func (m *Manifest) componentTriggerV1(kind string, n *node) Trigger {
	if !m.report.want(n, "trigger", tableKind) {
		return Trigger{}
	}
	with := newTable(n.offset)
	with.fields = append(with.fields, n.fields...)
	for i, f := range with.fields {
		with.index[f.key] = i
	}
	if with.get("component") == nil {
		with.set("component", n.offset, &node{kind: stringKind, offset: n.offset, text: "x"})
	}
	if len(m.triggerTypes) == 0 {
		m.triggerTypes = []string{kind}
	}
	return m.trigger(kind, with)
}

// replace adds c, or puts it in the place of the component with its id: in
// version 1 the last of a name counts, and all of their triggers stay.
func (m *Manifest) replace(c Component) {
	if before := m.Component(c.ID); before != nil {
		m.report.warnf(c.offset, "component %q is there twice: the last one counts", c.ID)
		*before = c
		return
	}
	m.Components = append(m.Components, c)
}
