package web

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"github.com/neutrino-local/neutrino-local/store"
	"github.com/neutrino-local/neutrino-local/web/api"
)

// A guard stands before all of the control plane.
type guard struct {
	token string
	next  http.Handler
	log   *slog.Logger
}

// policy lets the page load what this server serves and nothing else. No style
// or script stands in the page itself.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin") // with no-referrer a form would send Origin: null
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	if err := checkOrigin(r); err != nil {
		api.WriteError(g.log, w, r, err)
		return
	}
	if err := g.checkToken(r); err != nil && !isOpen(r.URL.Path) {
		if isPage(r) && r.Method == http.MethodGet {
			http.Redirect(w, r, "/_neutrino/login?next="+url.QueryEscape(r.URL.RequestURI()), http.StatusSeeOther)
			return
		}
		api.WriteError(g.log, w, r, err)
		return
	}
	g.next.ServeHTTP(w, r)
}

// SameOrigin keeps pages of other origins away from next, a part that has no page
// of its own and looks after tokens itself, such as the registry.
func SameOrigin(next http.Handler, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := checkOrigin(r); err != nil {
			api.WriteError(log, w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// checkOrigin refuses what a page of another origin has sent. Tools send neither
// Origin nor Sec-Fetch-Site.
func checkOrigin(r *http.Request) error {
	origins := r.Header.Values("Origin")
	for _, origin := range origins {
		if len(origins) > 1 || !sameOrigin(origin, r) {
			return refuse("the origin %.100q is not this server", origin)
		}
	}
	site := strings.ToLower(strings.Join(r.Header.Values("Sec-Fetch-Site"), ","))
	switch {
	case site == "" || site == "same-origin" || site == "none":
		return nil // an Origin that is there is ours
	case isRead(r) && isPage(r) && r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document":
		return nil // a link to the page from elsewhere
	}
	return refuse("a page of another site asks for it (Sec-Fetch-Site: %.40s)", site)
}

func refuse(format string, args ...any) error {
	err := fmt.Errorf("%w: "+format, append([]any{api.ErrForbidden}, args...)...)
	return store.Hint(err, "open the page of this server itself, or use the command line")
}

// sameOrigin reports whether origin is where r was sent to. "null" is not: it is
// what a sandboxed page has, such as a guest's below /_apps/.
func sameOrigin(origin string, r *http.Request) bool {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	port := map[string]string{"http": ":80", "https": ":443"}[scheme]
	return strings.EqualFold(origin, scheme+"://"+strings.TrimSuffix(r.Host, port))
}

func isRead(r *http.Request) bool {
	return r.Method == http.MethodGet || r.Method == http.MethodHead
}

// isPage reports whether people see the reply.
func isPage(r *http.Request) bool {
	return strings.HasPrefix(r.URL.Path, "/_neutrino/") && r.URL.Path != "/_neutrino/health" || r.URL.Path == "/_neutrino"
}

// isOpen reports whether path needs no token: what the page to log in is made
// of, and the health check, which says little without one.
func isOpen(path string) bool {
	return path == "/_neutrino/login" || path == "/_neutrino/health" || strings.HasPrefix(path, "/_neutrino/static/")
}

// checkToken looks for the token: as Bearer, as the password of Basic, or as the
// cookie that logging in has set.
func (g *guard) checkToken(r *http.Request) error {
	if g.token == "" {
		return nil
	}
	given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if _, password, basic := r.BasicAuth(); basic {
		given, ok = password, true
	}
	if ok {
		if equal(given, g.token) {
			return nil
		}
		return api.ErrWrongToken
	}
	for _, c := range r.CookiesNamed(cookieName) {
		if equal(c.Value, g.session()) {
			return nil
		}
	}
	return store.Hint(api.ErrNoToken, "it is in the ready file of the server: use --token or NEUTRINO_TOKEN")
}

const cookieName = "neutrino_session"

// session is what the cookie says: only someone with the token can make it, and
// the token cannot be read from it.
func (g *guard) session() string {
	m := hmac.New(sha256.New, []byte(g.token))
	m.Write([]byte("neutrino-local page"))
	return hex.EncodeToString(m.Sum(nil))
}

// equal takes the same time for all that differ, whatever their length.
func equal(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}
