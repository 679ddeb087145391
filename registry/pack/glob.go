package pack

import (
	"errors"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Globs here are those of Rust's glob crate, which Spin uses and which differ
// from Go's and from the shell's: a star matches hidden files too, braces and
// backslashes mean themselves, and a class is negated by "!". In a pattern that
// is matched against a whole path, as those of exclude_files are, a star matches
// slashes as well.

// isGlob reports whether s has a character that means something in a pattern.
func isGlob(s string) bool { return strings.ContainsAny(s, "?*[]") }

// compileGlob returns a pattern that is matched against a whole path.
func compileGlob(pattern string) (*regexp.Regexp, error) {
	var re strings.Builder
	re.WriteString(`(?s)\A`)
	for rest := pattern; rest != ""; {
		stars := len(rest) - len(strings.TrimLeft(rest, "*"))
		switch {
		case stars > 2:
			return nil, errors.New("wildcards are either regular `*` or recursive `**`")
		case stars == 2:
			starts := len(rest) == len(pattern) || pattern[len(pattern)-len(rest)-1] == '/'
			if ends := len(rest) == 2 || rest[2] == '/'; !starts || !ends {
				return nil, errors.New("recursive wildcards must form a single path component")
			}
			if rest = rest[2:]; rest == "" {
				re.WriteString(`.*`)
				continue
			}
			rest = rest[1:]
			re.WriteString(`(?:.*/)?`)
		case stars == 1:
			re.WriteString(`.*`)
			rest = rest[1:]
		default:
			var err error
			if rest, err = globToken(&re, rest); err != nil {
				return nil, err
			}
		}
	}
	re.WriteString(`\z`)
	return regexp.Compile(re.String())
}

// globToken translates what is not a star at the start of pattern and returns
// the rest.
func globToken(re *strings.Builder, pattern string) (string, error) {
	switch pattern[0] {
	case '?':
		re.WriteString(`.`)
		return pattern[1:], nil
	case '[':
		class := pattern[1:]
		negated := strings.HasPrefix(class, "!")
		class = strings.TrimPrefix(class, "!")
		if class == "" {
			return "", errors.New("invalid range pattern")
		}
		end := strings.IndexByte(class[1:], ']') + 1 // a bracket that comes first is a member
		if end == 0 {
			return "", errors.New("invalid range pattern")
		}
		re.WriteString(classRegexp(class[:end], negated))
		return class[end+1:], nil
	}
	r, n := utf8.DecodeRuneInString(pattern)
	if r == utf8.RuneError && n == 1 {
		return "", errors.New("not UTF-8")
	}
	re.WriteString(regexp.QuoteMeta(pattern[:n]))
	return pattern[n:], nil
}

// classRegexp returns the class of the characters and ranges in members.
func classRegexp(members string, negated bool) string {
	var re strings.Builder
	re.WriteString(`[`)
	if negated {
		re.WriteString(`^`)
	}
	some := false
	quote := func(r rune) string {
		if strings.ContainsRune(`\]^-[`, r) {
			return `\` + string(r)
		}
		return string(r)
	}
	for chars := []rune(members); len(chars) > 0; {
		if len(chars) >= 3 && chars[1] == '-' {
			if chars[0] <= chars[2] { // else the range is empty
				re.WriteString(quote(chars[0]) + `-` + quote(chars[2]))
				some = true
			}
			chars = chars[3:]
			continue
		}
		re.WriteString(quote(chars[0]))
		some = true
		chars = chars[1:]
	}
	if !some {
		return map[bool]string{false: `[^\x00-\x{10FFFF}]`, true: `.`}[negated]
	}
	return re.String() + `]`
}
