package registry

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/registry/blob/blobtest"
)

// limitOf returns the limit that a reply names.
func (r reply) limitOf(t testing.TB) string {
	t.Helper()
	var e struct{ Errors []struct{ Detail limitError } }
	if err := json.Unmarshal(r.body, &e); err != nil || len(e.Errors) != 1 {
		t.Fatalf("%q is no error body", r.body)
	}
	d := e.Errors[0].Detail
	if d.Max <= 0 || d.Seen <= d.Max {
		t.Errorf("limit %+v: want what was seen above the most allowed", d)
	}
	return d.Limit
}

func TestLimits(t *testing.T) {
	eachStore(t, func(t *testing.T, f *fixture) {
		f.limits.Blob = 10_000
		big := content(1, 10_001)
		digest := "?digest=" + string(artifact.SHA256(big))
		stream := struct{ io.Reader }{bytes.NewReader(big)} // of unknown length
		half := f.begin("l/a", "")
		half = f.chunk(half, 0, big[:6000])
		tests := []struct {
			name, limit, method, path string
			body                      io.Reader
			status                    int
		}{
			{"one blob, declared", "registry-max-blob", "POST", "/v2/l/a/blobs/uploads/" + digest, bytes.NewReader(big), 413},
			{"one blob, streamed", "registry-max-blob", "PATCH", f.begin("l/a", ""), stream, 413},
			{"one blob, in chunks", "registry-max-blob", "PATCH", half, bytes.NewReader(big[6000:]), 413},
			{"one manifest, declared", "manifest-size", "PUT", "/v2/l/a/manifests/x", bytes.NewReader(make([]byte, 4<<20+1)), 413},
			{"one manifest, streamed", "manifest-size", "PUT", "/v2/l/a/manifests/x", io.LimitReader(zeros{}, 4<<20+1), 413},
		}
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				got := f.in(t).do(tt.method, tt.path, tt.body)
				if got.StatusCode != tt.status || got.limitOf(t) != tt.limit {
					t.Errorf("%d, limit %s, want %d, %s", got.StatusCode, got.limitOf(t), tt.status, tt.limit)
				}
			})
		}
		f.checkNoUploads()
		if f.blobs.Used() != 0 {
			t.Errorf("%d bytes are kept, want none", f.blobs.Used())
		}
	})
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestLimitOfAllContent(t *testing.T) {
	eachStore(t, func(t *testing.T, f *fixture) {
		f.uploads.limits.Store = 50_000
		for i := range 5 {
			f.pushBlob("l/a", content(uint64(i), 9000))
		}
		c := content(9, 9000)
		for _, body := range []io.Reader{bytes.NewReader(c), struct{ io.Reader }{bytes.NewReader(c)}} {
			got := f.do("POST", "/v2/l/a/blobs/uploads/?digest="+string(artifact.SHA256(c)), body)
			if got.StatusCode != 413 || got.limitOf(t) != "store-size" {
				t.Errorf("POST = %d %s, want 413 store-size", got.StatusCode, got.body)
			}
		}
		f.pushBlob("l/a", content(9, 4000))
	})
}

func TestLimitsOfUploads(t *testing.T) {
	f := newFixture(t, "memory", func(c *Config) { c.Limits = Limits{Uploads: 3, UploadBytes: 10_000} })
	at := []string{f.begin("l/a", ""), f.begin("l/a", ""), f.begin("l/a", "")}
	got := f.want(429, "POST", "/v2/l/a/blobs/uploads/", nil)
	if got.limitOf(t) != "uploads" || got.Header.Get("Retry-After") == "" || got.code(t) != "TOOMANYREQUESTS" {
		t.Errorf("limit %s, Retry-After %q", got.limitOf(t), got.Header.Get("Retry-After"))
	}
	f.chunk(at[0], 0, content(1, 6000))
	got = f.want(429, "PATCH", at[1], content(2, 6000))
	if got.limitOf(t) != "upload-bytes" {
		t.Errorf("limit %s, want upload-bytes", got.limitOf(t))
	}
	f.want(204, "DELETE", at[0], nil)
	f.chunk(at[1], 0, content(2, 6000)) // there is room again
	f.want(204, "DELETE", at[1], nil)
	f.want(204, "DELETE", at[2], nil)
}

func TestLimitOfAnApp(t *testing.T) {
	f := newFixture(t, "memory", func(c *Config) { c.Limits.App = 10_000 })
	push := func(layers ...[]byte) reply {
		blobs, manifest := spinApp(t, layers)
		for _, b := range blobs {
			f.pushBlob("local/app", b)
		}
		return f.do("PUT", "/v2/local/app/manifests/1", bytes.NewReader(manifest), "Content-Type", artifact.ManifestType)
	}
	half := content(1, 4900)
	if got := push(half, half, half); got.StatusCode != 201 {
		t.Errorf("the same layer three times = %d %s, want 201", got.StatusCode, got.body)
	}
	if got := push(half, content(2, 4900), content(3, 300)); got.StatusCode != 413 || got.limitOf(t) != "app-size" {
		t.Errorf("an app too big = %d %s, want 413 app-size", got.StatusCode, got.body)
	}
	f.pushManifest("local/image", "1", f.image("local/image", content(4, 20_000))) // not an app
}

func TestAnAppMustBeWhole(t *testing.T) {
	f := newFixture(t, "memory")
	blobs, manifest := spinApp(t, [][]byte{content(1, 100), content(2, 100)})
	for i := range blobs {
		got := f.want(404, "PUT", "/v2/local/app/manifests/1", manifest)
		if got.code(t) != "MANIFEST_BLOB_UNKNOWN" {
			t.Errorf("with %d of %d blobs: code %s", i, len(blobs), got.code(t))
		}
		f.pushBlob("other/app", blobs[len(blobs)-1-i]) // in another repository it does not count
		f.pushBlob("local/app", blobs[len(blobs)-1-i])
	}
	f.want(201, "PUT", "/v2/local/app/manifests/1", manifest)
}

func TestNames(t *testing.T) {
	f := newFixture(t, "memory")
	long := strings.Repeat("a", 255)
	for _, name := range []string{"a", "0", "a/b/c", "a.b_c__d-e--f/g", "blobs/uploads", "tags/list", "token", long} {
		f.pushBlob(name, []byte("x"))
		f.want(200, "GET", "/v2/"+name+"/tags/list", nil)
	}
	for _, name := range []string{long + "a", "A", "a//b", "a/", "-a", "a..b", "a/../b", "..", ".", "a___b", "ä", "a%2f..%2fb", "a%00b", "a b", "a:b"} {
		name = strings.ReplaceAll(name, " ", "%20")
		got := f.want(400, "GET", "/v2/"+name+"/tags/list", nil)
		if got.code(t) != "NAME_INVALID" {
			t.Errorf("%s: code %s, want NAME_INVALID", name, got.code(t))
		}
	}
	raw := f.image("a")
	f.pushManifest("a", strings.Repeat("t", 128), raw)
	for _, tag := range []string{strings.Repeat("t", 129), "-a", ".a", "a%2fb", "a%20b", "ä", "..%2f..%2fx"} {
		if got := f.do("PUT", "/v2/a/manifests/"+tag, bytes.NewReader(raw)); got.StatusCode != 400 && got.StatusCode != 404 {
			t.Errorf("tag %s: %d, want 400", tag, got.StatusCode)
		}
	}
	for _, d := range []string{"sha256:", "sha256:..", "sha256:" + strings.Repeat("A", 64), "sha256:" + strings.Repeat("a", 63), "sha1:" + strings.Repeat("a", 40)} {
		for _, what := range []string{"blobs", "manifests", "referrers"} {
			f.want(400, "GET", "/v2/a/"+what+"/"+d, nil).code(t)
		}
	}
}

func TestTenThousandTags(t *testing.T) {
	f := newFixture(t, "memory")
	raw := f.image("many/tags")
	d := string(artifact.SHA256(raw))
	const all = 10_050
	for i := 0; i < all; i += 50 {
		var q strings.Builder
		for j := range 50 {
			fmt.Fprintf(&q, "&tag=t%05d", i+j)
		}
		f.want(201, "PUT", "/v2/many/tags/manifests/"+d+"?"+q.String()[1:], raw)
	}
	seen := 0
	for path := "/v2/many/tags/tags/list"; path != ""; {
		got := f.want(200, "GET", path, nil)
		var page struct{ Tags []string }
		decode(t, got.body, &page)
		for _, tag := range page.Tags {
			if want := fmt.Sprintf("t%05d", seen); tag != want {
				t.Fatalf("tag %d is %s, want %s", seen, tag, want)
			}
			seen++
		}
		path, _, _ = strings.Cut(strings.TrimPrefix(got.Header.Get("Link"), "<"), ">")
	}
	if seen != all {
		t.Errorf("%d tags, want %d", seen, all)
	}
	f.want(400, "PUT", "/v2/many/tags/manifests/"+d+"?"+strings.Repeat("&tag=x", 101)[1:], raw)
	f.want(202, "DELETE", "/v2/many/tags/manifests/"+d, nil)
}

func TestManifestsThatAreBombs(t *testing.T) {
	f := newFixture(t, "memory")
	fill := func(head, each, tail string) string {
		return head + strings.Repeat(each, (4<<20-len(head)-len(tail))/len(each)) + tail
	}
	bodies := []string{
		strings.Repeat("[", 4<<20),
		fill("", `{"a":`, ""),
		fill(`{"schemaVersion":2,"layers":[{}`, ",{}", "]}"),
		fill(`{"schemaVersion":2,"manifests":[{}`, ",{}", "]}"),
		`{"schemaVersion":2,"annotations":{"x":"y"` + numbered(200_000) + "}}",
		fill(`{"schemaVersion":2,"mediaType":"`, "a", `"}`),
		`{"schemaVersion":1e400}`,
		`{"schemaVersion":2,"layers":{"a":[]}}`,
		`{"schemaVersion":2,"annotations":[]}`,
		`{"schemaVersion":2,"annotations":{"a":1}}`,
	}
	for i, body := range bodies {
		got := f.want(400, "PUT", "/v2/bomb/x/manifests/x", []byte(body))
		if got.code(t) != "MANIFEST_INVALID" || len(got.body) > 2000 {
			t.Errorf("bomb %d: %s, %d bytes of error", i, got.code(t), len(got.body))
		}
	}
	if f.blobs.Used() != 0 {
		t.Errorf("%d bytes are kept, want none", f.blobs.Used())
	}
}

func numbered(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"%d":""`, i)
	}
	return b.String()
}

func TestManifestsNestedAThousandDeep(t *testing.T) {
	f := newFixture(t, "memory", aged)
	raw := f.image("deep/x")
	var digests []artifact.Digest
	for range 1000 {
		d := artifact.SHA256(raw)
		digests = append(digests, d)
		f.want(201, "PUT", "/v2/deep/x/manifests/"+string(d), raw)
		raw = fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":%q,"manifests":[{"digest":%q,"size":%d}],"subject":{"digest":%q,"size":1}}`,
			artifact.IndexType, d, len(raw), artifact.SHA256(raw))
	}
	if _, err := f.GC(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, d := range digests {
		f.want(200, "HEAD", "/v2/deep/x/manifests/"+string(d), nil)
		f.want(202, "DELETE", "/v2/deep/x/manifests/"+string(d), nil)
	}
	if _, err := f.GC(t.Context()); err != nil || f.blobs.Used() != 0 {
		t.Errorf("GC: %v; %d bytes are kept, want none", err, f.blobs.Used())
	}
}

// A manifest cannot name its own digest, but another that will name it: a ring
// of subjects.
func TestManifestsInARing(t *testing.T) {
	f := newFixture(t, "memory")
	raw := []byte(`{"schemaVersion":2,"manifests":[],"subject":{"digest":"` + string(artifact.SHA256([]byte("x"))) + `","size":1}}`)
	f.want(201, "PUT", "/v2/ring/x/manifests/a", raw)
	f.want(200, "GET", "/v2/ring/x/referrers/"+string(artifact.SHA256([]byte("x"))), nil)
	f.want(200, "GET", "/v2/ring/x/referrers/"+string(artifact.SHA256(raw)), nil)
}

func TestReferrersComeInPages(t *testing.T) {
	f := newFixture(t, "memory")
	subject := artifact.SHA256([]byte("x"))
	const all = 10
	for i := range all {
		raw := encode(t, map[string]any{
			"schemaVersion": 2, "mediaType": artifact.IndexType, "manifests": []string{}, "artifactType": "application/x",
			"subject":     map[string]any{"digest": subject, "size": 1},
			"annotations": map[string]string{"n": fmt.Sprint(i), "big": strings.Repeat("x", 600<<10)},
		})
		f.want(201, "PUT", fmt.Sprintf("/v2/many/refs/manifests/r%d", i), raw, "Content-Type", artifact.IndexType)
	}
	for _, filter := range []string{"", "?artifactType=application/x"} {
		seen := map[string]bool{}
		for _, r := range f.referrers("/v2/many/refs/referrers/" + string(subject) + filter) {
			seen[r.Annotations["n"]] = true
		}
		if len(seen) != all {
			t.Errorf("%d referrers, want %d", len(seen), all)
		}
	}
}

// A slow client holds nothing but its own upload: other clients of the same
// repository push and pull while its body hangs.
func TestASlowClientDelaysNobody(t *testing.T) {
	eachStore(t, func(t *testing.T, f *fixture) {
		at := f.begin("slow/x", "")
		slow := f.dial()
		defer slow.conn.Close()
		if err := slow.send("PATCH", at, content(1, 100_000), 50_000); err != nil {
			t.Fatal(err)
		}
		manifest := f.dial()
		defer manifest.conn.Close()
		if err := manifest.send("PUT", "/v2/slow/x/manifests/1", content(1, 1000), 500); err != nil {
			t.Fatal(err)
		}
		parallel(4, 20, func(i int) {
			c := blobtest.Bytes(uint64(i), 20_000)
			if err := spinPush(f, "slow/x", c); err != nil {
				t.Error(err)
			}
			if got := f.do("GET", blobPath("slow/x", artifact.SHA256(c)), nil); !bytes.Equal(got.body, c) {
				t.Errorf("GET = %d", got.StatusCode)
			}
		})
		f.want(204, "GET", at, nil)
		f.want(204, "DELETE", at, nil) // breaks the slow one off
		if resp, err := slow.reply(); err == nil && resp.StatusCode != 400 {
			t.Errorf("the slow client got %d, want 400 or a closed connection", resp.StatusCode)
		}
	})
}

// A client that sends half a body and waits is given up after the idle time.
func TestAClientThatStops(t *testing.T) {
	f := newFixture(t, "disk", func(c *Config) { c.Idle = 50 * time.Millisecond })
	at := f.begin("stop/x", "")
	w := f.dial()
	defer w.conn.Close()
	if err := w.send("PATCH", at, content(1, 100_000), 50_000); err != nil {
		t.Fatal(err)
	}
	resp, err := w.reply() // ends only because the server gives up
	if err != nil || resp.StatusCode != http.StatusRequestTimeout {
		t.Errorf("reply = %v, %v, want 408", resp, err)
	}
	status := f.want(204, "GET", at, nil)
	if r := status.Header.Get("Range"); r != "0-49999" {
		t.Errorf("Range = %q, want 0-49999", r)
	}
	f.chunk(at, 50_000, content(1, 100_000)[50_000:])
	f.want(201, "PUT", at+"?digest="+string(artifact.SHA256(content(1, 100_000))), nil)
}

// TestClientsThatVanish goes away in each phase of a push, and looks for what is
// left: no file, no row, no goroutine.
func TestClientsThatVanish(t *testing.T) {
	eachStore(t, func(t *testing.T, f *fixture) {
		c := content(1, 100_000)
		d := "?digest=" + string(artifact.SHA256(c))
		for _, n := range []int{0, 1, 50_000, 99_999, 100_000} {
			paths := [][2]string{
				{"POST", "/v2/gone/x/blobs/uploads/" + d},
				{"PATCH", f.begin("gone/x", "")},
				{"PUT", f.begin("gone/x", "") + d},
				{"PUT", "/v2/gone/x/manifests/x"},
			}
			for _, p := range paths {
				w := f.dial()
				if err := w.send(p[0], p[1], c, n); err != nil {
					t.Error(err)
				}
				w.conn.Close()
			}
		}
		f.http.Close() // when all requests have ended, also those that were still on their way
		for _, up := range f.uploads.idleFor(0) {
			f.uploads.endIdle(up)
		}
		f.checkNoUploads()
		if _, err := f.GC(t.Context()); err != nil {
			t.Fatal(err)
		}
		if all := blobtest.Digests(t, f.blobs); len(all) != 0 {
			t.Errorf("%v are kept, want nothing", all)
		}
		if _, err := f.db.Tags(t.Context(), "gone/x", "", 1); err == nil {
			t.Error("the repository is still known")
		}
	}, aged)
}

func TestABodyWithoutEnd(t *testing.T) {
	f := newFixture(t, "disk", func(c *Config) { c.Limits.Blob = 1 << 20 })
	at := f.begin("endless/x", "")
	got := f.do("PATCH", at, zeros{})
	if got.StatusCode != 413 || got.limitOf(t) != "registry-max-blob" {
		t.Errorf("PATCH = %d %s, want 413", got.StatusCode, got.body)
	}
	f.want(404, "GET", at, nil)
	f.checkNoUploads()
}

func TestPagesOfBrowsersCannotWrite(t *testing.T) {
	f := newFixture(t, "memory")
	tests := []struct {
		origin, site string
		status       int
	}{
		{"http://evil.example", "cross-site", 403},
		{"http://evil.example", "", 403},
		{"null", "same-origin", 403},
		{f.url, "same-origin", 202},
	}
	for _, tt := range tests {
		got := f.do("POST", "/v2/a/blobs/uploads/", nil, "Origin", tt.origin, "Sec-Fetch-Site", tt.site)
		if got.StatusCode != tt.status {
			t.Errorf("Origin %s, %s: %d, want %d", tt.origin, tt.site, got.StatusCode, tt.status)
		}
		if got.StatusCode == 202 {
			f.want(204, "DELETE", got.Header.Get("Location"), nil)
		}
	}
	got := f.want(200, "GET", "/v2/", nil, "Origin", "http://evil.example")
	if !strings.HasPrefix(got.Header.Get("Content-Security-Policy"), "sandbox") || got.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("a browser may run what is kept here: %v", got.Header)
	}
}

func TestTheSameBlobManyTimes(t *testing.T) {
	eachStore(t, func(t *testing.T, f *fixture) {
		c := content(1, 100_000)
		parallel(16, 64, func(int) {
			if err := spinPush(f, "same/x", c); err != nil {
				t.Error(err)
			}
		})
		if got := f.blobs.Used(); got != 100_000 {
			t.Errorf("%d bytes are kept, want 100000", got)
		}
		f.checkNoUploads()
	})
}
