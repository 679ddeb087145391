package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/neutrino-local/neutrino-local/e2e/guests/spin"
)

// BenchmarkVariablesAndOutbound is BenchmarkRequests for guests in C that read a
// variable in each request, or ask another server, the app itself, or nobody.
func BenchmarkVariablesAndOutbound(b *testing.B) {
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") }))
	b.Cleanup(origin.Close)
	s := newServer(b)
	s.start("--ephemeral", "--failover", "instant", "--profile", "spin")
	for _, bench := range []struct {
		check
		what string
	}{
		{check{name: "values", guest: "variables", grants: "variables = { greeting = \"hello {{ v }}\" }\n", variables: []string{"v=you"}, path: "/get/greeting"}, "variable"},
		{check{name: "idle", guest: "outbound", path: "/x"}, "nothing"},
		{check{name: "out", guest: "outbound", grants: "allowed_outbound_hosts = [\"http://*:*\"]\n", path: "/GET/" + origin.URL + "/"}, "outbound"},
		{check{name: "self", guest: "outbound", grants: "allowed_outbound_hosts = [\"http://self\"]\n", path: "/GET/self:/x"}, "self"},
	} {
		dir := filepath.Join(s.dir, bench.name)
		wasm, err := spin.Wasm(bench.guest)
		if err == nil {
			err = os.MkdirAll(dir, 0o755)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, "guest.wasm"), wasm, 0o600)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, "spin.toml"), []byte(bench.manifest()), 0o600)
		}
		if err != nil {
			b.Fatal(err)
		}
		args := []string{"deploy", "--no-confirm", "--create-name", bench.name, "-f", dir}
		for _, v := range bench.variables {
			args = append(args, "--variable", v)
		}
		s.must(s.client(args...))
		for _, connections := range []int{1, 16} {
			b.Run(fmt.Sprintf("%s/connections=%d", bench.what, connections), func(b *testing.B) {
				benchRequests(b, s.address(), bench.name+".localhost", bench.path, connections)
			})
		}
	}
	s.stop()
}
