package route

import (
	"fmt"
	"strings"
)

// kind is what one segment of a pattern matches.
type kind uint8

const (
	exact    kind = iota // this text
	param                // up to the next slash, or dot if the pattern has one there
	wildcard             // the rest, even if it is empty
	slash
	dot
)

// A segment is one piece of a pattern: the text of an exact one, the name of a
// param.
type segment struct {
	kind kind
	text string
}

// parse splits a sanitised pattern into segments. A dot after text belongs to
// that text. Slashes at the ends, and all but one of several in a row, mean
// nothing.
func parse(pattern string) ([]segment, error) {
	var segments []segment
	rest, separator := strings.Trim(pattern, "/"), byte(0)
	for {
		end := strings.IndexAny(rest, "./")
		section := rest
		if end >= 0 {
			section = rest[:end]
		}
		next, err := parseSection(section)
		if err != nil {
			return nil, err
		}
		if separator == '.' {
			segments = appendDot(segments)
		}
		if next != nil && separator == '/' {
			segments = append(segments, segment{kind: slash})
		}
		if next != nil {
			segments = append(segments, *next)
		}
		if end < 0 {
			return segments, checkWildcard(segments)
		}
		separator, rest = rest[end], rest[end+1:]
	}
}

// parseSection returns the segment of what is between two separators, nil if
// that is nothing.
func parseSection(section string) (*segment, error) {
	switch {
	case section == "":
		return nil, nil
	case section == "*":
		return &segment{kind: wildcard}, nil
	case section[0] == '*':
		return nil, fmt.Errorf("since there can only be one wildcard, it doesn't need a name: replace %q with \"*\"", section)
	case section == ":":
		return nil, fmt.Errorf("params must be named")
	case section[0] == ':':
		return &segment{kind: param, text: section[1:]}, nil
	}
	return &segment{kind: exact, text: section}, nil
}

func appendDot(segments []segment) []segment {
	if n := len(segments); n > 0 && segments[n-1].kind == exact {
		segments[n-1].text += "."
		return segments
	}
	return append(segments, segment{kind: dot})
}

// checkWildcard refuses what could never match.
func checkWildcard(segments []segment) error {
	for i, s := range segments {
		if s.kind == wildcard && i < len(segments)-1 {
			return fmt.Errorf("a wildcard must be the last part of a route")
		}
	}
	return nil
}

// matchSegments matches a path whose outer slashes are trimmed. It returns what
// params and wildcard took, in the order of the pattern.
func matchSegments(segments []segment, path string) ([]string, bool) {
	var captures []string
	for i, s := range segments {
		following := kind(255)
		if i+1 < len(segments) {
			following = segments[i+1].kind
		}
		switch s.kind {
		case exact:
			if !strings.HasPrefix(path, s.text) {
				return nil, false
			}
			path = path[len(s.text):]
		case param:
			n := paramLength(path, following == dot)
			if n < 0 {
				return nil, false
			}
			captures, path = append(captures, path[:n]), path[n:]
		case wildcard:
			captures, path = append(captures, path), ""
		case slash:
			switch {
			case path == "" && following == wildcard: // "/foo/..." matches "/foo"
			case path == "" || path[0] != '/':
				return nil, false
			default:
				path = path[1:]
			}
		case dot:
			if path == "" || path[0] != '.' {
				return nil, false
			}
			path = path[1:]
		}
	}
	return captures, path == "" || path == "/"
}

// paramLength returns how much of path a param takes, or -1 if it cannot match.
func paramLength(path string, beforeDot bool) int {
	if path == "" {
		return -1
	}
	if beforeDot {
		n := strings.IndexAny(path, "./")
		if n < 0 || path[n] == '/' {
			return -1
		}
		return n
	}
	if n := strings.IndexByte(path, '/'); n >= 0 {
		return n
	}
	return len(path)
}
