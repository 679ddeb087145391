package pack

// checkSupported refuses what no server of ours runs and, if asked to, what the
// cloud does not run.
func (p *packer) checkSupported() {
	m, r := p.manifest, p.report
	if len(m.Triggers) == 0 {
		r.errorf(-1, "No triggers in app: add a [[trigger.http]]")
	}
	for _, t := range m.Triggers {
		if t.Type != "http" {
			r.errorf(t.offset, "trigger type %q: only http triggers run here, and in the cloud", t.Type)
		}
	}
	if !p.options.Cloud {
		return
	}
	for _, c := range m.Components {
		for _, l := range c.keyValueStores {
			if l.text != "default" {
				r.errorf(l.offset, "key-value store %q of component %q: the cloud has only \"default\"", l.text, c.ID)
			}
		}
		for _, l := range c.databases {
			r.errorf(l.offset, "SQLite database %q of component %q: the cloud has no SQLite", l.text, c.ID)
		}
	}
}
