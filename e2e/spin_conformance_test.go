package e2e

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/neutrino-local/neutrino-local/e2e/guests/spin"
	"github.com/neutrino-local/neutrino-local/e2e/services"
)

// A check asks a guest of e2e/guests/spin once, in the manner of the conformance
// tests of Spin: status, body and headers must be what is said here and nothing
// more.
type check struct {
	name      string
	guest     string
	route     string   // "" is "/..."
	grants    string   // of the component: lines of the manifest
	variables []string // of the app, NAME=VALUE
	path      string
	host      string // "" is the app's own
	headers   map[string]string
	status    int
	body      string
	chunked   bool // and so without content-length
}

// TestConformance restates the tests of Spin's suite that are about variables,
// key-value stores, the shape of requests, outbound HTTP and sockets.
func TestConformance(t *testing.T) {
	echo := httptest.NewServer(http.HandlerFunc(echoHTTP))
	t.Cleanup(echo.Close)
	secure, ca := secureEcho(t)
	tcp := services.TCP(t, services.Echo)
	port := tcp[strings.LastIndexByte(tcp, ':')+1:]
	s := newServer(t)
	s.start("--ephemeral", "--failover", "instant", "--ca-file", ca)
	list := func(entry string) string { return fmt.Sprintf("allowed_outbound_hosts = [%q]\n", entry) }
	address := map[string]string{"address": tcp}
	for _, c := range []check{
		{name: "variables", guest: "variables", grants: "variables = { variable = \"{{ v }}\" }\n", variables: []string{"v=value"}, path: "/conformance", status: 200},
		{name: "key-value", guest: "keyvalue", grants: "key_value_stores = [\"default\"]\n", path: "/conformance", status: 200},
		{name: "key-value-no-permission", guest: "keyvalue", path: "/no-permission", status: 500, body: "Error::AccessDenied", chunked: true},
		{name: "request-shape", guest: "shape", route: "/base/:path_segment/:path_end/...", host: "example.com", path: "/base/path/end/rest?key=value", status: 200},
		{name: "http", guest: "outbound", grants: list(echo.URL), path: "/conformance", headers: map[string]string{"url": echo.URL}, status: 200, body: "Hello, world!", chunked: true},
		{name: "https", guest: "outbound", grants: list(secure), path: "/conformance", headers: map[string]string{"url": secure}, status: 200, body: "Hello, world!", chunked: true},
		{
			name: "http-no-perms", guest: "outbound", path: "/conformance", headers: map[string]string{"url": echo.URL}, status: 500,
			body: "incoming-response#get: ErrorCode::HttpRequestDenied", chunked: true,
		},
		{name: "tcp", guest: "sockets", grants: list("*://" + tcp), path: "/conformance", headers: address, status: 200},
		{name: "tcp-ip-range", guest: "sockets", grants: list("*://127.0.0.0/24:" + port), path: "/conformance", headers: address, status: 200},
		{
			name: "tcp-ip-range-variable", guest: "sockets", grants: list("*://{{ prefix }}/{{ len }}:" + port), variables: []string{"prefix=127.0.0.0", "len=24"},
			path: "/conformance", headers: address, status: 200,
		},
		{name: "tcp-no-ip", guest: "sockets", grants: list("*://127.0.1.0/24:" + port), path: "/conformance", headers: address, status: 500, body: "access-denied (error 1)", chunked: true},
		{name: "tcp-no-port", guest: "sockets", grants: list("*://127.0.0.1:1"), path: "/conformance", headers: address, status: 500, body: "access-denied (error 1)", chunked: true},
	} {
		t.Run(c.name, func(t *testing.T) { s.conforms(t, c) })
	}
}

// TestConformanceSQLite restates those that are about SQLite, which is not for
// the default profile.
func TestConformanceSQLite(t *testing.T) {
	s := newServer(t)
	s.start("--ephemeral", "--failover", "instant", "--profile", "spin")
	for _, c := range []check{
		{name: "sqlite", guest: "sqlite", grants: "sqlite_databases = [\"default\"]\n", path: "/conformance", status: 200},
		{name: "sqlite-no-permission", guest: "sqlite", path: "/no-permission", status: 500, body: "Error::AccessDenied", chunked: true},
	} {
		t.Run(c.name, func(t *testing.T) { s.conforms(t, c) })
	}
}

// conforms deploys the guest of c as an app with a listener of its own, so that a
// request may have any host, and asks it.
func (s *server) conforms(t *testing.T, c check) {
	t.Helper()
	dir := filepath.Join(s.dir, c.name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	wasm, err := spin.Wasm(c.guest)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"guest.wasm": wasm, "spin.toml": []byte(c.manifest())} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	args := []string{"deploy", "--no-confirm", "-f", dir, "--create-name", c.name, "--listen", "127.0.0.1:0"}
	for _, v := range c.variables {
		args = append(args, "--variable", v)
	}
	s.must(s.client(args...))
	var app struct{ Listeners []string }
	s.json(&app, "app", "status", c.name, "--format", "json")
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+app.Listeners[0]+c.path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = c.host
	for name, value := range c.headers {
		r.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if resp.StatusCode != c.status || string(body) != c.body || err != nil {
		t.Errorf("%d %q, %v; want %d %q", resp.StatusCode, body, err, c.status, c.body)
	}
	chunked := slices.Equal(resp.TransferEncoding, []string{"chunked"})
	resp.Header.Del("Date")
	length := resp.Header.Get("Content-Length")
	resp.Header.Del("Content-Length")
	if chunked != c.chunked || !chunked && length != fmt.Sprint(len(c.body)) || len(resp.Header) > 0 {
		t.Errorf("chunked: %v, want %v; length %q; more headers: %v", chunked, c.chunked, length, resp.Header)
	}
}

// manifest is the spin.toml of c.
func (c check) manifest() string {
	var b strings.Builder
	fmt.Fprintf(&b, "spin_manifest_version = 2\n[application]\nname = %q\n[variables]\n", c.name)
	for _, v := range c.variables {
		name, _, _ := strings.Cut(v, "=")
		fmt.Fprintf(&b, "%s = { required = true }\n", name)
	}
	route := c.route
	if route == "" {
		route = "/..."
	}
	fmt.Fprintf(&b, "[[trigger.http]]\nroute = %q\ncomponent = \"test\"\n[component.test]\nsource = \"guest.wasm\"\n%s", route, c.grants)
	return b.String()
}

func echoHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if r.Method != http.MethodPost || err != nil {
		http.Error(w, "want a POST", http.StatusMethodNotAllowed)
		return
	}
	w.Header().Set("Content-Type", "text/plain")
	_, _ = w.Write(body) // the client may be gone
}

// secureEcho is a server with a certificate of an authority of its own, and the
// file with that authority.
func secureEcho(t *testing.T) (url, caFile string) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	key := func() *ecdsa.PrivateKey {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		must(err)
		return k
	}
	caKey, serverKey := key(), key()
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "private authority"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, &caKey.PublicKey, caKey)
	must(err)
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), NotBefore: ca.NotBefore, NotAfter: ca.NotAfter, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	leafDER, err := x509.CreateCertificate(rand.Reader, leaf, ca, &serverKey.PublicKey, caKey)
	must(err)
	s := httptest.NewUnstartedServer(http.HandlerFunc(echoHTTP))
	s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{leafDER}, PrivateKey: serverKey}}, MinVersion: tls.VersionTLS12}
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	var b bytes.Buffer
	must(pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: caDER}))
	caFile = filepath.Join(t.TempDir(), "ca.pem")
	must(os.WriteFile(caFile, b.Bytes(), 0o600))
	return s.URL, caFile
}
