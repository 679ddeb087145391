package client

import (
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/neutrino-local/neutrino-local/web/apitype"
)

func TestNamesOfAllPages(t *testing.T) {
	var asked []string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.String())
		if r.URL.Query().Get("last") == "" {
			w.Header().Set("Link", `</v2/x>; rel="next"`)
			reply(w, 200, map[string]any{"name": "a/b", "tags": []string{"1", "2"}})
			return
		}
		reply(w, 200, map[string]any{"name": "a/b", "tags": []string{"3"}})
	})
	tags, err := c.Tags(t.Context(), "a/b")
	if diff := cmp.Diff([]string{"1", "2", "3"}, tags); diff != "" || err != nil {
		t.Errorf("Tags: %v %s", err, diff)
	}
	want := []string{"/v2/a/b/tags/list?n=1000", "/v2/a/b/tags/list?last=2&n=1000"}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Error(diff)
	}
}

func TestManifest(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v2/a/b/manifests/v1" || r.Header.Get("Authorization") != "Bearer sesame" {
			t.Errorf("%s with %q", r.URL, r.Header.Get("Authorization"))
		}
		w.Header().Set("Docker-Content-Digest", "sha256:d")
		w.Header().Set("Content-Type", "application/x")
		io.WriteString(w, "{ }")
	})
	m, err := c.Manifest(t.Context(), "a/b", "v1")
	if diff := cmp.Diff(Manifest{"sha256:d", "application/x", []byte("{ }")}, m); diff != "" || err != nil {
		t.Errorf("Manifest: %v %s", err, diff)
	}
}

func TestErrorOfTheRegistry(t *testing.T) {
	for status, code := range map[int]string{404: "not_found", 401: "unauthorized", 403: "forbidden", 413: "limit", 400: "invalid", 500: "internal"} {
		c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			reply(w, status, map[string]any{"errors": []map[string]string{{"code": "SOME_CODE", "message": "no such thing"}}})
		})
		_, err := c.Repositories(t.Context())
		e, ok := errors.AsType[*apitype.Error](err)
		if !ok || e.Code != code || e.Message != "no such thing" || e.Status != status {
			t.Errorf("status %d: %#v, want code %s", status, err, code)
		}
	}
}
