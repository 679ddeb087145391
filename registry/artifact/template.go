package artifact

import (
	"errors"
	"fmt"
	"strings"
)

// A Template is text with {{ names }} of variables in it. There are neither
// escapes nor filters.
type Template struct {
	parts []part
}

type part struct {
	text string // literal, or the name of a variable
	name bool
}

// ParseTemplate returns s as a template.
func ParseTemplate(s string) (Template, error) {
	var t Template
	for s != "" {
		rest, ok := strings.CutPrefix(s, "{{")
		if ok {
			name, after, ok := strings.Cut(rest, "}}")
			if !ok {
				return Template{}, errors.New("unmatched '{{' in template")
			}
			t.parts = append(t.parts, part{strings.TrimSpace(name), true})
			s = after
			continue
		}
		i := strings.Index(s, "{{")
		if i < 0 {
			i = len(s)
		}
		t.parts = append(t.parts, part{s[:i], false})
		s = s[i:]
	}
	return t, nil
}

// Names returns the variables that the template needs, in order.
func (t Template) Names() []string {
	var names []string
	for _, p := range t.parts {
		if p.name {
			names = append(names, p.text)
		}
	}
	return names
}

// Expand returns the text with each variable replaced by its value, and false
// if value does not know one.
func (t Template) Expand(value func(name string) (string, bool)) (string, bool) {
	var b strings.Builder
	for _, p := range t.parts {
		text, ok := p.text, true
		if p.name {
			text, ok = value(p.text)
		}
		if !ok {
			return "", false
		}
		b.WriteString(text)
	}
	return b.String(), true
}

// CheckVariableName checks that name can be the name of a variable.
func CheckVariableName(name string) error {
	why := ""
	switch i := strings.IndexFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_'
	}); {
	case name == "":
		why = "must not be empty"
	case len(name) > maxID:
		why = fmt.Sprintf("longer than %d bytes", maxID)
	case i >= 0:
		why = fmt.Sprintf("invalid character %q. Variable names may contain only lower-case letters, numbers, and underscores.", []rune(name[i:])[0])
	case name[0] < 'a' || name[0] > 'z':
		why = "must start with a lowercase ASCII letter"
	case name[len(name)-1] == '_':
		why = "must end with a lowercase ASCII letter or digit"
	case strings.Contains(name, "__"):
		why = "must not contain multiple consecutive underscores"
	default:
		return nil
	}
	return fmt.Errorf("invalid variable name %.100q: %s", name, why)
}
