package clients

import (
	"bytes"
	"errors"
	"io"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/content/memory"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
)

func orasRegistry(t *testing.T, r registry) *remote.Registry {
	t.Helper()
	reg, err := remote.NewRegistry(r.host)
	check(t, "NewRegistry", err)
	reg.PlainHTTP = true
	reg.Client = &auth.Client{
		Cache:      auth.NewCache(),
		Credential: auth.StaticCredential(r.host, auth.Credential{Username: r.user, Password: r.password}),
	}
	return reg
}

func orasRepository(t *testing.T, reg *remote.Registry, name string) *remote.Repository {
	t.Helper()
	repo, err := reg.Repository(t.Context(), name)
	check(t, "Repository", err)
	return repo.(*remote.Repository)
}

func testOras(t *testing.T, r registry) {
	ctx := t.Context()
	reg := orasRegistry(t, r)
	check(t, "Ping", reg.Ping(ctx))
	repo := orasRepository(t, reg, "oras/app")

	// A graph from memory: an image, and an artifact that refers to it.
	i := newImage(t, 1, 5<<20, 100, 0)
	source := memory.New()
	for _, b := range append(i.blobs, i.manifest) {
		check(t, "Push", source.Push(ctx, b.Descriptor, bytes.NewReader(b.content)))
	}
	check(t, "Tag", source.Tag(ctx, i.manifest.Descriptor, "v1"))
	referrer, err := oras.PackManifest(ctx, source, oras.PackManifestVersion1_1, "application/x.signature",
		oras.PackManifestOptions{Subject: &i.manifest.Descriptor})
	check(t, "PackManifest", err)
	_, err = oras.ExtendedCopy(ctx, source, "v1", repo, "v1", oras.DefaultExtendedCopyOptions)
	check(t, "ExtendedCopy to the registry", err)

	desc, err := oras.Copy(ctx, repo, "v1", memory.New(), "v1", oras.DefaultCopyOptions)
	check(t, "Copy from the registry", err)
	if desc.Digest != i.manifest.Digest {
		t.Errorf("Copy = %s, want %s", desc.Digest, i.manifest.Digest)
	}
	for _, b := range i.blobs {
		got, err := content.FetchAll(ctx, repo, b.Descriptor)
		check(t, "FetchAll", err)
		b.same(t, "FetchAll", got)
	}
	orasSeeks(t, repo, i.blobs[1])

	var referrers []ocispec.Descriptor
	check(t, "Referrers", repo.Referrers(ctx, i.manifest.Descriptor, "application/x.signature", func(page []ocispec.Descriptor) error {
		referrers = append(referrers, page...)
		return nil
	}))
	if len(referrers) != 1 || referrers[0].Digest != referrer.Digest {
		t.Errorf("Referrers = %v, want %s", referrers, referrer.Digest)
	}
	orasTags(t, reg, repo, i)
}

// orasSeeks reads the end of a blob by ranges.
func orasSeeks(t *testing.T, repo *remote.Repository, b blob) {
	t.Helper()
	f, err := repo.Blobs().Fetch(t.Context(), b.Descriptor)
	check(t, "Fetch", err)
	defer f.Close()
	seeker, ok := f.(io.Seeker)
	if !ok {
		t.Fatal("Fetch: the registry has no ranges")
	}
	_, err = seeker.Seek(-1000, io.SeekEnd)
	check(t, "Seek", err)
	got, err := io.ReadAll(f)
	check(t, "read after Seek", err)
	if !bytes.Equal(got, b.content[len(b.content)-1000:]) {
		t.Errorf("after Seek: %d other bytes", len(got))
	}
}

// orasTags tags, lists, mounts and deletes.
func orasTags(t *testing.T, reg *remote.Registry, repo *remote.Repository, i image) {
	t.Helper()
	ctx := t.Context()
	_, err := oras.TagN(ctx, repo, "v1", []string{"v2", "latest"}, oras.DefaultTagNOptions)
	check(t, "TagN", err)
	var tags []string
	repo.TagListPageSize = 2
	check(t, "Tags", repo.Tags(ctx, "", func(page []string) error { tags = append(tags, page...); return nil }))
	sameNames(t, "Tags", tags, "latest", "v1", "v2")
	tags = nil
	check(t, "Tags", repo.Tags(ctx, "v1", func(page []string) error { tags = append(tags, page...); return nil }))
	sameNames(t, "Tags after v1", tags, "v2")

	other := orasRepository(t, reg, "oras/copy")
	unwanted := func() (io.ReadCloser, error) { return nil, errors.New("the blob was not mounted") }
	check(t, "Mount", other.Mount(ctx, i.blobs[1].Descriptor, "oras/app", unwanted))
	_, err = oras.Copy(ctx, repo, "v2", other, "v2", oras.DefaultCopyOptions)
	check(t, "Copy to another repository", err)

	check(t, "Delete", other.Delete(ctx, i.manifest.Descriptor))
	if _, err := other.Resolve(ctx, "v2"); !errors.Is(err, errdef.ErrNotFound) {
		t.Errorf("Resolve of what is deleted: %v, want ErrNotFound", err)
	}
	check(t, "Delete of a blob", other.Blobs().Delete(ctx, i.blobs[1].Descriptor))
	if ok, err := repo.Exists(ctx, i.blobs[1].Descriptor); !ok || err != nil {
		t.Errorf("Exists where it was not deleted = %t, %v", ok, err)
	}
	found := false
	check(t, "Repositories", reg.Repositories(ctx, "", func(names []string) error {
		for _, n := range names {
			found = found || n == "oras/app"
		}
		return nil
	}))
	if !found {
		t.Error("Repositories has no oras/app")
	}
}
