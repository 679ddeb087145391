package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/neutrino-local/neutrino-local/registry/blob"
	"github.com/neutrino-local/neutrino-local/store"
)

// The kinds of error that clients see.
var (
	errBlobUnknown         = errors.New("blob unknown to this repository")
	errUploadInvalid       = errors.New("upload invalid")
	errUploadRange         = errors.New("chunk out of order")
	errUploadUnknown       = errors.New("upload unknown")
	errBody                = errors.New("body broken off")
	errDigestInvalid       = errors.New("digest invalid")
	errManifestBlobUnknown = errors.New("manifest needs a blob that is unknown to this repository")
	errManifestInvalid     = errors.New("manifest invalid")
	errManifestUnknown     = errors.New("manifest unknown")
	errNameInvalid         = errors.New("repository name invalid")
	errNameUnknown         = errors.New("repository unknown")
	errTagInvalid          = errors.New("tag invalid")
	errSizeInvalid         = errors.New("size invalid")
	errPage                = errors.New("page invalid")
	errRange               = errors.New("range not satisfiable")
	errUnauthorized        = errors.New("authentication required")
	errDenied              = errors.New("access denied")
	errUnknownPath         = errors.New("not found")
)

// statuses gives each kind of error its status and its code, first match first.
// Anything else is logged and answered 500.
var statuses = []struct {
	kind   error
	status int
	code   string
}{
	{errTooMany, http.StatusTooManyRequests, "TOOMANYREQUESTS"},
	{store.ErrLimit, http.StatusRequestEntityTooLarge, "SIZE_INVALID"},
	{errBlobUnknown, http.StatusNotFound, "BLOB_UNKNOWN"},
	{errUploadUnknown, http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN"},
	{errUploadRange, http.StatusRequestedRangeNotSatisfiable, "BLOB_UPLOAD_INVALID"},
	{errUploadInvalid, http.StatusBadRequest, "BLOB_UPLOAD_INVALID"},
	{errDigestInvalid, http.StatusBadRequest, "DIGEST_INVALID"},
	{blob.ErrDigest, http.StatusBadRequest, "DIGEST_INVALID"},
	{errManifestBlobUnknown, http.StatusNotFound, "MANIFEST_BLOB_UNKNOWN"},
	{errManifestInvalid, http.StatusBadRequest, "MANIFEST_INVALID"},
	{errManifestUnknown, http.StatusNotFound, "MANIFEST_UNKNOWN"},
	{errNameInvalid, http.StatusBadRequest, "NAME_INVALID"},
	{errNameUnknown, http.StatusNotFound, "NAME_UNKNOWN"},
	{errTagInvalid, http.StatusBadRequest, "MANIFEST_INVALID"},
	{errSizeInvalid, http.StatusBadRequest, "SIZE_INVALID"},
	{errPage, http.StatusBadRequest, "UNSUPPORTED"},
	{errRange, http.StatusRequestedRangeNotSatisfiable, "UNSUPPORTED"},
	{errUnauthorized, http.StatusUnauthorized, "UNAUTHORIZED"},
	{errDenied, http.StatusForbidden, "DENIED"},
	{errNotAllowed, http.StatusMethodNotAllowed, "UNSUPPORTED"},
	{errUnknownPath, http.StatusNotFound, "UNSUPPORTED"},
	{os.ErrDeadlineExceeded, http.StatusRequestTimeout, "BLOB_UPLOAD_INVALID"},
	{errBody, http.StatusBadRequest, "BLOB_UPLOAD_INVALID"},
	{syscall.ENOSPC, http.StatusInsufficientStorage, "DENIED"},
}

// A limitError says which limit stands in the way. It is of kind store.ErrLimit.
type limitError struct {
	Limit string `json:"limit"`
	Max   int64  `json:"max"`
	Seen  int64  `json:"seen"` // at least so much
}

func (e limitError) Error() string {
	return fmt.Sprintf("over the limit %s: %d, at most %d", e.Limit, e.Seen, e.Max)
}

// errTooMany is the kind of limits that time may cure.
var errTooMany = errors.New("too many")

func (e limitError) Is(kind error) bool {
	return kind == store.ErrLimit || kind == errTooMany && strings.HasPrefix(e.Limit, "upload")
}

// over returns a limitError if seen is more than limit allows.
func over(name string, limit, seen int64) error {
	if limit > 0 && seen > limit {
		return limitError{name, limit, seen}
	}
	return nil
}

// A headedError comes with headers for its reply.
type headedError struct {
	error
	header map[string]string
}

func (e headedError) Unwrap() error { return e.error }

func methodError(k kind) error {
	var allowed []string
	for method := range verbs[k] {
		allowed = append(allowed, method)
	}
	slices.Sort(allowed)
	return headedError{
		fmt.Errorf("%w: use %s", errNotAllowed, strings.Join(allowed, " or ")),
		map[string]string{"Allow": strings.Join(allowed, ", ")},
	}
}

// writeError answers with err in the form that the specification gives.
func (s *Server) writeError(w http.ResponseWriter, r *http.Request, err error) {
	status, code, message := http.StatusInternalServerError, "UNKNOWN", "internal error"
	for _, k := range statuses {
		if errors.Is(err, k.kind) {
			status, code, message = k.status, k.code, err.Error()
			break
		}
	}
	switch {
	case r.Context().Err() != nil:
		s.log.DebugContext(r.Context(), "registry client left", "method", r.Method, "path", r.URL.Path, "err", err)
	case status >= 500:
		s.log.ErrorContext(r.Context(), "registry", "method", r.Method, "path", r.URL.Path, "err", err)
	}
	h := w.Header()
	if e, ok := errors.AsType[headedError](err); ok {
		for k, v := range e.header {
			h.Set(k, v)
		}
	}
	if status == http.StatusTooManyRequests {
		h.Set("Retry-After", "5")
	}
	var detail any
	if e, ok := errors.AsType[limitError](err); ok {
		detail = e
	}
	for _, stale := range []string{"Content-Length", "Etag", "Cache-Control"} {
		h.Del(stale)
	}
	writeErrors(w, r, status, code, message, detail)
}

type errorBody struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Detail  any    `json:"detail,omitempty"`
}

func writeErrors(w http.ResponseWriter, r *http.Request, status int, code, message string, detail any) {
	body, err := json.Marshal(map[string][]errorBody{"errors": {{code, message, detail}}})
	if err != nil {
		panic(err) // strings and numbers
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // the client may have left
	}
}

// writeJSON answers 200 with v.
func writeJSON(w http.ResponseWriter, r *http.Request, contentType string, v any) error {
	var body strings.Builder
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(body.Len()))
	if r.Method != http.MethodHead {
		_, _ = io.WriteString(w, body.String()) // the client may have left
	}
	return nil
}

// missing turns store.ErrNotFound into the kind that the client is to see.
func missing(err, kind error) error {
	if errors.Is(err, store.ErrNotFound) && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("%w: %w", kind, err)
	}
	return err
}
