package services

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

const postgresInstall = "apt-get install postgresql"

// where Debian and others keep PostgreSQL's programs, which are not on PATH.
var postgresIn = []string{"/usr/lib/postgresql/*/bin", "/usr/local/pgsql/bin"}

// Postgres starts a PostgreSQL server and returns its address. It has a user
// "spin" with a password, who may do anything, and the database "postgres".
func Postgres(t testing.TB, password string) string {
	t.Helper()
	return postgres(t, password)
}

// PostgresTLS is Postgres with TLS for clients that want it. ca is the authority
// of its certificate, in PEM.
func PostgresTLS(t testing.TB, password string) (address string, ca []byte) {
	t.Helper()
	find(t, "initdb", postgresInstall, postgresIn...)
	dir := t.TempDir()
	ca, cert, key := certificate(t)
	for name, content := range map[string][]byte{"cert": cert, "key": key} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := giveAway(dir); err != nil {
		t.Fatal(err)
	}
	return postgres(t, password, "-c", "ssl=on", "-c", "ssl_cert_file="+filepath.Join(dir, "cert"), "-c", "ssl_key_file="+filepath.Join(dir, "key")), ca
}

func postgres(t testing.TB, password string, more ...string) string {
	t.Helper()
	initdb := find(t, "initdb", postgresInstall, postgresIn...)
	dir := t.TempDir()
	secret := filepath.Join(dir, "password")
	data := filepath.Join(dir, "data")
	if err := os.WriteFile(secret, []byte(password+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := giveAway(dir); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(initdb, "--pgdata", data, "--username", "spin", "--pwfile", secret, "--auth", "scram-sha-256",
		"--encoding", "UTF8", "--locale", "C", "--no-sync", "--no-instructions")
	if err := asUser(cmd); err != nil {
		t.Fatal(err)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	return server{
		program: "postgres", in: postgresIn, install: postgresInstall, ready: "database system is ready to accept connections", user: true,
		args: func(port string) []string {
			return append([]string{"-D", data, "-p", port, "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "max_connections=100"}, more...)
		},
	}.start(t)
}
