package types

import (
	"fmt"
	"strings"
)

// A NameKind says how the name of an import or export is built.
type NameKind uint8

// Kinds of names.
const (
	NameLabel       NameKind = iota + 1 // get-json
	NameConstructor                     // [constructor]fields
	NameMethod                          // [method]fields.get
	NameStatic                          // [static]fields.from-list
	NameInterface                       // wasi:http/types@0.2.0
)

// A Name is the parsed name of an import or export.
type Name struct {
	Kind     NameKind
	Resource string // constructor, method, static
	Member   string // method, static; for a label the label
	Path     string // interface: all before the version
	Version  string // interface: after the "@", or empty
}

// ParseName parses the name of a component import or export.
func ParseName(s string) (Name, error) {
	switch {
	case strings.HasPrefix(s, "[constructor]"):
		l := s[len("[constructor]"):]
		return Name{Kind: NameConstructor, Resource: l}, checkLabels(s, l)
	case strings.HasPrefix(s, "[method]"):
		return parseMember(s, NameMethod, s[len("[method]"):])
	case strings.HasPrefix(s, "[static]"):
		return parseMember(s, NameStatic, s[len("[static]"):])
	case strings.ContainsRune(s, ':'):
		return parseInterface(s)
	}
	return Name{Kind: NameLabel, Member: s}, checkLabels(s, s)
}

func parseMember(s string, kind NameKind, rest string) (Name, error) {
	r, m, ok := strings.Cut(rest, ".")
	if !ok {
		return Name{}, fmt.Errorf("name %q must have a resource and a member with a dot between", s)
	}
	return Name{Kind: kind, Resource: r, Member: m}, checkLabels(s, r, m)
}

func checkLabels(s string, labels ...string) error {
	for _, l := range labels {
		if !validLabel(l) {
			return fmt.Errorf("name %q: %q is not in kebab case", s, l)
		}
	}
	return nil
}

func parseInterface(s string) (Name, error) {
	path, version, versioned := strings.Cut(s, "@")
	n := Name{Kind: NameInterface, Path: path, Version: version}
	pkg, projection, ok := strings.Cut(path, "/")
	if !ok {
		return n, fmt.Errorf("name %q is not a valid interface name: there is no interface after the package", s)
	}
	ns, name, _ := strings.Cut(pkg, ":")
	if !validWords(ns) || !validWords(name) || !validLabel(projection) {
		return n, fmt.Errorf("name %q is not a valid interface name: its parts must be in kebab case", s)
	}
	if versioned && !validVersion(version) {
		return n, fmt.Errorf("name %q: %q is not a valid semantic version", s, version)
	}
	return n, nil
}

// validLabel reports whether s is a label: words and acronyms between hyphens,
// beginning with a letter.
func validLabel(s string) bool {
	for i, part := range strings.Split(s, "-") {
		if part == "" || i == 0 && isDigit(part[0]) {
			return false
		}
		lower, upper := false, false
		for _, c := range []byte(part) {
			switch {
			case c >= 'a' && c <= 'z':
				lower = true
			case c >= 'A' && c <= 'Z':
				upper = true
			case !isDigit(c):
				return false
			}
		}
		if lower && upper {
			return false
		}
	}
	return true
}

func validWords(s string) bool { return validLabel(s) && strings.ToLower(s) == s }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// validVersion reports whether s is a semantic version or a canonical one (the
// part of a version that compatible versions share).
func validVersion(s string) bool {
	if core := strings.Split(s, "."); len(core) < 3 && numeric(core[0]) {
		return s != "0" && (len(core) == 1 || core[0] == "0" && numeric(core[1]) && core[1] != "0")
	}
	v, ok := parseVersion(s)
	return ok && v.valid()
}

type version struct{ major, minor, patch, pre, build string }

func parseVersion(s string) (v version, ok bool) {
	s, build, hasBuild := strings.Cut(s, "+")
	s, pre, hasPre := strings.Cut(s, "-")
	if hasBuild && build == "" || hasPre && pre == "" {
		return v, false
	}
	v.pre, v.build = pre, build
	core := strings.Split(s, ".")
	if len(core) != 3 {
		return v, false
	}
	v.major, v.minor, v.patch = core[0], core[1], core[2]
	return v, true
}

func (v version) valid() bool {
	for _, n := range [...]string{v.major, v.minor, v.patch} {
		if !numeric(n) {
			return false
		}
	}
	for _, ids := range [...]string{v.pre, v.build} {
		if ids == "" {
			continue
		}
		for _, id := range strings.Split(ids, ".") {
			if strings.Trim(id, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-") != "" || id == "" {
				return false
			}
		}
	}
	return true
}

func numeric(s string) bool {
	if s == "" || len(s) > 1 && s[0] == '0' {
		return false
	}
	return strings.Trim(s, "0123456789") == ""
}

// Track returns the name of the compatible versions that name belongs to:
// wasi:io/streams@0.2 for wasi:io/streams@0.2.7. A pre-release is compatible
// with itself only, and a name without a version is its own track.
func Track(name string) string {
	path, s, ok := strings.Cut(name, "@")
	if !ok {
		return name
	}
	v, ok := parseVersion(s)
	switch {
	case !ok || v.pre != "":
		return name
	case v.major != "0":
		return path + "@" + v.major
	case v.minor != "0":
		return path + "@0." + v.minor
	}
	return path + "@0.0." + v.patch
}

// Unique returns the form in which names of one scope must differ: two names
// that bindings could confuse have the same form.
func Unique(name string) string {
	s := strings.ToLower(name)
	rest, member := strings.CutPrefix(s, "[method]")
	if !member {
		rest, member = strings.CutPrefix(s, "[static]")
	}
	if !member {
		return s
	}
	if r, m, ok := strings.Cut(rest, "."); ok && r == m {
		return r
	}
	return rest
}

// uniqueLabels checks that labels are well formed and strongly unique.
func uniqueLabels(what string, n int, label func(int) string) error {
	seen := make(map[string]struct{}, n)
	for i := range n {
		l := label(i)
		if !validLabel(l) {
			return fmt.Errorf("%s name %q is not in kebab case", what, l)
		}
		u := strings.ToLower(l)
		if _, dup := seen[u]; dup {
			return fmt.Errorf("%s name %q conflicts with an earlier one", what, l)
		}
		seen[u] = struct{}{}
	}
	return nil
}

// CheckVersionSuffix checks the part of a version that was split off to make
// the name's version canonical.
func CheckVersionSuffix(n Name, suffix string) error {
	if n.Kind != NameInterface || n.Version == "" {
		return fmt.Errorf("a version suffix needs an interface name with a version")
	}
	v, ok := parseVersion(n.Version + suffix)
	if !ok || !v.valid() || strings.Count(n.Version, ".") > 1 && n.Version != "0.0."+v.patch {
		return fmt.Errorf("version %q with suffix %q is not a valid semantic version", n.Version, suffix)
	}
	return nil
}
