package runtime

import (
	"context"
	"log/slog"
	"testing"

	"github.com/neutrino-local/neutrino-local/e2e/guests"
	"github.com/neutrino-local/neutrino-local/e2e/guests/components"
)

// BenchmarkSecondStart is what a revision waits for whose code is in the cache.
func BenchmarkSecondStart(b *testing.B) { benchmarkCompile(b, guests.CacheDir) }

// BenchmarkFirstCompile is what a revision waits for whose code is nowhere.
func BenchmarkFirstCompile(b *testing.B) { benchmarkCompile(b, b.TempDir) }

func benchmarkCompile(b *testing.B, cache func() string) {
	s := componentSpec(components.Build(b, components.JSFetch))
	for b.Loop() {
		h, err := New(b.Context(), Config{CacheDir: cache(), Limits: akamai, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			b.Fatal(err)
		}
		a, err := h.Compile(b.Context(), s)
		if err != nil {
			b.Fatal(err)
		}
		a.Close(context.Background())
		h.Close(context.Background())
	}
}
