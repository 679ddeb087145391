package compose

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/neutrino-local/neutrino-local/runtime/component/types"
)

// Inherit says what of its host a dependency may use, by Spin's sets of
// capabilities. The zero value is none of them.
type Inherit struct {
	All  bool
	Sets []string
}

// ParseInherit returns what the lock of an app says: nothing, "All", or {"Some":
// [sets]}. Sets that are not known mean nothing.
func ParseInherit(raw []byte) (Inherit, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return Inherit{}, nil
	}
	var word string
	if json.Unmarshal(raw, &word) == nil {
		if word != "All" {
			return Inherit{}, fmt.Errorf("inherit is %.100q, want \"All\" or {\"Some\": […]}", word)
		}
		return Inherit{All: true}, nil
	}
	var some struct{ Some *[]string }
	if err := json.Unmarshal(raw, &some); err != nil || some.Some == nil {
		return Inherit{}, fmt.Errorf("inherit is %.100s, want \"All\" or {\"Some\": […]}", raw)
	}
	return Inherit{Sets: *some.Some}, nil
}

// capabilitySet returns the set that an interface belongs to, whatever its
// version; "" is for those that every dependency has.
func capabilitySet(name string) string {
	path, _, _ := strings.Cut(name, "@")
	switch path {
	case "fermyon:spin/llm":
		return "ai_models"
	case "fermyon:spin/http", "fermyon:spin/mysql", "fermyon:spin/postgres", "fermyon:spin/redis", "fermyon:spin/mqtt",
		"spin:mqtt/mqtt", "spin:mysql/mysql", "spin:postgres/postgres", "spin:redis/redis",
		"wasi:http/client", "wasi:http/outgoing-handler", "wasi:sockets/ip-name-lookup",
		"wasi:sockets/tcp-create-socket", "wasi:sockets/tcp", "wasi:sockets/udp-create-socket", "wasi:sockets/udp":
		return "allowed_outbound_hosts"
	case "wasi:cli/environment":
		return "environment"
	case "wasi:filesystem/preopens":
		return "files"
	case "fermyon:spin/key-value", "spin:key-value/key-value", "wasi:keyvalue/store":
		return "key_value_stores"
	case "fermyon:spin/sqlite", "spin:sqlite/sqlite":
		return "sqlite_databases"
	case "fermyon:spin/config", "fermyon:spin/variables", "spin:variables/variables", "wasi:config/store":
		return "variables"
	}
	return ""
}

// deniedTo reports whether an import of p is not for the host: its set is not
// inherited, or it uses resources of an interface that is denied.
func (c *composer) deniedTo(p *part, e types.Named) bool {
	in, ok := e.Type.(*types.Instance)
	if !ok || p.Dependency == nil || p.Inherit.All {
		return false
	}
	if set := capabilitySet(e.Name); set != "" && !slices.Contains(p.Inherit.Sets, set) {
		return true
	}
	for _, x := range in.Exports {
		if r, ok := x.Type.(*types.Resource); ok && c.homes[r] != nil && c.homes[r].denied != nil {
			return true
		}
	}
	return false
}
