package component

import (
	"testing"

	"github.com/neutrino-local/neutrino-local/runtime/component/abi"
)

func BenchmarkHostCall(b *testing.B) {
	s := newShop()
	in := s.instance(b)
	defer in.Close(b.Context())
	keep, buy, greet := fn(b, in, "keep"), fn(b, in, "buy"), fn(b, in, "greet")
	b.Run("string and resource", func(b *testing.B) { // constructor only: a string in, a handle out
		b.ReportAllocs()
		const n = 100
		in := s.instance(b)
		defer func() { in.Close(b.Context()) }()
		for i := 0; b.Loop(); i++ {
			if i%1000 == 999 { // the table of handles is bounded
				b.StopTimer()
				in.Close(b.Context())
				in = s.instance(b)
				b.StartTimer()
			}
			if _, err := in.Call(b.Context(), keep, abi.U32(n)); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/hostcall")
	})
	b.Run("list, option, result, borrow", func(b *testing.B) { // and a constructor and a drop
		b.ReportAllocs()
		for b.Loop() {
			if _, err := in.Call(b.Context(), buy, abi.U64(1)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("export with strings", func(b *testing.B) {
		b.ReportAllocs()
		name := abi.String("hello")
		in := s.instance(b)
		defer func() { in.Close(b.Context()) }()
		for i := 0; b.Loop(); i++ {
			if i%5000 == 4999 { // its allocator never frees
				b.StopTimer()
				in.Close(b.Context())
				in = s.instance(b)
				b.StartTimer()
			}
			if _, err := in.Call(b.Context(), greet, name); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkInstantiate(b *testing.B) {
	c := newShop().compile(b)
	b.ReportAllocs()
	for b.Loop() {
		in, err := c.Instantiate(b.Context(), InstanceConfig{})
		if err != nil {
			b.Fatal(err)
		}
		if err := in.Close(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
