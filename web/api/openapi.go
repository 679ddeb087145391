package api

import (
	_ "embed"
	"net/http"

	"github.com/labstack/echo/v4"
)

// The description of this API. A test holds it against the handlers.
//
//go:embed openapi.json
var description []byte

func openAPI(c echo.Context) error {
	return c.Blob(http.StatusOK, echo.MIMEApplicationJSON, description)
}
