package keyvalue

import (
	"fmt"
	"testing"

	"github.com/neutrino-local/neutrino-local/store"
)

func benchApp(b *testing.B) *App {
	b.Helper()
	a := openTemp(b, Limits{Key: 8000, Value: 1_000_000, Total: 2_000_000_000}).App(store.NewAppID())
	var pairs []Pair
	for i := range 1000 {
		pairs = append(pairs, Pair{fmt.Sprintf("key %d", i), make([]byte, 100)})
	}
	check(b, a.SetMany(b.Context(), "default", pairs))
	return a
}

// each runs f alone and by 16 goroutines.
func each(b *testing.B, f func(a *App, key string) error) {
	b.Run("one", func(b *testing.B) {
		a, i := benchApp(b), 0
		for b.Loop() {
			i++
			if err := f(a, fmt.Sprintf("key %d", i%1000)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("sixteen", func(b *testing.B) {
		a := benchApp(b)
		b.SetParallelism(16) // times GOMAXPROCS
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			for i := 0; pb.Next(); i++ {
				if err := f(a, fmt.Sprintf("key %d", i%1000)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	})
}

func BenchmarkGet(b *testing.B) {
	each(b, func(a *App, key string) error {
		_, ok, err := a.Get(b.Context(), "default", key)
		if err == nil && !ok {
			err = fmt.Errorf("%s is lost", key)
		}
		return err
	})
}

func BenchmarkSet(b *testing.B) {
	value := make([]byte, 100)
	each(b, func(a *App, key string) error { return a.Set(b.Context(), "default", key, value) })
}

func BenchmarkIncrement(b *testing.B) {
	each(b, func(a *App, _ string) error {
		_, err := a.Increment(b.Context(), "default", "counter", 1)
		return err
	})
}
