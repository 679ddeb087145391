package artifact

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"golang.org/x/net/http/httpguts"
)

// An HTTPTrigger is the configuration of a trigger of type http. Either
// Component or Static is set.
type HTTPTrigger struct {
	ID        string // of the trigger
	Component string
	Route     string // as written in spin.toml; meaningless if Private
	Private   bool   // reached only by other components
	Executor  Executor
	Static    *StaticResponse
}

// An Executor says how a component is called.
type Executor struct {
	Type string // "http" or "wagi"
	Argv string // of wagi: a template
}

// DefaultArgv is what a WAGI component gets as its arguments unless told otherwise.
const DefaultArgv = "${SCRIPT_NAME} ${ARGS}"

// A StaticResponse is a reply that needs no component.
type StaticResponse struct {
	Status  int
	Headers map[string]string
	Body    string
}

// HTTP returns the configuration of t, which is of type http. It is strict, as
// Spin's http trigger is when it starts: a key that it does not know is an error.
func (t Trigger) HTTP() (HTTPTrigger, error) {
	h := HTTPTrigger{ID: t.ID, Executor: Executor{Type: "http"}}
	err := eachField(t.Config, func(key string, value json.RawMessage) error {
		switch key {
		case "component":
			return decode(value, &h.Component)
		case "route":
			return h.parseRoute(value)
		case "executor":
			return h.Executor.parse(value)
		case "static_response":
			h.Static = &StaticResponse{Status: http.StatusOK}
			return h.Static.parse(value)
		}
		return errors.New("unknown key")
	}, "route")
	switch {
	case err != nil:
	case h.Component == "" && h.Static == nil:
		//lint:ignore ST1005 as Spin words it
		err = fmt.Errorf("Triggers must specify either component or static_response - neither in %.100s", t.ID)
	case h.Component != "" && h.Static != nil:
		//lint:ignore ST1005 as Spin words it
		err = fmt.Errorf("Triggers must specify either component or static_response - both in %.100s", t.ID)
	case !h.Private:
		if err = CheckRoute(h.Route); err != nil {
			name := h.Component
			if h.Static != nil {
				name = t.ID
			}
			//lint:ignore ST1005 as Spin words it
			err = fmt.Errorf("Error parsing route %.200s associated with component %.100s: %w", SanitizeRoute(h.Route), name, err)
		}
	}
	if err != nil {
		return HTTPTrigger{}, fmt.Errorf("trigger %.100q: %w", t.ID, err)
	}
	return h, nil
}

// HTTPTriggers returns the http triggers of a lock in their order.
func (l Lock) HTTPTriggers() ([]HTTPTrigger, error) {
	var all []HTTPTrigger
	for _, t := range l.Triggers {
		if t.Type != "http" {
			continue
		}
		h, err := t.HTTP()
		if err != nil {
			return nil, err
		}
		all = append(all, h)
	}
	return all, nil
}

func (h *HTTPTrigger) parseRoute(b json.RawMessage) error {
	if b[0] == '"' {
		return decode(b, &h.Route)
	}
	err := eachField(b, func(key string, value json.RawMessage) error {
		if key != "private" {
			return errors.New("unknown key")
		}
		return decode(value, &h.Private)
	}, "private")
	if err == nil && !h.Private {
		err = fmt.Errorf("route must be a string pattern or '{ private = true }': '%.100s' has { private = false }", h.ID)
	}
	return err
}

func (e *Executor) parse(b json.RawMessage) error {
	if string(b) == "null" {
		return nil
	}
	argv, entrypoint := "", "_start"
	hasArgv := false
	err := eachField(b, func(key string, value json.RawMessage) error {
		switch key {
		case "type":
			return decode(value, &e.Type)
		case "argv":
			hasArgv = true
			return decode(value, &argv)
		case "entrypoint":
			return decode(value, &entrypoint)
		}
		return errors.New("unknown key")
	}, "type")
	if err != nil {
		return err
	}
	switch {
	case e.Type == "spin" || e.Type == "http":
		e.Type = "http"
		if hasArgv || entrypoint != "_start" {
			return errors.New(`only an executor of type "wagi" has argv and entrypoint`)
		}
	case e.Type != "wagi":
		return fmt.Errorf(`unknown type %.100q: use "http" or "wagi"`, e.Type)
	case entrypoint != "_start":
		return fmt.Errorf("entrypoint %.100q: it is deprecated, and only _start is left", entrypoint)
	case hasArgv:
		e.Argv = argv
	default:
		e.Argv = DefaultArgv
	}
	return nil
}

func (s *StaticResponse) parse(b json.RawMessage) error {
	return eachField(b, func(key string, value json.RawMessage) error {
		switch key {
		case "status_code":
			if err := decode(value, &s.Status); err != nil {
				return err
			}
			if s.Status < 200 || s.Status > 999 {
				return fmt.Errorf("%d is no final status of HTTP: use 200 to 599", s.Status)
			}
		case "headers":
			if err := decode(value, &s.Headers); err != nil {
				return err
			}
			for name, v := range s.Headers {
				if !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(v) {
					return fmt.Errorf("invalid header %.100q", name)
				}
			}
		case "body":
			return decode(value, &s.Body)
		}
		return nil // Spin ignores other keys here
	})
}

// eachField calls f with each field of the JSON object in b, sorted by key, and
// names the key in its error. Keys of required must be there. Unlike
// encoding/json it minds the case of keys.
func eachField(b json.RawMessage, f func(key string, value json.RawMessage) error, required ...string) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(b, &fields); err != nil || fields == nil {
		return errors.New("want a table")
	}
	for _, key := range required {
		if _, ok := fields[key]; !ok {
			return fmt.Errorf("missing field `%s`", key)
		}
	}
	keys := make([]string, 0, len(fields))
	for key := range fields {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		if err := f(key, fields[key]); err != nil {
			return fmt.Errorf("%.100s: %w", key, err)
		}
	}
	return nil
}

// decode is json.Unmarshal with errors for people; null leaves v as it is.
func decode(b json.RawMessage, v any) error {
	if json.Unmarshal(b, v) == nil {
		return nil
	}
	var want string
	switch v.(type) {
	case *string:
		want = "a string"
	case *int:
		want = "an integer"
	case *bool:
		want = "true or false"
	case *map[string]string:
		want = "a table of strings"
	}
	return fmt.Errorf("want %s, not %.60s", want, b)
}
