package registry

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/registry/blob/blobtest"
)

// eachBench runs a benchmark with both stores.
func eachBench(b *testing.B, bench func(b *testing.B, f *fixture)) {
	for _, store := range stores {
		b.Run(store, func(b *testing.B) {
			b.ReportAllocs()
			bench(b, newFixture(b, store))
		})
	}
}

// exchange is do without keeping the body.
func (f *fixture) exchange(status int, method, path string, body io.Reader) string {
	r, err := http.NewRequestWithContext(f.t.Context(), method, f.url+path, body)
	if err != nil {
		f.t.Fatal(err)
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		f.t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != status {
		f.t.Fatalf("%s %s = %d, %v, want %d", method, path, resp.StatusCode, err, status)
	}
	return resp.Header.Get("Location")
}

func (f *fixture) put(c []byte, d artifact.Digest) {
	at := f.exchange(202, "POST", "/v2/bench/x/blobs/uploads/", nil)
	f.exchange(201, "PUT", at+"?digest="+string(d), bytes.NewReader(c))
}

func BenchmarkPush64MiB(b *testing.B) {
	eachBench(b, func(b *testing.B, f *fixture) {
		c := blobtest.Bytes(1, 64<<20)
		d := artifact.SHA256(c)
		b.SetBytes(64 << 20)
		for b.Loop() {
			f.put(c, d)
		}
	})
}

func BenchmarkPush64MiBInChunks(b *testing.B) {
	eachBench(b, func(b *testing.B, f *fixture) {
		c := blobtest.Bytes(1, 64<<20)
		d := artifact.SHA256(c)
		b.SetBytes(64 << 20)
		for b.Loop() {
			at := f.exchange(202, "POST", "/v2/bench/x/blobs/uploads/", nil)
			for i := 0; i < len(c); i += 4 << 20 {
				at = f.exchange(202, "PATCH", at, bytes.NewReader(c[i:i+4<<20]))
			}
			f.exchange(201, "PUT", at+"?digest="+string(d), nil)
		}
	})
}

func BenchmarkPull64MiB(b *testing.B) {
	eachBench(b, func(b *testing.B, f *fixture) {
		c := blobtest.Bytes(1, 64<<20)
		d := artifact.SHA256(c)
		f.put(c, d)
		b.SetBytes(64 << 20)
		for b.Loop() {
			f.exchange(200, "GET", blobPath("bench/x", d), nil)
		}
	})
}

// BenchmarkPush200x16KiB pushes 200 new blobs in each round.
func BenchmarkPush200x16KiB(b *testing.B) {
	eachBench(b, func(b *testing.B, f *fixture) {
		c := blobtest.Bytes(1, 16<<10)
		b.SetBytes(200 * 16 << 10)
		for round := 0; b.Loop(); round++ {
			for i := range 200 {
				copy(c, fmt.Sprintf("%d.%d.", round, i))
				f.put(c, artifact.SHA256(c))
			}
		}
	})
}

func BenchmarkPull200x16KiB(b *testing.B) {
	eachBench(b, func(b *testing.B, f *fixture) {
		var paths []string
		for i := range 200 {
			c := blobtest.Bytes(uint64(i), 16<<10)
			d := artifact.SHA256(c)
			f.put(c, d)
			paths = append(paths, blobPath("bench/x", d))
		}
		b.SetBytes(200 * 16 << 10)
		for b.Loop() {
			for _, p := range paths {
				f.exchange(200, "GET", p, nil)
			}
		}
	})
}

func BenchmarkHEAD(b *testing.B) {
	for _, size := range []int{16 << 10, 64 << 20} {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			eachBench(b, func(b *testing.B, f *fixture) {
				c := blobtest.Bytes(1, size)
				d := artifact.SHA256(c)
				f.put(c, d)
				for b.Loop() {
					f.exchange(200, "HEAD", blobPath("bench/x", d), nil)
				}
			})
		})
	}
}

func BenchmarkPullManifest(b *testing.B) {
	eachBench(b, func(b *testing.B, f *fixture) {
		f.pushManifest("bench/x", "latest", f.image("bench/x", blobtest.Bytes(1, 100)))
		for b.Loop() {
			f.exchange(200, "GET", "/v2/bench/x/manifests/latest", nil)
		}
	})
}
