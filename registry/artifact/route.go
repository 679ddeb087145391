package artifact

import (
	"errors"
	"fmt"
	"strings"
)

// ReservedPrefix begins the paths that no component sees.
const ReservedPrefix = "/.well-known/spin/"

// SanitizeRoute returns route as Spin matches it: with a slash in front and
// without one at the end.
func SanitizeRoute(route string) string {
	if !strings.HasPrefix(route, "/") {
		route = "/" + route
	}
	return strings.TrimSuffix(route, "/")
}

// CheckRoute checks that route can be matched: each parameter has a name, no
// wildcard has one.
func CheckRoute(route string) error {
	route = SanitizeRoute(route)
	if head, ok := strings.CutSuffix(route, "/..."); ok {
		route = head + "/*"
	}
	if len(route) > 4096 {
		return errors.New("longer than 4096 bytes")
	}
	for segment := range strings.FieldsFuncSeq(route, func(r rune) bool { return r == '/' || r == '.' }) {
		switch {
		case segment == ":":
			return errors.New("params must be named")
		case len(segment) > 1 && segment[0] == '*':
			return fmt.Errorf("since there can only be one wildcard, it doesn't need a name. replace `%.100s` with `*`", segment)
		}
	}
	return nil
}
