package pack

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// checkKebab checks a component's id: words of one case between dashes.
func checkKebab(id string) error { return checkID(id, "-", "_", false) }

// checkLowerSnake checks a variable's name: lower-case words between underscores.
func checkLowerSnake(id string) error { return checkID(id, "_", "-", true) }

// checkLabel checks a label of a store: words between dashes or underscores.
func checkLabel(label string) error {
	if checkID(label, "-", "_", false) != nil && checkID(label, "_", "-", false) != nil {
		return fmt.Errorf("invalid label %q: expected kebab-case or snake_case", label)
	}
	return nil
}

func checkID(id, delimiter, wrong string, lower bool) error {
	why := idProblem(id, delimiter, wrong, lower)
	if why == "" {
		return nil
	}
	if better := suggestID(id, delimiter); better != "" && better != id {
		why += fmt.Sprintf("; try %q", better)
	}
	return errors.New(why)
}

// idProblem words what Spin says of the same id.
func idProblem(id, delimiter, wrong string, lower bool) string {
	switch {
	case id == "":
		return "empty"
	case len(id) > 256:
		return "longer than 256 bytes"
	case strings.Contains(id, wrong):
		return fmt.Sprintf("words must be separated with '%s', not '%s'", delimiter, wrong)
	}
	for word := range strings.SplitSeq(id, delimiter) {
		if why := wordProblem(word, lower); why != "" {
			if strings.HasPrefix(why, "Lower-case") {
				return fmt.Sprintf("%s; got %q", why, id)
			}
			return fmt.Sprintf("'%s'-separated words %s", delimiter, why)
		}
	}
	return ""
}

func wordProblem(word string, lower bool) string {
	if word == "" {
		return "must not be empty"
	}
	upper := false
	for i, c := range word {
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		switch {
		case i == 0 && !letter:
			return fmt.Sprintf("must start with an ASCII letter; got %q", c)
		case i == 0:
			upper = c <= 'Z'
		case '0' <= c && c <= '9':
		case !letter:
			return fmt.Sprintf("may only contain alphanumeric ASCII; got %q", c)
		case (c <= 'Z') != upper:
			return fmt.Sprintf("must be all lowercase or all UPPERCASE; got %q", word)
		}
	}
	if lower && upper {
		return "Lower-case identifiers must be all lowercase"
	}
	return ""
}

var (
	notWord = regexp.MustCompile(`[^a-z0-9]+`)
	hump    = regexp.MustCompile(`([a-z0-9])([A-Z])`)
)

// suggestID returns a valid id that is close to id, or "".
func suggestID(id, delimiter string) string {
	id = hump.ReplaceAllString(id, "$1 $2")
	words := strings.Fields(notWord.ReplaceAllString(strings.ToLower(id), " "))
	better := ""
	for _, word := range words {
		switch {
		case better == "" && word[0] < 'a':
			better = "n" + word
		case better == "" || word[0] < 'a': // a digit begins no word
			better += word
		default:
			better += delimiter + word
		}
	}
	return better
}
