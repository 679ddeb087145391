package registry

import (
	"encoding/base64"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
)

// secrets are of two accounts and of all.
func secrets(secret string) (string, bool) {
	account, ok := map[string]string{"s-one": "one", "s-two": "two", "s-all": ""}[secret]
	return account, ok
}

func withSecrets(c *Config) { c.RequireToken, c.Token = true, secrets }

func basic(secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte("anybody:"+secret))
}

func (f *fixture) token(secret, scope string) string {
	f.t.Helper()
	got := f.want(200, "GET", "/v2/token?service=neutrino-local&scope="+url.QueryEscape(scope), nil, "Authorization", basic(secret))
	var reply struct {
		Token       string
		AccessToken string `json:"access_token"`
		ExpiresIn   int    `json:"expires_in"`
	}
	decode(f.t, got.body, &reply)
	if reply.Token == "" || reply.Token != reply.AccessToken || reply.ExpiresIn != 300 {
		f.t.Errorf("token: %s", got.body)
	}
	return "Bearer " + reply.Token
}

func TestWhoMayDoWhat(t *testing.T) {
	f := newFixture(t, "memory", withSecrets)
	c := content(1, 100)
	d := artifact.SHA256(c)
	for _, name := range []string{"one/a", "two/a"} {
		f.want(201, "POST", "/v2/"+name+"/blobs/uploads/?digest="+string(d), c, "Authorization", basic("s-all"))
	}
	f.want(201, "POST", "/v2/one/a/blobs/uploads/?digest="+string(artifact.SHA256([]byte("secret of one"))), []byte("secret of one"),
		"Authorization", basic("s-one"))
	pull := f.token("s-one", "repository:one/a:pull")
	push := f.token("s-one", "repository:one/a:pull,push")
	foreign := f.token("s-one", "repository:two/a:pull,push,delete")
	upload := "/v2/one/a/blobs/uploads/"
	tests := []struct {
		name, method, path, auth string
		status                   int
	}{
		{"nobody", "GET", "/v2/", "", 401},
		{"nobody", "GET", blobPath("one/a", d), "", 401},
		{"a wrong secret", "GET", "/v2/", basic("s-three"), 401},
		{"a wrong token", "GET", "/v2/", "Bearer e30.e30", 401},
		{"another scheme", "GET", "/v2/", "Digest s-one", 401},
		{"a secret", "GET", "/v2/", basic("s-one"), 200},
		{"a secret as a bearer", "GET", "/v2/", "Bearer s-one", 200},
		{"a token", "GET", "/v2/", pull, 200},
		{"a secret", "GET", blobPath("one/a", d), basic("s-one"), 200},
		{"a secret of all", "GET", blobPath("two/a", d), basic("s-all"), 200},
		{"a secret of another account", "GET", blobPath("two/a", d), basic("s-one"), 403},
		{"a secret of another account", "POST", "/v2/two/a/blobs/uploads/", basic("s-one"), 403},
		{"a secret of another account", "DELETE", blobPath("two/a", d), basic("s-one"), 403},
		{"a scope for another account", "GET", blobPath("two/a", d), foreign, 403},
		{"a scope to pull", "GET", blobPath("one/a", d), pull, 200},
		{"a scope to pull, elsewhere", "GET", "/v2/one/b/tags/list", pull, 401},
		{"a scope to pull", "POST", upload, pull, 401},
		{"a scope to push", "POST", upload + "?mount=" + string(d), push, 201},
		{"a scope to push", "DELETE", blobPath("one/a", d), push, 401},
		{"mount of what another account has", "POST", "/v2/two/b/blobs/uploads/?from=one/a&mount=" + string(artifact.SHA256([]byte("secret of one"))), basic("s-two"), 202},
		{"the catalog without a scope", "GET", "/v2/_catalog", pull, 401},
		{"the catalog", "GET", "/v2/_catalog", f.token("s-one", "registry:catalog:*"), 200},
	}
	for _, tt := range tests {
		got := f.do(tt.method, tt.path, nil, "Authorization", tt.auth)
		if got.StatusCode != tt.status {
			t.Errorf("%s: %s %s = %d %s, want %d", tt.name, tt.method, tt.path, got.StatusCode, got.body, tt.status)
		}
		if (got.StatusCode == 401) != (got.Header.Get("WWW-Authenticate") != "") {
			t.Errorf("%s: %d with WWW-Authenticate %q", tt.name, got.StatusCode, got.Header.Get("WWW-Authenticate"))
		}
		if got.StatusCode == 202 {
			f.want(204, "DELETE", got.Header.Get("Location"), nil, "Authorization", basic("s-all"))
		}
	}
}

func TestChallenges(t *testing.T) {
	f := newFixture(t, "memory", withSecrets)
	host := strings.TrimPrefix(f.url, "http://")
	bearer := `Bearer realm="http://` + host + `/v2/token",service="neutrino-local"`
	tests := []struct{ method, path, want string }{
		{"GET", "/v2/", bearer},
		{"GET", "/v2/a/b/tags/list", bearer + `,scope="repository:a/b:pull"`},
		{"POST", "/v2/a/b/blobs/uploads/", bearer + `,scope="repository:a/b:pull,push"`},
		{"DELETE", "/v2/a/b/manifests/x", bearer + `,scope="repository:a/b:delete"`},
		{"GET", "/v2/_catalog", bearer + `,scope="registry:catalog:*"`},
		{"GET", "/v2/token", `Basic realm="neutrino-local"`},
	}
	for _, tt := range tests {
		got := f.want(401, tt.method, tt.path, nil)
		if h := got.Header.Get("WWW-Authenticate"); h != tt.want || got.code(t) != "UNAUTHORIZED" {
			t.Errorf("%s %s: %s, want %s", tt.method, tt.path, h, tt.want)
		}
	}
	f = newFixture(t, "memory", withSecrets, func(c *Config) { c.Basic = true })
	if h := f.want(401, "GET", "/v2/", nil).Header.Get("WWW-Authenticate"); h != `Basic realm="neutrino-local"` {
		t.Errorf("WWW-Authenticate = %s, want Basic", h)
	}
}

func TestTokensByPOST(t *testing.T) {
	f := newFixture(t, "memory", withSecrets)
	for body, status := range map[string]int{
		"grant_type=password&username=x&password=s-one&scope=repository:one/a:pull": 200,
		"grant_type=refresh_token&refresh_token=s-one":                              200,
		"grant_type=password&username=x&password=wrong":                             401,
		"grant_type=password": 401,
		"%zz":                 401,
		"scope=" + strings.Repeat("repository:one/a:pull ", 5000): 401,
	} {
		f.want(status, "POST", "/v2/token", []byte(body), "Content-Type", "application/x-www-form-urlencoded")
	}
	// A token must not get a token with other scopes.
	pull := f.token("s-one", "repository:one/a:pull")
	got := f.want(200, "GET", "/v2/token?scope=repository:one/a:push", nil, "Authorization", pull)
	var reply struct{ Token string }
	decode(t, got.body, &reply)
	f.want(401, "POST", "/v2/one/a/blobs/uploads/", nil, "Authorization", "Bearer "+reply.Token)
}

func TestTheCatalogOfAnAccount(t *testing.T) {
	f := newFixture(t, "memory", withSecrets)
	in := func(name string) {
		raw := []byte(`{"schemaVersion":2,"manifests":[]}`)
		f.want(201, "PUT", "/v2/"+name+"/manifests/x", raw, "Authorization", basic("s-all"))
	}
	for _, name := range []string{"one", "one-b/x", "one/a", "one/b", "one/c", "oneb", "on", "two/a"} {
		in(name)
	}
	var all []string
	for path := "/v2/_catalog?n=2"; path != ""; {
		got := f.want(200, "GET", path, nil, "Authorization", basic("s-one"))
		var page struct{ Repositories []string }
		decode(t, got.body, &page)
		all = append(all, page.Repositories...)
		path, _, _ = strings.Cut(strings.TrimPrefix(got.Header.Get("Link"), "<"), ">")
	}
	if got := strings.Join(all, " "); got != "one one/a one/b one/c" {
		t.Errorf("the catalog has %s, want one and what is under it", got)
	}
}

func TestTokensEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSigner()
		signed := s.sign(client{account: "one"}, time.Now().Add(tokenLife))
		if c, err := s.verify(signed); err != nil || c.account != "one" || c.scopes == nil {
			t.Errorf("verify = %+v, %v", c, err)
		}
		for _, bad := range []string{"", ".", signed + "A", "A" + signed, strings.ToUpper(signed)} {
			if _, err := s.verify(bad); err == nil {
				t.Errorf("verify(%q): no error", bad)
			}
		}
		if _, err := newSigner().verify(signed); err == nil {
			t.Error("another process accepts the token")
		}
		<-time.After(tokenLife)
		if _, err := s.verify(signed); err == nil {
			t.Error("verify after the end: no error")
		}
	})
}
