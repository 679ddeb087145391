package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/neutrino-local/neutrino-local/store"
)

func manifests(t *testing.T, s Store) {
	ctx := t.Context()
	m := store.Manifest{
		Repository: "a/b", Digest: "sha256:m", MediaType: "application/x", Size: 12, Subject: "sha256:s", ArtifactType: "t/u",
		Annotations: map[string]string{"k": "v"}, Blobs: []string{"sha256:c", "sha256:l"}, PushedAt: start,
	}
	wants(t, "without its blobs", s.PutManifest(ctx, m, "v1"), store.ErrNotFound)
	check(t, s.LinkBlob(ctx, "a/b", "sha256:c"))
	check(t, s.LinkBlob(ctx, "other", "sha256:l"))
	err := s.PutManifest(ctx, m, "v1")
	wants(t, "with a blob elsewhere", err, store.ErrNotFound)
	if text := fmt.Sprint(err); !strings.Contains(text, "sha256:l") || strings.Contains(text, "sha256:c") {
		t.Errorf("%q should name sha256:l only", text)
	}
	_, err = s.Manifest(ctx, "a/b", "sha256:m")
	wants(t, "refused", err, store.ErrNotFound)

	check(t, s.LinkBlob(ctx, "a/b", "sha256:l"))
	check(t, s.PutManifest(ctx, m, "v1"))
	if diff := cmp.Diff(m, must(s.Manifest(ctx, "a/b", "sha256:m"))(t)); diff != "" {
		t.Errorf("manifest: -want +got\n%s", diff)
	}
	m.MediaType, m.PushedAt = "application/y", start.Add(time.Hour)
	check(t, s.PutManifest(ctx, m, "v2")) // again
	if diff := cmp.Diff(m, must(s.Manifest(ctx, "a/b", "sha256:m"))(t)); diff != "" {
		t.Errorf("pushed again: -want +got\n%s", diff)
	}
	index := store.Manifest{Repository: "a/b", Digest: "sha256:i", Blobs: []string{"sha256:m"}, PushedAt: start}
	check(t, s.PutManifest(ctx, index, "")) // needs a manifest
	check(t, s.DeleteManifest(ctx, "a/b", "sha256:m"))
	wants(t, "deleted twice", s.DeleteManifest(ctx, "a/b", "sha256:m"), store.ErrNotFound)
	if got := must(s.Tags(ctx, "a/b", "", 0))(t); len(got) != 0 {
		t.Errorf("tags of a deleted manifest: %v", got)
	}
	_, err = s.Manifest(ctx, "other", "sha256:i")
	wants(t, "in another repository", err, store.ErrNotFound)
}

func tags(t *testing.T, s Store) {
	ctx := t.Context()
	_, err := s.Tags(ctx, "r", "", 0)
	wants(t, "tags of nothing", err, store.ErrNotFound)
	check(t, s.PutManifest(ctx, store.Manifest{Repository: "r", Digest: "sha256:1"}, ""))
	check(t, s.PutManifest(ctx, store.Manifest{Repository: "r", Digest: "sha256:2"}, ""))
	wants(t, "a tag of nothing", s.PutTag(ctx, store.Tag{Repository: "r", Name: "x", Digest: "sha256:3"}), store.ErrNotFound)
	want := []string{"V", "_x", "a", "a.1", "a1", "v-1", "v1", "v10", "v2"} // byte order
	for i := range want {
		check(t, s.PutTag(ctx, store.Tag{Repository: "r", Name: want[(i*4)%len(want)], Digest: "sha256:1", UpdatedAt: start}))
	}
	if got := must(s.Tags(ctx, "r", "", 0))(t); !slices.Equal(got, want) {
		t.Errorf("tags %q, want %q", got, want)
	}
	for n := 1; n <= len(want)+1; n++ {
		if got := pages(t, n, func(last string) ([]string, error) { return s.Tags(ctx, "r", last, n) }); !slices.Equal(got, want) {
			t.Errorf("in pages of %d: %q, want %q", n, got, want)
		}
	}
	if got := must(s.Tags(ctx, "r", "b", 1))(t); !slices.Equal(got, []string{"v-1"}) {
		t.Errorf("after a tag that is not there: %q, want v-1", got)
	}
	moved := store.Tag{Repository: "r", Name: "a", Digest: "sha256:2", UpdatedAt: start.Add(time.Hour)}
	check(t, s.PutTag(ctx, moved))
	if got := must(s.Tag(ctx, "r", "a"))(t); got != moved {
		t.Errorf("tag %v, want %v", got, moved)
	}
	check(t, s.DeleteTag(ctx, "r", "a"))
	wants(t, "deleted twice", s.DeleteTag(ctx, "r", "a"), store.ErrNotFound)
	_, err = s.Tag(ctx, "r", "a")
	wants(t, "deleted", err, store.ErrNotFound)
	must(s.Manifest(ctx, "r", "sha256:2"))(t) // stays
	many(t, s)
}

// pages collects what list returns in pages of n.
func pages(t *testing.T, n int, list func(last string) ([]string, error)) []string {
	t.Helper()
	var all []string
	for last := ""; ; last = all[len(all)-1] {
		page := must(list(last))(t)
		all = append(all, page...)
		if len(page) < n {
			return all
		}
	}
}

func many(t *testing.T, s Store) {
	t.Helper()
	ctx := t.Context()
	var want []string
	for i := range 500 {
		want = append(want, fmt.Sprintf("t%05d", i))
		check(t, s.PutManifest(ctx, store.Manifest{Repository: "many", Digest: fmt.Sprintf("sha256:%d", i/10)}, want[i]))
	}
	if got := pages(t, 99, func(last string) ([]string, error) { return s.Tags(ctx, "many", last, 99) }); !slices.Equal(got, want) {
		t.Errorf("%d tags in pages, want %d", len(got), len(want))
	}
	check(t, s.DeleteManifest(ctx, "many", "sha256:49"))
	if got := must(s.Tags(ctx, "many", "t00485", 0))(t); !slices.Equal(got, want[486:490]) {
		t.Errorf("after deleting the manifest of ten: %v", got)
	}
}

func repositories(t *testing.T, s Store) {
	ctx := t.Context()
	want := []string{"a", "a/b", "a0", "b"}
	for i := range want {
		check(t, s.PutManifest(ctx, store.Manifest{Repository: want[(i*3)%4], Digest: "sha256:m"}, "v"))
	}
	check(t, s.LinkBlob(ctx, "only-a-blob", "sha256:c"))
	if got := pages(t, 3, func(last string) ([]string, error) { return s.Repositories(ctx, last, 3) }); !slices.Equal(got, want) {
		t.Errorf("repositories %q, want %q", got, want)
	}
	check(t, s.DeleteManifest(ctx, "a0", "sha256:m"))
	check(t, s.DeleteRepository(ctx, "a/b"))
	wants(t, "deleted twice", s.DeleteRepository(ctx, "a/b"), store.ErrNotFound)
	_, err := s.Tag(ctx, "a/b", "v")
	wants(t, "tag of a deleted repository", err, store.ErrNotFound)
	if got := must(s.Repositories(ctx, "", 0))(t); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("repositories %q, want a and b", got)
	}
	if got := must(s.Tags(ctx, "a0", "", 0))(t); len(got) != 0 { // known, and empty
		t.Errorf("tags %v", got)
	}
}

func referrers(t *testing.T, s Store) {
	ctx := t.Context()
	for i, m := range []store.Manifest{
		{Repository: "r", Digest: "sha256:2", Subject: "sha256:s", ArtifactType: "sbom", Annotations: map[string]string{"k": "v"}},
		{Repository: "r", Digest: "sha256:1", Subject: "sha256:s", ArtifactType: "signature"},
		{Repository: "r", Digest: "sha256:3", Subject: "sha256:t", ArtifactType: "sbom"},
		{Repository: "r", Digest: "sha256:4", ArtifactType: "sbom"},
		{Repository: "q", Digest: "sha256:5", Subject: "sha256:s", ArtifactType: "sbom"},
	} {
		m.PushedAt = start.Add(time.Duration(i))
		check(t, s.PutManifest(ctx, m, ""))
	}
	tests := []struct{ repository, subject, artifactType, want string }{
		{"r", "sha256:s", "", "sha256:1 sha256:2"},
		{"r", "sha256:s", "sbom", "sha256:2"},
		{"r", "sha256:s", "none", ""},
		{"q", "sha256:s", "", "sha256:5"},
		{"r", "sha256:u", "", ""},
		{"r", "", "", ""},
		{"none", "sha256:s", "", ""},
	}
	for _, tt := range tests {
		var got []string
		for _, m := range must(s.Referrers(ctx, tt.repository, tt.subject, tt.artifactType))(t) {
			got = append(got, m.Digest)
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("Referrers(%q, %q, %q) = %q, want %q", tt.repository, tt.subject, tt.artifactType, got, tt.want)
		}
	}
	if m := must(s.Referrers(ctx, "r", "sha256:s", "sbom"))(t)[0]; m.Annotations["k"] != "v" || !m.PushedAt.Equal(start) {
		t.Errorf("referrer %+v lacks what was pushed", m)
	}
}
