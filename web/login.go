package web

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/neutrino-local/neutrino-local/web/api"
	"github.com/neutrino-local/neutrino-local/web/ui"
)

const maxForm = 16 << 10

func (g *guard) loginPage(pages *ui.Pages) echo.HandlerFunc {
	return func(c echo.Context) error {
		next := destination(c.QueryParam("next"))
		if g.checkToken(c.Request()) == nil {
			return c.Redirect(http.StatusSeeOther, next)
		}
		return pages.Login(c.Response(), c.Request(), next, nil)
	}
}

// login sets the cookie if the form has the token. Guests below /_apps/ do not
// get it: it is for the paths of the page and the API.
func (g *guard) login(pages *ui.Pages) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		r.Body = http.MaxBytesReader(c.Response(), r.Body, maxForm)
		if err := r.ParseForm(); err != nil {
			return echo.NewHTTPError(http.StatusBadRequest, "the form cannot be read")
		}
		next := destination(r.PostForm.Get("next"))
		if g.token != "" && !equal(strings.TrimSpace(r.PostForm.Get("token")), g.token) {
			return pages.Login(c.Response(), r, next, api.ErrWrongToken)
		}
		for _, path := range []string{"/_neutrino", "/api/v1"} {
			http.SetCookie(c.Response(), &http.Cookie{
				Name: cookieName, Value: g.session(), Path: path,
				HttpOnly: true, Secure: r.TLS != nil, SameSite: http.SameSiteStrictMode,
			})
		}
		return c.Redirect(http.StatusSeeOther, next)
	}
}

// destination returns a path of the page: nobody is sent elsewhere.
func destination(next string) string {
	if !strings.HasPrefix(next, "/_neutrino/") || strings.ContainsAny(next, "\\\r\n") {
		return "/_neutrino/"
	}
	return next
}
