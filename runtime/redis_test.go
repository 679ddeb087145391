package runtime

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/neutrino-local/neutrino-local/e2e/guests"
	"github.com/neutrino-local/neutrino-local/e2e/services"
	"github.com/neutrino-local/neutrino-local/router/ledger"
	"github.com/neutrino-local/neutrino-local/runtime/spin/conns"
)

// at asks for a path with the address of a server in the header that guests want
// it in.
func (v *service) at(address, path string) answered {
	v.t.Helper()
	r := v.request(http.MethodGet, path, nil)
	r.Header.Set("address", address)
	return v.do(r)
}

// wantsAt is wants with the address of a server.
func (v *service) wantsAt(address, path string, status int, body string) {
	v.t.Helper()
	a := v.at(address, path)
	if a.err != nil || a.StatusCode != status || a.body != body {
		v.t.Errorf("%s with %s: %d %.300q, %v; want %d %q", path, address, a.StatusCode, a.body, a.err, status, body)
	}
}

// A listener answers each connection by itself, and ends with the test.
func listener(t testing.TB, answer func(net.Conn)) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				answer(c)
			}()
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-ended
	})
	return l.Addr().String()
}

// The guest checks each interface from inside; it replies with nothing if all is
// right.
func TestRedis(t *testing.T) {
	checkGoroutines(t)
	address := "redis://" + services.Redis(t, "")
	v := serve(t, newHost(t, akamai), spinSpec(t, "redis", "redis://127.0.0.1:*"))
	for range 2 { // by new connections, and by old ones
		for _, path := range []string{"/conformance", "/check/2", "/check/2/execute", "/check/1"} {
			v.wantsAt(address, path, 200, "")
		}
	}
	a := v.at(address, "/conformance")
	if got := a.Header; a.ContentLength != 0 || got.Get("Date") == "" || len(got) != 2 {
		t.Errorf("headers %v, want Date and Content-Length: 0", got)
	}
	v.wantsAt(address, "/many", 200, fmt.Sprintf("%d Error::TooManyConnections", conns.MaxOpen))
	v.wantsAt(address, "/many", 200, fmt.Sprintf("%d Error::TooManyConnections", conns.MaxOpen))
}

// What one guest does to its connection the next does not see.
func TestRedisState(t *testing.T) {
	address := "redis://" + services.Redis(t, "")
	v := serve(t, newHost(t, akamai), spinSpec(t, "redis", "redis://127.0.0.1:*"))
	v.wantsAt(address+"/3", "/run/SET+where+third", 200, "+OK ")
	v.wantsAt(address, "/run/SET+where+zeroth", 200, "+OK ")
	v.wantsAt(address, "/run/SELECT+3", 200, "+OK ")
	v.wantsAt(address, "/run/MULTI", 200, "+OK ")
	v.wantsAt(address, "/run/GET+where", 200, "zeroth ")
	v.wantsAt(address+"/3", "/run/GET+where", 200, "third ")
	first, second := v.at(address, "/run/CLIENT+ID"), v.at(address, "/run/CLIENT+ID")
	if first.body == second.body {
		t.Errorf("%s again after CLIENT", first.body)
	}
}

func TestRedisPassword(t *testing.T) {
	host := services.Redis(t, "s:cr/t")
	v := serve(t, newHost(t, akamai), spinSpec(t, "redis", "redis://127.0.0.1:*"))
	v.wantsAt("redis://:s%3Acr%2Ft@"+host, "/check/2", 200, "")
	v.wantsAt("redis://default:s%3Acr%2Ft@"+host, "/check/2", 200, "")
	if a := v.at("redis://:wrong@"+host, "/open"); a.StatusCode != 500 || !strings.Contains(a.body, "WRONGPASS") {
		t.Errorf("%d %q", a.StatusCode, a.body)
	}
	if a := v.at("redis://"+host, "/run/GET+x"); a.StatusCode != 500 || !strings.Contains(a.body, "NOAUTH") {
		t.Errorf("%d %q", a.StatusCode, a.body)
	}
}

// What may not be reached is an invalid address, and the log says why.
func TestRedisDenied(t *testing.T) {
	host := services.Redis(t, "")
	address := "redis://" + host
	for _, allowed := range []string{"", "http://127.0.0.1:*", "redis://127.0.0.1:1", "redis://localhost:*"} {
		var hosts []string
		if allowed != "" {
			hosts = []string{allowed}
		}
		v := serve(t, newHost(t, akamai), spinSpec(t, "redis", hosts...))
		v.wantsAt(address, "/conformance", 500, "Error::InvalidAddress")
		v.wantsAt(address, "/get/x", 500, "error")
		want := fmt.Sprintf("A component tried to make an outbound network connection to disallowed destination '%s'.", address)
		if said := v.stream(streamStderr); len(said) != 4 || said[0] != want || !strings.Contains(said[1], fmt.Sprintf("[%q]", address)) {
			t.Errorf("%q: the log has %q", allowed, said)
		}
	}
}

func TestRedisAddresses(t *testing.T) {
	closed := services.FreeAddress(t)
	v := serve(t, newHost(t, akamai), spinSpec(t, "redis", "*://*:*"))
	for _, address := range []string{"", "localhost:6379", "http://localhost", "redis://", "redis:6379", "redis://h:0", "redis://h:99999", "redis://h/x", "redis://h/-1", "redis://h#insecure", "unix:///tmp/x", "redis+unix:///tmp/x"} {
		v.wantsAt(address, "/open", 500, "Error::InvalidAddress")
	}
	if a := v.at("redis://"+closed, "/open"); a.StatusCode != 500 || !strings.Contains(a.body, "connection refused") {
		t.Errorf("%d %q", a.StatusCode, a.body)
	}
}

// A server that is silent, or lies, or sends without end costs a guest its
// answer, and us nothing.
func TestRedisHostileServer(t *testing.T) {
	checkGoroutines(t)
	limits := akamai
	limits.Handler = 300 * time.Millisecond
	replies := map[string]struct{ send, want string }{
		"an HTTP server":     {"HTTP/1.1 400 Bad Request\r\n\r\n", "does not speak"},
		"nothing":            {"", "closed the connection"},
		"a huge string":      {"$2000000000\r\n", "query result exceeds limit of 134217728 bytes"},
		"a huge array":       {"*2000000000\r\n" + strings.Repeat("*0\r\n", 100), "closed the connection"},
		"a deep array":       {strings.Repeat("*1\r\n", 100), "nested too deeply"},
		"an endless line":    {"+" + strings.Repeat("x", 100<<10), "too long"},
		"a negative length":  {"$-5\r\n", "does not speak"},
		"a short string":     {"$5\r\nab\r\n", "closed the connection"},
		"a long string":      {"$1\r\nab\r\n", "does not speak"},
		"a number that's no": {":12x\r\n", "does not speak"},
		"a number too large": {":9223372036854775808\r\n", "does not speak"},
		"an empty line":      {"\r\n", "does not speak"},
	}
	for name, tt := range replies {
		server := listener(t, func(c net.Conn) {
			c.Read(make([]byte, 1000))
			io.WriteString(c, tt.send)
		})
		v := serve(t, newHost(t, akamai), spinSpec(t, "redis", "redis://127.0.0.1:*"))
		if a := v.at("redis://"+server, "/run/GET+x"); a.StatusCode != 500 || !strings.Contains(a.body, tt.want) {
			t.Errorf("%s: %d %q, want %q", name, a.StatusCode, a.body, tt.want)
		}
	}
	silent := listener(t, func(c net.Conn) { io.Copy(io.Discard, c) })
	v := serve(t, newHost(t, limits), spinSpec(t, "redis", "redis://127.0.0.1:*"))
	v.at("redis://"+silent, "/run/GET+x")
	if o := v.outcome(); o != ledger.Timeout {
		t.Errorf("outcome %s, want %s", o, ledger.Timeout)
	}
}

// By rediss:// a guest reaches a server whose certificate is good, and no other.
func TestRedisTLS(t *testing.T) {
	server := services.Redis(t, "")
	identity := httptest.NewTLSServer(http.NotFoundHandler()) // for its certificate
	defer identity.Close()
	outside := listener(t, func(c net.Conn) {
		over := tls.Server(c, identity.TLS)
		inside, err := new(net.Dialer).DialContext(t.Context(), "tcp", server)
		if err != nil || over.HandshakeContext(t.Context()) != nil {
			return
		}
		defer inside.Close()
		go io.Copy(inside, over)
		io.Copy(over, inside)
	})
	roots := x509.NewCertPool()
	roots.AddCert(identity.Certificate())
	for _, trusted := range []*x509.CertPool{nil, roots} {
		h, err := New(t.Context(), Config{CacheDir: guests.CacheDir(), Limits: akamai, Log: slog.New(slog.DiscardHandler), Roots: trusted})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { h.Close(context.Background()) }) // after its apps
		v := serve(t, h, spinSpec(t, "redis", "rediss://127.0.0.1:*"))
		v.wantsAt("redis://"+outside, "/open", 500, "Error::InvalidAddress")
		if a := v.at("rediss://"+outside, "/run/GET+nothing"); trusted == nil && !strings.Contains(a.body, "unknown authority") || trusted != nil && a.body != "nil " {
			t.Errorf("trusted %v: %d %s", trusted != nil, a.StatusCode, a.body)
		}
	}
}
