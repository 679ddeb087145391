package runtime

import (
	"context"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/neutrino-local/neutrino-local/e2e/guests"
	"github.com/neutrino-local/neutrino-local/e2e/services"
	"github.com/neutrino-local/neutrino-local/router/ledger"
	"github.com/neutrino-local/neutrino-local/runtime/spin/conns"
)

// One server is enough for all: it takes a second to make one.
func TestPostgres(t *testing.T) {
	server := services.Postgres(t, "pass 'word'")
	host, port, _ := net.SplitHostPort(server)
	url := "postgres://spin:pass%20'word'@" + server + "/postgres"
	t.Run("interfaces", func(t *testing.T) {
		checkGoroutines(t)
		v := serve(t, newHost(t, akamai), spinSpec(t, "postgres", "postgres://127.0.0.1:*"))
		pairs := fmt.Sprintf(`host=%s port=%s user=spin password='pass \'word\'' dbname=postgres sslmode=disable`, host, port)
		for _, address := range []string{url, pairs, url + "?sslmode=prefer&connect_timeout=30"} {
			for _, path := range []string{"/conformance", "/check/1", "/check/2", "/check/3", "/check/4", "/errors"} {
				v.wantsAt(address, path, 200, "")
			}
		}
		v.wantsAt(url, "/build", 200, "open")
		v.wantsAt(url, "/query/SELECT+1+AS+a,+2::int8+AS+b,+'x'+AS+c", 200, "a:3 b:4 c:7 1 2 x ")
		for range 2 {
			v.wantsAt(url, "/many", 200, fmt.Sprintf("%d too many connections", conns.MaxOpen))
		}
	})
	t.Run("sessions", func(t *testing.T) { postgresSessions(t, url) })
	t.Run("denied", func(t *testing.T) { postgresDenied(t, host, port) })
	t.Run("addresses", func(t *testing.T) {
		v := serve(t, newHost(t, akamai), spinSpec(t, "postgres", "*://*:*"))
		tests := map[string]string{
			strings.Replace(url, "pass", "wrong", 1):            "password authentication failed",
			strings.Replace(url, "/postgres", "/nowhere", 1):    `database "nowhere" does not exist`,
			url + "?sslmode=require":                            "server refused TLS connection",
			"postgres://spin@" + services.FreeAddress(t) + "/x": "connection refused",
			"":                                      "user is missing",
			"user=spin":                             "host is missing",
			"user=spin host=/tmp":                   "Unix sockets are not supported on WebAssembly",
			"postgres://spin@%2Ftmp/x":              "Unix sockets are not supported on WebAssembly",
			"user=spin host=h port=0":               "invalid value",
			"user=spin host=h hostaddr=127.0.0.1":   "unknown option `hostaddr`",
			"user=spin host=h passfile=/etc/passwd": "unknown option `passfile`",
			"postgres://spin@h/x?sslrootcert=/etc/passwd": "unknown option `sslrootcert`",
			"postgres://spin@h/x?service=x":               "unknown option `service`",
			"user='x":                                     "unterminated",
			"nonsense":                                    "expected key=value",
			"postgres://spin@" + server + "/x?target_session_attrs=never": "invalid value",
		}
		for address, want := range tests {
			if a := v.at(address, "/open/4"); a.StatusCode != 500 || !strings.HasPrefix(a.body, `Error::ConnectionFailed("`) || !strings.Contains(a.body, want) {
				t.Errorf("%s: %d %s, want %s", address, a.StatusCode, a.body, want)
			}
		}
	})
	t.Run("a query that does not end", func(t *testing.T) {
		limits := akamai
		limits.Handler = 300 * time.Millisecond
		v := serve(t, newHost(t, limits), spinSpec(t, "postgres", "postgres://127.0.0.1:*"))
		v.at(url, "/query/SELECT+pg_sleep(3600)")
		if o := v.outcome(); o != ledger.Timeout {
			t.Errorf("outcome %s, want %s", o, ledger.Timeout)
		}
	})
	t.Run("a result without end", func(t *testing.T) {
		v := serve(t, newHost(t, akamai), spinSpec(t, "postgres", "postgres://127.0.0.1:*"))
		a := v.at(url, "/query/SELECT+repeat('x',10000000)+FROM+generate_series(1,100000)")
		if a.StatusCode != 500 || !strings.Contains(a.body, "query result exceeds limit of 134217728 bytes") {
			t.Errorf("%d %s", a.StatusCode, a.body)
		}
	})
}

// What one guest does to its session the next does not see. A session comes back
// to the pool some time behind the reply, so which one a guest gets is not said,
// only what it is like.
func postgresSessions(t *testing.T, url string) {
	v := serve(t, newHost(t, akamai), spinSpec(t, "postgres", "postgres://127.0.0.1:*"))
	for range 3 {
		v.wantsAt(url, "/query/SELECT+set_config('application_name','mine',false)", 200, "set_config:7 mine ")
		v.wantsAt(url, "/query/SELECT+current_setting('application_name')", 200, "current_setting:7  ")
		begun := v.at(url, "/begin").body
		if again := v.at(url, "/query/SELECT+pg_backend_pid()").body; !strings.HasPrefix(begun, "pg_backend_pid:3 ") || again == begun {
			t.Errorf("the session with a transaction was lent again: %s, %s", begun, again)
		}
	}
}

// What may not be reached is said in Spin's words, by every way to open it.
func postgresDenied(t *testing.T, host, port string) {
	for _, allowed := range []string{"", "postgres://127.0.0.1", "postgres://localhost:*", "mysql://127.0.0.1:*"} {
		var hosts []string
		if allowed != "" {
			hosts = []string{allowed}
		}
		v := serve(t, newHost(t, akamai), spinSpec(t, "postgres", hosts...))
		want := fmt.Sprintf(`Error::ConnectionFailed("address postgres://%s:%s is not permitted")`, host, port)
		for _, address := range []string{"postgres://spin@" + host + ":" + port + "/x", fmt.Sprintf("user=spin host=%s port=%s", host, port)} {
			for _, path := range []string{"/open/1", "/open/2", "/open/3", "/open/4", "/build"} {
				v.wantsAt(address, path, 500, want)
			}
		}
		v.wantsAt("user=spin host=elsewhere.test", "/open/4", 500, `Error::ConnectionFailed("address postgres://elsewhere.test is not permitted")`)
		line := fmt.Sprintf("A component tried to make an outbound network connection to disallowed destination 'postgres://%s:%s'.", host, port)
		if said := v.stream(streamStderr); len(said) == 0 || said[0] != line {
			t.Errorf("%q: the log has %q", allowed, said)
		}
	}
	// Of several hosts each has to be allowed.
	v := serve(t, newHost(t, akamai), spinSpec(t, "postgres", "postgres://127.0.0.1:*"))
	v.wantsAt("postgres://spin@"+host+":"+port+",10.0.0.1:99/x", "/open/4", 500, `Error::ConnectionFailed("address postgres://10.0.0.1:99 is not permitted")`)
}

// Certificates are those of the host, or of set-ca-root, and one that is not good
// is not gone around.
func TestPostgresTLS(t *testing.T) {
	server, ca := services.PostgresTLS(t, "secret")
	v := serve(t, newHost(t, akamai), spinSpec(t, "postgres", "postgres://127.0.0.1:*"))
	url := "postgres://spin:secret@" + server + "/postgres"
	v.wantsAt(url+"?sslmode=disable", "/open/4", 200, "open")
	for _, mode := range []string{"prefer", "require"} {
		address := url + "?sslmode=" + mode
		if a := v.at(address, "/open/4"); a.StatusCode != 500 || !strings.Contains(a.body, "certificate signed by unknown authority") {
			t.Errorf("%s: %d %s", mode, a.StatusCode, a.body)
		}
		r := v.request("GET", "/build/ca", nil)
		r.Header.Set("address", address)
		r.Header.Set("ca", strings.ReplaceAll(string(ca), "\n", "|"))
		if a := v.do(r); a.StatusCode != 200 || a.body != "open" {
			t.Errorf("%s with the CA: %d %s", mode, a.StatusCode, a.body)
		}
		if a := v.at(address, "/open/4"); a.StatusCode != 500 {
			t.Errorf("%s after another had the CA: %d %s", mode, a.StatusCode, a.body)
		}
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	h, err := New(t.Context(), Config{CacheDir: guests.CacheDir(), Limits: akamai, Log: slog.New(slog.DiscardHandler), Roots: roots})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close(context.Background()) }) // after its apps
	v = serve(t, h, spinSpec(t, "postgres", "postgres://127.0.0.1:*"))
	v.wantsAt(url+"?sslmode=verify-full", "/query/SELECT+ssl::text+FROM+pg_stat_ssl+WHERE+pid=pg_backend_pid()", 200, "ssl:7 true ")
}

// A server that lies costs a guest its answer, and us nothing.
func TestPostgresHostileServer(t *testing.T) {
	message := func(kind byte, n uint32, body string) string {
		return string(binary.BigEndian.AppendUint32([]byte{kind}, n)) + body
	}
	for name, send := range map[string]string{
		"an HTTP server":     "HTTP/1.1 400 Bad Request\r\n\r\n",
		"nothing":            "",
		"a huge message":     message('R', 0x7fffffff, ""),
		"a negative message": message('R', 0x80000000, ""),
		"an empty message":   message('R', 0, ""),
		"a short message":    message('R', 5, "x"),
	} {
		server := listener(t, func(c net.Conn) {
			c.Read(make([]byte, 1000))
			io.WriteString(c, send)
		})
		v := serve(t, newHost(t, akamai), spinSpec(t, "postgres", "postgres://127.0.0.1:*"))
		if a := v.at("postgres://spin@"+server+"/x?sslmode=disable", "/open/4"); a.StatusCode != 500 || !strings.HasPrefix(a.body, "Error::ConnectionFailed") {
			t.Errorf("%s: %d %q", name, a.StatusCode, a.body)
		}
	}
}
