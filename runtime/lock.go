package runtime

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/runtime/wagi"
)

// An httpTrigger is the configuration of one trigger in the lock. Its handler is
// found by key.
type httpTrigger struct {
	Component string          `json:"component"`
	Static    *staticResponse `json:"static_response"`
	Route     json.RawMessage `json:"route"`
	Executor  *executorConfig `json:"executor"`

	id      string
	pattern string // "" if private
	private bool
}

type staticResponse struct {
	Status  *int              `json:"status_code"`
	Headers map[string]string `json:"headers"`
	Body    *string           `json:"body"`
}

type executorConfig struct {
	Type       string  `json:"type"` // http, or its old name spin; wagi
	Entrypoint *string `json:"entrypoint"`
	Argv       *string `json:"argv"`
}

// key is what a route leads to: a component, whichever trigger names it, or a
// trigger with a response of its own.
func (t *httpTrigger) key() string {
	if t.Component != "" {
		return t.Component
	}
	return "trigger " + t.id // no component's id has a space
}

// checkLock refuses locks that ask for what no host knows.
func checkLock(l *artifact.Lock) error {
	if l.Version < 0 || l.Version > 1 {
		return fmt.Errorf("invalid version %d > 1 of the lock", l.Version)
	}
	for _, what := range l.MustUnderstand {
		if what != "host_requirements" && what != "component_host_requirements" {
			return fmt.Errorf("the app must_understand %.100q, which this host does not", what)
		}
	}
	return checkRequirements(l.HostRequirements)
}

func checkRequirements(requirements map[string]string) error {
	var unknown []string
	for name, level := range requirements {
		if name != "local_service_chaining" && name != "middleware" && level != "optional" {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		slices.Sort(unknown)
		return fmt.Errorf("the app requires features that this host does not have: %s", strings.Join(unknown, ", "))
	}
	return nil
}

// httpTriggers returns the triggers of a lock in the order of their declaration.
func httpTriggers(l *artifact.Lock) ([]*httpTrigger, error) {
	if len(l.Triggers) == 0 {
		return nil, errors.New("no triggers in app")
	}
	triggers := make([]*httpTrigger, 0, len(l.Triggers))
	for _, t := range l.Triggers {
		if t.Type != "http" {
			return nil, fmt.Errorf("trigger %q is of type %q; this host has http triggers only", t.ID, t.Type)
		}
		parsed, err := parseTrigger(t)
		if err != nil {
			return nil, fmt.Errorf("trigger %q: %w", t.ID, err)
		}
		triggers = append(triggers, parsed)
	}
	return triggers, nil
}

func parseTrigger(t artifact.Trigger) (*httpTrigger, error) {
	parsed := &httpTrigger{id: t.ID}
	d := json.NewDecoder(bytes.NewReader(t.Config))
	d.DisallowUnknownFields()
	if err := d.Decode(parsed); err != nil {
		return nil, err
	}
	switch {
	case parsed.Component == "" && parsed.Static == nil:
		return nil, errors.New("triggers must specify either component or static_response - it has neither")
	case parsed.Component != "" && parsed.Static != nil:
		return nil, errors.New("triggers must specify either component or static_response - it has both")
	}
	if parsed.Static != nil {
		if err := parsed.Static.check(); err != nil {
			return nil, err
		}
	}
	if err := parsed.Executor.check(); err != nil {
		return nil, err
	}
	return parsed, parsed.parseRoute()
}

func (t *httpTrigger) parseRoute() error {
	if err := json.Unmarshal(t.Route, &t.pattern); err == nil && string(t.Route) != "null" {
		return nil
	}
	var endpoint struct {
		Private *bool `json:"private"`
	}
	d := json.NewDecoder(bytes.NewReader(t.Route))
	d.DisallowUnknownFields()
	if err := d.Decode(&endpoint); err != nil || endpoint.Private == nil || !*endpoint.Private {
		return fmt.Errorf("route must be a string pattern or '{ private = true }': %q has %.100s", t.id, t.Route)
	}
	t.private = true
	return nil
}

func (e *executorConfig) check() error {
	switch {
	case e == nil:
		return nil
	case e.Type != "http" && e.Type != "spin" && e.Type != "wagi":
		return fmt.Errorf("unknown executor %.100q: want http or wagi", e.Type)
	case e.Type != "wagi" && (e.Argv != nil || e.Entrypoint != nil):
		return fmt.Errorf("executor %s has no argv and no entrypoint", e.Type)
	case e.Entrypoint != nil && *e.Entrypoint != wagi.Entry:
		return fmt.Errorf("a wagi executor cannot use the deprecated entrypoint %.100q", *e.Entrypoint)
	}
	return nil
}

// wagi returns the template of the arguments if e is a wagi executor.
func (e *executorConfig) wagi() (arguments string, ok bool) {
	if e == nil || e.Type != "wagi" {
		return "", false
	}
	if e.Argv != nil {
		return *e.Argv, true
	}
	return wagi.DefaultArguments, true
}

func (s *staticResponse) check() error {
	if s.Status != nil && (*s.Status < 200 || *s.Status > 999) {
		return fmt.Errorf("static_response: status_code %d does not end a request", *s.Status)
	}
	for name, value := range s.Headers {
		if !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) {
			return fmt.Errorf("static_response: %.100q is not a valid header", http.CanonicalHeaderKey(name))
		}
	}
	return nil
}
