package runtime

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/neutrino-local/neutrino-local/e2e/services"
	"github.com/neutrino-local/neutrino-local/router/ledger"
	"github.com/neutrino-local/neutrino-local/runtime/spin/conns"
)

// One server is enough for all: it takes a second to make one.
func TestMySQL(t *testing.T) {
	server := services.MySQL(t, "pass word")
	url := "mysql://spin:pass%20word@" + server + "/spin"
	t.Run("interfaces", func(t *testing.T) {
		checkGoroutines(t)
		v := serve(t, newHost(t, akamai), spinSpec(t, "mysql", "mysql://127.0.0.1:*"))
		for range 2 {
			v.wantsAt(url, "/check/1", 200, "")
			v.wantsAt(url+"?ssl-mode=disabled&pool_max=5", "/check/2", 200, "")
		}
		v.wantsAt(url, "/query/SELECT+1+AS+a,+'x'+AS+b", 200, "a:3 b:11 1 x ")
		for range 2 {
			v.wantsAt(url, "/many", 200, fmt.Sprintf("%d too many connections", conns.MaxOpen))
		}
	})
	t.Run("sessions", func(t *testing.T) { mysqlSessions(t, url) })
	t.Run("denied", func(t *testing.T) {
		for _, hosts := range [][]string{nil, {"mysql://127.0.0.1"}, {"postgres://127.0.0.1:*"}} {
			v := serve(t, newHost(t, akamai), spinSpec(t, "mysql", hosts...))
			for _, path := range []string{"/open/1", "/open/2"} {
				v.wantsAt(url, path, 500, fmt.Sprintf(`Error::ConnectionFailed("address %s is not permitted")`, url))
			}
			line := fmt.Sprintf("A component tried to make an outbound network connection to disallowed destination 'mysql://%s'.", server)
			if said := v.stream(streamStderr); len(said) != 4 || said[0] != line {
				t.Errorf("%q: the log has %q", hosts, said)
			}
		}
	})
	t.Run("addresses", func(t *testing.T) {
		v := serve(t, newHost(t, akamai), spinSpec(t, "mysql", "*://*:*"))
		for address, want := range map[string]string{
			strings.Replace(url, "pass", "wrong", 1):         "Access denied for user",
			url + "x":                                        "Access denied for user",
			url + "?ssl-mode=required":                       "TLS",
			"mysql://spin@" + services.FreeAddress(t) + "/x": "connection refused",
			"":                           "invalid connection URL",
			"postgres://spin@h/x":        "expected mysql://host",
			"mysql:///tmp/x":             "expected mysql://host",
			"spin:pw@unix(/tmp/x)/spin":  "invalid connection URL",
			"mysql://h:0/x":              "port",
			url + "?allowAllFiles=true":  "unknown parameter",
			url + "?socket=/tmp/x":       "unknown parameter",
			"mysql://spin:s\x7fcret@h/x": "invalid connection URL",
		} {
			a := v.at(strings.ReplaceAll(address, "\x7f", "%zz"), "/open/2")
			if a.StatusCode != 500 || !strings.HasPrefix(a.body, `Error::ConnectionFailed("`) || !strings.Contains(a.body, want) || strings.Contains(a.body, "cret") {
				t.Errorf("%s: %d %s, want %s", address, a.StatusCode, a.body, want)
			}
		}
	})
	t.Run("a query that does not end", func(t *testing.T) {
		limits := akamai
		limits.Handler = 300 * time.Millisecond
		v := serve(t, newHost(t, limits), spinSpec(t, "mysql", "mysql://127.0.0.1:*"))
		v.at(url, "/query/SELECT+SLEEP(3600)")
		if o := v.outcome(); o != ledger.Timeout {
			t.Errorf("outcome %s, want %s", o, ledger.Timeout)
		}
	})
	t.Run("a result without end", func(t *testing.T) {
		v := serve(t, newHost(t, akamai), spinSpec(t, "mysql", "mysql://127.0.0.1:*"))
		a := v.at(url, "/query/SELECT+REPEAT('x',10000000)+FROM+seq_1_to_100000")
		if a.StatusCode != 500 || !strings.Contains(a.body, "query result exceeds limit of 134217728 bytes") {
			t.Errorf("%d %s", a.StatusCode, a.body)
		}
	})
}

// What one guest does to its session the next does not see: it never gets it. A
// connection comes back to the pool some time behind the reply, so which one a
// guest gets is not said, only which it does not.
func mysqlSessions(t *testing.T, url string) {
	v := serve(t, newHost(t, akamai), spinSpec(t, "mysql", "mysql://127.0.0.1:*"))
	changed := map[string]string{}
	for _, statement := range []string{"SET+@a=1", "SELECT+@a:=1", "BEGIN", "DO+GET_LOCK('x',0)", "CREATE+TEMPORARY+TABLE+mine+(n+INT)"} {
		a := v.at(url, "/run/"+statement)
		if a.StatusCode != 200 || !strings.HasPrefix(a.body, "CONNECTION_ID():7 ") {
			t.Fatalf("%s: %d %s", statement, a.StatusCode, a.body)
		}
		changed[a.body] = statement
		for range 3 {
			if before, ok := changed[v.at(url, "/query/SELECT+CONNECTION_ID()").body]; ok {
				t.Errorf("the connection was lent again after %s", before)
			}
		}
	}
}

// A server that lies costs a guest its answer, and us nothing.
func TestMySQLHostileServer(t *testing.T) {
	for name, send := range map[string]string{
		"an HTTP server":    "HTTP/1.1 400 Bad Request\r\n\r\n",
		"nothing":           "",
		"an empty packet":   "\x00\x00\x00\x00",
		"a short greeting":  "\x05\x00\x00\x00\x0a5.5\x00",
		"no version's end":  "\x05\x00\x00\x00\x0a5555",
		"an endless packet": strings.Repeat("\xff\xff\xff\x00"+strings.Repeat("x", 1<<16), 3),
	} {
		server := listener(t, func(c net.Conn) { io.WriteString(c, send) })
		v := serve(t, newHost(t, akamai), spinSpec(t, "mysql", "mysql://127.0.0.1:*"))
		if a := v.at("mysql://spin@"+server+"/x", "/open/2"); a.StatusCode != 500 || !strings.HasPrefix(a.body, "Error::ConnectionFailed") {
			t.Errorf("%s: %d %q", name, a.StatusCode, a.body)
		}
	}
}
