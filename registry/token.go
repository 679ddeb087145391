package registry

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

// A scope is what a token allows to do to one repository, or to the catalog.
type scope struct {
	Type    string   `json:"t"` // repository or registry
	Name    string   `json:"n"`
	Actions []string `json:"a"`
}

// maxScopes is the most scopes of one token.
const maxScopes = 64

// parseScopes reads scopes in the form type:name:action,action, with spaces
// between them. What it does not know it leaves out, as token servers do.
func parseScopes(texts []string) []scope {
	var scopes []scope
	for _, text := range texts {
		for word := range strings.FieldsSeq(text) {
			if s, ok := parseScope(word); ok && len(scopes) < maxScopes {
				scopes = append(scopes, s)
			}
		}
	}
	return scopes
}

func parseScope(word string) (scope, bool) {
	kind, rest, ok := strings.Cut(word, ":")
	i := strings.LastIndexByte(rest, ':')
	if !ok || i < 0 || len(rest) > 2*maxName {
		return scope{}, false
	}
	s := scope{Type: kind, Name: rest[:i]}
	for action := range strings.SplitSeq(rest[i+1:], ",") {
		switch action {
		case mayPull, mayPush, mayDelete, listAll:
			s.Actions = append(s.Actions, action)
		}
	}
	switch kind {
	case "registry":
		return s, s.Name == "catalog"
	case "repository":
		return s, checkName(s.Name) == nil
	}
	return scope{}, false
}

// covers reports whether the scope allows an action to t.
func (s scope) covers(t target, action string) bool {
	if !slices.Contains(s.Actions, action) && !slices.Contains(s.Actions, listAll) {
		return false
	}
	if t.kind == kindCatalog {
		return s.Type == "registry"
	}
	return s.Type == "repository" && s.Name == t.repository
}

// scopeFor returns the scope that a client has to ask for, in its written form.
func scopeFor(t target, action string) string {
	switch action {
	case listAll:
		return "registry:catalog:*"
	case mayPush:
		return "repository:" + t.repository + ":pull,push"
	case mayPull, mayDelete:
		return "repository:" + t.repository + ":" + action
	}
	return ""
}

// issueToken is GET and POST of the token endpoint: a token with the scopes that
// the client asks for, as far as its secret reaches.
func (s *Server) issueToken(w http.ResponseWriter, r *http.Request, t target) error {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if err := r.ParseForm(); err != nil {
		return s.auth.challenge(r, t, known, errUnauthorized)
	}
	var c client
	var err error
	switch secret := max(r.PostForm.Get("password"), r.PostForm.Get("refresh_token")); {
	case !s.auth.RequireToken:
	case secret != "":
		c, err = s.auth.holder(secret)
	default:
		c, err = s.auth.client(r)
	}
	if err != nil {
		return s.auth.challenge(r, t, known, err)
	}
	granted := []scope{}
	for _, asked := range parseScopes(r.Form["scope"]) {
		if asked.Type == "repository" && c.account != "" && account(asked.Name) != c.account {
			continue
		}
		if c.scopes != nil { // a token is no way to a wider one
			continue
		}
		granted = append(granted, asked)
	}
	c.scopes = granted
	now := time.Now()
	signed := s.auth.tokens.sign(c, now.Add(tokenLife))
	w.Header().Set("Cache-Control", "no-store")
	return writeJSON(w, r, "application/json", map[string]any{
		"token": signed, "access_token": signed,
		"expires_in": int(tokenLife.Seconds()), "issued_at": now.UTC().Format(time.RFC3339),
	})
}

// tokenLife is long enough for any push, which needs one token for each request.
const tokenLife = 5 * time.Minute

// A signer makes tokens that only it accepts; they end with the process.
type signer struct{ key []byte }

func newSigner() signer {
	key := make([]byte, 32)
	rand.Read(key)
	return signer{key}
}

type claims struct {
	Account string  `json:"account"`
	Scopes  []scope `json:"scopes"`
	Until   int64   `json:"until"`
}

func (s signer) sign(c client, until time.Time) string {
	text, err := json.Marshal(claims{c.account, c.scopes, until.Unix()})
	if err != nil {
		panic(err) // strings and a number
	}
	part := base64.RawURLEncoding.EncodeToString(text)
	return part + "." + base64.RawURLEncoding.EncodeToString(s.mac(part))
}

func (s signer) mac(part string) []byte {
	h := hmac.New(sha256.New, s.key)
	h.Write([]byte(part))
	return h.Sum(nil)
}

func (s signer) verify(token string) (client, error) {
	part, sum, _ := strings.Cut(token, ".")
	mac, err := base64.RawURLEncoding.DecodeString(sum)
	if err != nil || !hmac.Equal(mac, s.mac(part)) {
		return client{}, errToken
	}
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return client{}, errToken
	}
	c := claims{}
	if err := json.Unmarshal(text, &c); err != nil || time.Now().Unix() >= c.Until {
		return client{}, errToken
	}
	if c.Scopes == nil {
		c.Scopes = []scope{} // nil would be a secret's
	}
	return client{c.Account, c.Scopes}, nil
}
