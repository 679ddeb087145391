package sqlite

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/neutrino-local/neutrino-local/store"
)

// TestRegistryIndex is about what only the registry asks for.
func TestRegistryIndex(t *testing.T) {
	ctx := t.Context()
	db := openTemp(t)
	for _, r := range []string{"a/one", "a-b/two", "ab", "a"} {
		if err := db.LinkBlob(ctx, r, "sha256:"+r); err != nil {
			t.Fatal(err)
		}
	}
	sources := []struct {
		account, digest, want string
	}{
		{"a", "sha256:a/one", "a/one"}, {"a", "sha256:a", "a"}, {"a", "sha256:a-b/two", ""},
		{"a", "sha256:ab", ""}, {"ab", "sha256:ab", "ab"}, {"a-b", "sha256:a-b/two", "a-b/two"},
	}
	for _, tt := range sources {
		got, err := db.BlobSource(ctx, tt.account, tt.digest)
		if got != tt.want || (tt.want == "") != errors.Is(err, store.ErrNotFound) {
			t.Errorf("BlobSource(%s, %s) = %q, %v, want %q", tt.account, tt.digest, got, err, tt.want)
		}
	}
	if at, err := db.BlobTouched(ctx, "ab", "sha256:ab"); time.Since(at) > time.Minute || err != nil {
		t.Errorf("BlobTouched = %v, %v, want now", at, err)
	}
	if _, err := db.BlobTouched(ctx, "a", "sha256:ab"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("BlobTouched of another repository's blob = %v, want %v", err, store.ErrNotFound)
	}

	sparse := store.Manifest{Repository: "a/one", Digest: "sha256:m", Subject: "sha256:s", Blobs: []string{"sha256:a/one", "sha256:later"}}
	if err := db.PushManifest(ctx, sparse, []string{"sha256:later"}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("PushManifest without what it needs = %v, want %v", err, store.ErrNotFound)
	}
	if err := db.PushManifest(ctx, sparse, sparse.Blobs[:1], "x", "y"); err != nil {
		t.Fatal(err)
	}
	if tags, err := db.Tags(ctx, "a/one", "", 0); !slices.Equal(tags, []string{"x", "y"}) || err != nil {
		t.Errorf("Tags = %v, %v, want x and y", tags, err)
	}
	lacking, err := db.Missing(ctx, "a/one", []string{"sha256:m", "sha256:ab", "sha256:a/one"})
	if !slices.Equal(lacking, []string{"sha256:ab"}) || err != nil {
		t.Errorf("Missing = %v, %v, want sha256:ab", lacking, err)
	}
	after, err := db.ReferrersAfter(ctx, "a/one", "sha256:s", "", "sha256:m", 5)
	if len(after) != 0 || err != nil {
		t.Errorf("ReferrersAfter the only one = %v, %v, want none", after, err)
	}
	// What a sparse manifest names is kept once it comes.
	if err := db.LinkBlob(ctx, "a/one", "sha256:later"); err != nil {
		t.Fatal(err)
	}
	if ok, err := db.ForgetBlob(ctx, "sha256:later", time.Now().Add(time.Hour)); ok || err != nil {
		t.Errorf("ForgetBlob of a blob that came late = %v, %v, want false", ok, err)
	}

	if ok, err := db.ForgetBlob(ctx, "sha256:ab", time.Now().Add(time.Hour)); !ok || err != nil {
		t.Errorf("ForgetBlob = %v, %v, want true", ok, err)
	}
	unknown, err := db.UnknownBlobs(ctx, []string{"sha256:a", "sha256:ab", "sha256:m"})
	if !slices.Equal(unknown, []string{"sha256:ab"}) || err != nil {
		t.Errorf("UnknownBlobs = %v, %v, want sha256:ab", unknown, err)
	}
	if err := db.ForgetEmptyRepositories(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Tags(ctx, "ab", "", 0); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Tags of an empty repository = %v, want %v", err, store.ErrNotFound)
	}
	if _, err := db.Tags(ctx, "a", "", 0); err != nil {
		t.Errorf("Tags of a repository with a blob: %v", err)
	}
}
