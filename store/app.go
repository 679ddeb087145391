package store

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"
)

// AppID is the UUID of an app, in its canonical lower-case form.
type AppID string

// AppName is a valid name of an app: see ParseAppName.
type AppName string

// The account that every local app belongs to unless told otherwise.
const (
	LocalAccountID   = "00000000-0000-4000-8000-00006c6f6361"
	LocalAccountName = "local"
)

// An App is a name with a URL that stays the same while revisions come and go.
type App struct {
	ID        AppID
	Name      AppName
	Account   string // its name
	CreatedAt time.Time
	LastUsed  time.Time // last lease, to the second or so; orders loading after a restart

	Current  RevisionNumber // committed; 0 before the first one
	Previous RevisionNumber // current before Current: the default target of a rollback; 0 if none
	Latest   RevisionNumber // highest number given so far; numbers are never given twice

	Listeners []string // addresses that are only this app's, as asked for by the user
}

// NewAppID returns a random id.
func NewAppID() AppID { return AppID(uuid.NewString()) }

const maxAppName = 63 // a DNS label

var (
	appNameForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)
	notAppName  = regexp.MustCompile(`[^a-z0-9-]+`)
	dashes      = regexp.MustCompile(`-{2,}`)
	reserved    = map[string]bool{"registry": true, "candidate": true, "localhost": true}
)

// ParseAppName returns s as an app name. The error wraps ErrInvalid, says which
// rule s breaks and carries a suggestion as its hint.
func ParseAppName(s string) (AppName, error) {
	why := ""
	switch {
	case s == "":
		why = "an app needs a name"
	case len(s) > maxAppName:
		why = fmt.Sprintf("longer than %d characters", maxAppName)
	case IsAppID(s):
		why = "a UUID is the form of an app's id"
	case reserved[s]:
		why = "the name is reserved"
	case strings.Contains(s, "--"):
		why = `"--" separates a revision from a name`
	case !appNameForm.MatchString(s):
		why = "only a-z, 0-9 and, inside, - are allowed"
	default:
		return AppName(s), nil
	}
	shown := s
	if len(shown) > maxAppName+1 {
		shown = shown[:maxAppName] + "…"
	}
	err := fmt.Errorf("app name %q is %w: %s", shown, ErrInvalid, why)
	return "", Hint(err, fmt.Sprintf("try the name %q", SuggestAppName(s)))
}

// SuggestAppName returns a valid name that is close to s.
func SuggestAppName(s string) string {
	s = notAppName.ReplaceAllString(strings.ToLower(s), "-")
	s = strings.Trim(dashes.ReplaceAllString(s, "-"), "-")
	if len(s) > maxAppName {
		s = strings.TrimRight(s[:maxAppName], "-")
	}
	switch {
	case s == "":
		return "my-app"
	case reserved[s]:
		return s + "-app"
	case IsAppID(s):
		return "app-" + s
	}
	return s
}

// IsAppID reports whether s has the form of an app's id.
func IsAppID(s string) bool {
	_, err := uuid.Parse(s)
	return err == nil && len(s) == 36
}
