package pack

import (
	"strconv"
	"strings"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
)

func (m *Manifest) components(n *node) {
	r := m.report
	if n.kind == arrayKind {
		r.errorf(n.offset, "[[component]] is of version 1: in version 2 a component is a table, [component.<id>]")
		return
	}
	if !r.want(n, "component", tableKind) {
		return
	}
	for _, f := range n.fields {
		if err := checkKebab(f.key); err != nil {
			r.errorf(f.offset, "component %q: %v", f.key, err)
		}
		m.Components = append(m.Components, m.component(f.key, f.value))
	}
}

// component reads the table of a component; id is "" for an inline one.
func (m *Manifest) component(id string, n *node) Component {
	r := m.report
	c := Component{ID: id, offset: n.offset}
	where := "[component." + id + "]"
	if id == "" {
		where = "an inline component"
	}
	var environment []pair
	var httpHosts []placed
	r.table(n, where, fields{
		"source":                 r.source(where, &c.Source),
		"description":            r.str("description", &c.Description),
		"variables":              r.pairs("variables", &c.variables),
		"environment":            r.pairs("environment", &environment),
		"files":                  r.mounts(&c.files),
		"exclude_files":          r.strs("exclude_files", &c.exclude),
		"allowed_outbound_hosts": r.strs("allowed_outbound_hosts", &c.outbound),
		"allowed_http_hosts":     r.strs("allowed_http_hosts", &httpHosts),
		"key_value_stores":       r.labels("key_value_stores", &c.keyValueStores),
		"sqlite_databases":       r.labels("sqlite_databases", &c.databases),
		"ai_models":              r.strs("ai_models", &c.aiModels),
		"targets":                m.targets,
		"build":                  r.build(&c.Build),
		"tool":                   r.tables("tool"),
		"profile":                r.overrides(&c.profiles),
		"dependencies":           r.dependencies(&c.Dependencies),

		"dependencies_inherit_configuration": r.inheritAll(&c.inherit),
	}, "source")
	c.Environment = stringMap(environment)
	c.Variables = stringMap(c.variables)
	r.variableNames(c.variables)
	if len(httpHosts) > 0 {
		converted := r.convertHTTPHosts(httpHosts)
		r.warnf(httpHosts[0].offset, "allowed_http_hosts is deprecated: write allowed_outbound_hosts = [%s]", quoted(converted))
		c.outbound = append(c.outbound, converted...)
	}
	return c
}

func (r *report) variableNames(variables []pair) {
	for _, v := range variables {
		if err := checkLowerSnake(v.key); err != nil {
			r.errorf(v.keyOffset, "variable %q: %v", v.key, err)
		}
	}
}

func quoted(list []placed) string {
	all := make([]string, len(list))
	for i, p := range list {
		all[i] = strconv.Quote(p.text)
	}
	return strings.Join(all, ", ")
}

func stringMap(pairs []pair) map[string]string {
	if len(pairs) == 0 {
		return nil
	}
	m := make(map[string]string, len(pairs))
	for _, p := range pairs {
		m[p.key] = p.value
	}
	return m
}

// source returns a function that stores one of the three forms of a source.
func (r *report) source(where string, to *Source) func(*node) {
	return func(n *node) {
		to.offset = n.offset
		switch {
		case n.kind == stringKind:
			to.Path = n.text
			if n.text == "" {
				r.errorf(n.offset, "source of %s is empty", where)
			}
		case n.kind != tableKind:
			r.errorf(n.offset, "source of %s is %s, want a path, {url, digest} or {registry, package, version}", where, n.kind)
		case n.get("url") != nil || n.get("digest") != nil:
			r.table(n, "source", fields{"url": r.str("url", &to.URL), "digest": r.digest(&to.Digest)}, "url", "digest")
		default:
			r.table(n, "source", fields{
				"registry": r.str("registry", &to.Registry),
				"package":  r.packageName(&to.Package),
				"version":  r.version(&to.Version),
			}, "package", "version")
		}
	}
}

func (r *report) version(to *string) func(*node) {
	return func(n *node) {
		r.str("version", to)(n)
		if _, err := artifact.ParseVersion(*to); n.kind == stringKind && err != nil {
			r.errorf(n.offset, "%v", err)
		}
		*to = "=" + *to
	}
}

func (r *report) digest(to *string) func(*node) {
	return func(n *node) {
		if !r.want(n, "digest", stringKind) {
			return
		}
		if !strings.HasPrefix(n.text, "sha256:") {
			r.errorf(n.offset, "invalid `digest` %.100q; must start with 'sha256:'", n.text)
		} else if _, err := artifact.ParseDigest(n.text); err != nil {
			r.errorf(n.offset, "%v", err)
		}
		*to = n.text
	}
}

// mounts returns a function that stores the entries of files.
func (r *report) mounts(to *[]mount) func(*node) {
	return func(n *node) {
		if !r.want(n, "files", arrayKind) {
			return
		}
		for _, item := range n.items {
			if item.kind == stringKind {
				*to = append(*to, mount{source: placed{item.text, item.offset}})
				continue
			}
			if item.kind != tableKind {
				r.errorf(item.offset, "an entry of files is %s, want a pattern or {source, destination}", item.kind)
				continue
			}
			mt := mount{destination: &placed{offset: item.offset}}
			place := func(p *placed, what string) func(*node) {
				return func(n *node) { p.offset = n.offset; r.str(what, &p.text)(n) }
			}
			r.table(item, "an entry of files", fields{
				"source":      place(&mt.source, "source"),
				"destination": place(mt.destination, "destination"),
			}, "source", "destination")
			*to = append(*to, mt)
		}
	}
}

// labels returns a function that stores a list of labels.
func (r *report) labels(what string, to *[]placed) func(*node) {
	return func(n *node) {
		r.strs(what, to)(n)
		for _, l := range *to {
			if err := checkLabel(l.text); err != nil {
				r.errorf(l.offset, "%s: %v", what, err)
			}
		}
	}
}

func (r *report) build(to **Build) func(*node) {
	return func(n *node) {
		b := &Build{}
		var watch []placed
		r.table(n, "build", fields{
			"command": r.command(b),
			"workdir": r.str("build.workdir", &b.Workdir),
			"watch":   r.strs("build.watch", &watch),
		}, "command")
		b.Watch = texts(watch)
		*to = b
	}
}

func (r *report) command(b *Build) func(*node) {
	return func(n *node) {
		if n.kind == stringKind {
			b.Commands = []string{n.text}
			return
		}
		if n.kind != arrayKind {
			r.errorf(n.offset, "build.command is %s, want a string or a list of strings", n.kind)
			return
		}
		var commands []placed
		r.strs("build.command", &commands)(n)
		b.Commands, b.list = texts(commands), true
	}
}

func (r *report) overrides(to *map[string]override) func(*node) {
	return func(n *node) {
		if !r.want(n, "profile", tableKind) {
			return
		}
		*to = make(map[string]override, len(n.fields))
		for _, f := range n.fields {
			where := "profile." + f.key
			o := override{}
			r.table(f.value, where, fields{
				"source": func(n *node) {
					o.source = &Source{}
					r.source(where, o.source)(n)
				},
				"environment":  r.pairs(where+".environment", &o.environment),
				"dependencies": r.dependencies(&o.dependencies),
				"build": func(n *node) {
					o.command = &Build{}
					r.table(n, where+".build", fields{"command": r.command(o.command)}, "command")
				},
			})
			(*to)[f.key] = o
		}
	}
}
