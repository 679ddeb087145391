package registry

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
)

// A kind is what a path under /v2/ names.
type kind int

const (
	kindBase      kind = iota // /v2/
	kindToken                 // /v2/token
	kindCatalog               // /v2/_catalog
	kindTags                  // /v2/NAME/tags/list
	kindReferrers             // /v2/NAME/referrers/DIGEST
	kindBlob                  // /v2/NAME/blobs/DIGEST
	kindManifest              // /v2/NAME/manifests/TAG or DIGEST
	kindUploads               // /v2/NAME/blobs/uploads/
	kindUpload                // /v2/NAME/blobs/uploads/ID
)

// A target is the thing that a request is about. Its parts have been checked.
type target struct {
	kind       kind
	repository string
	digest     artifact.Digest // of a blob, a subject, or a manifest
	tag        string          // of a manifest without a digest
	upload     string
}

// parsePath reads a path from its end, since the name of a repository may hold
// any word that means something behind it.
func parsePath(path string) (target, error) {
	switch path {
	case "/v2", "/v2/":
		return target{kind: kindBase}, nil
	case "/v2/token":
		return target{kind: kindToken}, nil
	case "/v2/_catalog":
		return target{kind: kindCatalog}, nil
	}
	rest, ok := strings.CutPrefix(path, "/v2/")
	if !ok {
		return target{}, fmt.Errorf("%w: no such path", errUnknownPath)
	}
	rest, last := cutLast(rest)
	name, verb := cutLast(rest)
	t := target{repository: name}
	var err error
	switch {
	case verb == "tags" && last == "list":
		t.kind = kindTags
	case verb == "referrers":
		t.kind = kindReferrers
		t.digest, err = parsed(last)
	case verb == "manifests":
		t.kind = kindManifest
		t.tag, t.digest, err = parseReference(last)
	case verb == "blobs" && last == "uploads":
		t.kind = kindUploads
	case verb == "blobs":
		t.kind = kindBlob
		t.digest, err = parsed(last)
	case verb == "uploads" && strings.HasSuffix(name, "/blobs"):
		t.kind, t.upload = kindUpload, last
		t.repository = strings.TrimSuffix(name, "/blobs")
		if last == "" {
			t.kind = kindUploads
		}
	default:
		return target{}, fmt.Errorf("%w: no such path", errUnknownPath)
	}
	if nameErr := checkName(t.repository); nameErr != nil {
		return target{}, nameErr
	}
	return t, err
}

func cutLast(s string) (before, last string) {
	i := strings.LastIndexByte(s, '/')
	if i < 0 {
		return "", s
	}
	return s[:i], s[i+1:]
}

const (
	maxName = 255
	maxTag  = 128
)

var (
	nameForm = regexp.MustCompile(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$`)
	tagForm  = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9._-]*$`)
)

// checkName returns an error unless name may be a repository's.
func checkName(name string) error {
	if len(name) > maxName {
		return fmt.Errorf("%w: %.40q… is longer than %d characters", errNameInvalid, name, maxName)
	}
	if !nameForm.MatchString(name) {
		return fmt.Errorf("%w: %q; want lower-case letters, digits and single separators between slashes", errNameInvalid, name)
	}
	return nil
}

func checkTag(tag string) error {
	if len(tag) > maxTag || !tagForm.MatchString(tag) {
		return fmt.Errorf("%w: tag %.140q; want at most %d letters, digits, dots, dashes and underscores", errTagInvalid, tag, maxTag)
	}
	return nil
}

// parseReference returns s as a tag or as a digest. No tag has a colon.
func parseReference(s string) (tag string, d artifact.Digest, err error) {
	if strings.Contains(s, ":") {
		d, err = parsed(s)
		return "", d, err
	}
	if err := checkTag(s); err != nil {
		return "", "", err
	}
	return s, "", nil
}
