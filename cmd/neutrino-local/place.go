package main

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"github.com/neutrino-local/neutrino-local/registry"
	"github.com/neutrino-local/neutrino-local/store"
	"github.com/neutrino-local/neutrino-local/web/apitype"
)

// A place is where a server can be found: its addresses, its state directory,
// and its token if it needs one.
type place struct {
	server  apitype.Server // without the token
	token   string         // "" on loopback unless given or required
	given   bool           // the token was
	exposed bool           // not on loopback
	scheme  string
	address string // host:port, as people reach it
	port    string
	domains []string
	state   *stateDir
}

func newPlace(cfg config, state *stateDir, bound net.Addr, started time.Time) *place {
	p := &place{
		token: cfg.token, given: cfg.token != "", scheme: cfg.scheme(),
		exposed: !loopback(bound), domains: cfg.allDomains(), state: state,
	}
	if p.token == "" && (cfg.requireToken || p.exposed) {
		p.token = newToken()
	}
	host, port, _ := net.SplitHostPort(bound.String()) // always valid: it is bound
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	p.port, p.address = port, net.JoinHostPort(host, port)
	base := p.scheme + "://" + p.address
	p.server = apitype.Server{
		Schema: 1, Version: version, PID: os.Getpid(), StartedAt: started.UTC(),
		State: apitype.State{Mode: state.mode(), Path: state.path},
		URLs: apitype.URLs{
			Base: base, API: base + "/api/v1", Registry: p.address, UI: base + "/_neutrino/",
			Metrics: base + "/metrics", AppTemplate: p.scheme + "://{app}." + p.hostport(p.domains[0]) + "/",
		},
		Accounts: []apitype.Account{{ID: store.LocalAccountID, Name: store.LocalAccountName}},
		Profile:  cfg.profile.name,
		Limits:   cfg.profile.limits(),
		Failover: &apitype.Policy{
			Policy: string(cfg.policy), WindowMS: cfg.window.Milliseconds(),
			DrainTimeoutMS: cfg.profile.drain.Milliseconds(), ReadinessMS: cfg.readiness.Milliseconds(),
		},
	}
	return p
}

func newToken() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	return "nl_" + hex.EncodeToString(b[:])
}

func (p *place) hostport(host string) string {
	if p.port == map[string]string{"http": "80", "https": "443"}[p.scheme] {
		return host
	}
	return net.JoinHostPort(host, p.port)
}

// appURLs returns the addresses of an app: its host below each domain, its path
// here, and its own listeners.
func (p *place) appURLs(app store.App) []string {
	urls := []string{p.scheme + "://" + p.hostport(string(app.Name)+"."+p.domains[0]) + "/"}
	urls = append(urls, p.server.URLs.Base+"/_apps/"+string(app.Name)+"/")
	for _, address := range app.Listeners {
		urls = append(urls, p.scheme+"://"+address+"/")
	}
	urls = append(urls, p.scheme+"://"+p.hostport(string(app.ID)+"."+p.domains[0])+"/")
	for _, domain := range p.domains[1:] {
		urls = append(urls, p.scheme+"://"+p.hostport(string(app.Name)+"."+domain)+"/")
	}
	return urls
}

// registryAuth lets everybody in where there is no token.
func (p *place) registryAuth(scheme string) registry.Auth {
	return registry.Auth{
		RequireToken: p.token != "",
		Basic:        scheme == "basic",
		Token: func(secret string) (string, bool) {
			return "", subtle.ConstantTimeCompare([]byte(secret), []byte(p.token)) == 1
		},
	}
}

// publish writes the ready file, if there is to be one, and the locators: in the
// server's own state directory, and in the default one unless another server's
// is there. unpublish removes them.
func (p *place) publish(readyFile string) (unpublish func() error, err error) {
	ready := p.server
	ready.Token, ready.Accounts, ready.Profile, ready.Limits, ready.Failover = p.token, nil, "", nil, nil
	paths := []string{p.state.file(locatorName)}
	if err := writeReady(paths[0], ready); err != nil {
		return nil, fmt.Errorf("locator: %w", err)
	}
	if dir := defaultStateDir(); dir != "" && dir != p.state.path {
		path := dir + string(os.PathSeparator) + locatorName
		if claimed, err := claimLocator(path, ready); err == nil && claimed {
			paths = append(paths, path)
		}
	}
	if readyFile != "" {
		if err := writeReady(readyFile, ready); err != nil {
			return nil, fmt.Errorf("--ready-file: %w", err)
		}
		paths = append(paths, readyFile)
	}
	return func() error {
		var errs []error
		for _, path := range paths {
			errs = append(errs, removeReady(path, p.server.PID))
		}
		return errors.Join(errs...)
	}, nil
}

// banner tells where everything is.
func (p *place) banner(w io.Writer, cfg config) {
	kept := "kept in " + p.state.path
	if p.state.ephemeral {
		kept = "in memory (" + p.state.path + "), gone at exit"
	}
	if p.state.ephemeral && !strings.HasPrefix(p.state.path, "/dev/shm") {
		kept = "in " + p.state.path + ", gone at exit"
	}
	urls := p.server.URLs
	fmt.Fprintf(w, "neutrino-local %s, an unofficial Wasm cloud on this machine\n", version)
	fmt.Fprintf(w, "  URL:       %s\n  Apps:      %s\n  Registry:  %s\n  Page:      %s\n", urls.Base, urls.AppTemplate, urls.Registry, urls.UI)
	fmt.Fprintf(w, "  State:     %s\n  Profile:   %s\n  Failover:  %s, window %s\n", kept, cfg.profile, cfg.policy, cfg.window)
	switch {
	case p.token != "" && !p.given:
		fmt.Fprintf(w, "  Token:     %s (shown once%s)\n", p.token, p.exposure())
	case p.token != "":
		fmt.Fprintf(w, "  Token:     the one given\n")
	}
}

// exposure says who else can come here.
func (p *place) exposure() string {
	if p.exposed {
		return "; anybody on the network can reach this address"
	}
	return ""
}
