// Package variables is the variables of an app and what its components see of
// them: fermyon:spin/variables, its elder fermyon:spin/config, and
// wasi:config/store.
//
// A component sees the names that its manifest lists, each a template of the
// app's variables, and no others. What a template needs is looked up when the
// guest asks. Values are in no error and in no log.
package variables

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/store"
)

// A Kind is how a lookup fails.
type Kind int

// Kinds of errors, in the order of fermyon:spin/variables.
const (
	InvalidName Kind = iota
	Undefined
	Provider // a required variable has no value
	Other
)

// An Error says why a variable has no value. It tells no values.
type Error struct {
	Kind Kind
	Text string
}

func (e *Error) Error() string { return e.Text }

func fail(k Kind, format string, args ...any) *Error { return &Error{k, fmt.Sprintf(format, args...)} }

// A Source has values of variables that it may not know.
type Source func(name string) (string, bool)

// An App has the variables that an app declares.
type App struct {
	declared map[string]artifact.Variable
	sources  []Source // the first that knows a variable wins; then its default
}

// New returns the variables that a lock declares, with values from the sources.
func New(declared map[string]artifact.Variable, sources ...Source) *App {
	return &App{declared, sources}
}

// Values is the source of fixed values.
func Values(values map[string]string) Source {
	return func(name string) (string, bool) {
		v, ok := values[name]
		return v, ok
	}
}

// Environment is the source of the environment's variables with the prefix
// SPIN_VARIABLE_ and the name in capitals.
func Environment(lookup func(name string) (string, bool)) Source {
	return func(name string) (string, bool) { return lookup("SPIN_VARIABLE_" + strings.ToUpper(name)) }
}

// Require returns an error that names the required variables which no source
// knows.
func (a *App) Require() error {
	var missing []string
	for _, name := range slices.Sorted(maps.Keys(a.declared)) {
		if _, err := a.value(name); err != nil {
			missing = append(missing, name)
		}
	}
	if missing == nil {
		return nil
	}
	keys := make([]string, len(missing))
	for i, name := range missing {
		keys[i] = fmt.Sprintf("Key(%q)", name)
	}
	return store.Hint(fmt.Errorf("no provider resolved required variable(s): [%s]", strings.Join(keys, ", ")),
		fmt.Sprintf("deploy with --variable %s=VALUE", missing[0]))
}

func (a *App) value(name string) (string, *Error) {
	v, ok := a.declared[name]
	if !ok {
		return "", fail(Undefined, "no variable %q", name)
	}
	for _, source := range a.sources {
		if value, ok := source(name); ok {
			return value, nil
		}
	}
	if v.Default == nil {
		return "", fail(Provider, "no provider resolved required variable %q", name)
	}
	return *v.Default, nil
}

// maxValue bounds what a template makes.
const maxValue = 16 << 20

// Expand returns the text of a template.
func (a *App) Expand(t artifact.Template) (string, error) {
	var failed *Error
	n := 0
	text, ok := t.Expand(func(name string) (string, bool) {
		value, err := a.value(name)
		if n += len(value); err == nil && n > maxValue {
			err = fail(Other, "value: limit %d bytes", maxValue)
		}
		if err != nil {
			failed = err
		}
		return value, err == nil
	})
	if !ok {
		return "", failed
	}
	return text, nil
}

// A Component has the variables that one component sees.
type Component struct {
	app       *App
	id        string
	templates map[string]artifact.Template
}

// Component returns the variables of a component, whose templates are texts by
// name. They may name only what the app declares.
func (a *App) Component(id string, texts map[string]string) (*Component, error) {
	c := &Component{app: a, id: id, templates: make(map[string]artifact.Template, len(texts))}
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		t, err := artifact.ParseTemplate(texts[name])
		if err != nil {
			return nil, fmt.Errorf("variable %.100q: %w", name, err)
		}
		for _, needs := range t.Names() {
			if _, ok := a.declared[needs]; !ok {
				return nil, fmt.Errorf("variable %.100q: unknown variable %.100q", name, needs)
			}
		}
		c.templates[name] = t
	}
	return c, nil
}

// Get returns the value of a variable. Its error is an *Error.
func (c *Component) Get(name string) (string, error) {
	if err := artifact.CheckVariableName(name); err != nil {
		return "", fail(InvalidName, "%s", err)
	}
	if len(c.templates) == 0 {
		return "", fail(Undefined, "no variables defined for component %q", c.id)
	}
	t, ok := c.templates[name]
	if !ok {
		return "", fail(Undefined, "no variable for %q.%q", c.id, name)
	}
	return c.app.Expand(t)
}

// Names returns what the component sees, sorted.
func (c *Component) Names() []string { return slices.Sorted(maps.Keys(c.templates)) }
