package artifact

import (
	"bytes"
	"encoding/json"
)

// What a host must understand, and the requirements that we meet.
const (
	HostRequirements          = "host_requirements"
	ComponentHostRequirements = "component_host_requirements"

	ServiceChaining = "local_service_chaining"
	Middleware      = "middleware"
	Required        = "required"
)

// A Lock is the resolved spin.toml: what a host needs to run an app. The order
// of the fields is the order that Spin writes.
type Lock struct {
	Version          int                 `json:"spin_lock_version"`
	MustUnderstand   []string            `json:"must_understand,omitempty"`
	Metadata         Metadata            `json:"metadata,omitzero"`
	HostRequirements map[string]string   `json:"host_requirements,omitempty"`
	Variables        map[string]Variable `json:"variables,omitempty"`
	Triggers         []Trigger           `json:"triggers"`
	Components       []Component         `json:"components"`
}

// Metadata describes the app. Its JSON has sorted keys, since Spin keeps it as a
// map.
type Metadata struct {
	Authors     []string                   `json:"authors,omitempty"`
	Description string                     `json:"description,omitempty"`
	Name        string                     `json:"name,omitempty"`
	Origin      string                     `json:"origin,omitempty"` // never pushed
	Profile     string                     `json:"profile,omitempty"`
	Trigger     json.RawMessage            `json:"trigger,omitempty"` // only with exactly one type of trigger
	Triggers    map[string]json.RawMessage `json:"triggers"`
	Version     string                     `json:"version,omitempty"`
}

// A Variable of the app. It is required if it has no default.
type Variable struct {
	Description *string `json:"description,omitempty"`
	Default     *string `json:"default,omitempty"`
	Secret      bool    `json:"secret,omitempty"`
}

// A Trigger connects an event to a component.
type Trigger struct {
	ID     string          `json:"id"`
	Type   string          `json:"trigger_type"`
	Config json.RawMessage `json:"trigger_config"` // an HTTPTrigger if Type is "http"
}

// A Component is one wasm binary and what it may have.
type Component struct {
	ID                  string                  `json:"id"`
	Metadata            ComponentMetadata       `json:"metadata,omitzero"`
	Source              Source                  `json:"source"`
	Environment         map[string]string       `json:"env,omitempty"`
	Files               []File                  `json:"files,omitempty"`
	Variables           map[string]string       `json:"config,omitempty"` // name to template
	Dependencies        map[string]Dependency   `json:"dependencies,omitempty"`
	TriggerDependencies map[string][]Dependency `json:"trigger_dependencies,omitempty"`
	HostRequirements    map[string]string       `json:"host_requirements,omitempty"`
}

// ComponentMetadata has the grants of a component.
type ComponentMetadata struct {
	AIModels             []string `json:"ai_models,omitempty"`
	AllowedHTTPHosts     []string `json:"allowed_http_hosts,omitempty"` // in old locks
	AllowedOutboundHosts []string `json:"allowed_outbound_hosts,omitempty"`
	Build                *Build   `json:"build,omitempty"`
	Databases            []string `json:"databases,omitempty"`
	Description          string   `json:"description,omitempty"`
	KeyValueStores       []string `json:"key_value_stores,omitempty"`
	ResolveDependencies  string   `json:"resolve-trigger-dependencies-using,omitempty"`
}

// Build is how a component is built: for people, the host does not run it.
type Build struct {
	Command json.RawMessage `json:"command"` // a string or a list of strings
	Watch   []string        `json:"watch,omitempty"`
	Workdir string          `json:"workdir,omitempty"`
}

// A Source says where content is: by digest, in the lock itself, or both.
type Source struct {
	ContentType string  `json:"content_type"`
	Location    string  `json:"source,omitempty"` // a URL; only before packaging
	Inline      *Inline `json:"inline,omitempty"`
	Digest      Digest  `json:"digest,omitempty"`
}

// A File is mounted read-only at Path, which is relative and slash-separated.
type File struct {
	Location string  `json:"source,omitempty"` // a directory; only before packaging
	Inline   *Inline `json:"inline,omitempty"`
	Digest   Digest  `json:"digest,omitempty"`
	Path     string  `json:"path"`
}

// A Dependency satisfies an import of a component by an export of another.
type Dependency struct {
	Source  Source          `json:"source"`
	Export  *string         `json:"export"`
	Inherit json.RawMessage `json:"inherit,omitempty"` // "All" or {"Some": […]}
}

// JSON returns the lock as Spin writes it: compact, and without the escapes of
// characters that only HTML minds.
func (l Lock) JSON() ([]byte, error) {
	if l.Triggers == nil {
		l.Triggers = []Trigger{}
	}
	if l.Components == nil {
		l.Components = []Component{}
	}
	if l.Metadata.Triggers == nil {
		l.Metadata.Triggers = map[string]json.RawMessage{}
	}
	return JSON(l)
}

// JSON returns v as compact JSON that escapes only what must be escaped, as
// Spin's does.
func JSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return unescapeLines(bytes.TrimSuffix(b.Bytes(), []byte("\n"))), nil
}

// unescapeLines writes U+2028 and U+2029 as themselves: encoding/json always
// escapes them, for the sake of old JavaScript.
func unescapeLines(b []byte) []byte {
	if !bytes.Contains(b, []byte(`\u202`)) {
		return b
	}
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		switch {
		case b[i] != '\\':
			out = append(out, b[i])
		case bytes.HasPrefix(b[i:], []byte(`\u2028`)):
			out, i = append(out, "\u2028"...), i+5
		case bytes.HasPrefix(b[i:], []byte(`\u2029`)):
			out, i = append(out, "\u2029"...), i+5
		default:
			out, i = append(out, b[i], b[i+1]), i+1
		}
	}
	return out
}
