package artifact

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// A Version is a semantic version. Build metadata is kept by no one.
type Version struct {
	Major, Minor, Patch uint64
	Pre                 string
}

const maxVersion = 256 // bytes

// ParseVersion returns a version of three numbers.
func ParseVersion(text string) (Version, error) {
	v, parts, err := parsePartial(text)
	if err == nil && parts != 3 {
		err = fmt.Errorf("%.100q is no version: want three numbers, such as 1.2.3", text)
	}
	return v, err
}

// parsePartial returns a version of which numbers may be missing from the end, or
// be wildcards, and how many there are.
func parsePartial(text string) (v Version, parts int, err error) {
	wrong := fmt.Errorf("%.100q is no version", text)
	if len(text) > maxVersion {
		return v, 0, wrong
	}
	core, build, built := strings.Cut(text, "+")
	core, pre, preRelease := strings.Cut(core, "-")
	if built && !identifiers(build) || preRelease && !identifiers(pre) {
		return v, 0, wrong
	}
	numbers := strings.Split(core, ".")
	if len(numbers) > 3 || preRelease && len(numbers) < 3 {
		return v, 0, wrong
	}
	to := []*uint64{&v.Major, &v.Minor, &v.Patch}
	for i, n := range numbers {
		if n == "*" || n == "x" || n == "X" {
			if preRelease || i+1 < len(numbers) && strings.Trim(strings.Join(numbers[i+1:], ""), "*xX") != "" {
				return v, 0, wrong
			}
			return v, i, nil
		}
		if *to[i], err = strconv.ParseUint(n, 10, 64); err != nil || len(n) > 1 && n[0] == '0' || n[0] == '+' {
			return v, 0, wrong
		}
	}
	v.Pre = pre
	return v, len(numbers), nil
}

func identifiers(text string) bool {
	for id := range strings.SplitSeq(text, ".") {
		if id == "" || strings.Trim(id, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-") != "" {
			return false
		}
	}
	return true
}

func (v Version) String() string {
	s := fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Patch)
	if v.Pre != "" {
		s += "-" + v.Pre
	}
	return s
}

// Compare orders versions by precedence.
func (v Version) Compare(o Version) int {
	if c := cmp.Or(cmp.Compare(v.Major, o.Major), cmp.Compare(v.Minor, o.Minor), cmp.Compare(v.Patch, o.Patch)); c != 0 {
		return c
	}
	switch {
	case v.Pre == o.Pre:
		return 0
	case v.Pre == "":
		return 1
	case o.Pre == "":
		return -1
	}
	return comparePre(strings.Split(v.Pre, "."), strings.Split(o.Pre, "."))
}

func comparePre(a, b []string) int {
	for i := range min(len(a), len(b)) {
		n, errA := strconv.ParseUint(a[i], 10, 64)
		m, errB := strconv.ParseUint(b[i], 10, 64)
		c := strings.Compare(a[i], b[i])
		switch {
		case errA == nil && errB == nil:
			c = cmp.Compare(n, m)
		case errA == nil:
			c = -1
		case errB == nil:
			c = 1
		}
		if c != 0 {
			return c
		}
	}
	return cmp.Compare(len(a), len(b))
}

// Compatible reports whether v and o are of one series of compatible versions.
func (v Version) Compatible(o Version) bool {
	switch {
	case v.Pre != "" || o.Pre != "":
		return v == o
	case v.Major != 0 || o.Major != 0:
		return v.Major == o.Major
	case v.Minor != 0 || o.Minor != 0:
		return v.Minor == o.Minor
	}
	return v.Patch == o.Patch
}

// A Range is a set of versions, as Cargo writes them: "1.2", "^1.2", "~1.2.3",
// "=1.2.3", "1.*", ">=1.2, <2" and "*".
type Range struct{ bounds []condition }

// A condition is one condition of a range: versions from low on and below high; a
// nil is no bound.
type condition struct {
	low, high *Version
	from, to  bool    // whether low and high are themselves inside
	written   Version // pre-releases match only beside one that is written
}

// ParseRange returns the range in text.
func ParseRange(text string) (Range, error) {
	if len(text) > maxVersion {
		return Range{}, fmt.Errorf("longer than %d bytes", maxVersion)
	}
	var r Range
	for part := range strings.SplitSeq(text, ",") {
		b, err := parseBound(strings.TrimSpace(part))
		if err != nil {
			return Range{}, err
		}
		r.bounds = append(r.bounds, b)
	}
	return r, nil
}

func parseBound(text string) (condition, error) {
	op := text[:len(text)-len(strings.TrimLeft(text, "=<>^~"))]
	v, parts, err := parsePartial(strings.TrimSpace(text[len(op):]))
	if err != nil {
		return condition{}, err
	}
	b := condition{low: &v, from: true, written: v}
	next := v.after(parts)
	switch op {
	case "", "^":
		if strings.ContainsAny(text, "*xX") && v.Pre == "" {
			b.high = next
			break
		}
		b.high = v.after(v.series(parts))
	case "~":
		b.high = v.after(min(parts, 2))
	case "=":
		b.high, b.to = next, false
		if parts == 3 {
			b.high, b.to = &v, true
		}
	case ">":
		b.from = parts < 3 && parts > 0
		if b.from {
			b.low = next
		}
	case ">=":
	case "<":
		b.low, b.high = nil, &v
	case "<=":
		b.low, b.high, b.to = nil, &v, true
		if parts < 3 {
			b.high, b.to = next, false
		}
	default:
		return condition{}, fmt.Errorf("%.20q is no operator: there are ^, ~, =, >, >=, < and <=", op)
	}
	return b, nil
}

// series returns how many numbers of v, of parts that are given, compatible
// versions share.
func (v Version) series(parts int) int {
	switch {
	case parts == 0 || v.Major > 0 || parts == 1:
		return min(parts, 1)
	case v.Minor > 0 || parts == 2:
		return 2
	}
	return 3
}

// after returns the first version that does not begin with the first parts
// numbers of v; nil if there is none.
func (v Version) after(parts int) *Version {
	switch parts {
	case 0:
		return nil
	case 1:
		return &Version{Major: v.Major + 1}
	case 2:
		return &Version{Major: v.Major, Minor: v.Minor + 1}
	}
	return &Version{Major: v.Major, Minor: v.Minor, Patch: v.Patch + 1}
}

// Has reports whether v is in r.
func (r Range) Has(v Version) bool {
	pre := v.Pre == ""
	for _, b := range r.bounds {
		if b.low != nil {
			if c := v.Compare(*b.low); c < 0 || c == 0 && !b.from {
				return false
			}
		}
		if b.high != nil {
			if c := v.Compare(*b.high); c > 0 || c == 0 && !b.to {
				return false
			}
		}
		w := b.written
		pre = pre || w.Pre != "" && w.Major == v.Major && w.Minor == v.Minor && w.Patch == v.Patch
	}
	return pre
}
