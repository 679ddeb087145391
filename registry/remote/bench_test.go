package remote

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/neutrino-local/neutrino-local/registry/pack"
)

// BenchmarkPush packages and pushes an upgrade of which one file has changed.
func BenchmarkPush(b *testing.B) {
	host, _ := serve(b, ours(b, nil))
	_, dir := app(b, pack.Options{})
	for i := 0; b.Loop(); i++ {
		content := fmt.Appendf(nil, "%0200d", i)
		if err := os.WriteFile(filepath.Join(dir, "static", "0.txt"), content, 0o644); err != nil {
			b.Fatal(err)
		}
		a, err := pack.Dir(b.Context(), dir, pack.Options{})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := Push(b.Context(), fmt.Sprintf("%s/local/hello:%d", host, i), a, Options{PlainHTTP: true}); err != nil {
			b.Fatal(err)
		}
	}
}
