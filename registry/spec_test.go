package registry

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/registry/blob/blobtest"
)

// The tables here follow the chapters of the OCI Distribution specification;
// end-N is the number of an endpoint there. conformance.sh runs the official
// suite as well, where it can be had.

// eachStore runs a test with both stores.
func eachStore(t *testing.T, test func(t *testing.T, f *fixture), change ...func(*Config)) {
	for _, store := range stores {
		t.Run(store, func(t *testing.T) { test(t, newFixture(t, store, change...)) })
	}
}

// algorithmsOf returns how each algorithm names content.
var namings = []struct {
	name string
	of   func([]byte) artifact.Digest
}{{"sha256", artifact.SHA256}, {"sha512", blobtest.SHA512}}

func TestDeterminingSupport(t *testing.T) { // end-1
	f := newFixture(t, "memory")
	for _, method := range []string{"GET", "HEAD"} {
		f.want(200, method, "/v2/", nil)
	}
}

// A pusher brings content to a repository in one of the ways that the chapter
// "Pushing blobs" allows, and returns the reply that ends it.
type pusher struct {
	name string
	push func(f *fixture, repository string, d artifact.Digest, content []byte) reply
}

func (f *fixture) begin(repository, query string) string {
	f.t.Helper()
	got := f.want(202, "POST", "/v2/"+repository+"/blobs/uploads/"+query, nil)
	location := got.Header.Get("Location")
	if !strings.HasPrefix(location, "/v2/"+repository+"/blobs/uploads/") {
		f.t.Fatalf("POST: Location %q", location)
	}
	return location
}

// chunk sends one chunk and returns where the next one goes.
func (f *fixture) chunk(location string, first int, part []byte) string {
	f.t.Helper()
	last := first + len(part) - 1
	got := f.want(202, "PATCH", location, part, "Content-Range", fmt.Sprintf("%d-%d", first, last))
	if r := got.Header.Get("Range"); r != fmt.Sprintf("0-%d", last) {
		f.t.Errorf("PATCH: Range %q, want 0-%d", r, last)
	}
	return got.Header.Get("Location")
}

var pushers = []pusher{
	{"POST then PUT", func(f *fixture, repository string, d artifact.Digest, c []byte) reply { // end-4a, end-6
		return f.do("PUT", f.begin(repository, "")+"?digest="+string(d), bytes.NewReader(c))
	}},
	{"single POST", func(f *fixture, repository string, d artifact.Digest, c []byte) reply { // end-4b
		return f.do("POST", "/v2/"+repository+"/blobs/uploads/?digest="+string(d), bytes.NewReader(c))
	}},
	{"chunks closed by an empty PUT", func(f *fixture, repository string, d artifact.Digest, c []byte) reply { // end-5
		at := f.begin(repository, "")
		for i := 0; i < len(c); i += 4000 {
			at = f.chunk(at, i, c[i:min(i+4000, len(c))])
		}
		return f.do("PUT", at+"?digest="+string(d), nil)
	}},
	{"chunks closed by the last one, algorithm announced", func(f *fixture, repository string, d artifact.Digest, c []byte) reply { // end-4c
		at := f.begin(repository, "?digest-algorithm="+d.Algorithm())
		half := len(c) / 2
		if half > 0 {
			at = f.chunk(at, 0, c[:half])
		}
		if half == len(c) {
			return f.do("PUT", at+"?digest="+string(d), nil)
		}
		return f.do("PUT", at+"?digest="+string(d), bytes.NewReader(c[half:]),
			"Content-Range", fmt.Sprintf("%d-%d", half, len(c)-1))
	}},
	{"a stream of unknown length", func(f *fixture, repository string, d artifact.Digest, c []byte) reply {
		got := f.do("PATCH", f.begin(repository, ""), struct{ *bytes.Reader }{bytes.NewReader(c)})
		if got.StatusCode != 202 {
			f.t.Fatalf("PATCH = %d, want 202", got.StatusCode)
		}
		return f.do("PUT", got.Header.Get("Location")+"?digest="+string(d), nil)
	}},
}

func TestPushingBlobs(t *testing.T) {
	eachStore(t, func(t *testing.T, f *fixture) {
		for _, p := range pushers {
			for _, n := range namings {
				t.Run(p.name+"/"+n.name, func(t *testing.T) {
					f := f.in(t)
					for _, size := range []int{0, 1, 5000, 300_000} {
						c := content(uint64(size), size)
						d := n.of(c)
						repository := "spec/" + n.name
						checkCreated(t, p.push(f, repository, d, c), blobPath(repository, d), d)
						if got := f.want(200, "GET", blobPath(repository, d), nil); !bytes.Equal(got.body, c) {
							t.Errorf("GET: %d bytes that differ, want %d", len(got.body), size)
						}
						f.want(202, "DELETE", blobPath(repository, d), nil)
						lie := n.of([]byte("something else"))
						got := p.push(f, repository, lie, c)
						if got.StatusCode != 400 || got.code(t) != "DIGEST_INVALID" {
							t.Errorf("a digest that lies = %d %s, want 400 DIGEST_INVALID", got.StatusCode, got.body)
						}
						f.want(404, "GET", blobPath(repository, lie), nil)
					}
				})
			}
		}
	})
}

// in is f for the use in a subtest.
func (f *fixture) in(t testing.TB) *fixture {
	g := *f
	g.t = t
	return &g
}

func checkCreated(t *testing.T, got reply, location string, d artifact.Digest) {
	t.Helper()
	if got.StatusCode != 201 {
		t.Fatalf("%s %s = %d %s, want 201", got.Request.Method, got.Request.URL, got.StatusCode, got.body)
	}
	if l := got.Header.Get("Location"); l != location {
		t.Errorf("Location = %q, want %q", l, location)
	}
	if h := got.Header.Get("Docker-Content-Digest"); h != string(d) {
		t.Errorf("Docker-Content-Digest = %q, want %q", h, d)
	}
}

func TestPushingABlobInChunks(t *testing.T) {
	eachStore(t, func(t *testing.T, f *fixture) {
		c := content(1, 3000)
		d := artifact.SHA256(c)
		at := f.begin("spec/chunks", "")
		at = f.chunk(at, 0, c[:1000])

		t.Run("out of order is 416 with the place to go on", func(t *testing.T) {
			f := f.in(t)
			for _, header := range []string{"2000-2999", "0-999", "1001-2000"} {
				for _, method := range []string{"PATCH", "PUT"} {
					got := f.want(416, method, at+"?digest="+string(d), c[:1000], "Content-Range", header)
					if r := got.Header.Get("Range"); r != "0-999" || got.Header.Get("Location") != at {
						t.Errorf("%s %s: Range %q, Location %q", method, header, r, got.Header.Get("Location"))
					}
				}
			}
		})
		t.Run("status", func(t *testing.T) { // end-13
			got := f.in(t).want(204, "GET", at, nil)
			if got.Header.Get("Range") != "0-999" || got.Header.Get("Location") != at {
				t.Errorf("GET: Range %q, Location %q", got.Header.Get("Range"), got.Header.Get("Location"))
			}
		})
		t.Run("a range that is not the body's", func(t *testing.T) {
			f := f.in(t)
			got := f.want(400, "PATCH", at, c[1000:1500], "Content-Range", "1000-1999")
			if got.code(t) != "SIZE_INVALID" {
				t.Errorf("code = %s, want SIZE_INVALID", got.code(t))
			}
			for _, header := range []string{"x", "1000", "1999-1000", "-1-5", "bytes=1000-1999", "99999999999999999999-1"} {
				if got := f.want(400, "PATCH", at, c[1000:2000], "Content-Range", header); got.code(t) != "BLOB_UPLOAD_INVALID" {
					t.Errorf("%s: code = %s, want BLOB_UPLOAD_INVALID", header, got.code(t))
				}
			}
		})
		t.Run("HTTP's own form of the range", func(t *testing.T) {
			f.in(t).want(202, "PATCH", at, c[1000:2000], "Content-Range", "bytes 1000-1999/3000")
		})
		t.Run("no digest, or none that is one", func(t *testing.T) {
			f := f.in(t)
			for _, q := range []string{"", "?digest=", "?digest=sha256:abc", "?digest=md5:abc", "?digest=" + strings.ToUpper(string(d))} {
				if got := f.want(400, "PUT", at+q, c[2000:]); got.code(t) != "DIGEST_INVALID" {
					t.Errorf("%s: code = %s, want DIGEST_INVALID", q, got.code(t))
				}
			}
		})
		f.want(201, "PUT", at+"?digest="+string(d), c[2000:], "Content-Range", "2000-2999")
		for _, method := range []string{"GET", "PATCH", "DELETE"} {
			if got := f.want(404, method, at, nil); got.code(t) != "BLOB_UPLOAD_UNKNOWN" {
				t.Errorf("%s of an upload that has ended: code = %s", method, got.code(t))
			}
		}
	})
}

func TestCancellingAnUpload(t *testing.T) { // end-14
	eachStore(t, func(t *testing.T, f *fixture) {
		at := f.chunk(f.begin("spec/cancel", ""), 0, content(1, 5000))
		f.want(404, "DELETE", strings.Replace(at, "spec/cancel", "spec/other", 1), nil)
		f.want(204, "DELETE", at, nil)
		f.want(404, "DELETE", at, nil)
		f.checkNoUploads()
	})
}

func TestMountingABlob(t *testing.T) { // end-11
	eachStore(t, func(t *testing.T, f *fixture) {
		for _, n := range namings {
			c := content(1, 700)
			d := n.of(c)
			f.want(201, "POST", "/v2/one/a/blobs/uploads/?digest="+string(d), c)
			tests := []struct {
				name, to, query string
				mounted         bool
			}{
				{"from a repository of the account", "one/b", "&from=one/a", true},
				{"from where it is not", "one/c", "&from=one/z", false},
				{"anonymously", "one/d", "", true},
				{"from another account", "two/a", "&from=one/a", false},
				{"anonymously, from another account", "two/b", "", false},
				{"of what nobody has", "one/e", "&from=one/a", false},
			}
			for _, tt := range tests {
				t.Run(n.name+"/"+tt.name, func(t *testing.T) {
					f := f.in(t)
					want := d
					if tt.to == "one/e" {
						want = n.of([]byte("nowhere"))
					}
					got := f.do("POST", "/v2/"+tt.to+"/blobs/uploads/?mount="+string(want)+tt.query, nil)
					if !tt.mounted {
						if got.StatusCode != 202 {
							t.Fatalf("POST = %d %s, want 202", got.StatusCode, got.body)
						}
						f.want(404, "GET", blobPath(tt.to, want), nil)
						f.want(204, "DELETE", got.Header.Get("Location"), nil)
						return
					}
					checkCreated(t, got, blobPath(tt.to, want), want)
					f.want(200, "GET", blobPath(tt.to, want), nil)
				})
			}
			f.want(400, "POST", "/v2/one/b/blobs/uploads/?mount=sha256:x", nil)
			f.want(400, "POST", "/v2/one/b/blobs/uploads/?mount="+string(d)+"&from=../a", nil)
		}
	})
}

func TestPullingBlobs(t *testing.T) { // end-2
	eachStore(t, func(t *testing.T, f *fixture) {
		c := content(1, 2048)
		d := f.pushBlob("spec/pull", c)
		path := blobPath("spec/pull", d)
		for _, method := range []string{"GET", "HEAD"} {
			got := f.want(200, method, path, nil)
			if got.Header.Get("Docker-Content-Digest") != string(d) || got.ContentLength != 2048 {
				t.Errorf("%s: digest %q, length %d", method, got.Header.Get("Docker-Content-Digest"), got.ContentLength)
			}
		}
		ranges := []struct {
			header string
			status int
			body   []byte // nil for what the other columns say
			is     string // Content-Range
		}{
			{"bytes=0-0", 206, c[:1], "bytes 0-0/2048"},
			{"bytes=500-1499", 206, c[500:1500], "bytes 500-1499/2048"},
			{"bytes=500-", 206, c[500:], "bytes 500-2047/2048"},
			{"bytes=-500", 206, c[1548:], "bytes 1548-2047/2048"},
			{"bytes=-5000", 206, c, "bytes 0-2047/2048"},
			{"bytes=2000-5000", 206, c[2000:], "bytes 2000-2047/2048"},
			{"bytes=0-0,2-3", 206, nil, ""},
			{"bytes=9000-,0-1", 206, c[:2], "bytes 0-1/2048"},
			{"bytes=500-0", 416, nil, "bytes */2048"},
			{"bytes=2048-", 416, nil, "bytes */2048"},
			{"bytes=-0", 416, nil, "bytes */2048"},
			{"bytes=", 416, nil, "bytes */2048"},
			{"bytes=-", 416, nil, "bytes */2048"},
			{"bytes=a-b", 416, nil, "bytes */2048"},
			{"bytes=0-1," + strings.Repeat("0-1,", 100), 416, nil, "bytes */2048"},
			{"lines=1-2", 200, c, ""},
		}
		for _, tt := range ranges {
			t.Run(tt.header, func(t *testing.T) {
				got := f.in(t).want(tt.status, "GET", path, nil, "Range", tt.header)
				if r := got.Header.Get("Content-Range"); tt.is != "" && r != tt.is {
					t.Errorf("Content-Range = %q, want %q", r, tt.is)
				}
				if tt.body != nil && !bytes.Equal(got.body, tt.body) {
					t.Errorf("%d bytes that differ, want %d", len(got.body), len(tt.body))
				}
				if tt.status == 416 {
					got.code(t)
				}
			})
		}
		empty := f.pushBlob("spec/pull", nil)
		f.want(200, "GET", blobPath("spec/pull", empty), nil, "Range", "bytes=0-")
		f.want(304, "GET", path, nil, "If-None-Match", `"`+string(d)+`"`)
		f.want(200, "GET", path, nil, "Range", "bytes=5000-", "If-Range", `"other"`)
		f.want(206, "GET", path, nil, "Range", "bytes=5-9", "If-Range", `"`+string(d)+`"`)
		if got := f.want(404, "GET", blobPath("spec/other", d), nil); got.code(t) != "BLOB_UNKNOWN" {
			t.Errorf("a blob of another repository: code = %s", got.code(t))
		}
	})
}

func TestPushingAndPullingManifests(t *testing.T) { // end-3, end-7a, end-7b, end-9
	eachStore(t, func(t *testing.T, f *fixture) {
		for _, n := range namings {
			repository := "spec/m" + n.name
			raw := f.image(repository, content(1, 100), content(2, 200))
			raw = append(raw, "\n "...) // kept to the byte
			d := n.of(raw)
			path := "/v2/" + repository + "/manifests/"
			got := f.want(201, "PUT", path+string(d)+"?tag=v1&tag=v2", raw, "Content-Type", artifact.ManifestType+"; charset=utf-8")
			checkCreated(t, got, path+string(d), d)
			if tags := got.Header.Get("Oci-Tag"); tags != "v1, v2" {
				t.Errorf("OCI-Tag = %q, want v1, v2", tags)
			}
			for _, ref := range []string{string(d), "v1", "v2"} {
				for _, method := range []string{"GET", "HEAD"} {
					got := f.want(200, method, path+ref, nil)
					if method == "GET" && !bytes.Equal(got.body, raw) {
						t.Errorf("GET %s: %q, want %q", ref, got.body, raw)
					}
					head := []string{got.Header.Get("Content-Type"), got.Header.Get("Docker-Content-Digest"), got.Header.Get("Content-Length")}
					want := []string{artifact.ManifestType, string(d), fmt.Sprint(len(raw))}
					if diff := cmp.Diff(want, head); diff != "" {
						t.Errorf("%s %s: headers: %s", method, ref, diff)
					}
				}
			}
			f.want(202, "DELETE", path+"v1", nil)
			f.want(404, "GET", path+"v1", nil)
			f.want(200, "GET", path+string(d), nil)
			f.want(202, "DELETE", path+string(d), nil)
			for _, ref := range []string{string(d), "v2", "never"} {
				for _, method := range []string{"GET", "DELETE"} {
					if got := f.want(404, method, path+ref, nil); got.code(t) != "MANIFEST_UNKNOWN" {
						t.Errorf("%s %s: code = %s", method, ref, got.code(t))
					}
				}
			}
		}
	})
}

func TestManifestsThatAreRefused(t *testing.T) {
	f := newFixture(t, "memory")
	good := string(f.image("spec/bad", content(1, 100)))
	config := artifact.SHA256([]byte("{}"))
	tests := []struct {
		name, ref, contentType, body, code string
	}{
		{"not JSON", "x", artifact.ManifestType, "{", "MANIFEST_INVALID"},
		{"not an object", "x", artifact.ManifestType, "[]", "MANIFEST_INVALID"},
		{"empty", "x", artifact.ManifestType, "", "MANIFEST_INVALID"},
		{"two documents", "x", artifact.ManifestType, good + good, "MANIFEST_INVALID"},
		{"another digest", string(config), artifact.ManifestType, good, "DIGEST_INVALID"},
		{"a digest that is none", "sha256:baddigeststring", artifact.ManifestType, good, "DIGEST_INVALID"},
		{"a tag that is none", "a+b", artifact.ManifestType, good, "MANIFEST_INVALID"},
		{"a tag parameter that is none", string(artifact.SHA256([]byte(good))) + "?tag=-x", artifact.ManifestType, good, "MANIFEST_INVALID"},
		{"another media type", "x", artifact.IndexType, good, "MANIFEST_INVALID"},
		{"a media type for browsers", "x", "text/html", `{"schemaVersion":2}`, "MANIFEST_INVALID"},
		{"a media type that is none", "x", "application/json;=", `{"schemaVersion":2}`, "MANIFEST_INVALID"},
		{"schema 1", "x", "application/vnd.docker.distribution.manifest.v1+json", `{"schemaVersion":1}`, "MANIFEST_INVALID"},
		{"image and index", "x", "", `{"schemaVersion":2,"config":{"digest":"` + string(config) + `","size":2},"manifests":[{}]}`, "MANIFEST_INVALID"},
		{"no config", "x", artifact.ManifestType, `{"schemaVersion":2,"layers":[]}`, "MANIFEST_INVALID"},
		{"config of another size", "x", artifact.ManifestType, `{"schemaVersion":2,"config":{"digest":"` + string(config) + `","size":3}}`, "MANIFEST_INVALID"},
		{"negative size", "x", artifact.ManifestType, `{"schemaVersion":2,"config":{"digest":"` + string(config) + `","size":-2}}`, "MANIFEST_INVALID"},
		{"digest with a path", "x", artifact.ManifestType, `{"schemaVersion":2,"config":{"digest":"sha256:../../x","size":2}}`, "MANIFEST_INVALID"},
		{"subject that is none", "x", artifact.IndexType, `{"schemaVersion":2,"manifests":[],"subject":{"digest":"x"}}`, "MANIFEST_INVALID"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := f.in(t)
			got := f.want(400, "PUT", "/v2/spec/bad/manifests/"+tt.ref, []byte(tt.body), "Content-Type", tt.contentType)
			if got.code(t) != tt.code {
				t.Errorf("code = %s, want %s: %s", got.code(t), tt.code, got.body)
			}
			f.checkNoUploads()
		})
	}
	if got := f.want(200, "GET", "/v2/spec/bad/tags/list", nil); !strings.Contains(string(got.body), `"tags":[]`) {
		t.Errorf("a refused manifest has left a tag: %s", got.body)
	}
}

func TestManifestsThatAreTaken(t *testing.T) {
	f := newFixture(t, "memory")
	f.pushBlob("spec/ok", []byte("{}"))
	config := `"config":{"mediaType":"application/x","digest":"` + string(artifact.SHA256([]byte("{}"))) + `","size":2}`
	nowhere := string(artifact.SHA256([]byte("nowhere")))
	tests := []struct {
		name, contentType, body string
		wantType                string
		warning                 bool
	}{
		{"type only in the header", artifact.ManifestType, `{"schemaVersion":2,` + config + `,"layers":[]}`, artifact.ManifestType, false},
		{"type nowhere", "", `{"schemaVersion":2,` + config + `}`, artifact.ManifestType, false},
		{"index, type nowhere", "", `{"schemaVersion":2,"manifests":[]}`, artifact.IndexType, false},
		{"custom fields", artifact.ManifestType, `{"schemaVersion":2,` + config + `,"org.example":{"x":[1]}}`, artifact.ManifestType, false},
		{"sparse image", artifact.ManifestType, `{"schemaVersion":2,` + config + `,"layers":[{"digest":"` + nowhere + `","size":7}]}`, artifact.ManifestType, true},
		{"sparse index", artifact.IndexType, `{"schemaVersion":2,"manifests":[{"digest":"` + nowhere + `","size":7}]}`, artifact.IndexType, true},
		{"foreign layer", artifact.ManifestType, `{"schemaVersion":2,` + config + `,"layers":[{"mediaType":"application/vnd.oci.image.layer.nondistributable.v1.tar","digest":"` + nowhere + `","size":7}]}`, artifact.ManifestType, true},
		{"null lists", artifact.ManifestType, `{"schemaVersion":2,` + config + `,"layers":null,"annotations":null,"subject":null}`, artifact.ManifestType, false},
		{"another kind of manifest", "application/vnd.example.thing+json", `{"x":1}`, "application/vnd.example.thing+json", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := f.in(t)
			got := f.want(201, "PUT", "/v2/spec/ok/manifests/x", []byte(tt.body), "Content-Type", tt.contentType)
			if warning := got.Header.Get("Warning"); (warning != "") != tt.warning || tt.warning && !strings.HasPrefix(warning, `299 - "`) {
				t.Errorf("Warning = %q, want one: %v", warning, tt.warning)
			}
			if got := f.want(200, "GET", "/v2/spec/ok/manifests/x", nil); got.Header.Get("Content-Type") != tt.wantType {
				t.Errorf("Content-Type = %q, want %q", got.Header.Get("Content-Type"), tt.wantType)
			}
		})
	}
}

func TestListingTags(t *testing.T) { // end-8a, end-8b
	f := newFixture(t, "memory")
	if got := f.want(404, "GET", "/v2/spec/tags/tags/list", nil); got.code(t) != "NAME_UNKNOWN" {
		t.Errorf("code = %s, want NAME_UNKNOWN", got.code(t))
	}
	raw := f.image("spec/tags")
	f.want(200, "GET", "/v2/spec/tags/tags/list", nil) // it has blobs
	all := []string{"0.9", "1.0", "A", "Z", "_", "a", "b"}
	for _, tag := range []string{"b", "1.0", "Z", "a", "_", "0.9", "A"} {
		f.pushManifest("spec/tags", tag, raw)
	}
	tests := []struct {
		query string
		want  []string
		next  string
	}{
		{"", all, ""},
		{"?n=100", all, ""},
		{"?n=7", all, ""},
		{"?n=3", all[:3], "last=A&n=3"},
		{"?n=0", []string{}, ""},
		{"?n=3&last=A", all[3:6], "last=a&n=3"},
		{"?n=3&last=a", all[6:], ""},
		{"?last=Z", all[4:], ""},
		{"?last=b", []string{}, ""},
		{"?last=nowhere", []string{}, ""},
		{"?n=99999999999", all, ""},
	}
	for _, tt := range tests {
		got := f.want(200, "GET", "/v2/spec/tags/tags/list"+tt.query, nil)
		want := string(encode(t, map[string]any{"name": "spec/tags", "tags": tt.want})) + "\n"
		if string(got.body) != want {
			t.Errorf("%s: %s, want %s", tt.query, got.body, want)
		}
		link := ""
		if tt.next != "" {
			link = "</v2/spec/tags/tags/list?" + tt.next + `>; rel="next"`
		}
		if got.Header.Get("Link") != link {
			t.Errorf("%s: Link = %q, want %q", tt.query, got.Header.Get("Link"), link)
		}
	}
	for _, q := range []string{"?n=-1", "?n=x", "?n=1e3", "?n=", "?n=99999999999999999999", "?last=" + strings.Repeat("a", 256)} {
		f.want(400, "GET", "/v2/spec/tags/tags/list"+q, nil).code(t)
	}
}

func TestListingRepositories(t *testing.T) {
	f := newFixture(t, "memory")
	for _, name := range []string{"b/two", "a", "a/one", "b/one", "c"} {
		f.pushManifest(name, "x", f.image(name))
	}
	var all []string
	for path := "/v2/_catalog?n=2"; path != ""; {
		got := f.want(200, "GET", path, nil)
		var page struct{ Repositories []string }
		decode(t, got.body, &page)
		all = append(all, page.Repositories...)
		path, _, _ = strings.Cut(strings.TrimPrefix(got.Header.Get("Link"), "<"), ">")
	}
	if want := []string{"a", "a/one", "b/one", "b/two", "c"}; !slices.Equal(all, want) {
		t.Errorf("the catalog has %v, want %v", all, want)
	}
}

func TestListingReferrers(t *testing.T) { // end-12a, end-12b
	f := newFixture(t, "memory")
	raw := f.image("spec/ref")
	for _, n := range namings {
		subject := n.of(raw)
		path := "/v2/spec/ref/referrers/" + string(subject)
		if got := f.want(200, "GET", path, nil); !strings.Contains(string(got.body), `"manifests":[]`) {
			t.Errorf("no referrers: %s", got.body)
		}
		describe := `"subject":{"mediaType":"` + artifact.ManifestType + `","digest":"` + string(subject) + `","size":1}`
		config := `"config":{"mediaType":"application/x.config","digest":"` + string(artifact.SHA256([]byte("{}"))) + `","size":2}`
		bodies := []string{
			`{"schemaVersion":2,"artifactType":"application/x.sbom",` + config + `,` + describe + `,"annotations":{"k":"v"}}`,
			`{"schemaVersion":2,` + config + `,` + describe + `}`,
			`{"schemaVersion":2,"manifests":[],` + describe + `}`,
		}
		types := []string{artifact.ManifestType, artifact.ManifestType, artifact.IndexType}
		want := []referrer{
			{ArtifactType: "application/x.sbom", Annotations: map[string]string{"k": "v"}},
			{ArtifactType: "application/x.config"},
			{},
		}
		for i, body := range bodies {
			d := n.of([]byte(body))
			got := f.want(201, "PUT", "/v2/spec/ref/manifests/"+string(d), []byte(body), "Content-Type", types[i])
			if s := got.Header.Get("Oci-Subject"); s != string(subject) {
				t.Errorf("OCI-Subject = %q, want %q", s, subject)
			}
			want[i].MediaType, want[i].Digest, want[i].Size = types[i], string(d), int64(len(body))
		}
		first := want[0]
		slices.SortFunc(want, func(a, b referrer) int { return strings.Compare(a.Digest, b.Digest) })
		if diff := cmp.Diff(want, f.referrers(path)); diff != "" {
			t.Errorf("referrers: %s", diff)
		}
		if diff := cmp.Diff([]referrer{first}, f.referrers(path+"?artifactType=application/x.sbom")); diff != "" {
			t.Errorf("filtered referrers: %s", diff)
		}
	}
	f.want(400, "GET", "/v2/spec/ref/referrers/sha256:x", nil).code(t)
}

// referrers follows the pages of a list.
func (f *fixture) referrers(path string) []referrer {
	f.t.Helper()
	var all []referrer
	for path != "" {
		got := f.want(200, "GET", path, nil)
		var index struct {
			SchemaVersion int
			MediaType     string
			Manifests     []referrer
		}
		decode(f.t, got.body, &index)
		if index.SchemaVersion != 2 || index.MediaType != artifact.IndexType || got.Header.Get("Content-Type") != artifact.IndexType {
			f.t.Errorf("%s: %s is no index", path, got.body)
		}
		if strings.Contains(path, "artifactType") != (got.Header.Get("Oci-Filters-Applied") == "artifactType") {
			f.t.Errorf("%s: OCI-Filters-Applied = %q", path, got.Header.Get("Oci-Filters-Applied"))
		}
		all = append(all, index.Manifests...)
		path, _, _ = strings.Cut(strings.TrimPrefix(got.Header.Get("Link"), "<"), ">")
	}
	return all
}

func TestDeletingBlobs(t *testing.T) { // end-10
	f := newFixture(t, "memory")
	d := f.pushBlob("spec/del", []byte("x"))
	f.pushBlob("spec/keep", []byte("x"))
	f.want(202, "DELETE", blobPath("spec/del", d), nil)
	f.want(404, "DELETE", blobPath("spec/del", d), nil)
	f.want(404, "HEAD", blobPath("spec/del", d), nil)
	f.want(200, "HEAD", blobPath("spec/keep", d), nil)
}

func TestMethods(t *testing.T) {
	f := newFixture(t, "memory")
	d := string(artifact.SHA256(nil))
	tests := []struct{ path, allow string }{
		{"/v2/", "GET, HEAD"},
		{"/v2/_catalog", "GET, HEAD"},
		{"/v2/token", "GET, POST"},
		{"/v2/a/tags/list", "GET, HEAD"},
		{"/v2/a/referrers/" + d, "GET, HEAD"},
		{"/v2/a/blobs/" + d, "DELETE, GET, HEAD"},
		{"/v2/a/manifests/x", "DELETE, GET, HEAD, PUT"},
		{"/v2/a/blobs/uploads/", "POST"},
		{"/v2/a/blobs/uploads/id", "DELETE, GET, HEAD, PATCH, PUT"},
	}
	for _, tt := range tests {
		got := f.want(405, "TRACE", tt.path, nil)
		if got.Header.Get("Allow") != tt.allow || got.code(t) != "UNSUPPORTED" {
			t.Errorf("%s: Allow %q, %s, want %q", tt.path, got.Header.Get("Allow"), got.code(t), tt.allow)
		}
	}
	for _, path := range []string{"/v3/", "/v2/a", "/v2/a/b/c", "/v2//tags/list", "/v2/a/tags/lists"} {
		if got := f.do("GET", path, nil); got.StatusCode != 404 && got.StatusCode != 400 {
			t.Errorf("GET %s = %d, want 404 or 400", path, got.StatusCode)
		}
	}
}
