package pack

import "fmt"

// nameTriggers gives an id to each trigger that has none: after its component,
// or counted by type.
func (m *Manifest) nameTriggers() {
	taken := make(map[string]bool, len(m.Triggers))
	for _, t := range m.Triggers {
		if t.ID != "" && taken[t.ID] {
			m.report.warnf(t.id, "the trigger id %q is there twice", t.ID)
		}
		taken[t.ID] = true
	}
	counters := make(map[string]int)
	for i := range m.Triggers {
		t := &m.Triggers[i]
		if t.ID != "" {
			continue
		}
		natural := fmt.Sprintf("%s-%s-trigger", t.component.text, t.Type)
		if t.component.text != "" && !taken[natural] {
			t.ID = natural
		}
		for n := max(1, counters[t.Type]); t.ID == ""; n++ {
			counters[t.Type] = n
			if id := fmt.Sprintf("%s-trigger%d", t.Type, n); !taken[id] {
				t.ID = id
			}
		}
		taken[t.ID] = true
	}
}

// nameInline moves the components that are written inside triggers to the other
// components, under ids made of the triggers' ids, or counted.
func (m *Manifest) nameInline() {
	taken := make(map[string]bool, len(m.Components))
	for _, c := range m.Components {
		taken[c.ID] = true
	}
	for i := range m.Triggers {
		t := &m.Triggers[i]
		t.Component = t.component.text
		if t.inline != nil {
			t.Component = m.adopt(*t.inline, t.ID, len(t.roles) > 0, taken)
		}
		for _, role := range t.roles {
			if role.inline != nil {
				m.adopt(*role.inline, t.ID, t.inline != nil || t.component.text != "" || len(t.roles) > 1, taken)
			}
		}
	}
}

func (m *Manifest) adopt(c Component, trigger string, several bool, taken map[string]bool) string {
	c.ID = trigger + "-component"
	for n := 1; several || checkKebab(c.ID) != nil || taken[c.ID]; n++ {
		several, c.ID = false, fmt.Sprintf("inline-component%d", n)
	}
	taken[c.ID] = true
	m.Components = append(m.Components, c)
	return c.ID
}
