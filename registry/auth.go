package registry

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// Auth says who may do what. The account of a repository is the boundary: who
// has a secret of an account may do anything in it, and nothing in another. A
// token of the token endpoint is narrower still, by its scopes; but a mount
// inside one account asks for no scope on where the blob comes from.
type Auth struct {
	// RequireToken refuses requests without a secret. Otherwise everyone may do
	// everything, and secrets are not looked at.
	RequireToken bool
	// Token returns the account that a secret is for, "" for all of them, and
	// whether it is a secret at all. It must compare in constant time.
	Token func(secret string) (account string, ok bool)
	// Basic asks clients for Basic credentials, whose password is a secret, and
	// not for a token of the token endpoint. Either is taken in any case.
	Basic bool
}

// What a client may be allowed to do.
const (
	anyone    = ""       // no secret needed
	known     = "known"  // any secret will do
	listAll   = "*"      // the catalog
	mayPull   = "pull"   // scopes of a repository, by their common names
	mayPush   = "push"   //
	mayDelete = "delete" //
)

type auth struct {
	Auth
	tokens signer
}

func newAuth(a Auth) *auth { return &auth{a, newSigner()} }

// A client is who sent a request.
type client struct {
	account string  // "" for all accounts
	scopes  []scope // of a token; nil if a secret was sent
}

// client returns who sent r, by the secret or the token in it.
func (a *auth) client(r *http.Request) (client, error) {
	if _, secret, ok := r.BasicAuth(); ok {
		return a.holder(secret)
	}
	scheme, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return client{}, errUnauthorized
	}
	if c, err := a.tokens.verify(secret); err == nil {
		return c, nil
	}
	return a.holder(secret)
}

func (a *auth) holder(secret string) (client, error) {
	if a.Token == nil {
		return client{}, nil // tokens are not required either
	}
	account, ok := a.Token(secret)
	if !ok {
		return client{}, fmt.Errorf("%w: unknown token", errUnauthorized)
	}
	return client{account: account}, nil
}

// allow returns an error unless the client may do an action to t.
func (a *auth) allow(r *http.Request, t target, action string) error {
	if !a.RequireToken || action == anyone {
		return nil
	}
	c, err := a.client(r)
	if err != nil {
		return a.challenge(r, t, action, err)
	}
	switch {
	case action == known:
		return nil
	case t.repository != "" && c.account != "" && c.account != account(t.repository):
		return fmt.Errorf("%w: %s belongs to another account", errDenied, t.repository)
	case c.scopes != nil && !slices.ContainsFunc(c.scopes, func(s scope) bool { return s.covers(t, action) }):
		return a.challenge(r, t, action, fmt.Errorf("%w: the token has no scope for this", errUnauthorized))
	}
	return nil
}

// accountOf returns the account that the client is confined to, or "".
func (a *auth) accountOf(r *http.Request) (string, error) {
	if !a.RequireToken {
		return "", nil
	}
	c, err := a.client(r)
	return c.account, err
}

// challenge tells the client how to authenticate.
func (a *auth) challenge(r *http.Request, t target, action string, err error) error {
	value := `Basic realm="neutrino-local"`
	if !a.Basic && t.kind != kindToken {
		scheme := "http"
		if r.TLS != nil {
			scheme = "https"
		}
		value = fmt.Sprintf(`Bearer realm="%s://%s/v2/token",service="neutrino-local"`, scheme, r.Host)
		if s := scopeFor(t, action); s != "" {
			value += fmt.Sprintf(`,scope=%q`, s)
		}
	}
	return headedError{err, map[string]string{"WWW-Authenticate": value}}
}

var errForeignOrigin = fmt.Errorf("%w: a page of another origin may not write", errDenied)

// checkOrigin refuses what a page in a browser sends to change something, unless
// the page is ours. Tools send no Origin.
func checkOrigin(r *http.Request) error {
	if r.Method == http.MethodGet || r.Method == http.MethodHead || r.Header.Get("Origin") == "" {
		return nil
	}
	if r.Header.Get("Sec-Fetch-Site") == "same-origin" && r.Header.Get("Origin") != "null" {
		return nil
	}
	return errForeignOrigin
}

var errToken = errors.New("token invalid or expired")
