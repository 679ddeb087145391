package e2e

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/neutrino-local/neutrino-local/e2e/guests/tutorials"
)

// TestTutorials runs apps as the cloud teaches to write them, under its limits.
func TestTutorials(t *testing.T) {
	if os.Getenv("NEUTRINO_TEST_FULL") != "1" {
		t.Skip("builds apps in JavaScript: NEUTRINO_TEST_FULL=1 does it, with Node 20 and npm")
	}
	s := newServer(t)
	s.start("--ephemeral", "--failover", "instant", "--drain-timeout", patience.String())
	for _, c := range []struct {
		app   string
		teach func(*testing.T, *lesson)
	}{
		{"counter", teachCounter}, {"cron", teachCron}, {"jwt", teachJWT}, {"cache", teachCache},
		{"storage", teachStorage}, {"redis", teachRedis}, {"postgres", teachPostgres},
		{"guestbook", teachGuestbook},
	} {
		t.Run(c.app, func(t *testing.T) {
			defer s.as(t)()
			c.teach(t, &lesson{t: t, s: s, app: c.app, dir: tutorials.Build(t, c.app)})
		})
	}
	s.stop()
}

// A lesson is one app of the tutorials.
type lesson struct {
	t        *testing.T
	s        *server
	app, dir string
}

// deploy deploys the app with values for its variables: NAME=VALUE.
func (l *lesson) deploy(variables ...string) {
	l.t.Helper()
	args := []string{"deploy", "--no-confirm", "--wait", "live", "-f", l.dir}
	for _, v := range variables {
		args = append(args, "--variable", v)
	}
	l.s.must(l.s.client(args...))
}

// send sends a request; headers are NAME: VALUE.
func (l *lesson) send(method, path, body string, headers ...string) *http.Response {
	l.t.Helper()
	req, err := http.NewRequestWithContext(l.t.Context(), method, l.s.base+path, strings.NewReader(body))
	if err != nil {
		l.t.Fatal(err)
	}
	req.Host = l.app + ".localhost"
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		l.t.Fatalf("%s %s: %v", method, path, err)
	}
	l.t.Cleanup(func() { resp.Body.Close() })
	return resp
}

// want sends a request without headers and compares what comes back.
func (l *lesson) want(method, path, body string, status int, reply string) {
	l.t.Helper()
	l.compare(l.send(method, path, body), status, reply)
}

func (l *lesson) compare(resp *http.Response, status int, reply string) {
	l.t.Helper()
	got, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != status || string(got) != reply {
		l.t.Errorf("%s %s = %d %.300q, %v; want %d %.300q", resp.Request.Method, resp.Request.URL.RequestURI(), resp.StatusCode, got, err, status, reply)
	}
}

func teachCounter(t *testing.T, l *lesson) {
	l.deploy()
	l.want("GET", "/", "", 200, `{}`)
	l.want("GET", "/visits", "", 200, `{"name":"visits","count":0}`)
	l.want("POST", "/visits", "", 200, `{"name":"visits","count":1}`)
	l.want("POST", "/visits", "", 200, `{"name":"visits","count":2}`)
	l.want("POST", "/other", "", 200, `{"name":"other","count":1}`)
	l.deploy() // an upgrade keeps what was counted
	resp := l.send("POST", "/visits", "", "Neutrino-Explain: 1")
	l.compare(resp, 200, `{"name":"visits","count":3}`)
	if got := resp.Header.Get("Neutrino-Revision"); got != "r2" {
		t.Errorf("%q answers after the upgrade", got)
	}
	l.want("DELETE", "/other", "", 204, "")
	l.want("GET", "/", "", 200, `{"visits":3}`)
	l.want("GET", "/no/such/route", "", 404, `{"status":404,"error":"Not Found"}`)
	kept := l.s.must(l.s.client("kv", "get", l.app, "visits"))
	if strings.TrimSpace(kept.stdout) != "3" {
		t.Errorf("kv get prints %q, want 3", kept.stdout)
	}
}

func teachCron(_ *testing.T, l *lesson) {
	l.deploy("cron_key=cuckoo")
	l.want("POST", "/letters/ada", "first", 202, `{"number":1}`)
	l.want("POST", "/letters/bob", "hello", 202, `{"number":2}`)
	l.want("POST", "/letters/ada", "second", 202, `{"number":3}`)
	l.want("GET", "/boxes/ada", "", 200, `[]`)
	l.want("GET", "/cron/send", "", 403, "not for you\n")
	l.want("GET", "/cron/send?key=magpie", "", 403, "not for you\n")
	l.want("GET", "/cron/send?key=cuckoo", "", 200, `{"sent":3}`)
	l.want("GET", "/cron/send?key=cuckoo", "", 200, `{"sent":0}`)
	l.want("GET", "/boxes/ada", "", 200, `["first","second"]`)
	l.want("GET", "/boxes/bob", "", 200, `["hello"]`)
}

func teachJWT(t *testing.T, l *lesson) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	public := fmt.Sprintf(`{"kty":"RSA","alg":"RS256","n":%q,"e":%q}`, encode(key.N.Bytes()), encode(big.NewInt(int64(key.E)).Bytes()))
	hs256 := func(secret string) func(string) []byte {
		return func(text string) []byte {
			mac := hmac.New(sha256.New, []byte(secret))
			mac.Write([]byte(text))
			return mac.Sum(nil)
		}
	}
	rs256 := func(text string) []byte {
		sum := sha256.Sum256([]byte(text))
		signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		return signature
	}
	token := func(alg string, good time.Duration, sign func(string) []byte) string {
		claims, err := json.Marshal(map[string]any{"sub": "ada", "exp": time.Now().Add(good).Unix()})
		if err != nil {
			t.Fatal(err)
		}
		text := encode([]byte(`{"typ":"JWT","alg":"`+alg+`"}`)) + "." + encode(claims)
		return text + "." + encode(sign(text))
	}
	l.deploy("hs256_secret=open sesame", "rs256_key="+public)
	l.want("GET", "/", "", 200, "open to all\n")
	l.want("GET", "/me", "", 401, "no token\n")
	none := func(string) []byte { return nil }
	for _, c := range []struct {
		name, token string
		status      int
		reply       string
	}{
		{"HS256", token("HS256", time.Hour, hs256("open sesame")), 200, `{"you":"ada"}`},
		{"RS256", token("RS256", time.Hour, rs256), 200, `{"you":"ada"}`},
		{"another secret", token("HS256", time.Hour, hs256("open poppy")), 401, "the signature is not ours\n"},
		{"the public key as a secret", token("HS256", time.Hour, hs256(public)), 401, "the signature is not ours\n"},
		{"the wrong kind", token("RS256", time.Hour, hs256("open sesame")), 401, "the signature is not ours\n"},
		{"none", token("none", time.Hour, none), 401, "algorithm none is not taken\n"},
		{"expired", token("RS256", -time.Hour, rs256), 401, "expired\n"},
		{"two parts", "a.b", 401, "not three parts\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := &lesson{t, l.s, l.app, l.dir}
			l.compare(l.send("GET", "/me", "", "Authorization: Bearer "+c.token), c.status, c.reply)
		})
	}
}

func teachCache(t *testing.T, l *lesson) {
	var all []byte
	for b := range 256 {
		all = append(all, byte(b))
	}
	var asked atomic.Int64
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		switch r.URL.Path {
		case "/long":
			w.Header().Set("Cache-Control", "public, max-age=3600")
			w.Header().Set("Content-Type", "application/x-bytes")
			w.Write(all)
			io.WriteString(w, r.URL.RawQuery)
		case "/old":
			w.Header().Set("Cache-Control", "max-age=0")
			w.Write([]byte("old"))
		case "/private":
			w.Write([]byte("private"))
		default:
			http.Error(w, "nothing here", http.StatusNotFound)
		}
	}))
	defer origin.Close()
	l.deploy("origin=" + origin.URL)
	get := func(method, path, how string, status int, reply string, more int64) {
		t.Helper()
		before := asked.Load()
		resp := l.send(method, path, "")
		l.compare(resp, status, reply)
		if got := resp.Header.Get("X-Cache"); got != how {
			t.Errorf("%s %s is a %q, want %q", method, path, got, how)
		}
		if n := asked.Load() - before; n != more {
			t.Errorf("%s %s asked the origin %d times, want %d", method, path, n, more)
		}
		if got := resp.Header.Get("Content-Type"); how == "hit" && got != "application/x-bytes" {
			t.Errorf("%s is of type %q", path, got)
		}
	}
	bytes := string(all)
	get("GET", "/long", "miss", 200, bytes, 1)
	get("GET", "/long", "hit", 200, bytes, 0)
	get("GET", "/long?q", "miss", 200, bytes+"q", 1)
	get("GET", "/long", "hit", 200, bytes, 0)
	get("DELETE", "/long", "", 204, "", 0)
	get("GET", "/long", "miss", 200, bytes, 1)
	get("GET", "/old", "miss", 200, "old", 1)
	get("GET", "/old", "miss", 200, "old", 1)
	get("GET", "/private", "pass", 200, "private", 1)
	get("GET", "/private", "pass", 200, "private", 1)
	get("GET", "/nowhere", "pass", 404, "nothing here\n", 1)
	origin.Close()
	get("GET", "/long?q", "hit", 200, bytes+"q", 0)
	get("GET", "/old", "stale", 200, "old", 0)
	if resp := l.send("GET", "/private", ""); resp.StatusCode != http.StatusBadGateway {
		t.Errorf("without the origin GET /private = %d, want 502", resp.StatusCode)
	}
}
