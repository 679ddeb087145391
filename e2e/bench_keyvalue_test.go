package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/neutrino-local/neutrino-local/e2e/guests/spin"
)

// BenchmarkKeyValue is BenchmarkRequests for a guest in C that gets, or sets, a
// pair in each request, under the profile without rates, or only opens the store.
func BenchmarkKeyValue(b *testing.B) {
	s := newServer(b)
	s.start("--failover", "instant", "--profile", "spin")
	dir := filepath.Join(s.dir, "app")
	wasm, err := spin.Wasm("keyvalue")
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "guest.wasm"), wasm, 0o644)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "spin.toml"), []byte(storeManifest), 0o644)
	}
	if err != nil {
		b.Fatal(err)
	}
	s.must(s.client("deploy", "--no-confirm", "--create-name", "shop", "-f", dir))
	s.must(s.client("kv", "set", "shop", "k", "a value of the size that a session may have"))
	for _, path := range []string{"/open/default", "/get/k", "/set/k/a-value-of-the-size-that-a-session-may-have"} {
		for _, connections := range []int{1, 16} {
			verb, _, _ := strings.Cut(path[1:], "/")
			b.Run(fmt.Sprintf("%s/connections=%d", verb, connections), func(b *testing.B) {
				defer s.in(b)()
				benchRequests(b, s.address(), "shop.localhost", path, connections)
			})
		}
	}
	s.stop()
}

const storeManifest = `spin_manifest_version = 2

[application]
name = "shop"

[[trigger.http]]
route = "/..."
component = "web"

[component.web]
source = "guest.wasm"
key_value_stores = ["default"]
`
