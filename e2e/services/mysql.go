package services

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

const mysqlInstall = "apt-get install mariadb-server"

var mysqlIn = []string{"/usr/sbin", "/usr/local/sbin"}

// MySQL starts a MariaDB server and returns its address. It has a user "spin"
// with a password, who may do anything in the database "spin".
func MySQL(t testing.TB, password string) string {
	t.Helper()
	find(t, "mariadbd", mysqlInstall, mysqlIn...)
	install := find(t, "mariadb-install-db", mysqlInstall, mysqlIn...)
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	setup := filepath.Join(dir, "setup.sql")
	text := "CREATE DATABASE spin;\nCREATE USER 'spin'@'%' IDENTIFIED BY '" + password + "';\nGRANT ALL ON spin.* TO 'spin'@'%';\n"
	if err := os.WriteFile(setup, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := giveAway(dir); err != nil {
		t.Fatal(err)
	}
	small := []string{"--innodb-flush-method=nosync", "--innodb-log-file-size=4M", "--innodb-buffer-pool-size=16M"}
	cmd := exec.Command(install, append([]string{"--no-defaults", "--datadir=" + data, "--skip-test-db", "--auth-root-authentication-method=normal"}, small...)...)
	if err := asUser(cmd); err != nil {
		t.Fatal(err)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("mariadb-install-db: %v\n%s", err, out)
	}
	return server{
		program: "mariadbd", in: mysqlIn, install: mysqlInstall, ready: "ready for connections", user: true,
		args: func(port string) []string {
			return append([]string{"--no-defaults", "--datadir=" + data, "--port=" + port, "--bind-address=127.0.0.1", "--socket=" + filepath.Join(dir, "s"),
				"--pid-file=" + filepath.Join(dir, "pid"), "--init-file=" + setup, "--skip-name-resolve", "--innodb-flush-log-at-trx-commit=0"}, small...)
		},
	}.start(t)
}
