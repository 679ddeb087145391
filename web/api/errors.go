package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/neutrino-local/neutrino-local/store"
	"github.com/neutrino-local/neutrino-local/web/apitype"
)

// Kinds of error that only the API has.
var (
	errHeld       = errors.New("held")
	errMalformed  = errors.New("malformed")
	errMediaType  = errors.New("not application/json")
	errNotOctets  = errors.New("not the type of this body")
	errTooBig     = errors.New("too big")
	errTooMany    = errors.New("too many")
	errStopping   = errors.New("the server is stopping")
	errNoHandler  = errors.New("no such path in this API")
	errBadMethod  = errors.New("not a method of this path")
	ErrForbidden  = errors.New("forbidden")
	ErrNoToken    = errors.New("a token is needed")
	ErrWrongToken = errors.New("the token is wrong")
)

// statuses is the one table from errors to replies. The first row that matches
// counts. Anything else is logged and answered with a 500.
var statuses = []struct {
	kind   error
	status int
	code   string
}{
	{errHeld, http.StatusConflict, "held"},
	{store.ErrNotFound, http.StatusNotFound, "not_found"},
	{errNoHandler, http.StatusNotFound, "not_found"},
	{store.ErrConflict, http.StatusConflict, "conflict"},
	{store.ErrInvalid, http.StatusUnprocessableEntity, "invalid"},
	{store.ErrLimit, http.StatusRequestEntityTooLarge, "limit"},
	{errTooBig, http.StatusRequestEntityTooLarge, "limit"},
	{errTooMany, http.StatusTooManyRequests, "limit"},
	{errMalformed, http.StatusBadRequest, "invalid"},
	{errMediaType, http.StatusUnsupportedMediaType, "invalid"},
	{errNotOctets, http.StatusUnsupportedMediaType, "invalid"},
	{errBadMethod, http.StatusMethodNotAllowed, "invalid"},
	{ErrForbidden, http.StatusForbidden, "forbidden"},
	{ErrNoToken, http.StatusUnauthorized, "unauthorized"},
	{ErrWrongToken, http.StatusUnauthorized, "unauthorized"},
	{errStopping, http.StatusServiceUnavailable, "stopping"},
}

// Explain returns what a client is told of err, with the status of the reply.
func Explain(err error) *apitype.Error {
	if e, ok := errors.AsType[*echo.HTTPError](err); ok {
		err = ofEcho(e)
	}
	for _, row := range statuses {
		if errors.Is(err, row.kind) {
			return &apitype.Error{Code: row.code, Message: err.Error(), Hint: store.HintOf(err), Status: row.status}
		}
	}
	return &apitype.Error{Code: "internal", Message: "internal error", Status: http.StatusInternalServerError}
}

// ofEcho returns an error of ours for one of echo's router.
func ofEcho(e *echo.HTTPError) error {
	switch e.Code {
	case http.StatusNotFound:
		return errNoHandler
	case http.StatusMethodNotAllowed:
		return errBadMethod
	}
	return fmt.Errorf("%v", e.Message)
}

// WriteError answers a request with err.
func WriteError(log *slog.Logger, w http.ResponseWriter, r *http.Request, err error) {
	e := Explain(err)
	if e.Status == http.StatusInternalServerError && r.Context().Err() == nil {
		log.ErrorContext(r.Context(), "api", "method", r.Method, "path", r.URL.Path, "err", err)
	}
	if e.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="neutrino-local"`)
	}
	writeJSON(w, e.Status, e)
}

// isGone reports whether err says no more than that the client has left.
func isGone(ctx context.Context, err error) bool { return err != nil && ctx.Err() != nil }
