package runtime

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
)

// benchmarkGuest asks an app for a path, from 1 and from 16 clients at once.
func benchmarkGuest(b *testing.B, s Spec, path string) {
	app, err := configured(b, func(c *Config) { c.Limits = Limits{Instances: 64} }).Compile(b.Context(), s)
	if err != nil {
		b.Fatal(err)
	}
	defer app.Close(b.Context())
	for _, clients := range []int{1, 16} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			b.ReportAllocs()
			b.SetParallelism((clients + 1) / 2) // times GOMAXPROCS, which is 2 where the figures come from
			one := func() {
				w := &nowhere{header: http.Header{}}
				app.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
				if w.status != 200 {
					b.Errorf("status %d", w.status)
				}
			}
			if clients == 1 {
				for b.Loop() {
					one()
				}
			} else {
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						one()
					}
				})
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
		})
	}
}

// BenchmarkSpin has guests that use one of Spin's interfaces once a request; with
// "nothing" the same guest uses none.
func BenchmarkSpin(b *testing.B) {
	values := spinSpec(b, "variables")
	values.Lock.Components[0].Variables = map[string]string{"greeting": "hello {{ name }}"}
	values.Lock.Variables = map[string]artifact.Variable{"name": {Default: new("you")}}
	b.Run("variable", func(b *testing.B) { benchmarkGuest(b, values, "/get/greeting") })
	o := testOrigin(b)
	out := withChained(b, spinSpec(b, "outbound", "http://*:*"), "back", "outbound")
	b.Run("nothing", func(b *testing.B) { benchmarkGuest(b, out, "/x") })
	b.Run("outbound", func(b *testing.B) { benchmarkGuest(b, out, "/GET/"+o.URL+"/x") })
	b.Run("chaining", func(b *testing.B) { benchmarkGuest(b, out, "/GET/http://back.spin.internal/x") })
}
