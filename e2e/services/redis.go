package services

import "testing"

// Redis starts a Redis server and returns its address. Its password is the one
// that is given, if any.
func Redis(t testing.TB, password string) string {
	t.Helper()
	dir := t.TempDir()
	return server{
		program: "redis-server", install: "apt-get install redis-server", ready: "Ready to accept connections",
		args: func(port string) []string {
			args := []string{"--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no", "--dir", dir}
			if password != "" {
				args = append(args, "--requirepass", password)
			}
			return args
		},
	}.start(t)
}
