package clients

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/regclient/regclient"
	"github.com/regclient/regclient/config"
	"github.com/regclient/regclient/scheme"
	"github.com/regclient/regclient/types/descriptor"
	"github.com/regclient/regclient/types/errs"
	"github.com/regclient/regclient/types/manifest"
	"github.com/regclient/regclient/types/ref"
)

func testRegclient(t *testing.T, r registry) {
	ctx := t.Context()
	host := config.Host{Name: r.host, TLS: config.TLSDisabled, User: r.user, Pass: r.password, BlobChunk: 1 << 20, BlobMax: 2 << 20}
	rc := regclient.New(regclient.WithConfigHost(host))
	at := func(s string) ref.Ref {
		t.Helper()
		parsed, err := ref.New(r.host + "/" + s)
		check(t, "ref.New", err)
		return parsed
	}
	_, err := rc.Ping(ctx, at("regclient/app"))
	check(t, "Ping", err)

	// The large layer goes in chunks, the small one in one PUT.
	i := newImage(t, 2, 5<<20+1, 100)
	for _, b := range i.blobs {
		_, err := rc.BlobPut(ctx, at("regclient/app"), regDescriptor(b), bytes.NewReader(b.content))
		check(t, "BlobPut", err)
	}
	// One whose digest is known only at its end.
	stream := newImage(t, 3, 3<<20).blobs[1]
	d, err := rc.BlobPut(ctx, at("regclient/app"), descriptor.Descriptor{}, io.MultiReader(bytes.NewReader(stream.content)))
	check(t, "BlobPut of a stream", err)
	if d.Digest != stream.Digest {
		t.Errorf("BlobPut of a stream = %s, want %s", d.Digest, stream.Digest)
	}
	m, err := manifest.New(manifest.WithRaw(i.manifest.content), manifest.WithDesc(regDescriptor(i.manifest)))
	check(t, "manifest.New", err)
	check(t, "ManifestPut", rc.ManifestPut(ctx, at("regclient/app:v1"), m))

	got, err := rc.ManifestGet(ctx, at("regclient/app:v1"))
	check(t, "ManifestGet", err)
	raw, err := got.RawBody()
	check(t, "RawBody", err)
	i.manifest.same(t, "ManifestGet", raw)
	for _, b := range i.blobs {
		f, err := rc.BlobGet(ctx, at("regclient/app"), regDescriptor(b))
		check(t, "BlobGet", err)
		content, err := io.ReadAll(f)
		check(t, "BlobGet", errors.Join(err, f.Close()))
		b.same(t, "BlobGet", content)
	}
	regReferrer(t, rc, at("regclient/app"), i)
	regCopies(t, rc, at)
}

func regDescriptor(b blob) descriptor.Descriptor {
	return descriptor.Descriptor{MediaType: b.MediaType, Digest: b.Digest, Size: b.Size}
}

// regReferrer pushes what refers to the image, and finds it.
func regReferrer(t *testing.T, rc *regclient.RegClient, repository ref.Ref, i image) {
	t.Helper()
	text := fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"artifactType":"application/x.sbom","config":{"mediaType":%q,"digest":%q,"size":%d},"layers":[],"subject":{"mediaType":%q,"digest":%q,"size":%d}}`,
		i.manifest.MediaType, i.blobs[0].MediaType, i.blobs[0].Digest, i.blobs[0].Size, i.manifest.MediaType, i.manifest.Digest, i.manifest.Size)
	sbom := describe(i.manifest.MediaType, []byte(text))
	m, err := manifest.New(manifest.WithRaw(sbom.content), manifest.WithDesc(regDescriptor(sbom)))
	check(t, "manifest.New", err)
	check(t, "ManifestPut by digest", rc.ManifestPut(t.Context(), repository.SetDigest(sbom.Digest.String()), m))
	list, err := rc.ReferrerList(t.Context(), repository.SetDigest(i.manifest.Digest.String()),
		scheme.WithReferrerMatchOpt(descriptor.MatchOpt{ArtifactType: "application/x.sbom"}))
	check(t, "ReferrerList", err)
	if len(list.Descriptors) != 1 || list.Descriptors[0].Digest != sbom.Digest {
		t.Errorf("ReferrerList = %v, want %s", list.Descriptors, sbom.Digest)
	}
	if len(list.Tags) != 0 {
		t.Errorf("ReferrerList used the tags %q: the registry has an API for it", list.Tags)
	}
}

// regCopies copies with what refers to it, lists, and deletes.
func regCopies(t *testing.T, rc *regclient.RegClient, at func(string) ref.Ref) {
	t.Helper()
	ctx := t.Context()
	check(t, "ImageCopy", rc.ImageCopy(ctx, at("regclient/app:v1"), at("regclient/app:v2")))
	check(t, "ImageCopy to another repository",
		rc.ImageCopy(ctx, at("regclient/app:v1"), at("regclient/copy:v1"), regclient.ImageWithReferrers()))
	list, err := rc.ReferrerList(ctx, at("regclient/copy:v1"))
	if err != nil || len(list.Descriptors) != 1 {
		t.Errorf("ReferrerList of the copy = %v, %v, want one", list.Descriptors, err)
	}
	tags, err := rc.TagList(ctx, at("regclient/app"))
	check(t, "TagList", err)
	sameNames(t, "TagList", tags.Tags, "v1", "v2")
	check(t, "TagDelete", rc.TagDelete(ctx, at("regclient/app:v2")))
	tags, err = rc.TagList(ctx, at("regclient/app"))
	check(t, "TagList", err)
	sameNames(t, "TagList after TagDelete", tags.Tags, "v1")
	m, err := rc.ManifestHead(ctx, at("regclient/app:v1"))
	check(t, "ManifestHead", err)
	check(t, "ManifestDelete", rc.ManifestDelete(ctx, at("regclient/app@"+m.GetDescriptor().Digest.String())))
	if _, err := rc.ManifestHead(ctx, at("regclient/app:v1")); !errors.Is(err, errs.ErrNotFound) {
		t.Errorf("ManifestHead of what is deleted: %v, want ErrNotFound", err)
	}
	_, err = rc.ManifestHead(ctx, at("regclient/copy:v1"))
	check(t, "ManifestHead of the copy", err)
	repos, err := rc.RepoList(ctx, at("regclient/app").Registry)
	check(t, "RepoList", err)
	names, err := repos.GetRepos()
	if err != nil || len(names) == 0 {
		t.Errorf("RepoList = %q, %v", names, err)
	}
}
