package web

import (
	"log/slog"
	"net/http"

	"github.com/neutrino-local/neutrino-local/web/api"
)

// SameOrigin returns next behind the check that no page of another origin asks:
// for a part that has no page of its own and knows tokens itself, such as the
// registry. On loopback it would do what any page tells it to.
func SameOrigin(next http.Handler, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := checkOrigin(r); err != nil {
			api.WriteError(log, w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}
