package registry

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
)

// Every parser of what a client sends has a target here.

func FuzzPath(f *testing.F) {
	for _, s := range []string{
		"/v2/", "/v2/_catalog", "/v2/token", "/v2/a/b/tags/list", "/v2/a/blobs/uploads/", "/v2/a/blobs/uploads/x",
		"/v2/a/manifests/x", "/v2/a/../b/manifests/x", "/v2/blobs/uploads/blobs/uploads/blobs", "/v2//", "/v2",
		"/v2/a/blobs/" + string(artifact.SHA256(nil)), "/v2/a/referrers/" + string(artifact.SHA256(nil)),
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, path string) {
		got, err := parsePath(path)
		if err != nil || got.kind == kindBase || got.kind == kindToken || got.kind == kindCatalog {
			return
		}
		if checkName(got.repository) != nil || strings.Contains(got.repository, "..") || len(got.repository) > maxName {
			t.Errorf("parsePath(%q) has the name %q", path, got.repository)
		}
		if !strings.HasPrefix(path, "/v2/"+got.repository+"/") {
			t.Errorf("parsePath(%q) has the name %q", path, got.repository)
		}
		if got.digest != "" {
			if _, err := artifact.ParseDigest(string(got.digest)); err != nil {
				t.Errorf("parsePath(%q): %v", path, err)
			}
		}
		if got.kind == kindManifest && (got.tag == "") == (got.digest == "") {
			t.Errorf("parsePath(%q) has tag %q and digest %q", path, got.tag, got.digest)
		}
	})
}

func FuzzReference(f *testing.F) {
	for _, s := range []string{"latest", "a.b-c_d", "-a", string(artifact.SHA256(nil)), "sha256:..", strings.Repeat("a", 129)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		tag, d, err := parseReference(s)
		if err == nil && tag+string(d) != s {
			t.Errorf("parseReference(%q) = %q, %q", s, tag, d)
		}
		if strings.ContainsAny(tag, "/:%\\ \x00") || len(tag) > maxTag && err == nil {
			t.Errorf("parseReference(%q) has the tag %q", s, tag)
		}
	})
}

func FuzzContentRange(f *testing.F) {
	for _, s := range []string{"0-99", "bytes 0-99/200", "bytes 0-99/*", "5-1", "-1-5", "0-9223372036854775807", "0-99/50"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		sp, err := parseContentRange(s)
		if err == nil && (sp.first < 0 || sp.last < sp.first || sp.last-sp.first+1 <= 0) {
			t.Errorf("parseContentRange(%q) = %+v", s, sp)
		}
	})
}

// FuzzRange holds satisfiable to net/http: what it lets pass is answered with
// content, never with net/http's own error.
func FuzzRange(f *testing.F) {
	for _, s := range []string{"bytes=0-0", "bytes=-5", "bytes=5-", "bytes=5-1", "bytes=0-1,3-4,-1", "bytes= 0 - 1 ", "bytes=,", "bytes=-0", "x=1"} {
		f.Add(s, uint16(100))
	}
	f.Fuzz(func(t *testing.T, header string, size uint16) {
		if !satisfiable(header, int64(size)) {
			return
		}
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Range", header)
		w := httptest.NewRecorder()
		w.Header().Set("Content-Type", "application/octet-stream")
		body := make([]byte, size)
		serveBytes(w, r, body)
		if w.Code != 200 && w.Code != 206 {
			t.Errorf("satisfiable(%q, %d), and net/http answers %d %s", header, size, w.Code, w.Body)
		}
	})
}

func FuzzPage(f *testing.F) {
	for _, s := range []string{"n=5&last=a", "n=-1", "n=99999999999999999999", "n=0", "last=%00", "n=1&n=2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, query string) {
		q, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		if p, err := parsePage(q); err == nil && (p.n < 0 || p.n > maxPage || len(p.last) > maxName) {
			t.Errorf("parsePage(%q) = %+v", query, p)
		}
	})
}

func FuzzManifest(f *testing.F) {
	for _, s := range []string{
		`{"schemaVersion":2,"config":{"digest":"` + string(artifact.SHA256(nil)) + `","size":0},"layers":[{}]}`,
		`{"schemaVersion":2,"manifests":[]}`, `{}`, `null`, `[]`, `{"layers":null}`, `{"annotations":{"a":"b"}}`,
		`{"schemaVersion":2,"subject":{"digest":"x"}}`, `{"config":[]}`, `{"LAYERS":[],"layers":[{"size":-1}]}`,
	} {
		f.Add([]byte(s), artifact.ManifestType)
		f.Add([]byte(s), "")
	}
	f.Fuzz(func(t *testing.T, raw []byte, contentType string) {
		doc, err := parseDocument(raw, contentType)
		if err != nil {
			return
		}
		if !mediaTypeForm.MatchString(doc.MediaType) {
			t.Errorf("media type %q", doc.MediaType)
		}
		for _, d := range doc.content() {
			if _, err := artifact.ParseDigest(string(d.Digest)); err != nil || d.Size < 0 {
				t.Errorf("descriptor %+v: %v", d, err)
			}
		}
		doc.spin()
		doc.referrerType()
	})
}

func FuzzScopes(f *testing.F) {
	for _, s := range []string{"repository:a/b:pull,push", "registry:catalog:*", "repository:a:b:c", ":::", "repository:../x:pull"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, sc := range parseScopes([]string{s}) {
			if sc.Type == "repository" && checkName(sc.Name) != nil {
				t.Errorf("parseScopes(%q) = %+v", s, sc)
			}
		}
	})
}

func FuzzToken(f *testing.F) {
	signer := newSigner()
	f.Add("e30.e30")
	f.Add(signer.sign(client{}, farFuture))
	f.Fuzz(func(t *testing.T, s string) {
		if _, err := newSigner().verify(s); err == nil {
			t.Errorf("verify(%q): no error", s)
		}
	})
}

func serveBytes(w http.ResponseWriter, r *http.Request, b []byte) {
	http.ServeContent(w, r, "", farPast, bytes.NewReader(b))
}

var (
	farPast   time.Time
	farFuture = time.Now().Add(24 * time.Hour)
)
