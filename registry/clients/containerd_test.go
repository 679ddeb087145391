package clients

import (
	"bytes"
	"context"
	"io"
	"testing"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/remotes"
	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/containerd/errdefs"
)

// testContainerd has no lists and no deletes: containerd has none.
func testContainerd(t *testing.T, r registry) {
	ctx := t.Context()
	resolver := containerdResolver(r)
	i := newImage(t, 4, 5<<20, 100)
	ref := r.host + "/containerd/app:v1"
	containerdPush(t, resolver, ref, append(i.blobs, i.manifest)...)
	containerdPush(t, containerdResolver(r), ref, append(i.blobs, i.manifest)...) // what is there is not sent again
	containerdPush(t, containerdResolver(r), r.host+"/containerd/app:v2", i.manifest)

	for _, tag := range []string{":v1", ":v2", "@" + i.manifest.Digest.String()} {
		name, desc, err := resolver.Resolve(ctx, r.host+"/containerd/app"+tag)
		check(t, "Resolve", err)
		if desc.Digest != i.manifest.Digest || desc.Size != i.manifest.Size || desc.MediaType != i.manifest.MediaType {
			t.Errorf("Resolve %s = %v, want %v", tag, desc, i.manifest.Descriptor)
		}
		fetcher, err := resolver.Fetcher(ctx, name)
		check(t, "Fetcher", err)
		for _, b := range append(i.blobs, i.manifest) {
			b.same(t, "Fetch", containerdFetch(t, fetcher, b))
		}
	}
	if _, _, err := resolver.Resolve(ctx, r.host+"/containerd/app:nosuch"); !errdefs.IsNotFound(err) {
		t.Errorf("Resolve of no tag: %v, want not found", err)
	}

	// Another repository gets the blobs by mounts: they say where they are.
	var mounts []blob
	for _, b := range i.blobs {
		b.Annotations = map[string]string{"containerd.io/distribution.source.127.0.0.1": "containerd/app"}
		b.content = nil
		mounts = append(mounts, b)
	}
	containerdPush(t, containerdResolver(r), r.host+"/containerd/copy:v1", append(mounts, i.manifest)...)
}

// containerdResolver returns a resolver that has pushed nothing yet: one
// remembers digests, and pushes each once.
func containerdResolver(r registry) remotes.Resolver {
	creds := func(string) (string, string, error) { return r.user, r.password, nil }
	return docker.NewResolver(docker.ResolverOptions{Hosts: docker.ConfigureDefaultRegistries(
		docker.WithPlainHTTP(docker.MatchAllHosts),
		docker.WithAuthorizer(docker.NewDockerAuthorizer(docker.WithAuthCreds(creds))),
	)})
}

// containerdPush pushes blobs that are not there. One without content must be
// mounted.
func containerdPush(t *testing.T, resolver remotes.Resolver, ref string, blobs ...blob) {
	t.Helper()
	ctx := t.Context()
	pusher, err := resolver.Pusher(ctx, ref)
	check(t, "Pusher", err)
	for _, b := range blobs {
		ctx := remotes.WithMediaTypeKeyPrefix(ctx, "application/", "layer")
		w, err := pusher.Push(ctx, b.Descriptor)
		if errdefs.IsAlreadyExists(err) {
			continue
		}
		check(t, "Push", err)
		if b.content == nil {
			t.Errorf("Push %s: it was not mounted", b.Digest)
		}
		containerdWrite(ctx, t, w, b)
	}
}

func containerdWrite(ctx context.Context, t *testing.T, w content.Writer, b blob) {
	t.Helper()
	_, err := io.Copy(w, bytes.NewReader(b.content))
	check(t, "Write", err)
	check(t, "Commit", w.Commit(ctx, b.Size, b.Digest))
	check(t, "Close", w.Close())
}

// containerdFetch reads a blob in two parts, as a download that broke off does.
func containerdFetch(t *testing.T, fetcher remotes.Fetcher, b blob) []byte {
	t.Helper()
	f, err := fetcher.Fetch(t.Context(), b.Descriptor)
	check(t, "Fetch", err)
	defer f.Close()
	first := make([]byte, b.Size/2)
	_, err = io.ReadFull(f, first)
	check(t, "Fetch", err)
	if s, ok := f.(io.Seeker); ok {
		_, err := s.Seek(b.Size/2, io.SeekStart)
		check(t, "Seek", err)
	}
	rest, err := io.ReadAll(f)
	check(t, "Fetch", err)
	return append(first, rest...)
}
