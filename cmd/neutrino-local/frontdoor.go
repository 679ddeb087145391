package main

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/neutrino-local/neutrino-local/router"
	"github.com/neutrino-local/neutrino-local/runtime"
)

// A frontDoor decides which part of the server a request is for: by its host,
// then by its path (design §3). Hosts that it does not know are refused, which
// also stops DNS rebinding.
type frontDoor struct {
	Domains  []string // below which apps have their hosts: localhost, neutrino.test, …
	Scheme   string   // http or https
	Apps     *router.Router
	Registry http.Handler // /v2/
	Control  http.Handler // /api/v1/, /_neutrino/, /metrics
}

func (d *frontDoor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	host := r.Host // of the Host header, or of an absolute-form request line
	if target, ok := router.ParseHost(host, d.Domains); ok {
		base := runtime.Base{Scheme: d.Scheme, Host: host}
		d.Apps.Serve(w, r.WithContext(runtime.WithBase(r.Context(), base)), target)
		return
	}
	name := hostname(host)
	if rest, ok := strings.CutPrefix(name, "registry."); ok && d.bare(rest, r) {
		d.registryHost(w, r)
		return
	}
	if !d.bare(name, r) {
		d.misdirected(w, host)
		return
	}
	switch path := r.URL.Path; {
	case below(path, "/v2"):
		d.Registry.ServeHTTP(w, r)
	case below(path, "/_apps"):
		d.byPath(w, r)
	case below(path, "/api/v1"), below(path, "/_neutrino"), path == "/metrics":
		d.Control.ServeHTTP(w, r)
	case path == "/":
		http.Redirect(w, r, "/_neutrino/", http.StatusFound)
	default:
		http.Error(w, fmt.Sprintf("nothing is at %.200q here; apps are at http://NAME.%s and below /_apps/NAME/", path, d.Domains[0]), http.StatusNotFound)
	}
}

func (d *frontDoor) registryHost(w http.ResponseWriter, r *http.Request) {
	if !below(r.URL.Path, "/v2") {
		http.Error(w, "this host is the registry's: everything is below /v2/", http.StatusNotFound)
		return
	}
	d.Registry.ServeHTTP(w, r)
}

// bare reports whether a host is the server itself: a loopback address, the
// address that the request came in by, or a domain.
func (d *frontDoor) bare(name string, r *http.Request) bool {
	for _, domain := range d.Domains {
		if name == domain {
			return true
		}
	}
	ip, err := netip.ParseAddr(name)
	if err != nil {
		return false
	}
	if ip.IsLoopback() {
		return true
	}
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return ok && local.AddrPort().Addr().Unmap() == ip.Unmap()
}

func (d *frontDoor) misdirected(w http.ResponseWriter, host string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusMisdirectedRequest)
	fmt.Fprintf(w, "no app has the host %.100q: apps are at NAME.%s; another domain has to be named with --domain\n",
		host, strings.Join(d.Domains, " or NAME."))
}

// byPath serves /_apps/NAME/…, with the prefix stripped. Such a reply shares the
// origin of the page and the API, so it is sandboxed.
func (d *frontDoor) byPath(w http.ResponseWriter, r *http.Request) {
	rest := strings.TrimPrefix(r.URL.EscapedPath(), "/_apps")
	label, path, slash := strings.Cut(strings.TrimPrefix(rest, "/"), "/")
	target, ok := router.ParseLabel(label)
	if !ok {
		http.Error(w, fmt.Sprintf("%.100q is not the name of an app: want /_apps/NAME/", label), http.StatusNotFound)
		return
	}
	prefix := "/_apps/" + label
	if !slash {
		to := prefix + "/"
		if r.URL.RawQuery != "" {
			to += "?" + r.URL.RawQuery
		}
		http.Redirect(w, r, to, http.StatusPermanentRedirect)
		return
	}
	base := runtime.Base{Scheme: d.Scheme, Host: r.Host, Prefix: prefix}
	inner := r.WithContext(runtime.WithBase(r.Context(), base))
	if inner.URL = stripPrefix(r, "/"+path); inner.URL == nil {
		http.Error(w, "the path is not valid", http.StatusBadRequest)
		return
	}
	inner.RequestURI = inner.URL.RequestURI()
	s := &sandbox{ResponseWriter: w}
	d.Apps.Serve(s, inner, target)
	s.protect() // a reply without a head of its own
}

// hostname returns host without a port, brackets and a last dot, in lower case.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// below reports whether path is dir or in it.
func below(path, dir string) bool {
	rest, ok := strings.CutPrefix(path, dir)
	return ok && (rest == "" || rest[0] == '/')
}
